// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/model/file_io.h"

void secret_free(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

int secret_word_read(const char *path, char **ret)
{
	size_t len;
	char *text;
	int rc = file_read(path, SECRET_FILE_MAX, &text, &len);

	if (rc < 0)
		return rc;
	size_t blank = strspn(text, " \t\r\n");
	memmove(text, text + blank, len - blank + 1);
	text[strcspn(text, " \t\r\n")] = '\0';
	if (*text == '\0') {
		free(text);
		return -ENODATA;
	}
	*ret = text;
	return 0;
}

int secret_to_file(const char *name, const void *bytes, size_t len, int *ret_fd, char **ret_path)
{
	char *path = NULL;
	int fd = memfd_create(name, MFD_CLOEXEC);
	int rc = fd == -1 ? -errno : 0;

	if (rc == 0 && write(fd, bytes, len) != (ssize_t)len)
		rc = -EIO;
	if (rc == 0 && asprintf(&path, "/proc/self/fd/%d", fd) < 0)
		rc = -ENOMEM;
	if (rc < 0) {
		if (fd != -1)
			close(fd);
		return rc;
	}
	*ret_fd = fd;
	*ret_path = path;
	return 0;
}

bool secret_file_is(int fd, const void *bytes, size_t len)
{
	char *held = malloc(len + 1);
	bool same = held != NULL && pread(fd, held, len + 1, 0) == (ssize_t)len &&
		    memcmp(held, bytes, len) == 0;

	if (held != NULL)
		explicit_bzero(held, len + 1);
	free(held);
	return same;
}
