/*
 * Stands between rowbill and libc (LD_PRELOAD) and plays a machine that fails: the process is killed, or the disk is
 * full or broken, at the k-th passage of a named point. It also keeps what a power cut would leave.
 *
 * Renames cannot be seen here: the crates that rename (tempfile by rustix) ask the kernel without libc. The file's own
 * sync comes right before and the directory's right after, so that sync.after and sync.before stand for both sides.
 *
 * The environment says what to do:
 *   MACHINE_BOARD   the file that counts passages; see struct board
 *   MACHINE_FOLDER  what is kept at each sync: this folder and all below it
 *   MACHINE_KEPT    where it is kept
 *   MACHINE_WATCH   the points of files are counted for this folder and all below it
 *   MACHINE_AT      the number of a point; MACHINE_HIT: the passage, from 1
 *   MACHINE_DO      kill | full (ENOSPC from then on) | broken (EIO from then on) | once (EIO, one time)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* In the order of shim.rs. */
enum point {
    WRITE_BEFORE, WRITE_HALF, SYNC_BEFORE, SYNC_AFTER, UNLINK_BEFORE, UNLINK_AFTER,
    SEND_BEFORE, SEND_HALF, SEND_AFTER, RECV_AFTER, POINTS
};
enum deed { NOTHING, KILL, FULL, BROKEN, ONCE };

/* A file that is mapped into memory, so that a kill loses nothing of it. */
struct board {
    _Atomic uint64_t acted;
    _Atomic uint64_t hits[POINTS];
    char place[256];
};

static struct board *board;
static const char *folder, *kept, *watch;
static enum deed deed;
static enum point deed_at;
static uint64_t deed_hit;

#define REAL(name) ({ \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
    real; \
})

__attribute__((noreturn)) static void broken_shim(const char *what) {
    fprintf(stderr, "machine: %s: %s\n", what, strerror(errno));
    _exit(99);
}

