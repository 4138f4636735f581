// The first program of a user-mode Linux: lists what that kernel reads, one line an entry, and ends.
//
//   job=squashfs  mounts every image that /list of the host's folder names, one after the other, and lists it
//   job=initramfs lists what the kernel unpacked, without /.k
//
// The host's folder is mounted on /.k/h; lines go to its file `out`:
//   > NAME                                    an image begins
//   E path type mode uid gid size rdev ino nlink mtime target sha256     (path and target in hexadecimal, - for none)
//   X path errno                              what could not be read
//   < errno                                   an image ends; 0, or why it was not mounted

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static FILE *out;
static int entries;

static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
	0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
	0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void block(uint32_t *h, const uint8_t *p)
{
	uint32_t w[64], v[8];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, h, sizeof(v));
	for (int i = 0; i < 64; i++) {
		uint32_t a = v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[i] + w[i];
		uint32_t b = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 28);
		v[4] += a;
		v[0] = a + b;
	}
	for (int i = 0; i < 8; i++)
		h[i] += v[i];
}

// SHA-256 of a file, in hexadecimal. Returns 0, or the error of reading.
static int digest(const char *path, char *text, uint64_t most)
{
	static uint8_t buffer[1 << 16];
	uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	uint8_t last[128] = {0};
	uint64_t total = 0;
	size_t held = 0;
	int fd = open(path, O_RDONLY | O_NOFOLLOW);
	if (fd < 0)
		return errno;
	for (;;) {
		ssize_t n = read(fd, buffer, sizeof(buffer));
		if (n < 0 || total > most) {
			int error = n < 0 ? errno : EFBIG;
			close(fd);
			return error;
		}
		if (n == 0)
			break;
		total += n;
		size_t at = 0;
		while (at < (size_t)n) {
			size_t step = 64 - held < n - at ? 64 - held : n - at;
			memcpy(last + held, buffer + at, step);
			held += step;
			at += step;
			if (held == 64) {
				block(h, last);
				held = 0;
			}
		}
	}
	close(fd);
	memset(last + held, 0, sizeof(last) - held);
	last[held] = 0x80;
	size_t end = held < 56 ? 64 : 128;
	for (int i = 0; i < 8; i++)
		last[end - 1 - i] = total * 8 >> 8 * i;
	for (size_t at = 0; at < end; at += 64)
		block(h, last + at);
	for (int i = 0; i < 8; i++)
		sprintf(text + 8 * i, "%08x", h[i]);
	return 0;
}

static void hex(const char *text)
{
	if (!*text)
		fputc('-', out);
	for (; *text; text++)
		fprintf(out, "%02x", (unsigned char)*text);
	fputc(' ', out);
}

static void list(const char *path, const char *shown, int depth)
{
	struct stat st;
	char target[5000] = "", sum[65] = "-";
	int error = 0;

	if (++entries > 20000 || depth > 20)
		return;
	if (lstat(path, &st)) {
		error = errno;
		fputs("X ", out);
		hex(shown);
		fprintf(out, "%d\n", error);
		return;
	}
	if (S_ISLNK(st.st_mode)) {
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			error = errno;
		else
			target[n] = 0;
	}
	if (S_ISREG(st.st_mode))
		error = digest(path, sum, 64 << 20);
	fputs("E ", out);
	hex(shown);
	fprintf(out, "%o %o %u %u %lld %u:%u %llu %u %lld ", st.st_mode >> 12, st.st_mode & 07777, st.st_uid, st.st_gid,
		(long long)st.st_size, S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? major(st.st_rdev) : 0,
		S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? minor(st.st_rdev) : 0, (unsigned long long)st.st_ino,
		(unsigned)st.st_nlink, (long long)st.st_mtime);
	hex(target);
	fprintf(out, "%s %d\n", sum, error);
	if (!S_ISDIR(st.st_mode))
		return;
	DIR *dir = opendir(path);
	struct dirent *entry;
	if (!dir) {
		fputs("X ", out);
		hex(shown);
		fprintf(out, "%d\n", errno);
		return;
	}
	char **names = calloc(20001, sizeof(*names));
	int count = 0;
	while (count < 20000 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			names[count++] = strdup(entry->d_name);
	closedir(dir);
	for (int i = 0; i < count; i++) {
		char below[8192], name[8192];
		snprintf(below, sizeof(below), "%s%s%s", path, path[1] ? "/" : "", names[i]);
		snprintf(name, sizeof(name), "%s/%s", shown, names[i]);
		if (strcmp(below, "/.k"))
			list(below, name, depth + 1);
		free(names[i]);
	}
	free(names);
}

static void insert(const char *path)
{
	int fd = open(path, O_RDONLY);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		fprintf(out, "! %s %d\n", path, errno);
	close(fd);
}

// Mounts an image. Returns 0 or the error.
static int attach(const char *image, int loop)
{
	int fd = open(image, O_RDONLY);
	int error = 0;
	if (fd < 0)
		return errno;
	if (ioctl(loop, LOOP_SET_FD, fd))
		error = errno;
	close(fd);
	if (error)
		return error;
	if (mount("/.k/loop0", "/.k/m", "squashfs", MS_RDONLY, "")) {
		error = errno;
		ioctl(loop, LOOP_CLR_FD, 0);
	}
	return error;
}

static void squashfs(void)
{
	char line[256], path[512];
	insert("/.k/loop.ko");
	insert("/.k/squashfs.ko");
	mknod("/.k/loop0", S_IFBLK | 0600, makedev(7, 0));
	mkdir("/.k/m", 0755);
	int loop = open("/.k/loop0", O_RDONLY);
	FILE *images = fopen("/.k/h/list", "r");
	if (loop < 0 || !images)
		fprintf(out, "! loop %d\n", errno);
	while (images && fgets(line, sizeof(line), images)) {
		line[strcspn(line, "\n")] = 0;
		snprintf(path, sizeof(path), "/.k/h/%s", line);
		fprintf(out, "> %s\n", line);
		fflush(out);
		int error = attach(path, loop);
		if (!error) {
			entries = 0;
			list("/.k/m", "", 0);
			if (umount2("/.k/m", 0))
				umount2("/.k/m", MNT_DETACH);
			for (int i = 0; i < 200 && ioctl(loop, LOOP_CLR_FD, 0); i++)
				usleep(1000);
		}
		fprintf(out, "< %d\n", error);
		fflush(out);
	}
}

int main(int count, char **arguments)
{
	const char *job = getenv("job"), *host = getenv("host");
	(void)count, (void)arguments;
	mkdir("/.k/h", 0755);
	if (mount("none", "/.k/h", "hostfs", 0, host))
		printf("hostfs: %d\n", errno);
	out = fopen("/.k/h/out", "w");
	if (out && job && !strcmp(job, "squashfs")) {
		squashfs();
	} else if (out) {
		fputs("> initramfs\n", out);
		list("/", "", 0);
		fputs("< 0\n", out);
	}
	if (out)
		fclose(out);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
