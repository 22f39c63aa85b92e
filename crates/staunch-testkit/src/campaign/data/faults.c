/* Fails one call that writes, or every one from there on: preloaded into the real binary by the campaigns.
 *
 * STAUNCH_FAULT_ROOT    the folder whose files count; nothing else is touched
 * STAUNCH_FAULT_LOG     every counted call is appended there, `KIND PATH`, and `fault KIND PATH` for one that was made to fail
 * STAUNCH_FAULT_AT      the call that fails, from 1; none without it
 * STAUNCH_FAULT_ERROR   `EIO`: this one call fails. `ENOSPC`: the disk is full from there on; a write is cut in half first.
 *
 * Calls are made by number, so that this library needs no symbol of another one.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *root;
static size_t root_length;
static int log_file = -1;
static long fail_at;
static int fail_with;
static long count;

__attribute__((constructor)) static void begin(void) {
    root = getenv("STAUNCH_FAULT_ROOT");
    const char *log_path = getenv("STAUNCH_FAULT_LOG"), *at = getenv("STAUNCH_FAULT_AT");
    const char *error = getenv("STAUNCH_FAULT_ERROR");
    if (!root || !log_path) {
        root = NULL;
        return;
    }
    root_length = strlen(root);
    fail_at = at ? atol(at) : 0;
    fail_with = error && !strcmp(error, "ENOSPC") ? ENOSPC : EIO;
    log_file = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int inside(const char *path) {
    return root && !strncmp(path, root, root_length) && path[root_length] == '/';
}

static void say(const char *first, const char *kind, const char *path) {
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s%s %s\n", first, kind, path);
    if (length > 0) syscall(SYS_write, log_file, line, length);
}

/* What happens to a call: nothing, a failure, or (for a write) half of it first. */
enum verdict { GO, FAIL, HALF };

static enum verdict judge(const char *kind, const char *path, int takes_space) {
    if (!inside(path)) return GO;
    long now = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    int here = fail_at && now == fail_at;
    int full = fail_at && now > fail_at && fail_with == ENOSPC && takes_space;
    if (!here && !full) {
        say("", kind, path);
        return GO;
    }
    say("fault ", kind, path);
    if (here && fail_with == ENOSPC && !strcmp(kind, "write")) return HALF;
    errno = fail_with;
    return FAIL;
}

static enum verdict judge_open(const char *kind, int file, int takes_space) {
    if (!root) return GO;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length <= 0) return GO;
    path[length] = 0;
    return judge(kind, path, takes_space);
}

/* The full path of a name; `root` is absolute. */
static const char *full(int folder, const char *path, char *buffer) {
    if (path[0] == '/') return path;
    char link[64], base[PATH_MAX];
    ssize_t length;
    if (folder == AT_FDCWD) {
        strcpy(link, "/proc/self/cwd");
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    }
    length = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof base - 1);
    if (length <= 0) return path;
    base[length] = 0;
    snprintf(buffer, PATH_MAX, "%s/%s", base, path);
    return buffer;
}

static int open_any(int folder, const char *path, int flags, mode_t mode) {
    if (root && (flags & O_CREAT)) {
        char buffer[PATH_MAX];
        const char *name = full(folder, path, buffer);
        /* Only a name that is new takes anything. */
        if (syscall(SYS_faccessat, folder, path, F_OK) != 0 && judge("create", name, 1) != GO) return -1;
    }
    return syscall(SYS_openat, folder, path, flags, mode);
}

#define WITH_MODE                       \
    mode_t mode = 0;                    \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list more;                   \
        va_start(more, flags);          \
        mode = va_arg(more, mode_t);    \
        va_end(more);                   \
    }

int open(const char *path, int flags, ...) { WITH_MODE return open_any(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { WITH_MODE return open_any(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { WITH_MODE return open_any(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { WITH_MODE return open_any(folder, path, flags, mode); }

ssize_t write(int file, const void *bytes, size_t length) {
    switch (judge_open("write", file, 1)) {
    case FAIL: return -1;
    case HALF: if (length < 2) { errno = fail_with; return -1; } length /= 2; /* fall through */
    default: return syscall(SYS_write, file, bytes, length);
    }
}

static ssize_t pwrite_any(int file, const void *bytes, size_t length, off_t at) {
    switch (judge_open("write", file, 1)) {
    case FAIL: return -1;
    case HALF: if (length < 2) { errno = fail_with; return -1; } length /= 2; /* fall through */
    default: return syscall(SYS_pwrite64, file, bytes, length, at);
    }
}
ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) { return pwrite_any(file, bytes, length, at); }
ssize_t pwrite64(int file, const void *bytes, size_t length, off_t at) { return pwrite_any(file, bytes, length, at); }

ssize_t writev(int file, const struct iovec *parts, int count_of) {
    if (judge_open("writev", file, 1) != GO) { errno = fail_with; return -1; }
    return syscall(SYS_writev, file, parts, count_of);
}

static int truncate_any(int file, off_t length) {
    if (judge_open("truncate", file, 0) != GO) return -1;
    return syscall(SYS_ftruncate, file, length);
}
int ftruncate(int file, off_t length) { return truncate_any(file, length); }
int ftruncate64(int file, off_t length) { return truncate_any(file, length); }

int fsync(int file) {
    if (judge_open("sync", file, 0) != GO) return -1;
    return syscall(SYS_fsync, file);
}
int fdatasync(int file) {
    if (judge_open("sync", file, 0) != GO) return -1;
    return syscall(SYS_fdatasync, file);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    char buffer[PATH_MAX];
    if (root && judge("link", full(to_folder, to, buffer), 1) != GO) return -1;
    return syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    char buffer[PATH_MAX];
    if (root && judge("rename", full(to_folder, to, buffer), 1) != GO) return -1;
    return syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int unlinkat(int folder, const char *path, int flags) {
    char buffer[PATH_MAX];
    if (root && judge("remove", full(folder, path, buffer), 0) != GO) return -1;
    return syscall(SYS_unlinkat, folder, path, flags);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t mode) {
    char buffer[PATH_MAX];
    if (root && judge("folder", full(folder, path, buffer), 1) != GO) return -1;
    return syscall(SYS_mkdirat, folder, path, mode);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
