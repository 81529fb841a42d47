// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/url.h"

#include <stdlib.h>
#include <string.h>

#include "lib/kube/kube.h"

void url_write(FILE *to, const char *text)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789-._~";

	for (; *text != '\0'; text++) {
		if (strchr(unreserved, *text) != NULL)
			putc(*text, to);
		else
			fprintf(to, "%%%02X", (unsigned char)*text);
	}
}

static void part_write(FILE *to, const char *part)
{
	if (part == NULL)
		return;
	putc('/', to);
	url_write(to, part);
}

char *kube_path(const char *api, const char *ns, const char *resource, const char *name,
		const char *subresource)
{
	char *path = NULL;
	size_t len;
	FILE *to = open_memstream(&path, &len);

	if (to == NULL)
		return NULL;
	fputs(api, to);
	if (ns != NULL && *ns != '\0') {
		part_write(to, "namespaces");
		part_write(to, ns);
	}
	part_write(to, resource);
	part_write(to, name);
	part_write(to, subresource);
	if (fclose(to) != 0) {
		free(path);
		return NULL;
	}
	return path;
}
