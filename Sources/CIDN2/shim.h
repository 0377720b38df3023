#pragma once

#include <idn2.h>
#include <string.h>

/* The A-label form (RFC 5891, TR46 non-transitional) of a domain in UTF-8, which ends with a NUL, written to `result`.
   Returns its length, or -1 for what is no domain name. */
static inline int reeve_domain_to_ascii(const unsigned char *domain, unsigned char *result, size_t capacity) {
    unsigned char *found = NULL;
    if (idn2_lookup_u8(domain, &found, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK) return -1;
    size_t length = strlen((const char *)found);
    int isFitting = length <= capacity;
    if (isFitting) memcpy(result, found, length);
    idn2_free(found);
    return isFitting ? (int)length : -1;
}
