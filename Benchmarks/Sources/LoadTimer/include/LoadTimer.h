#pragma once
#include <stdint.h>

/* A descriptor that becomes readable at a point of CLOCK_MONOTONIC, to some 50 microseconds: Swift's Glibc has no
 * timerfd. -1 with errno on failure. */
int load_timer(void);

/* Sets the point, in nanoseconds, and forgets an earlier one. 0 on success. */
int load_timer_set(int fd, uint64_t nanoseconds);
