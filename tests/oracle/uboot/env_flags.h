// No flags.
#define env_flags_init(entry)
