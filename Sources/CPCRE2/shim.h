#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* PCRE2 with one set of options: text is octets that may or may not be UTF-8, no JIT (it needs memory that is
   writable and executable), and a match that takes too many steps is given up. */

/* A compiled pattern, or NULL and the octet offset of the error with its number. */
static inline void *reeve_pattern_compile(const unsigned char *text, size_t length, int *error, size_t *offset) {
    return pcre2_compile(text, length, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, error, offset, NULL);
}

static inline void reeve_pattern_free(void *pattern) { pcre2_code_free((pcre2_code *)pattern); }

/* The words of an error number. Returns their length, 0 for none. */
static inline int reeve_pattern_error(int error, unsigned char *text, size_t capacity) {
    int length = pcre2_get_error_message(error, text, capacity);
    return length < 0 ? 0 : length;
}

/* What matching needs of memory, for one thread at a time. */
static inline void *reeve_match_data_create(void) { return pcre2_match_data_create(1, NULL); }
static inline void reeve_match_data_free(void *data) { pcre2_match_data_free((pcre2_match_data *)data); }

/* The bounds of a match: steps, nesting, kibibytes. */
static inline void *reeve_match_limits_create(unsigned steps, unsigned depth, unsigned kibibytes) {
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    if (limits == NULL) return NULL;
    pcre2_set_match_limit(limits, steps);
    pcre2_set_depth_limit(limits, depth);
    pcre2_set_heap_limit(limits, kibibytes);
    return limits;
}
static inline void reeve_match_limits_free(void *limits) { pcre2_match_context_free((pcre2_match_context *)limits); }

/* 1: found. 0: not found. -1: a limit was hit, or memory was short. */
static inline int reeve_pattern_match(
    const void *pattern, const unsigned char *text, size_t length, void *data, void *limits) {
    int result = pcre2_match(
        (const pcre2_code *)pattern, text, length, 0, 0, (pcre2_match_data *)data, (pcre2_match_context *)limits);
    if (result >= 0) return 1;
    return result == PCRE2_ERROR_NOMATCH ? 0 : -1;
}
