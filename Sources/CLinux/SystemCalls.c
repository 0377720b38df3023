/* A seccomp filter for a daemon that has a privilege: what it needs, by number and where it matters by argument.

   Whatever is not listed gets EPERM rather than an end by signal: a library that tries something new keeps working
   without it, and a test can see each refusal. The filter is a list, walked from the top; the calls of the loop stand
   first. */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define REEVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define REEVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef REEVE_ARCHITECTURE

/* Calls that are allowed whatever their arguments are. */
static const int plain[] = {
    /* the loop */
    SYS_epoll_pwait, SYS_epoll_ctl, SYS_recvfrom, SYS_sendto, SYS_recvmsg, SYS_sendmsg, SYS_read, SYS_write, SYS_close,
    SYS_accept4, SYS_accept, SYS_futex, SYS_clock_gettime, SYS_ppoll,
#ifdef SYS_epoll_wait
    SYS_epoll_wait, SYS_poll, SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_mkdir, SYS_rename,
    SYS_unlink, SYS_getdents, SYS_epoll_create, SYS_inotify_init, SYS_eventfd, SYS_signalfd, SYS_time,
#endif
    SYS_epoll_create1, SYS_eventfd2, SYS_signalfd4, SYS_inotify_init1, SYS_inotify_add_watch, SYS_inotify_rm_watch,
    /* sockets; which ones may be made is asked below */
    SYS_bind, SYS_listen, SYS_connect, SYS_getsockname, SYS_getpeername, SYS_setsockopt, SYS_getsockopt, SYS_shutdown,
    SYS_writev, SYS_readv, SYS_fcntl, SYS_dup, SYS_dup3,
    /* files of its own and policies; the file system's rights and systemd's confinement say which */
    SYS_openat, SYS_newfstatat, SYS_fstat, SYS_statx, SYS_lseek, SYS_pread64, SYS_fsync, SYS_fdatasync, SYS_ftruncate,
    SYS_getdents64, SYS_readlinkat, SYS_faccessat, SYS_mkdirat, SYS_renameat, SYS_unlinkat, SYS_getcwd, SYS_umask,
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
#ifdef SYS_renameat2
    SYS_renameat2,
#endif
    /* memory that is not executable, which is asked below */
    SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk,
    /* threads and time */
    SYS_set_robust_list, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_sched_yield,
    SYS_sched_getaffinity, SYS_clock_nanosleep, SYS_nanosleep, SYS_clock_getres, SYS_gettimeofday, SYS_restart_syscall,
#ifdef SYS_rseq
    SYS_rseq,
#endif
    /* who it is, and its end */
    SYS_getpid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_uname, SYS_getrandom, SYS_sysinfo,
    SYS_getrusage, SYS_tgkill, SYS_exit, SYS_exit_group,
};

/* IP sockets: transparent ones for the gateway, and the names of interfaces. */
static const uint32_t families[] = {AF_UNIX, AF_NETLINK, AF_INET, AF_INET6};

/* The names and numbers of interfaces, and whether something is a terminal. */
static const uint32_t controls[] = {0x8910 /* SIOCGIFNAME */, 0x8933 /* SIOCGIFINDEX */, 0x5401 /* TCGETS */, FIONBIO};

/* Room for two instructions a call, seven for each that is asked about, and both ends. */
struct program {
    struct sock_filter list[2 * sizeof plain / sizeof plain[0] + 64];
    unsigned short count;
};

static void put(struct program *program, uint16_t code, uint32_t value, uint8_t then, uint8_t otherwise) {
    program->list[program->count++] = (struct sock_filter){code, then, otherwise, value};
}

static void load(struct program *program, size_t offset) {
    put(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct program *program, uint32_t action) { put(program, BPF_RET | BPF_K, action, 0, 0); }

/* Answers if what was loaded is `value`, and goes on otherwise. */
static void when(struct program *program, uint32_t value, uint32_t action) {
    put(program, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(program, action);
}

static const uint32_t denied = SECCOMP_RET_ERRNO | EPERM;

/* The low half of an argument. Both machines are little-endian, and no argument that is asked about is a wide one. */
static size_t argument(int number) { return offsetof(struct seccomp_data, args) + 8 * (size_t)number; }

/* A call that is allowed with one of `values` as its argument; a block that ends in an answer. */
static void one_of(struct program *program, int call, int number, const uint32_t *values, size_t count) {
    put(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, (uint8_t)(2 * count + 2));
    load(program, argument(number));
    for (size_t i = 0; i < count; i++) when(program, values[i], SECCOMP_RET_ALLOW);
    answer(program, denied);
}

/* A call that is allowed if its argument has a bit, or has it not. */
static void with_bit(struct program *program, int call, int number, uint32_t bit, uint32_t set, uint32_t clear) {
    put(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4);
    load(program, argument(number));
    put(program, BPF_JMP | BPF_JSET | BPF_K, bit, 0, 1);
    answer(program, set);
    answer(program, clear);
}

static void build(struct program *program) {
    load(program, offsetof(struct seccomp_data, arch));
    put(program, BPF_JMP | BPF_JEQ | BPF_K, REEVE_ARCHITECTURE, 1, 0);
    answer(program, SECCOMP_RET_KILL_PROCESS);
    load(program, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) when(program, (uint32_t)plain[i], SECCOMP_RET_ALLOW);
    one_of(program, SYS_socket, 0, families, sizeof families / sizeof families[0]);
    one_of(program, SYS_ioctl, 1, controls, sizeof controls / sizeof controls[0]);
    with_bit(program, SYS_mmap, 2, PROT_EXEC, denied, SECCOMP_RET_ALLOW);
    with_bit(program, SYS_mprotect, 2, PROT_EXEC, denied, SECCOMP_RET_ALLOW);
    with_bit(program, SYS_clone, 0, CLONE_THREAD, SECCOMP_RET_ALLOW, denied);
    /* Its flags lie in memory, where a filter cannot look; libraries then take `clone`. */
    when(program, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
    answer(program, denied);
}

int reeve_confine_system_calls(int every_thread) {
    struct program program = {.count = 0};
    build(&program);
    struct sock_fprog filter = {program.count, program.list};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    unsigned flags = every_thread ? SECCOMP_FILTER_FLAG_TSYNC : 0;
    long done = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    /* With TSYNC a positive result is a thread that has another filter. */
    if (done > 0) errno = EBUSY;
    return done == 0 ? 0 : -1;
}

#else

int reeve_confine_system_calls(int every_thread) {
    (void)every_thread;
    errno = ENOSYS;
    return -1;
}

#endif
