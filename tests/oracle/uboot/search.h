// The header of U-Boot, without the folder around it, whose other headers stand for those of the system.
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
typedef unsigned long ulong;
#define CONFIG_IS_ENABLED(option) 0
#define CONFIG_ENV_MIN_ENTRIES 64
#define CONFIG_ENV_MAX_ENTRIES 512
#define CONFIG_VAL(option) 0
#include SEARCH
