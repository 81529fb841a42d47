// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/tokens.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/buf.h"

enum { TOKENS_MAX = 256, TOKEN_LEN = 512 };

struct tokens {
	unsigned count;
	char token[TOKENS_MAX][TOKEN_LEN]; /* filled up with NULs: compared whole */
};

int tokens_load(const char *path, struct tokens **ret)
{
	FILE *f = fopen(path, "re");
	char line[TOKEN_LEN + 256];
	int rc;

	if (f == NULL)
		return -errno;
	struct tokens *t = mem_zero(sizeof(*t));
	while (t->count < TOKENS_MAX && fgets(line, sizeof(line), f) != NULL) {
		size_t n = strcspn(line, ",\r\n");

		if (n > 0 && n < TOKEN_LEN && line[0] != '#')
			memcpy(t->token[t->count++], line, n);
	}
	rc = ferror(f) ? -EIO : t->count == 0 ? -EINVAL : 0;
	fclose(f);
	explicit_bzero(line, sizeof(line));
	if (rc == 0)
		*ret = t;
	else
		tokens_free(t);
	return rc;
}

bool tokens_allow(const struct tokens *t, const char *authorization)
{
	char given[TOKEN_LEN] = "";
	bool allowed = false;

	if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0 ||
	    strlen(authorization + 7) >= TOKEN_LEN)
		return false;
	memcpy(given, authorization + 7, strlen(authorization + 7));
	for (unsigned i = 0; i < t->count; i++) {
		unsigned char differs = 0;

		for (size_t c = 0; c < TOKEN_LEN; c++)
			differs |= (unsigned char)(given[c] ^ t->token[i][c]);
		allowed = allowed || differs == 0;
	}
	return allowed;
}

struct tokens *tokens_free(struct tokens *t)
{
	if (t != NULL)
		explicit_bzero(t, sizeof(*t));
	free(t);
	return NULL;
}
