/* The one loop over message content that is worth vector registers wider than every x86-64 has. */
#ifndef COCTETS_H
#define COCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How far `octets` is clean from `start` on, in whole steps of 32: `start` plus a multiple of 32, at most `count`.
 * Clean: every LF follows a CR and every CR is followed by an LF, no NUL, and with `dots` no dot behind an LF.
 * `start` is at least 1; a CR that ends the run is not judged yet.
 */
size_t reeve_clean_run(const uint8_t *octets, size_t start, size_t count, bool dots);

/* The offset of the first CR, LF or NUL at or behind `start`, or where fewer than 16 octets are left to look at. */
size_t reeve_first_break(const uint8_t *octets, size_t start, size_t count);

/* The offset of the first octet outside printable ASCII (0x20 to 0x7E) at or behind `start`, or `count`. */
size_t reeve_first_unprintable(const uint8_t *octets, size_t start, size_t count);

/* Whether the first `count` octets of both are the same. */
bool reeve_same(const uint8_t *a, const uint8_t *b, size_t count);

#endif
