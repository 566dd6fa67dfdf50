/*
 * Preloaded into the program under test (LD_PRELOAD). Every system call that changes the disk is trapped by
 * seccomp and made here instead: those the runtime makes by itself too, past libc. Each one on a file below
 * IPC_SHIM_HOME is written to the journal IPC_SHIM_JOURNAL in the order in which it took effect, over all
 * processes, and so is what a daemon says over a socket; power-cut.ts makes from that what a power failure could have
 * left. IPC_SHIM_CONTROL is a page shared with the test: it makes the n-th such call of a daemon fail, and
 * sets the wall clock of all of them, but not the monotonic one, ahead or back.
 *
 * gcc -shared -fPIC -O2 -o disk-shim.so disk-shim.c    (Linux on x86-64 only)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* In the sixth argument, which none of the trapped calls has: this call is the shim's own. */
#define OURS 0x1bc5eed5L
/* As ioctl's FICLONE: the runtime copies by hand when the file system cannot share blocks. */
#define CLONE_FILE 0x40049409

enum { IS_WRITE = 1, IS_SYNC = 2, IS_NAME = 4 };

struct control {
  uint32_t lock;      /* pid of the process that makes a trapped call now */
  uint32_t kinds;     /* which calls the countdown counts; 0: none */
  uint32_t countdown; /* calls until the first that fails */
  uint32_t times;     /* how many fail, one after the other */
  uint32_t error;     /* errno; 0: a write is cut short instead */
  uint32_t injected;  /* how many were made to fail */
  int64_t ahead;      /* seconds by which the wall clock is wrong */
};

struct record {
  uint32_t magic;
  uint32_t kind;
  uint64_t inode;
  uint64_t number; /* an offset, a size */
  uint32_t first;  /* bytes of the first text that follows, and of the second */
  uint32_t second;
};

static char home[512];
static size_t home_length;
static int journal = -1;
static int is_daemon;
static struct control *control;

static long call(long number, long a, long b, long c, long d, long e) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = OURS;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

