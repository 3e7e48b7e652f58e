/*
 * Hardware of our own making, loaded under the gateway with LD_PRELOAD: a disk that forgets what was not synced, writes
 * that fail or end in the middle, and a wall clock that jumps. Only files directly in HARDWARE_DIR are touched.
 *
 * The disk keeps, per file, an image of what is durable (HARDWARE_DISK/<name>) and a list of writes that are not
 * (<name>.pending: offset, length, bytes). fsync and fdatasync apply the list to the image. When the process is killed,
 * the image and any part of the list is what a power cut may leave; bench/crash/hardware.ts puts that in place.
 *
 * HARDWARE_ORDERS names a file of three 64-bit integers that may change at any time: the wall clock's offset in
 * milliseconds, the errno of writes (0: they work), and one write in so many that ends in the middle with that errno
 * (0: all fail, whole).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MOST_FILES 64
#define MOST_DESCRIPTORS 4096

struct file { char name[256]; int image; int pending; };
struct orders { int64_t clock_offset_ms, write_errno, torn_one_in; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file files[MOST_FILES];
static int file_count;
static struct file *by_descriptor[MOST_DESCRIPTORS];
static const char *directory, *disk;
static const volatile struct orders *orders;
static const struct orders none;
static unsigned torn_count;
static __thread int is_torn;

/* Raw system calls, so that our own files never pass through ourselves. */
static int raw_open(const char *path, int flags) { return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600); }
static ssize_t raw_pwrite(int fd, const void *bytes, size_t length, off_t at) { return syscall(SYS_pwrite64, fd, bytes, length, at); }
static ssize_t raw_write(int fd, const void *bytes, size_t length) { return syscall(SYS_write, fd, bytes, length); }
static ssize_t raw_pread(int fd, void *bytes, size_t length, off_t at) { return syscall(SYS_pread64, fd, bytes, length, at); }

__attribute__((constructor)) static void begin(void) {
  directory = getenv("HARDWARE_DIR");
  disk = getenv("HARDWARE_DISK");
  orders = &none;
  const char *path = getenv("HARDWARE_ORDERS");
  if (!path) return;
  int fd = raw_open(path, O_RDONLY);
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof(struct orders), PROT_READ, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) orders = mapped;
  syscall(SYS_close, fd);
}

/* The part of a path below HARDWARE_DIR, of files whose loss matters: not the shared index, which is rebuilt. */
static const char *name_of(const char *path) {
  if (!directory || !path) return NULL;
  size_t length = strlen(directory);
  if (strncmp(path, directory, length) != 0 || path[length] != '/') return NULL;
  const char *name = path + length + 1;
  size_t size = strlen(name);
  if (strchr(name, '/') || (size > 4 && strcmp(name + size - 4, "-shm") == 0)) return NULL;
  return name;
}

static void stick(const char *what) {
  dprintf(2, "hardware: %s: %s\n", what, strerror(errno));
  _exit(99);
}

static struct file *file_named(const char *name) {
  for (int index = 0; index < file_count; index++) if (strcmp(files[index].name, name) == 0) return &files[index];
  if (file_count == MOST_FILES) stick("too many files");
  struct file *file = &files[file_count++];
  char path[1024];
  snprintf(file->name, sizeof file->name, "%s", name);
  snprintf(path, sizeof path, "%s/%s", disk, name);
  file->image = raw_open(path, O_RDWR | O_CREAT);
  snprintf(path, sizeof path, "%s/%s.pending", disk, name);
  file->pending = raw_open(path, O_RDWR | O_CREAT | O_APPEND);
  if (file->image < 0 || file->pending < 0) stick(path);
  return file;
}

static void opened(int fd, const char *path) {
  if (fd < 0 || fd >= MOST_DESCRIPTORS) return;
  pthread_mutex_lock(&lock);
  const char *name = disk ? name_of(path) : NULL;
  by_descriptor[fd] = name ? file_named(name) : NULL;
  pthread_mutex_unlock(&lock);
}

static struct file *file_of(int fd) { return fd >= 0 && fd < MOST_DESCRIPTORS ? by_descriptor[fd] : NULL; }

/* length -1: the file now ends at offset. */
static void note(struct file *file, int64_t offset, int64_t length, const void *bytes) {
  int64_t head[2] = { offset, length };
  pthread_mutex_lock(&lock);
  struct iovec parts[2] = { { head, sizeof head }, { (void *)bytes, length > 0 ? (size_t)length : 0 } };
  if (syscall(SYS_writev, file->pending, parts, length > 0 ? 2 : 1) < 0) stick("pending");
  pthread_mutex_unlock(&lock);
}

