// U-Boot's hash table of settings, compiled from its own source, and around it what env_import does: reads an
// environment from standard input, whose size, byte order and flags it is told as a board is by its build, and writes
// each setting as name, NUL, value, NUL. Ends with 1 where U-Boot would boot its default settings.
//
//     uboot-env SIZE little|big 0|1 < ENVIRONMENT

#define USE_HOSTCC
#include SOURCE

#include <stdint.h>

static uint32_t crc32(const unsigned char *bytes, size_t length) {
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < length; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

static int show(struct env_entry *entry) {
  fwrite(entry->key, 1, strlen(entry->key) + 1, stdout);
  fwrite(entry->data, 1, strlen(entry->data) + 1, stdout);
  return 0;
}

int main(int argc, char **argv) {
  size_t size = strtoul(argv[1], NULL, 0), head = 4 + atoi(argv[3]);
  unsigned char *env = calloc(1, size);
  if (fread(env, 1, size, stdin) != size) return 1;
  uint32_t stated = argv[2][0] == 'b' ? (uint32_t)env[0] << 24 | env[1] << 16 | env[2] << 8 | env[3]
                                      : (uint32_t)env[3] << 24 | env[2] << 16 | env[1] << 8 | env[0];
  if (crc32(env + head, size - head) != stated) return 1;
  struct hsearch_data table = {0};
  if (!himport_r(&table, (char *)env + head, size - head, '\0', 0, 0, 0, NULL)) return 1;
  hwalk_r(&table, show);
  return 0;
}
