// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/undecodable.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/base/tree.h"
#include "lib/model/meta.h"

struct bad {
	RB_ENTRY(bad) node;
	const char *kind, *ns, *name, *version; /* interned */
};

RB_HEAD(bad_tree, bad);

struct undecodable {
	struct bad_tree tree;
	struct metric_family *total;
};

static int bad_cmp(const struct bad *a, const struct bad *b)
{
	int c = strcmp(a->name, b->name);

	if (c == 0)
		c = strcmp(a->ns, b->ns);
	return c != 0 ? c : strcmp(a->kind, b->kind);
}

TREE_GENERATE(bad_tree, bad, node, bad_cmp)

struct undecodable *undecodable_new(struct metrics *metrics)
{
	static const char *const labels[] = { "kind", NULL };
	struct undecodable *u = must(calloc(1, sizeof(*u)));

	RB_INIT(&u->tree);
	u->total = metrics_family(metrics, "bellman_objects_undecodable_total",
				  "Versions of API objects that were skipped, for they do not "
				  "decode.",
				  METRIC_COUNTER, labels);
	return u;
}

static void bad_drop(struct undecodable *u, struct bad *b)
{
	RB_REMOVE(bad_tree, &u->tree, b);
	intern_unref(b->kind);
	intern_unref(b->ns);
	intern_unref(b->name);
	intern_unref(b->version);
	free(b);
}

struct undecodable *undecodable_free(struct undecodable *u)
{
	if (u == NULL)
		return NULL;
	for (struct bad *b; (b = RB_MIN(bad_tree, &u->tree)) != NULL;)
		bad_drop(u, b);
	free(u);
	return NULL;
}

void undecodable_note(struct undecodable *u, const char *kind, const cJSON *object,
		      const struct faults *faults)
{
	struct bad key = { .kind = kind,
			   .ns = meta_text_or_empty(object, "namespace"),
			   .name = meta_text_or_empty(object, "name") };
	const char *version = intern(meta_text_or_empty(object, "resourceVersion"));
	struct bad *b = RB_FIND(bad_tree, &u->tree, &key);
	char why[512] = "";

	if (b != NULL && b->version == version) {
		intern_unref(version);
		return;
	}
	if (b == NULL) {
		b = must(calloc(1, sizeof(*b)));
		b->kind = intern(kind);
		b->ns = intern(key.ns);
		b->name = intern(key.name);
		RB_INSERT(bad_tree, &u->tree, b);
	}
	intern_unref(b->version);
	b->version = version;
	++*metric_value1(u->total, kind);
	if (faults->count > 0)
		fault_format(&faults->items[0], why, sizeof(why));
	log_warn("model", "object skipped, it does not decode",
		 "kind=%s namespace=%s name=%s why=\"%s\" faults=%zu", kind, key.ns, key.name, why,
		 faults->count);
}

void undecodable_forget(struct undecodable *u, const char *kind, const char *ns, const char *name)
{
	struct bad key = { .kind = kind, .ns = ns != NULL ? ns : "", .name = name };
	struct bad *b = RB_FIND(bad_tree, &u->tree, &key);

	if (b != NULL)
		bad_drop(u, b);
}
