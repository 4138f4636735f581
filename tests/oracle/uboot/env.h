// What `env.h` of U-Boot has for the hash table.
enum env_op {
	env_op_create,
	env_op_delete,
	env_op_overwrite,
};

#define __set_errno(value) (errno = (value))
