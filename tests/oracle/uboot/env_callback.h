// No callbacks.
#define env_callback_init(entry)
