#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What glibc hides without _GNU_SOURCE, or what Swift cannot call (variadic functions, macros).
   Every function that can fail returns -1 and sets errno unless it says otherwise. */

/* accept4 with SOCK_NONBLOCK | SOCK_CLOEXEC. */
int reeve_accept(int listener, struct sockaddr *peer, socklen_t *length);

/* A new socket with SOCK_NONBLOCK | SOCK_CLOEXEC. */
int reeve_socket(int family, int type);

/* SO_PEERCRED of a unix-domain socket. */
int reeve_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid);

/* Nonblocking, close-on-exec descriptors for the loop. */
int reeve_epoll_create(void);
int reeve_eventfd(void);
int reeve_signalfd(const int *signals, size_t count);
int reeve_inotify(void);

/* The next signal of a signalfd, 0 when none waits. */
int reeve_signalfd_read(int fd);

/* Blocks every signal in the calling thread; threads made later inherit that. Returns an errno value. */
int reeve_block_signals(void);

int reeve_set_nonblocking(int fd);

/* Abortive close: unsent data is dropped and the peer gets RST. Returns -1 when it could not be set. */
int reeve_linger_zero(int fd);

/* At most 15 octets of name are used. Returns an errno value. */
int reeve_name_thread(const char *name);

/* The symbolic name (EADDRINUSE) and the text of an errno value; NULL for an unknown one. */
const char *reeve_errno_name(int code);
const char *reeve_errno_text(int code);

/* Real, effective and saved ids at once, and supplementary groups of `name`; all verified afterwards. */
int reeve_drop_privileges(const char *name, uint32_t uid, uint32_t gid);

/* The ids of a user, or of a group into gid only. Returns 0, -1 with errno = ENOENT when there is none. */
int reeve_find_user(const char *name, uint32_t *uid, uint32_t *gid);
int reeve_find_group(const char *name, uint32_t *gid);

/* Raises RLIMIT_NOFILE to its hard maximum and stores what is in force. */
int reeve_raise_descriptor_limit(uint64_t *limit);

/* Sends data with a descriptor beside its first octet (SCM_RIGHTS); returns what was sent. */
long reeve_send_descriptor(int socket, const void *data, size_t count, int fd);

/* Receives data and, in *fd, the descriptor that came beside it, or -1; a second one is closed at once. */
long reeve_receive_descriptor(int socket, void *data, size_t capacity, int *fd);

/* Gives up every capability but CAP_NET_ADMIN for good, and the way to new ones by executing a program. */
int reeve_keep_net_admin(void);

/* From now on only the system calls of a daemon that reads and writes sockets and files of its own: EPERM for any other.
   No program is executed, no process made, no memory made executable; sockets are unix-domain, netlink and internet ones.
   For this thread and those that it starts, or for every thread of the process. For good. */
int reeve_confine_system_calls(int every_thread);

/* IP_TRANSPARENT or IPV6_TRANSPARENT: any address may be bound, and packets that are not for us are taken. */
int reeve_set_transparent(int fd, int is_v6);

/* The mark of every packet that the socket sends. */
int reeve_set_mark(int fd, uint32_t mark);
