// SPDX-License-Identifier: Apache-2.0
/* What those who read credentials from somewhere share. */
#ifndef BELLMAN_KUBE_CREDENTIALS_READ_H
#define BELLMAN_KUBE_CREDENTIALS_READ_H

#include "lib/kube/credentials.h"

/* What a reader needs beside the result: where to complain, and whose file it is. */
struct reading {
	struct credentials *to;
	const char *path; /* NULL: no file */
	char *err;
	size_t err_size;
};

/* "PATH: what is wrong" into r->err; returns @rc. */
int reading_fault(const struct reading *r, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void credentials_init(struct credentials *c);

/* Take the server's address: a scheme we speak, no name or password in it, no slash at the end. */
int credentials_set_server(const struct reading *r, const char *server);
/* Its certificate has the name @name; after credentials_set_server(). */
int credentials_set_tls_name(const struct reading *r, const char *name);

#endif