__attribute__((constructor)) static void begin(void) {
    const char *deeds[] = {"", "kill", "full", "broken", "once"};
    const char *path = getenv("MACHINE_BOARD"), *what = getenv("MACHINE_DO");
    /* Nothing that rowbill might start is meant. */
    unsetenv("LD_PRELOAD");
    if (!path) return;
    /* Whoever watches this process is gone: then nobody needs it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) broken_shim(path);
    void *map = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) broken_shim("mmap");
    close(fd);
    folder = getenv("MACHINE_FOLDER");
    kept = getenv("MACHINE_KEPT");
    watch = getenv("MACHINE_WATCH");
    if (!folder || !kept || !watch) broken_shim("a folder is not set");
    for (int each = KILL; what && each <= ONCE; each++)
        if (strcmp(what, deeds[each]) == 0) deed = each;
    if (deed) {
        deed_at = atoi(getenv("MACHINE_AT"));
        deed_hit = strtoull(getenv("MACHINE_HIT"), NULL, 10);
    }
    board = map;
}

static void note(const char *place) {
    if (atomic_fetch_add(&board->acted, 1) == 0) strncpy(board->place, place, sizeof board->place - 1);
}

__attribute__((noreturn)) static void die(const char *place) {
    note(place);
    for (;;) kill(getpid(), SIGKILL);
}

/* What a passage meets: 0 for nothing, 1 where the failing begins, 2 behind it. A kill does not return. */
static int pass(enum point at, const char *place) {
    uint64_t hit = atomic_fetch_add(&board->hits[at], 1) + 1;
    if (!deed || at != deed_at || hit < deed_hit || (hit > deed_hit && (deed == KILL || deed == ONCE))) return 0;
    if (deed == KILL && at != WRITE_HALF && at != SEND_HALF) die(place);
    note(place);
    return hit == deed_hit ? 1 : 2;
}

static int refuse(void) {
    errno = deed == FULL ? ENOSPC : EIO;
    return -1;
}

static int is_in(const char *path, const char *of) {
    size_t length = strlen(of);
    return strncmp(path, of, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* The path of a file or folder that is open; 0 for anything else. */
static int path_of(int fd, char *path) {
    struct stat stat;
    char link[40];
    if (!board || fstat(fd, &stat) || !(S_ISREG(stat.st_mode) || S_ISDIR(stat.st_mode))) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int is_to_loopback(int fd) {
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    int has_peer = board && getpeername(fd, (struct sockaddr *)&peer, &length) == 0 && peer.sin_family == AF_INET;
    return has_peer && ntohl(peer.sin_addr.s_addr) >> 24 == 127;
}

/* ---- What a power cut leaves ---- */

/* Number and birth: a number alone is given to another file once its own is gone. */
static void key_of(const char *path, int fd, char *key, size_t size) {
    struct statx about;
    int found = path ? statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &about)
                     : statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &about);
    if (found) { snprintf(key, size, "gone"); return; }
    snprintf(key, size, "%llu-%lld.%u", (unsigned long long)about.stx_ino, (long long)about.stx_btime.tv_sec,
             about.stx_btime.tv_nsec);
}

/* The content is read by the descriptor that is there: closing another one would lose SQLite's locks. */
static void copy_file(int from, int to) {
    char bytes[65536];
    off_t at = 0;
    ssize_t count;
    while ((count = pread(from, bytes, sizeof bytes, at)) > 0) {
        if (REAL(pwrite)(to, bytes, count, at) != count) broken_shim("keeping a file");
        at += count;
    }
    if (count < 0) broken_shim("reading a file to be kept");
}

/* A line for each name: its key, and the name. */
static void copy_names(const char *path, int to) {
    DIR *names = opendir(path);
    struct dirent *entry;
    char line[PATH_MAX + 400], key[80], below[PATH_MAX + 300];
    if (!names) broken_shim("reading a folder to be kept");
    while ((entry = readdir(names))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        key_of(below, -1, key, sizeof key);
        int length = snprintf(line, sizeof line, "%s %s\n", key, entry->d_name);
        if (REAL(write)(to, line, length) != length) broken_shim("keeping names");
    }
    closedir(names);
}

struct copy { char draft[PATH_MAX], name[PATH_MAX]; };

/* Taken before the sync, for what comes during it may be lost; it counts from when the sync has returned. */
static void capture(int fd, const char *path, struct copy *copy) {
    static _Atomic unsigned next;
    struct stat stat;
    char key[80];
    fstat(fd, &stat);
    key_of(NULL, fd, key, sizeof key);
    snprintf(copy->draft, PATH_MAX, "%s/draft-%u", kept, atomic_fetch_add(&next, 1));
    snprintf(copy->name, PATH_MAX, "%s/%s", kept, key);
    int to = open(copy->draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0) broken_shim(copy->draft);
    if (S_ISDIR(stat.st_mode)) copy_names(path, to); else copy_file(fd, to);
    close(to);
}

static int is_folder(const char *path) {
    struct stat stat;
    return lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode);
}

/* SQLite does not look at what the sync of a folder answers; where all that follows fails too, that is no matter. */
static int synced(int fd, int (*real)(int)) {
    char path[PATH_MAX];
    struct copy copy;
    if (!path_of(fd, path) || !is_in(path, folder)) return real(fd);
    int is_watched = is_in(path, watch) && !(deed == ONCE && is_folder(path));
    if (is_watched && pass(SYNC_BEFORE, path)) return refuse();
    capture(fd, path, &copy);
    int result = real(fd);
    if (result == 0 && rename(copy.draft, copy.name)) broken_shim(copy.name);
    if (is_watched) pass(SYNC_AFTER, path);
    return result;
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

/* ---- Writing and sending ---- */

enum way { BY_WRITE, BY_PWRITE, BY_WRITEV, BY_SEND };
struct data { enum way way; int fd; const void *bytes; size_t count; off_t offset; int flags; };

static ssize_t all_of(const struct data *data) {
    switch (data->way) {
    case BY_PWRITE: return REAL(pwrite)(data->fd, data->bytes, data->count, data->offset);
    case BY_WRITEV: return REAL(writev)(data->fd, data->bytes, (int)data->count);
    case BY_SEND: return REAL(send)(data->fd, data->bytes, data->count, data->flags);
    default: return REAL(write)(data->fd, data->bytes, data->count);
    }
}

static ssize_t half_of(struct data data) {
    if (data.way == BY_WRITEV) {
        const struct iovec *first = data.bytes;
        return REAL(write)(data.fd, first->iov_base, first->iov_len / 2);
    }
    data.count /= 2;
    return all_of(&data);
}

/* A disk that becomes full takes a part of the last write. */
static ssize_t to_file(const struct data *data, const char *path) {
    int fails = pass(WRITE_BEFORE, path);
    if (fails == 1 && deed == FULL && data->way != BY_WRITEV && data->count > 1) return half_of(*data);
    if (fails) return refuse();
    if (pass(WRITE_HALF, path)) {
        half_of(*data);
        die(path);
    }
    return all_of(data);
}

static ssize_t to_network(const struct data *data) {
    pass(SEND_BEFORE, "a request");
    if (pass(SEND_HALF, "a request")) {
        half_of(*data);
        die("a request");
    }
    ssize_t count = all_of(data);
    int error = errno;
    if (count > 0) pass(SEND_AFTER, "a request");
    errno = error;
    return count;
}

static ssize_t put(const struct data *data) {
    char path[PATH_MAX];
    int error = errno;
    if (path_of(data->fd, path)) {
        errno = error;
        return is_in(path, watch) ? to_file(data, path) : all_of(data);
    }
    int is_network = is_to_loopback(data->fd);
    errno = error;
    return is_network ? to_network(data) : all_of(data);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    return put(&(struct data){BY_WRITE, fd, bytes, count, 0, 0});
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return put(&(struct data){BY_PWRITE, fd, bytes, count, offset, 0});
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) { return pwrite(fd, bytes, count, offset); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
    return put(&(struct data){BY_WRITEV, fd, parts, (size_t)count, 0, 0});
}
ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    return put(&(struct data){BY_SEND, fd, bytes, count, 0, flags});
}

ssize_t recv(int fd, void *bytes, size_t count, int flags) {
    ssize_t got = REAL(recv)(fd, bytes, count, flags);
    int error = errno;
    if (got > 0 && is_to_loopback(fd)) pass(RECV_AFTER, "an answer");
    errno = error;
    return got;
}

/* Another length is a write like others, but needs no room. */
int ftruncate(int fd, off_t length) {
    char path[PATH_MAX];
    int is_watched = path_of(fd, path) && is_in(path, watch);
    if (is_watched && pass(WRITE_BEFORE, path) && deed != FULL) return refuse();
    return REAL(ftruncate)(fd, length);
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

/* SQLite names files by their whole path. */
int unlink(const char *path) {
    int is_watched = board && is_in(path, watch);
    if (is_watched) pass(UNLINK_BEFORE, path);
    int result = REAL(unlink)(path);
    if (is_watched && result == 0) pass(UNLINK_AFTER, path);
    return result;
}
