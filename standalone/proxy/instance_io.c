// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/instance_io.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/duration.h"

static const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0bellman-proxy" };
#define NAME_LEN                                                                                   \
	((socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof("\0bellman-proxy") - 1))

/* Between bind() and listen() one of ours looks like somebody else's that does not listen. */
#define TRIES    100
#define PAUSE_NS (10 * NS_PER_MS)

/* Who has the name? -EEXIST: one of ours; -ECONNREFUSED: who does not listen; 0: somebody else. */
static int ask_who(pid_t *ret_pid)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc = 0;
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);

	if (fd == -1)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&name, NAME_LEN) != 0)
		/* Nobody accepts, so that there is a last one who can ask: it is still taken. */
		rc = errno == EAGAIN ? -EEXIST : -errno;
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		rc = -errno;
	else if (who.uid == 0 || who.uid == geteuid())
		rc = -EEXIST;
	*ret_pid = who.pid;
	close(fd);
	return rc;
}

int instance_claim(pid_t *ret_pid)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc = -ECONNREFUSED;

	*ret_pid = 0;
	if (fd == -1)
		return -errno;
	for (unsigned i = 0; i < TRIES && rc == -ECONNREFUSED; i++) {
		if (i > 0)
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
		if (bind(fd, (const struct sockaddr *)&name, NAME_LEN) == 0)
			rc = listen(fd, 8) == 0 ? 0 : -errno;
		else
			rc = errno == EADDRINUSE ? ask_who(ret_pid) : -errno;
	}
	if (rc == 0 || rc == -ECONNREFUSED)
		return fd;
	close(fd);
	return rc;
}
