// The first process of the guest: writes each image to a medium in memory, mounts it, and prints what the kernel lists.
// Results go to the port that qemu's debugcon reads. See guest.py.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mtd/mtd-user.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static char page[1 << 16];

static void put(const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    while (size--) outb(*at++, 0xe9);
}

static void say(const char *form, ...) {
    static char line[1 << 16];
    va_list rest;
    va_start(rest, form);
    int size = vsnprintf(line, sizeof line, form, rest);
    va_end(rest);
    put(line, size < (int)sizeof line ? size : (int)sizeof line - 1);
}

static void hex(const void *bytes, size_t size) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;
    if (!size) put("-", 1);
    for (; size--; at++) {
        outb(digits[*at >> 4], 0xe9);
        outb(digits[*at & 15], 0xe9);
    }
}

// FIPS 180-4
static uint32_t sha[8], sha_k[64];
static uint64_t sha_size;
static unsigned char sha_block[64];

static uint32_t turn(uint32_t value, int by) { return value >> by | value << (32 - by); }

static void sha_run(void) {
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++) w[i] = (uint32_t)sha_block[4 * i] << 24 | sha_block[4 * i + 1] << 16 | sha_block[4 * i + 2] << 8 | sha_block[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, sha, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t a = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha_k[i] + w[i];
        uint32_t b = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 28);
        s[4] += a;
        s[0] = a + b;
    }
    for (int i = 0; i < 8; i++) sha[i] += s[i];
}

static void sha_start(void) {
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    if (!sha_k[0]) {
        // The first 32 bits of the fractions of the cube roots of the first 64 primes.
        int prime = 2;
        for (int i = 0; i < 64; prime++) {
            int divisor = 2;
            while (divisor * divisor <= prime && prime % divisor) divisor++;
            if (divisor * divisor <= prime) continue;
            unsigned __int128 low = 0, high = (unsigned __int128)8 << 32;
            while (high - low > 1) {
                unsigned __int128 middle = (low + high) / 2;
                if (middle * middle * middle > (unsigned __int128)prime << 96) high = middle; else low = middle;
            }
            sha_k[i++] = (uint32_t)low;
        }
    }
    memcpy(sha, first, sizeof sha);
    sha_size = 0;
}

static void sha_add(const unsigned char *bytes, size_t size) {
    while (size--) {
        sha_block[sha_size++ % 64] = *bytes++;
        if (sha_size % 64 == 0) sha_run();
    }
}

static void sha_end(void) {
    uint64_t bits = sha_size * 8;
    unsigned char tail[8];
    sha_add((const unsigned char *)"\x80", 1);
    while (sha_size % 64 != 56) sha_add((const unsigned char *)"", 1);
    for (int i = 0; i < 8; i++) tail[i] = bits >> (56 - 8 * i);
    sha_add(tail, 8);
    for (int i = 0; i < 8; i++) say("%08x", sha[i]);
}

// h and all of it, when it is short; else s and its SHA-256; e and the number of an error.
static void content(const char *path, uint64_t size) {
    int file = open(path, O_RDONLY);
    if (file < 0) { say(" e%d", errno); return; }
    ssize_t got = 0;
    size_t all = 0;
    if (size <= 4096) {
        while (all < sizeof page && (got = read(file, page + all, sizeof page - all)) > 0) all += got;
        if (got < 0) say(" e%d", errno); else { say(" h"); hex(page, all); }
    } else {
        sha_start();
        while ((got = read(file, page, sizeof page)) > 0) sha_add((unsigned char *)page, got);
        if (got < 0) say(" e%d", errno); else { say(" s"); sha_end(); }
    }
    close(file);
}

static void attributes(const char *path) {
    static char names[1 << 16], value[1 << 16];
    ssize_t size = llistxattr(path, names, sizeof names);
    if (size < 0) { say(" e%d", errno); return; }
    say(" ");
    if (!size) say("-");
    for (char *name = names; name < names + size; name += strlen(name) + 1) {
        if (name > names) say(",");
        hex(name, strlen(name));
        ssize_t length = lgetxattr(path, name, value, sizeof value);
        say("=");
        if (length < 0) say("e%d", errno); else hex(value, length);
    }
}

