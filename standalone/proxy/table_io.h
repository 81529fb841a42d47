// SPDX-License-Identifier: Apache-2.0
/*
 * A look at what is in the kernel, by netlink and on the loop: is there a table of ours, has it our
 * frame, which chains and elements are in it, and is there one of kube-proxy's beside it?
 */
#ifndef BELLMAN_PROXY_TABLE_IO_H
#define BELLMAN_PROXY_TABLE_IO_H

#include <stdbool.h>
#include <uv.h>

#include "standalone/proxy/inherited.h"

struct table_seen {
	bool kube_proxy;  /* a table of its name is there */
	bool table;       /* ours */
	bool frame;       /* and it has our very frame */
	bool affinity[2]; /* the sets of session affinity are there; [0]: IPv4 */
	/* Its chains and elements; only when it has our frame. Whoever wants it sets it to NULL. */
	struct inherited *found;
};

/* @error: 0, or a negative errno, and @seen is all zero. */
typedef void (*table_done)(void *arg, int error, struct table_seen *seen);

/* Look. @done runs exactly once, from the loop. */
void table_look(uv_loop_t *loop, table_done done, void *arg);

/*
 * Is the table there, with our frame, and are there rules where packets come in? Short questions,
 * answered at once. Returns 0, -ENOENT, -ENODATA when there is a chain without rules, or another
 * negative errno. What is in the chains of Services is not looked at.
 */
int table_probe(void);

#endif
