// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/snapshot.h"

#include <string.h>

static int compare(const char *ns, const char *name, const char *other_ns, const char *other_name)
{
	int d = strcmp(ns, other_ns);

	return d != 0 ? d : strcmp(name, other_name);
}

static int item_cmp(const void *a, const void *b)
{
	const struct snapshot_item *x = a, *y = b;

	return compare(x->ns, x->name, y->ns, y->name);
}

static void add(struct snapshot *s, const char *ns, const char *name, struct text *text)
{
	struct snapshot_item *item = array_push(s);

	if (item == NULL)
		abort();
	*item = (struct snapshot_item){ ns, name, text };
}

bool snapshot_take(const struct store *s, const struct kind *kind, const char *ns,
		   const char *after_ns, const char *after_name, uint64_t rv, struct snapshot *ret)
{
	const struct history *h = store_history(s);
	struct snapshot snap = { 0 };
	uint64_t seq;
	bool sorted = true;

	if (!history_after(h, rv, &seq))
		return false;
	for (const struct object *o = store_first(s, kind, ns, after_ns, after_name); o != NULL;
	     o = store_next(o, ns))
		if (o->rv <= rv)
			add(&snap, o->ns, o->name, o->text);
	/* What changed since stands as it was before its first change. */
	for (; seq < history_end(h); seq++) {
		const struct change *c = history_at(h, seq);

		if (c->kind != kind || c->before == NULL || c->before_rv > rv ||
		    (ns != NULL && strcmp(c->ns, ns) != 0) ||
		    (after_name != NULL && compare(c->ns, c->name, after_ns, after_name) <= 0))
			continue;
		add(&snap, c->ns, c->name, c->before);
		sorted = false;
	}
	if (!sorted)
		qsort(snap.items, snap.count, sizeof(snap.items[0]), item_cmp);
	*ret = snap;
	return true;
}

void snapshot_done(struct snapshot *s)
{
	array_free(s);
}