static void list(const char *path, size_t root, int depth, int type) {
    struct stat about;
    if (lstat(path, &about)) {
        say("X ");
        hex(path + root, strlen(path + root));
        say(" %d\n", errno);
        return;
    }
    say("E ");
    hex(path + root, strlen(path + root));
    say(" %o %d %d %lld %d %lld %d:%d %d ", about.st_mode, about.st_uid, about.st_gid, (long long)about.st_size, (int)about.st_nlink,
        (long long)about.st_mtime, major(about.st_rdev), minor(about.st_rdev), type);
    if (S_ISLNK(about.st_mode)) {
        ssize_t size = readlink(path, page, sizeof page);
        if (size < 0) say("e%d", errno); else hex(page, size);
    } else say("-");
    attributes(path);
    if (S_ISREG(about.st_mode)) content(path, about.st_size); else say(" -");
    say("\n");
    if (!S_ISDIR(about.st_mode) || depth > 20) return;
    DIR *dir = opendir(path);
    if (!dir) { say("X "); hex(path + root, strlen(path + root)); say(" %d\n", errno); return; }
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        static char inner[21][8192];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(inner[depth], sizeof inner[0], "%s/%s", path, entry->d_name);
        list(inner[depth], root, depth + 1, entry->d_type);
    }
    closedir(dir);
}

static void load(const char *name, const char *options) {
    char path[256];
    snprintf(path, sizeof path, "/mod/%s.ko", name);
    int file = open(path, O_RDONLY);
    if (file < 0 || syscall(SYS_finit_module, file, options, 0)) say("! module %s: %s\n", name, strerror(errno));
    if (file >= 0) close(file);
}

// Writes an image, or erased space where it ends, to the medium.
static int fill(const char *image, int size) {
    int medium = open("/dev/mtd0", O_RDWR);
    if (medium < 0) return -1;
    struct erase_info_user all = {0, size};
    int bad = ioctl(medium, MEMERASE, &all);
    int file = open(image, O_RDONLY);
    ssize_t got;
    if (file < 0) bad = -1;
    while (!bad && (got = read(file, page, sizeof page)) > 0) bad = write(medium, page, got) != got;
    if (file >= 0) close(file);
    close(medium);
    return bad;
}

static void dump(int size) {
    int medium = open("/dev/mtd0", O_RDONLY);
    say("D ");
    for (int done = 0; done < size; done += sizeof page) {
        ssize_t got = read(medium, page, sizeof page);
        if (got <= 0) break;
        put(page, got);
    }
    close(medium);
    say("\n");
}

// LIST: a line an image: NAME ERASE-KIB SIZE-KIB SCRIPT, where SCRIPT is - or what is run in the mounted file system; a
// script that begins with ! leaves the file system mounted, as a power cut does.
static void each(void) {
    FILE *all = fopen("/list", "r");
    char name[256], script[4096], options[128];
    int erase, size, last_erase = 0, last_size = 0;
    while (all && fscanf(all, "%255s %d %d %4095[^\n]", name, &erase, &size, script) == 4) {
        say("B %s\n", name);
        if (erase != last_erase || size != last_size) {
            syscall(SYS_delete_module, "mtdram", 0);
            snprintf(options, sizeof options, "total_size=%d erase_size=%d", size, erase);
            load("mtdram", options);
            last_erase = erase;
            last_size = size;
        }
        char image[300];
        snprintf(image, sizeof image, "/img/%s", name);
        if (fill(image, size * 1024)) say("! %s: %s\n", name, strerror(errno));
        char *run = strcmp(script, "-") ? script : NULL;
        int cut = run && *run == '!';
        if (mount("mtd0", "/mnt", "jffs2", run ? 0 : MS_RDONLY, NULL)) {
            say("M %d\n", errno);
        } else if (run) {
            pid_t child = fork();
            if (!child) {
                chdir("/mnt");
                execl("/bin/busybox", "sh", "-c", run + cut, NULL);
                _exit(1);
            }
            int status;
            waitpid(child, &status, 0);
            sync();
            if (status) say("! script %d\n", status);
            if (!cut) umount("/mnt");
            dump(size * 1024);
            if (cut) umount2("/mnt", MNT_DETACH);
        } else {
            list("/mnt", 4, 0, 4);
            umount("/mnt");
        }
        say(".\n");
    }
}

int main(int count, char **words) {
    // Also the commands that busybox has not: attr PATH NAME HEX, unattr PATH NAME.
    if (count == 4 && !strcmp(words[0], "attr")) {
        size_t size = strlen(words[3]) / 2;
        for (size_t i = 0; i < size; i++) { unsigned byte; sscanf(words[3] + 2 * i, "%2x", &byte); page[i] = byte; }
        return lsetxattr(words[1], words[2], page, size, 0) ? (perror("attr"), 1) : 0;
    }
    if (count == 3 && !strcmp(words[0], "unattr")) return lremovexattr(words[1], words[2]) ? (perror("unattr"), 1) : 0;
    iopl(3);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    FILE *modules = fopen("/modules", "r");
    char name[256];
    while (modules && fscanf(modules, "%255s", name) == 1) load(name, "");
    each();
    say("END\n");
    sync();
    reboot(RB_POWER_OFF);
    return 0;
}
