#pragma once

/* How often this process has asked for memory. A program that is linked with this counts; the rest is libc's. */
unsigned long allocations_so_far(void);
