// Reads bodies of sections from standard input, each behind its kind (one letter) and its length (4 bytes, little-endian),
// and writes for each the size of its content (8 bytes, -1 where EDK II refuses it) and the content. Each one is tried in
// a process of its own: what ends that process, or takes longer than two seconds, is refused as well.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

long extract(int kind, const unsigned char *body, unsigned length, unsigned char **content);

static void one(int kind, const unsigned char *body, uint32_t length) {
  int ends[2];
  if (pipe(ends)) exit(1);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    if (!freopen("/dev/null", "w", stderr)) exit(1);
    alarm(2);
    // A copy of exactly its length, so that reads beyond it are noticed.
    unsigned char *copy = malloc(length), *content = NULL;
    for (uint32_t i = 0; i < length; i++) copy[i] = body[i];
    int64_t size = extract(kind, copy, length, &content);
    FILE *out = fdopen(ends[1], "wb");
    fwrite(&size, 8, 1, out);
    if (size > 0) fwrite(content, 1, (size_t)size, out);
    fclose(out);
    _exit(0);
  }
  close(ends[1]);
  size_t held = 0, room = 1 << 16;
  unsigned char *answer = malloc(room);
  for (ssize_t got; (got = read(ends[0], answer + held, room - held)) > 0;) {
    held += (size_t)got;
    if (held == room) answer = realloc(answer, room *= 2);
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  int64_t refused = -1;
  if (held < 8 || status != 0 || (*(int64_t *)answer >= 0 && (size_t)*(int64_t *)answer != held - 8)) {
    fwrite(&refused, 8, 1, stdout);
  } else {
    fwrite(answer, 1, held, stdout);
  }
  free(answer);
}

int main(void) {
  unsigned char head[5];
  while (fread(head, 1, 5, stdin) == 5) {
    uint32_t length = head[1] | head[2] << 8 | head[3] << 16 | (uint32_t)head[4] << 24;
    unsigned char *body = malloc(length + 1);
    if (fread(body, 1, length, stdin) != length) return 1;
    one(head[0], body, length);
    free(body);
  }
  return 0;
}
