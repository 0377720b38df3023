#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

int reeve_accept(int listener, struct sockaddr *peer, socklen_t *length) {
    return accept4(listener, peer, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int reeve_socket(int family, int type) {
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int reeve_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return -1;
    *pid = credentials.pid;
    *uid = credentials.uid;
    *gid = credentials.gid;
    return 0;
}

int reeve_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int reeve_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int reeve_signalfd(const int *signals, size_t count) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++) sigaddset(&set, signals[i]);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int reeve_inotify(void) { return inotify_init1(IN_NONBLOCK | IN_CLOEXEC); }

int reeve_signalfd_read(int fd) {
    struct signalfd_siginfo info;
    ssize_t n;
    do n = read(fd, &info, sizeof info);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof info) return (int)info.ssi_signo;
    return n < 0 && errno != EAGAIN ? -1 : 0;
}

int reeve_block_signals(void) {
    sigset_t all;
    sigfillset(&all);
    /* Faults of this very thread must still kill the process with a report. */
    const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    return pthread_sigmask(SIG_SETMASK, &all, NULL);
}

int reeve_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -1;
    return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int reeve_linger_zero(int fd) {
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

int reeve_name_thread(const char *name) {
    char shortened[16] = {0};
    strncpy(shortened, name, sizeof shortened - 1);
    return pthread_setname_np(pthread_self(), shortened);
}

const char *reeve_errno_name(int code) { return strerrorname_np(code); }

const char *reeve_errno_text(int code) { return strerrordesc_np(code); }

int reeve_find_user(const char *name, uint32_t *uid, uint32_t *gid) {
    errno = 0;
    struct passwd *entry = getpwnam(name);
    if (entry == NULL) {
        if (errno == 0) errno = ENOENT;
        return -1;
    }
    *uid = entry->pw_uid;
    *gid = entry->pw_gid;
    return 0;
}

int reeve_find_group(const char *name, uint32_t *gid) {
    errno = 0;
    struct group *entry = getgrnam(name);
    if (entry == NULL) {
        if (errno == 0) errno = ENOENT;
        return -1;
    }
    *gid = entry->gr_gid;
    return 0;
}

int reeve_drop_privileges(const char *name, uint32_t uid, uint32_t gid) {
    if (initgroups(name, gid) != 0) return -1;
    if (setresgid(gid, gid, gid) != 0) return -1;
    if (setresuid(uid, uid, uid) != 0) return -1;
    uid_t ruid, euid, suid;
    gid_t rgid, egid, sgid;
    if (getresuid(&ruid, &euid, &suid) != 0 || getresgid(&rgid, &egid, &sgid) != 0) return -1;
    int kept = ruid != uid || euid != uid || suid != uid || rgid != gid || egid != gid || sgid != gid;
    /* Somebody who can still become root has dropped nothing. */
    if (kept || (uid != 0 && setuid(0) == 0)) {
        errno = EPERM;
        return -1;
    }
    return 0;
}

int reeve_raise_descriptor_limit(uint64_t *limit) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return -1;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) return -1;
    *limit = files.rlim_cur;
    return 0;
}
