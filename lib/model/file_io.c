// SPDX-License-Identifier: Apache-2.0
#include "lib/model/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int file_open(const char *path, int *ret_fd, size_t *ret_size)
{
	/* Without O_NONBLOCK, a FIFO that nobody writes to holds us up here already. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc = 0;
	struct stat st;

	if (fd == -1)
		return errno == ENXIO ? -EMEDIUMTYPE : -errno; /* ENXIO: a socket */
	if (fstat(fd, &st) == -1)
		rc = -errno;
	else if (S_ISDIR(st.st_mode))
		rc = -EISDIR;
	else if (!S_ISREG(st.st_mode) &&
		 !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))) /* /dev/null */
		rc = -EMEDIUMTYPE;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	*ret_size = S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
	return 0;
}

/* Room for the NUL, and for one byte that tells that the file is longer than it was said to be. */
static int read_all(int fd, size_t size, size_t max, char **ret, size_t *ret_len)
{
	size_t room = (size < max ? size : max) + 2, len = 0;
	char *text = malloc(room);

	while (text != NULL) {
		ssize_t n = read(fd, text + len, room - 1 - len);
		if (n == -1 && errno == EINTR)
			continue;
		len += n > 0 ? (size_t)n : 0;
		if (n <= 0 || len > max) {
			int rc = n < 0 ? -errno : len > max ? -EFBIG : 0;
			text[len] = '\0';
			*ret_len = len;
			*ret = rc == 0 ? text : NULL;
			if (rc != 0)
				free(text);
			return rc;
		}
		if (len < room - 1)
			continue;
		room = room < max / 2 ? room * 2 + 4096 : max + 2; /* /proc says 0; it may grow */
		char *bigger = realloc(text, room);
		if (bigger == NULL)
			free(text);
		text = bigger;
	}
	return -ENOMEM;
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_len)
{
	size_t size = 0;
	int fd = -1, rc = file_open(path, &fd, &size);

	if (rc < 0)
		return rc;
	rc = read_all(fd, size, max, ret, ret_len);
	close(fd);
	return rc;
}

int file_check(const char *path)
{
	size_t size = 0;
	int fd = -1, rc = file_open(path, &fd, &size);

	if (rc == 0)
		close(fd);
	return rc;
}

struct file_mark file_mark(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return (struct file_mark){ 0 };
	return (struct file_mark){ st.st_ctim, st.st_dev, st.st_ino };
}

bool file_mark_same(const struct file_mark *a, const struct file_mark *b)
{
	return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
	       a->device == b->device && a->inode == b->inode;
}

const char *file_error(int rc)
{
	return rc == -EMEDIUMTYPE ? "not a regular file" : strerror(-rc);
}
