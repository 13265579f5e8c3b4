// Fails system calls on purpose. Preloaded into rrtool by faults.py (LD_PRELOAD); built there too.
//
// FAULT_UNDER     a folder: calls on files below it are counted, and no others
// FAULT_COUNTS    a file that is mapped and shared: how often each kind of call was seen, 8 bytes each, in the order of `enum kind`
// FAULT_CALL      the kind of call that is to fail, a number
// FAULT_NUMBER    which of them: 1 is the first
// FAULT_ERROR     an errno, or 0 for a transfer of half of what was asked for
//
// EINTR comes once; every other error stays from then on, as a full disk does.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { OPEN, READ, WRITE, SYNC, TRUNCATE, RENAME, UNLINK, MAKE_FOLDER, LOCK, THREAD, KINDS };

static const char *under;
static size_t under_length;
static _Atomic unsigned long long *counts;
static int chosen = -1, error;
static unsigned long long number;

#define REAL(name) ((__typeof__(&name))real(#name, &real_##name))
static void *real(const char *name, void **known) {
  if (!*known) *known = dlsym(RTLD_NEXT, name);
  return *known;
}

__attribute__((constructor)) static void begin(void) {
  static _Atomic unsigned long long own[KINDS];
  counts = own;
  under = getenv("FAULT_UNDER");
  under_length = under ? strlen(under) : 0;
  const char *text = getenv("FAULT_CALL");
  if (text) chosen = atoi(text);
  if ((text = getenv("FAULT_NUMBER"))) number = strtoull(text, NULL, 10);
  if ((text = getenv("FAULT_ERROR"))) error = atoi(text);
  if ((text = getenv("FAULT_COUNTS"))) {
    int file = open(text, O_RDWR | O_CLOEXEC);
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) counts = memory;
    close(file);
  }
}

static int is_below(const char *path) {
  return under && path && !strncmp(path, under, under_length);
}

static int is_file(int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_below(path);
}

static int is_named(int folder, const char *path) {
  if (path && path[0] != '/' && folder != AT_FDCWD) return is_file(folder);
  return is_below(path);
}

// Is it this call's turn? errno is set then.
static int fails(enum kind kind, int counted) {
  if (!counted || !counts) return 0;
  unsigned long long now = ++counts[kind];
  if ((int)kind != chosen) return 0;
  if (error == EINTR || error == 0 ? now != number : now < number) return 0;
  errno = error;
  return 1;
}

static size_t half(size_t count) { return count > 1 ? count / 2 : count; }

static void *real_openat, *real_read, *real_pread, *real_write, *real_pwrite, *real_fsync, *real_fdatasync, *real_ftruncate,
    *real_rename, *real_renameat, *real_renameat2, *real_unlink, *real_unlinkat, *real_mkdir, *real_mkdirat, *real_flock, *real_fcntl,
    *real_pthread_create;

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  if (fails(OPEN, is_named(folder, path))) return -1;
  return REAL(openat)(folder, path, flags, mode);
}

#define WITH_MODE                      \
  mode_t mode = 0;                     \
  if (flags & (O_CREAT | O_TMPFILE)) { \
    va_list list;                      \
    va_start(list, flags);             \
    mode = va_arg(list, mode_t);       \
    va_end(list);                      \
  }

int open(const char *path, int flags, ...) { WITH_MODE return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { WITH_MODE return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int folder, const char *path, int flags, ...) { WITH_MODE return open_at(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { WITH_MODE return open_at(folder, path, flags | O_LARGEFILE, mode); }

#define TRANSFER(kind, name, file, count, call)                \
  if (fails(kind, is_file(file))) {                            \
    if (error) return -1;                                      \
    count = half(count);                                       \
  }                                                            \
  return REAL(name) call

ssize_t read(int file, void *bytes, size_t count) { TRANSFER(READ, read, file, count, (file, bytes, count)); }
ssize_t pread(int file, void *bytes, size_t count, off_t at) { TRANSFER(READ, pread, file, count, (file, bytes, count, at)); }
ssize_t pread64(int file, void *bytes, size_t count, off64_t at) { TRANSFER(READ, pread, file, count, (file, bytes, count, at)); }
ssize_t write(int file, const void *bytes, size_t count) { TRANSFER(WRITE, write, file, count, (file, bytes, count)); }
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { TRANSFER(WRITE, pwrite, file, count, (file, bytes, count, at)); }
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) { TRANSFER(WRITE, pwrite, file, count, (file, bytes, count, at)); }

#define WHOLE(kind, name, counted, call)                 \
  if (fails(kind, counted) && error) return -1;          \
  return REAL(name) call

int fsync(int file) { WHOLE(SYNC, fsync, is_file(file), (file)); }
int fdatasync(int file) { WHOLE(SYNC, fdatasync, is_file(file), (file)); }
int ftruncate(int file, off_t size) { WHOLE(TRUNCATE, ftruncate, is_file(file), (file, size)); }
int ftruncate64(int file, off64_t size) { WHOLE(TRUNCATE, ftruncate, is_file(file), (file, size)); }
int rename(const char *from, const char *to) { WHOLE(RENAME, rename, is_below(from), (from, to)); }
int renameat(int a, const char *from, int b, const char *to) { WHOLE(RENAME, renameat, is_named(a, from), (a, from, b, to)); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  WHOLE(RENAME, renameat2, is_named(a, from), (a, from, b, to, flags));
}
int unlink(const char *path) { WHOLE(UNLINK, unlink, is_below(path), (path)); }
int unlinkat(int folder, const char *path, int flags) { WHOLE(UNLINK, unlinkat, is_named(folder, path), (folder, path, flags)); }
int mkdir(const char *path, mode_t mode) { WHOLE(MAKE_FOLDER, mkdir, is_below(path), (path, mode)); }
int mkdirat(int folder, const char *path, mode_t mode) { WHOLE(MAKE_FOLDER, mkdirat, is_named(folder, path), (folder, path, mode)); }
int flock(int file, int operation) { WHOLE(LOCK, flock, is_file(file), (file, operation)); }

static int control(int file, int command, void *argument) {
  if (command == F_OFD_SETLK || command == F_OFD_GETLK || command == F_SETLK)
    if (fails(LOCK, is_file(file)) && error) return -1;
  return REAL(fcntl)(file, command, argument);
}

#define WITH_ARGUMENT                      \
  va_list list;                            \
  va_start(list, command);                 \
  void *argument = va_arg(list, void *);   \
  va_end(list);

int fcntl(int file, int command, ...) { WITH_ARGUMENT return control(file, command, argument); }
int fcntl64(int file, int command, ...) { WITH_ARGUMENT return control(file, command, argument); }

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
  if (fails(THREAD, 1) && error) return EAGAIN;
  return REAL(pthread_create)(thread, attributes, body, argument);
}
