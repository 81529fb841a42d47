// SPDX-License-Identifier: Apache-2.0
/* Percent-encoding for paths and queries of the Kubernetes API. See also kube_path() in kube.h. */
#ifndef BELLMAN_KUBE_URL_H
#define BELLMAN_KUBE_URL_H

#include <stdio.h>

/* Write @text to @to; everything but RFC 3986's unreserved characters as %XX. */
void url_write(FILE *to, const char *text);

#endif
