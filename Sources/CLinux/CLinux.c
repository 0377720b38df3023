#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

/* Room for one descriptor, aligned as a control message is. */
union one_descriptor {
    char octets[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

long reeve_send_descriptor(int socket, const void *data, size_t count, int fd) {
    union one_descriptor room;
    memset(&room, 0, sizeof room);
    struct iovec part = {.iov_base = (void *)data, .iov_len = count};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room.octets, .msg_controllen = sizeof room.octets};
    struct cmsghdr *control = CMSG_FIRSTHDR(&message);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(control), &fd, sizeof fd);
    ssize_t n;
    do n = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return (long)n;
}

long reeve_receive_descriptor(int socket, void *data, size_t capacity, int *fd) {
    union one_descriptor room;
    struct iovec part = {.iov_base = data, .iov_len = capacity};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room.octets, .msg_controllen = sizeof room.octets};
    *fd = -1;
    ssize_t n;
    do n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0) return -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        if (c->cmsg_len < CMSG_LEN(sizeof(int))) continue;
        if (*fd >= 0) close(*fd);
        memcpy(fd, CMSG_DATA(c), sizeof *fd);
    }
    return (long)n;
}

int reeve_keep_net_admin(void) {
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++) {
        /* Without CAP_SETPCAP the bounding set stays; no_new_privs below makes it of no use. */
        if (capability != CAP_NET_ADMIN && prctl(PR_CAPBSET_DROP, capability) != 0 && errno != EPERM) return -1;
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    memset(sets, 0, sizeof sets);
    sets[0].effective = sets[0].permitted = 1u << CAP_NET_ADMIN;
    return syscall(SYS_capset, &header, sets) == 0 ? 0 : -1;
}

int reeve_set_transparent(int fd, int is_v6) {
    int on = 1;
    if (is_v6) return setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof on);
    return setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on);
}

int reeve_set_mark(int fd, uint32_t mark) { return setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark); }
