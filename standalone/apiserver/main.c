// SPDX-License-Identifier: Apache-2.0
/*
 * bellman-apiserver: the Kubernetes API for one host, without a cluster.
 *
 * Crash-only: a write is answered once it is on disk, and starting again is the only
 * recovery there is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/ip.h"
#include "lib/base/log.h"
#include "lib/daemon/loop.h"
#include "lib/daemon/options.h"
#include "standalone/apiserver/http.h"
#include "standalone/apiserver/manifests.h"
#include "standalone/apiserver/objects.h"

static const char program[] = "bellman-apiserver";

enum {
	HISTORY_COUNT = 16384, /* changes that a watch may resume behind */
	HISTORY_BYTES = 64 << 20,
};

struct server {
	struct daemon daemon;
	struct api api;
	struct http *http;
	struct manifests *manifests;
	int exit_code;
};

static void stop(void *arg)
{
	struct server *s = arg;

	s->manifests = manifests_close(s->manifests);
	s->http = http_close(s->http);
}

/* Called deep inside of a request: there is nothing to unwind that a restart would not do. */
static void failed(void *arg)
{
	(void)arg;
	_exit(1);
}

static void written(void *arg)
{
	struct server *s = arg;

	http_written(s->http);
}

static bool is_loopback(const char *listen)
{
	struct ip_prefix v4, v6;
	struct ip_addr ip;
	uint16_t port;

	return ip_listen_parse(listen, &ip, &port) == 0 &&
	       ip_prefix_parse("127.0.0.0/8", &v4) == 0 && ip_prefix_parse("::1/128", &v6) == 0 &&
	       (ip_prefix_contains(&v4, &ip) || ip_prefix_contains(&v6, &ip));
}

/*
 * A new store counts from the time in steps of 10 us: versions that clients kept from an earlier
 * one are then older than it, and are told so, instead of being taken for new. No server writes
 * more than one in a step, so none is ahead of the next one, unless the clock was put back.
 */
static uint64_t first_version(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 100000 + (uint64_t)now.tv_nsec / 10000;
}

static int open_api(struct api *a, const char *data, const char *cidr, const char *ports)
{
	const struct store_cfg cfg = { .path = data,
				       .history_count = HISTORY_COUNT,
				       .history_bytes = HISTORY_BYTES,
				       .first_rv = first_version() };
	char err[256];

	int rc = service_books_new(cidr, ports, &a->books);
	if (rc == -EINVAL)
		options_usage(program,
			      "--service-cidr: '%s' is not a prefix, nor one of each family", cidr);
	if (rc == -ERANGE)
		options_usage(program, "--node-port-range: '%s' is not a range such as 30000-32767",
			      ports);
	if (rc != 0)
		abort(); /* out of memory */
	kinds_init(&a->kinds);
	if (store_open(&cfg, &a->kinds, &a->store, err, sizeof(err)) != 0) {
		log_error("store", "cannot open the state file", "file=%s err=\"%s\"%s", data, err,
			  strstr(err, "locked") != NULL
				  ? " hint=\"another bellman-apiserver has it\""
				  : "");
		return -1;
	}
	cJSON *wrong = objects_start(a);
	if (wrong != NULL || store_commit(a->store) != 0) {
		log_error("store", "cannot write the state file", "file=%s err=\"%s\"",
			  data == NULL ? "" : data, store_error(a->store));
		cJSON_Delete(wrong);
		return -1;
	}
	return 0;
}

static void close_api(struct api *a)
{
	objects_done(a);
	store_close(a->store);
	kinds_done(&a->kinds);
	service_books_free(a->books);
}

int main(int argc, char **argv)
{
	const char *listen = "127.0.0.1:6480", *data = NULL, *manifests = NULL;
	const char *cidr = "10.96.0.0/16,fd00:10:96::/112", *ports = "30000-32767";
	const char *cert = NULL, *key = NULL, *tokens = NULL;
	const struct option_spec specs[] = {
		{ "listen", OPT_LISTEN, &listen, NULL, "ADDR:PORT",
		  "where to serve (port 0: any)" },
		{ "data", OPT_TEXT, &data, NULL, "FILE", "state file; without it, memory only" },
		{ "manifests", OPT_TEXT, &manifests, NULL, "DIR[,DIR]",
		  "folders of manifests to load and follow" },
		{ "service-cidr", OPT_TEXT, &cidr, NULL, "PREFIX[,PREFIX]", "cluster IPs" },
		{ "node-port-range", OPT_TEXT, &ports, NULL, "FIRST-LAST", "node ports" },
		{ "tls-cert", OPT_TEXT, &cert, NULL, "FILE", "serve HTTPS (PEM)" },
		{ "tls-key", OPT_TEXT, &key, NULL, "FILE", "its key (PEM)" },
		{ "token-file", OPT_TEXT, &tokens, NULL, "FILE",
		  "bearer tokens, one a line; required off loopback" },
		{ 0 },
	};
	struct server s = { 0 };

	options_parse(program, "the Kubernetes API for one host, kept in SQLite", specs, argc,
		      argv);
	if (!is_loopback(listen) && tokens == NULL)
		options_usage(program, "--listen %s is not loopback: --token-file is required",
			      listen);
	options_check_tls(program, "tls", cert, key);
	char *folder = manifests_missing(manifests);
	if (folder != NULL)
		options_usage(program, "--manifests: %s", folder);
	cJSON_InitHooks(&(cJSON_Hooks){ mem_get, free });
	if (daemon_init(&s.daemon, stop, NULL, &s) != 0)
		return 1;
	const struct http_cfg cfg = {
		.listen = listen,
		.cert_file = cert,
		.key_file = key,
		.token_file = tokens,
		.failed = failed,
		.arg = &s,
	};
	if (open_api(&s.api, data, cidr, ports) != 0 ||
	    http_open(s.daemon.loop, &s.api, &cfg, &s.http) != 0) {
		s.exit_code = 1;
	} else {
		s.manifests = manifests_open(s.daemon.loop, &s.api, manifests, written, &s);
		log_info("apiserver", "listening", "address=%.*s:%u data=%s",
			 (int)(strrchr(listen, ':') - listen), listen, http_port(s.http),
			 data == NULL ? "memory" : data);
		daemon_run(&s.daemon);
	}
	daemon_done(&s.daemon);
	close_api(&s.api);
	return s.exit_code;
}
