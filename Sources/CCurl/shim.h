#pragma once

#include <stddef.h>
#include <string.h>

#include <curl/curl.h>

/* libcurl's variadic functions and the callbacks that need no more than C; nothing else. */

static inline CURLcode reeve_curl_set_text(CURL *transfer, CURLoption option, const char *text) {
    return curl_easy_setopt(transfer, option, text);
}

static inline CURLcode reeve_curl_set_number(CURL *transfer, CURLoption option, long number) {
    return curl_easy_setopt(transfer, option, number);
}

static inline CURLcode reeve_curl_set_list(CURL *transfer, CURLoption option, struct curl_slist *list) {
    return curl_easy_setopt(transfer, option, list);
}

static inline long reeve_curl_response(CURL *transfer) {
    long code = 0;
    curl_easy_getinfo(transfer, CURLINFO_RESPONSE_CODE, &code);
    return code;
}

/* What a server answers is not wanted. */
static inline size_t reeve_curl_discard(char *data, size_t size, size_t count, void *nobody) {
    (void)data;
    (void)nobody;
    return size * count;
}

static inline CURLcode reeve_curl_ignore_answer(CURL *transfer) {
    return curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, reeve_curl_discard);
}

/* A message to be uploaded; it must live as long as the transfer. */
struct reeve_upload {
    const char *data;
    size_t left;
};

static inline size_t reeve_curl_read(char *buffer, size_t size, size_t count, void *context) {
    struct reeve_upload *upload = (struct reeve_upload *)context;
    size_t most = size * count;
    size_t taken = upload->left < most ? upload->left : most;
    memcpy(buffer, upload->data, taken);
    upload->data += taken;
    upload->left -= taken;
    return taken;
}

static inline CURLcode reeve_curl_upload(CURL *transfer, struct reeve_upload *upload) {
    curl_easy_setopt(transfer, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(transfer, CURLOPT_READFUNCTION, reeve_curl_read);
    return curl_easy_setopt(transfer, CURLOPT_READDATA, upload);
}