static void settle(struct file *file) {
  pthread_mutex_lock(&lock);
  struct stat standing;
  if (fstat(file->pending, &standing) != 0) stick("pending");
  char *all = standing.st_size > 0 ? malloc((size_t)standing.st_size) : NULL;
  for (off_t done = 0; done < standing.st_size;) {
    ssize_t got = raw_pread(file->pending, all + done, (size_t)(standing.st_size - done), done);
    if (got <= 0) stick("pending");
    done += got;
  }
  for (off_t at = 0; at < standing.st_size;) {
    int64_t head[2];
    memcpy(head, all + at, sizeof head);
    at += (off_t)sizeof head;
    if (head[1] < 0) { if (syscall(SYS_ftruncate, file->image, head[0]) < 0) stick("image"); continue; }
    if (raw_pwrite(file->image, all + at, (size_t)head[1], head[0]) != head[1]) stick("image");
    at += head[1];
  }
  free(all);
  if (syscall(SYS_ftruncate, file->pending, 0) < 0) stick("pending");
  pthread_mutex_unlock(&lock);
}

/* Whether a write below HARDWARE_DIR is to fail; *length shrinks when it is to end in the middle first. */
static int fails(int fd, size_t *length) {
  if (is_torn) { is_torn = 0; return 1; } /* the second half */
  if (orders->write_errno == 0) return 0;
  char link[64], path[1024];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  if (!name_of(path)) return 0;
  if (orders->torn_one_in == 0) return 1;
  if (__atomic_add_fetch(&torn_count, 1, __ATOMIC_RELAXED) % (unsigned)orders->torn_one_in != 0) return 0;
  *length = *length / 2;
  is_torn = *length > 0;
  return *length == 0;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  if (fails(fd, &length)) { errno = orders->write_errno ? (int)orders->write_errno : EIO; return -1; }
  ssize_t wrote = raw_pwrite(fd, bytes, length, at);
  struct file *file = file_of(fd);
  if (file && wrote > 0) note(file, at, wrote, bytes);
  return wrote;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

ssize_t write(int fd, const void *bytes, size_t length) {
  if (fails(fd, &length)) { errno = orders->write_errno ? (int)orders->write_errno : EIO; return -1; }
  struct file *file = file_of(fd);
  off_t at = file ? lseek(fd, 0, SEEK_CUR) : 0;
  ssize_t wrote = raw_write(fd, bytes, length);
  if (file && wrote > 0) note(file, at, wrote, bytes);
  return wrote;
}

static int real_sync(int fd, long call) {
  int result = (int)syscall(call, fd);
  struct file *file = file_of(fd);
  if (file && result == 0) settle(file);
  return result;
}
int fsync(int fd) { return real_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return real_sync(fd, SYS_fdatasync); }

int ftruncate64(int fd, off64_t length) {
  int result = (int)syscall(SYS_ftruncate, fd, length);
  struct file *file = file_of(fd);
  if (file && result == 0) note(file, length, -1, NULL);
  return result;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
  opened(fd, path);
  return fd;
}
#define MODE_OF(flags, mode) do { if ((flags) & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } } while (0)
int open(const char *path, int flags, ...) { mode_t mode = 0; MODE_OF(flags, mode); return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { mode_t mode = 0; MODE_OF(flags, mode); return open_at(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { mode_t mode = 0; MODE_OF(flags, mode); return open_at(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { mode_t mode = 0; MODE_OF(flags, mode); return open_at(folder, path, flags, mode); }

/* SQLite syncs the folder right after, so that what is gone is gone: a journal that came back would undo what was committed. */
int unlink(const char *path) {
  int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  const char *name = disk && result == 0 ? name_of(path) : NULL;
  if (!name) return result;
  pthread_mutex_lock(&lock);
  struct file *file = file_named(name);
  char image[1024];
  snprintf(image, sizeof image, "%s/%s", disk, name);
  syscall(SYS_unlinkat, AT_FDCWD, image, 0);
  snprintf(image, sizeof image, "%s/%s.pending", disk, name);
  syscall(SYS_unlinkat, AT_FDCWD, image, 0);
  syscall(SYS_close, file->image);
  syscall(SYS_close, file->pending);
  file->name[0] = 0;
  pthread_mutex_unlock(&lock);
  return result;
}

int close(int fd) {
  if (fd >= 0 && fd < MOST_DESCRIPTORS) by_descriptor[fd] = NULL;
  return (int)syscall(SYS_close, fd);
}

static void shift(struct timespec *time) {
  int64_t offset = orders->clock_offset_ms;
  int64_t nanoseconds = time->tv_nsec + (offset % 1000) * 1000000;
  time->tv_sec += offset / 1000 + nanoseconds / 1000000000;
  time->tv_nsec = nanoseconds % 1000000000;
  if (time->tv_nsec < 0) { time->tv_nsec += 1000000000; time->tv_sec -= 1; }
}
int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && orders && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(time);
  return result;
}
int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec precise;
  if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return -1;
  time->tv_sec = precise.tv_sec;
  time->tv_usec = precise.tv_nsec / 1000;
  return 0;
}