/* One call at a time, over all processes; a holder that was killed holds it no longer. */
static void lock(void) {
  uint32_t self = (uint32_t)call(SYS_gettid, 0, 0, 0, 0, 0);
  for (unsigned turns = 0;; turns++) {
    uint32_t holder = 0;
    if (__atomic_compare_exchange_n(&control->lock, &holder, self, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
    if (turns % 64 == 63 && call(SYS_kill, holder, 0, 0, 0, 0) == -ESRCH)
      __atomic_compare_exchange_n(&control->lock, &holder, 0, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    call(SYS_sched_yield, 0, 0, 0, 0, 0);
  }
}

static void unlock(void) { __atomic_store_n(&control->lock, 0, __ATOMIC_RELEASE); }

static void note(char kind, uint64_t inode, uint64_t number, const struct iovec *first, const struct iovec *second) {
  static const struct iovec none = {"", 0};
  if (first == NULL) first = &none;
  if (second == NULL) second = &none;
  struct record record = {0x4c4e524a, (uint32_t)kind, inode, number, (uint32_t)first->iov_len, (uint32_t)second->iov_len};
  struct iovec parts[3] = {{&record, sizeof record}, *first, *second};
  call(SYS_writev, journal, (long)parts, 3, 0, 0);
}

static int below_home(const char *path) {
  return strncmp(path, home, home_length) == 0 && (path[home_length] == '/' || path[home_length] == 0);
}

/* The path of a descriptor ("socket:[7]" of a socket). */
static void path_of(int file, char *path, size_t room) {
  char link[32] = "/proc/self/fd/";
  char digits[12];
  int count = 0;
  size_t at = strlen(link);
  do digits[count++] = (char)('0' + file % 10);
  while ((file /= 10) > 0);
  while (count > 0) link[at++] = digits[--count];
  link[at] = 0;
  long length = call(SYS_readlink, (long)link, (long)path, (long)room - 1, 0, 0);
  path[length < 0 ? 0 : length] = 0;
}

static void absolute(int folder, const char *name, char *path, size_t room) {
  path[0] = 0;
  if (name[0] != '/') {
    if (folder == AT_FDCWD) call(SYS_getcwd, (long)path, (long)room, 0, 0, 0);
    else path_of(folder, path, room);
    strncat(path, "/", room - strlen(path) - 1);
  }
  strncat(path, name, room - strlen(path) - 1);
}

static uint64_t inode_of(int file) {
  struct stat found;
  return call(SYS_fstat, file, (long)&found, 0, 0, 0) < 0 ? 0 : found.st_ino;
}

static struct iovec text(const char *words) { return (struct iovec){(void *)words, strlen(words)}; }

/* -1: goes well; 0: a write is to be cut short; else the errno. */
static int fault(uint32_t kind) {
  if (!is_daemon || (control->kinds & kind) == 0) return -1;
  if (control->countdown > 0) {
    control->countdown--;
    return -1;
  }
  if (control->times == 0) return -1;
  control->times--;
  control->injected++;
  return (int)control->error;
}

static long changed_file(long number, const long *a, int file, const char *path) {
  int failing = fault(number == SYS_fsync || number == SYS_fdatasync ? IS_SYNC : IS_WRITE);
  struct iovec where = text(path);
  uint64_t inode = inode_of(file);
  if (number == SYS_fsync || number == SYS_fdatasync) {
    long done = failing > 0 ? -failing : call(number, file, 0, 0, 0, 0);
    note(done == 0 ? 'Y' : 'X', inode, 0, &where, NULL);
    return done;
  }
  if (failing > 0) return -failing;
  if (number == SYS_ftruncate || number == SYS_fallocate) {
    long done = number == SYS_fallocate ? -EOPNOTSUPP : call(number, a[0], a[1], 0, 0, 0);
    if (done == 0) note('T', inode, (uint64_t)a[1], NULL, NULL);
    return done;
  }
  struct iovec one = {(void *)a[1], (size_t)a[2]};
  const struct iovec *parts = &one;
  long count = 1;
  if (number == SYS_writev || number == SYS_pwritev) parts = (const struct iovec *)a[1], count = a[2];
  int placed = number == SYS_pwrite64 || number == SYS_pwritev;
  long whole = 0;
  for (long part = 0; part < count; part++) {
    size_t length = parts[part].iov_len;
    if (failing == 0) length = length > 1 ? length / 2 : length;
    long done = placed ? call(SYS_pwrite64, file, (long)parts[part].iov_base, (long)length, a[3] + whole, 0)
                       : call(SYS_write, file, (long)parts[part].iov_base, (long)length, 0, 0);
    if (done < 0) return whole > 0 ? whole : done;
    long end = placed ? a[3] + whole + done : call(SYS_lseek, file, 0, SEEK_CUR, 0, 0);
    struct iovec bytes = {parts[part].iov_base, (size_t)done};
    note('W', inode, (uint64_t)(end - done), &bytes, NULL);
    whole += done;
    if ((size_t)done < parts[part].iov_len) break;
  }
  return whole;
}

static long on_descriptor(long number, const long *a) {
  char path[4096];
  path_of((int)a[0], path, sizeof path);
  if (strncmp(path, "socket:", 7) == 0 && is_daemon && (number == SYS_write || number == SYS_sendto)) {
    lock();
    long sent = call(number, a[0], a[1], a[2], a[3], 0);
    struct iovec bytes = {(void *)a[1], (size_t)(sent > 0 ? sent : 0)};
    if (sent > 0) note('S', 0, (uint64_t)a[0], &bytes, NULL);
    unlock();
    return sent;
  }
  if (!below_home(path)) return call(number, a[0], a[1], a[2], a[3], a[4]);
  lock();
  long done = changed_file(number, a, (int)a[0], path);
  unlock();
  return done;
}

static long on_open(int folder, const char *name, long flags, long mode) {
  char path[4096];
  absolute(folder, name, path, sizeof path);
  if (!below_home(path)) return call(SYS_openat, folder, (long)name, flags, mode, 0);
  lock();
  struct stat found;
  int there = call(SYS_stat, (long)path, (long)&found, 0, 0, 0) == 0;
  int failing = there ? -1 : fault(IS_NAME);
  long file = failing > 0 ? -failing : call(SYS_openat, folder, (long)name, flags, mode, 0);
  if (file >= 0) {
    struct iovec where = text(path);
    if (!there) note('C', inode_of((int)file), 0, &where, NULL);
    else if (flags & O_TRUNC) note('T', inode_of((int)file), 0, NULL, NULL);
  }
  unlock();
  return file;
}

/* A call that changes names: rename, link, unlink, mkdir, rmdir, by whichever of its numbers. */
static long on_names(long number, const long *a) {
  static const struct { long number; char kind; int from, to; } calls[] = {
    {SYS_rename, 'R', 0, 1}, {SYS_renameat, 'R', 1, 3}, {SYS_renameat2, 'R', 1, 3}, {SYS_link, 'L', 0, 1},
    {SYS_linkat, 'L', 1, 3}, {SYS_unlink, 'U', 0, -1}, {SYS_unlinkat, 'U', 1, -1}, {SYS_rmdir, 'U', 0, -1},
    {SYS_mkdir, 'D', 0, -1}, {SYS_mkdirat, 'D', 1, -1},
  };
  size_t row = 0;
  while (calls[row].number != number) row++;
  char from[4096], to[4096] = "";
  int at = calls[row].from, other = calls[row].to;
  absolute(at == 0 ? AT_FDCWD : (int)a[at - 1], (const char *)a[at], from, sizeof from);
  if (other >= 0) absolute(other == 1 ? AT_FDCWD : (int)a[other - 1], (const char *)a[other], to, sizeof to);
  if (!below_home(other >= 0 ? to : from)) return call(number, a[0], a[1], a[2], a[3], a[4]);
  lock();
  int failing = fault(IS_NAME);
  long done = failing > 0 ? -failing : call(number, a[0], a[1], a[2], a[3], a[4]);
  struct iovec first = text(from), second = text(to);
  if (done == 0) note(calls[row].kind, 0, 0, &first, &second);
  unlock();
  return done;
}

static void trapped(int signal, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  long a[5] = {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX], registers[REG_R10], registers[REG_R8]};
  long number = info->si_syscall;
  (void)signal;
  switch (number) {
    case SYS_open: registers[REG_RAX] = on_open(AT_FDCWD, (const char *)a[0], a[1], a[2]); return;
    case SYS_openat: registers[REG_RAX] = on_open((int)a[0], (const char *)a[1], a[2], a[3]); return;
    case SYS_write: case SYS_writev: case SYS_pwrite64: case SYS_pwritev: case SYS_sendto: case SYS_fsync:
    case SYS_fdatasync: case SYS_ftruncate: case SYS_fallocate:
      registers[REG_RAX] = on_descriptor(number, a);
      return;
    default: registers[REG_RAX] = on_names(number, a);
  }
}

/* For the thread that runs the program: the runtime's own wait until a moment that the kernel must know. */
int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (real == NULL) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int done = real(clock, time);
  if (done != 0 || control == NULL || control->ahead == 0) return done;
  if ((clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) && gettid() == getpid())
    time->tv_sec += control->ahead;
  return done;
}

int gettimeofday(struct timeval *time, void *zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result != NULL) *result = now.tv_sec;
  return now.tv_sec;
}

