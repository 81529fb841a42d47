// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/tokens.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/model/file_io.h"
#include "standalone/apiserver/buf.h"

enum { TOKENS_MAX = 256, TOKEN_LEN = 2048, FILE_MAX = 1 << 20 };

/* What a file says. */
struct list {
	unsigned count;
	char token[TOKENS_MAX][TOKEN_LEN]; /* filled up with NULs: compared whole */
};

struct tokens {
	char *path;
	struct list *list;
	struct file_mark mark;
	uint64_t looked_s;
};

static struct list *free_list(struct list *l)
{
	if (l != NULL)
		explicit_bzero(l, sizeof(*l));
	free(l);
	return NULL;
}

/* One line. A token that cannot be kept whole must not be kept in part. */
static int add(struct list *t, const char *line)
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

static int load(const char *path, struct list **ret)
{
	char *text;
	size_t len;
	int rc = file_read(path, FILE_MAX, &text, &len);

	if (rc < 0)
		return rc;
	struct list *l = mem_zero(sizeof(*l));
	const char *line = text;
	do
		rc = add(l, line);
	while (rc == 0 && (line = next_line(line)) != NULL);
	if (rc == 0 && l->count == 0)
		rc = -EINVAL;
	explicit_bzero(text, len);
	free(text);
	if (rc == 0)
		*ret = l;
	else
		free_list(l);
	return rc;
}

int tokens_open(const char *path, struct tokens **ret)
{
	const struct file_mark mark = file_mark(path);
	struct list *list = NULL;
	int rc = load(path, &list);

	if (rc != 0)
		return rc;
	struct tokens *t = mem_zero(sizeof(*t));
	t->path = mem_text(path);
	t->list = list;
	t->mark = mark;
	*ret = t;
	return 0;
}

static void look(struct tokens *t)
{
	const struct file_mark mark = file_mark(t->path);
	struct list *list = NULL;

	if (file_mark_same(&mark, &t->mark))
		return;
	t->mark = mark;
	int rc = load(t->path, &list);
	if (rc != 0) {
		log_warn("http", "tokens not readable, those of before stay good",
			 "file=%s err=\"%s\"", t->path, file_error(rc));
		return;
	}
	log_info("http", "tokens read again", "file=%s count=%u", t->path, list->count);
	free_list(t->list);
	t->list = list;
}

bool tokens_allow(struct tokens *t, const char *authorization, uint64_t now_s)
{
	char given[TOKEN_LEN] = "";
	bool allowed = false;

	if (now_s != t->looked_s) {
		t->looked_s = now_s;
		look(t);
	}
	if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0 ||
	    strlen(authorization + 7) >= TOKEN_LEN)
		return false;
	memcpy(given, authorization + 7, strlen(authorization + 7));
	for (unsigned i = 0; i < t->list->count; i++) {
		unsigned char differs = 0;

		for (size_t c = 0; c < TOKEN_LEN; c++)
			differs |= (unsigned char)(given[c] ^ t->list->token[i][c]);
		allowed = allowed || differs == 0;
	}
	explicit_bzero(given, sizeof(given));
	return allowed;
}

struct tokens *tokens_free(struct tokens *t)
{
	if (t == NULL)
		return NULL;
	free_list(t->list);
	free(t->path);
	free(t);
	return NULL;
}
