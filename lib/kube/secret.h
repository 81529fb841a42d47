// SPDX-License-Identifier: Apache-2.0
/* Secrets: words in files, bytes in memory files, and memory that is wiped when it is given back.
 */
#ifndef BELLMAN_KUBE_SECRET_H
#define BELLMAN_KUBE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#define SECRET_FILE_MAX (1u << 20)

/* Wipe and free a text; NULL is fine. */
void secret_free(char *secret);

/* A file that holds one word, with blank space around it or not; *ret is for secret_free(). 0,
 * -ENODATA or as file_read(). */
int secret_word_read(const char *path, char **ret);

/*
 * Bytes in an anonymous file, called *ret_path ("/proc/self/fd/N") for as long as *ret_fd is open:
 * every TLS library that libcurl may be built with reads files, few read memory, and no key goes to
 * disk. Both are the caller's. 0 or a negative errno.
 */
int secret_to_file(const char *name, const void *bytes, size_t len, int *ret_fd, char **ret_path);

/* Does the file hold these bytes and no others? */
bool secret_file_is(int fd, const void *bytes, size_t len);

#endif
