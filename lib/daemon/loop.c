// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/duration.h"
#include "lib/base/log.h"

static void on_term(uv_signal_t *handle, int signum)
{
	struct daemon *d = handle->data;

	if (++d->stop_signals > 1)
		_exit(128 + signum);
	log_info("daemon", "stopping", "signal=%s", signum == SIGTERM ? "SIGTERM" : "SIGINT");
	d->on_stop(d->arg);
}

static void on_hup(uv_signal_t *handle, int signum)
{
	struct daemon *d = handle->data;

	(void)signum;
	if (d->on_reload != NULL)
		d->on_reload(d->arg);
}

static int signal_start(struct daemon *d, uv_signal_t *handle, uv_signal_cb cb, int signum)
{
	int rc = uv_signal_init(d->loop, handle);

	if (rc == 0)
		rc = uv_signal_start(handle, cb, signum);
	handle->data = d;
	uv_unref((uv_handle_t *)handle);
	return rc;
}

/* One that was closed would be given to the loop's own pipes, and log lines be read as signals. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR); /* the lowest one that is free */
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* The soft limit of 1,024 is for programs that use select(); a speaker joins groups by hundreds of
 * sockets. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int daemon_init(struct daemon *d, void (*on_stop)(void *arg), void (*on_reload)(void *arg),
		void *arg)
{
	open_standard_descriptors();
	raise_descriptor_limit();
	*d = (struct daemon){
		.loop = uv_default_loop(), .on_stop = on_stop, .on_reload = on_reload, .arg = arg
	};
	if (d->loop == NULL)
		return UV_ENOMEM;
	signal(SIGPIPE, SIG_IGN);

	int rc = signal_start(d, &d->term, on_term, SIGTERM);
	if (rc == 0)
		rc = signal_start(d, &d->interrupt, on_term, SIGINT);
	if (rc == 0)
		rc = signal_start(d, &d->hup, on_hup, SIGHUP);
	return rc;
}

void daemon_run(struct daemon *d)
{
	uv_run(d->loop, UV_RUN_DEFAULT);
}

void daemon_done(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->term, NULL);
	uv_close((uv_handle_t *)&d->interrupt, NULL);
	uv_close((uv_handle_t *)&d->hup, NULL);
	uv_run(d->loop, UV_RUN_DEFAULT);
	uv_loop_close(d->loop);
}

uint64_t daemon_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t daemon_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = daemon_now_ns() ^ (uint64_t)getpid() << 32;
	return seed;
}
