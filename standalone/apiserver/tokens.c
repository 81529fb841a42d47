// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/tokens.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/file_io.h"
#include "standalone/apiserver/buf.h"

enum { TOKENS_MAX = 256, TOKEN_LEN = 2048, FILE_MAX = 1 << 20 };

struct tokens {
	unsigned count;
	char token[TOKENS_MAX][TOKEN_LEN]; /* filled up with NULs: compared whole */
};

/* One line. A token that cannot be kept whole must not be kept in part. */
static int add(struct tokens *t, const char *line)
{
	size_t n = strcspn(line, ",\r\n");

	if (n == 0 || line[0] == '#')
		return 0;
	if (n >= TOKEN_LEN || t->count == TOKENS_MAX)
		return -E2BIG;
	memcpy(t->token[t->count++], line, n);
	return 0;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end == NULL ? NULL : end + 1;
}

int tokens_load(const char *path, struct tokens **ret)
{
	char *text;
	size_t len;
	int rc = file_read(path, FILE_MAX, &text, &len);

	if (rc < 0)
		return rc;
	struct tokens *t = mem_zero(sizeof(*t));
	const char *line = text;
	do
		rc = add(t, line);
	while (rc == 0 && (line = next_line(line)) != NULL);
	if (rc == 0 && t->count == 0)
		rc = -EINVAL;
	explicit_bzero(text, len);
	free(text);
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