typedef int (*sigaction_call)(int, const struct sigaction *, struct sigaction *);

static int real_sigaction(int signal, const struct sigaction *action, struct sigaction *before) {
  return ((sigaction_call)dlsym(RTLD_NEXT, "sigaction"))(signal, action, before);
}

/* The runtime would take SIGSYS for a crash. */
int sigaction(int signal, const struct sigaction *action, struct sigaction *before) {
  return signal == SIGSYS ? 0 : real_sigaction(signal, action, before);
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (then), (otherwise))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define TRAP(number) IS(number, 0, 1), ANSWER(SECCOMP_RET_TRAP)
#define CREATES(number, argument) \
  IS(number, 0, 4), LOAD(args[argument]), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_CREAT | O_TRUNC, 0, 1), \
  ANSWER(SECCOMP_RET_TRAP), ANSWER(SECCOMP_RET_ALLOW)

static void install(void) {
  struct sock_filter filter[] = {
    LOAD(args[5]), IS(OURS, 0, 1), ANSWER(SECCOMP_RET_ALLOW), LOAD(nr),
    TRAP(SYS_write), TRAP(SYS_writev), TRAP(SYS_pwrite64), TRAP(SYS_pwritev), TRAP(SYS_fsync), TRAP(SYS_fdatasync),
    TRAP(SYS_sendto), TRAP(SYS_ftruncate), TRAP(SYS_fallocate), TRAP(SYS_rename), TRAP(SYS_renameat), TRAP(SYS_renameat2), TRAP(SYS_link),
    TRAP(SYS_linkat), TRAP(SYS_unlink), TRAP(SYS_unlinkat), TRAP(SYS_rmdir), TRAP(SYS_mkdir), TRAP(SYS_mkdirat),
    CREATES(SYS_open, 1), CREATES(SYS_openat, 2),
    IS(SYS_copy_file_range, 0, 1), ANSWER(SECCOMP_RET_ERRNO | EXDEV),
    IS(SYS_sendfile, 0, 1), ANSWER(SECCOMP_RET_ERRNO | EINVAL),
    IS(SYS_ioctl, 0, 3), LOAD(args[1]), IS(CLONE_FILE, 0, 1), ANSWER(SECCOMP_RET_ERRNO | EOPNOTSUPP),
    ANSWER(SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  struct sigaction action = {0};
  action.sa_sigaction = trapped;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
  real_sigaction(SIGSYS, &action, NULL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

__attribute__((constructor)) static void begin(void) {
  const char *below = getenv("IPC_SHIM_HOME"), *log = getenv("IPC_SHIM_JOURNAL"), *page = getenv("IPC_SHIM_CONTROL");
  char command[4096] = "";
  if (below == NULL || log == NULL || page == NULL) return;
  int arguments = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  ssize_t length = read(arguments, command, sizeof command - 1);
  close(arguments);
  is_daemon = length > 0 && memmem(command, (size_t)length, "daemon\0run", 10) != NULL;
  strncpy(home, below, sizeof home - 1);
  home_length = strlen(home);
  /* Far above what a program numbers its own by, and closed when it becomes another one. */
  int opened = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
  int shared = open(page, O_RDWR | O_CLOEXEC);
  journal = fcntl(opened, F_DUPFD_CLOEXEC, 900);
  close(opened);
  control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
  close(shared);
  if (journal < 0 || control == MAP_FAILED) _exit(96);
  install();
}
