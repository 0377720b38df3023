#include "LoadTimer.h"

#include <sys/timerfd.h>
#include <time.h>

int load_timer(void) {
    return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
}

int load_timer_set(int fd, uint64_t nanoseconds) {
    struct itimerspec at = {.it_value = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}};
    return timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, 0);
}
