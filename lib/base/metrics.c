// SPDX-License-Identifier: Apache-2.0
#include "lib/base/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/must.h"
#include "lib/base/tree.h"

struct series {
	RB_ENTRY(series) node;
	int64_t value;
	size_t key_len;
	char key[]; /* the label values, each with its NUL */
};

RB_HEAD(series_tree, series);

struct metric_family {
	TAILQ_ENTRY(metric_family) link;
	const char *name, *help;
	enum metric_type type;
	const char *labels[METRIC_LABELS_MAX];
	size_t label_count;
	struct series_tree tree;
};

struct metrics {
	TAILQ_HEAD(, metric_family) families;
};

static int series_cmp(const struct series *a, const struct series *b)
{
	size_t n = a->key_len < b->key_len ? a->key_len : b->key_len;
	int c = memcmp(a->key, b->key, n);

	return c != 0 ? c : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

TREE_GENERATE(series_tree, series, node, series_cmp)

struct metrics *metrics_new(void)
{
	struct metrics *m = must(calloc(1, sizeof(*m)));

	TAILQ_INIT(&m->families);
	return m;
}

struct metrics *metrics_free(struct metrics *m)
{
	if (m == NULL)
		return NULL;
	for (struct metric_family *f; (f = TAILQ_FIRST(&m->families)) != NULL;) {
		metric_clear(f);
		TAILQ_REMOVE(&m->families, f, link);
		free(f);
	}
	free(m);
	return NULL;
}

struct metric_family *metrics_family(struct metrics *m, const char *name, const char *help,
				     enum metric_type type, const char *const *labels)
{
	struct metric_family *f = must(calloc(1, sizeof(*f)));

	f->name = name;
	f->help = help;
	f->type = type;
	while (labels != NULL && labels[f->label_count] != NULL &&
	       f->label_count < METRIC_LABELS_MAX) {
		f->labels[f->label_count] = labels[f->label_count];
		f->label_count++;
	}
	RB_INIT(&f->tree);
	TAILQ_INSERT_TAIL(&m->families, f, link);
	return f;
}

/* A series with the given label values and nothing else, for look-up and insertion. */
static struct series *series_new(const struct metric_family *f, const char *const *values)
{
	size_t len = 0;

	for (size_t i = 0; i < f->label_count; i++)
		len += strlen(values[i]) + 1;
	struct series *s = must(calloc(1, sizeof(*s) + len));
	for (size_t i = 0; i < f->label_count; i++) {
		size_t n = strlen(values[i]) + 1;
		memcpy(s->key + s->key_len, values[i], n);
		s->key_len += n;
	}
	return s;
}

int64_t *metric_value(struct metric_family *f, const char *const *values)
{
	struct series *s = series_new(f, values);
	struct series *old = RB_INSERT(series_tree, &f->tree, s);

	if (old != NULL) {
		free(s);
		s = old;
	}
	return &s->value;
}

int64_t *metric_value0(struct metric_family *f)
{
	return metric_value(f, NULL);
}

int64_t *metric_value1(struct metric_family *f, const char *value)
{
	return metric_value(f, &value);
}

void metric_drop(struct metric_family *f, const char *const *values)
{
	struct series *key = series_new(f, values);
	struct series *s = RB_FIND(series_tree, &f->tree, key);

	free(key);
	if (s == NULL)
		return;
	RB_REMOVE(series_tree, &f->tree, s);
	free(s);
}

void metric_clear(struct metric_family *f)
{
	for (struct series *s; (s = RB_MIN(series_tree, &f->tree)) != NULL;) {
		RB_REMOVE(series_tree, &f->tree, s);
		free(s);
	}
}

void metrics_each(const struct metrics *m, const char *family,
		  void (*each)(void *arg, const char *const *values, int64_t value), void *arg)
{
	const char *values[METRIC_LABELS_MAX];
	struct metric_family *f;
	struct series *s;

	TAILQ_FOREACH (f, &m->families, link) {
		if (strcmp(f->name, family) != 0)
			continue;
		RB_FOREACH (s, series_tree, &f->tree) {
			const char *value = s->key;
			for (size_t i = 0; i < f->label_count; i++, value += strlen(value) + 1)
				values[i] = value;
			each(arg, values, s->value);
		}
	}
}

static void write_escaped(FILE *to, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			fputs("\\n", to);
		else if (*text == '"' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else
			fputc(*text, to);
	}
}

void metrics_write(const struct metrics *m, FILE *to)
{
	struct metric_family *f;
	struct series *s;

	TAILQ_FOREACH (f, &m->families, link) {
		fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name,
			f->type == METRIC_COUNTER ? "counter" : "gauge");
		RB_FOREACH (s, series_tree, &f->tree) {
			const char *value = s->key;
			fputs(f->name, to);
			for (size_t i = 0; i < f->label_count; i++) {
				fprintf(to, "%c%s=\"", i == 0 ? '{' : ',', f->labels[i]);
				write_escaped(to, value);
				fputc('"', to);
				value += strlen(value) + 1;
			}
			fprintf(to, "%s %" PRId64 "\n", f->label_count > 0 ? "}" : "", s->value);
		}
	}
}
