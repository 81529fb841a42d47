// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "lib/base/tree.h"

struct entry {
	RB_ENTRY(entry) by_port;
	struct check check;
};
RB_HEAD(entries, entry);

struct checks {
	struct entries tree;
};

static int entry_cmp(const struct entry *a, const struct entry *b)
{
	int diff = (a->check.port > b->check.port) - (a->check.port < b->check.port);

	if (diff == 0)
		diff = strcmp(a->check.ns, b->check.ns);
	return diff != 0 ? diff : strcmp(a->check.name, b->check.name);
}

TREE_GENERATE(entries, entry, by_port, entry_cmp)

void check_changes_add(struct check_changes *c, const struct check *check, bool gone)
{
	struct check_change *change = must(array_push(c));

	*change = (struct check_change){ .check = *check, .gone = gone };
	change->check.ns = intern_ref(check->ns);
	change->check.name = intern_ref(check->name);
}

void check_changes_done(struct check_changes *c)
{
	for (size_t i = 0; i < c->count; i++) {
		intern_unref(c->items[i].check.ns);
		intern_unref(c->items[i].check.name);
	}
	array_free(c);
}

static void drop(struct checks *c, struct entry *e)
{
	RB_REMOVE(entries, &c->tree, e);
	intern_unref(e->check.ns);
	intern_unref(e->check.name);
	free(e);
}

void checks_apply(struct checks *c, const struct check_change *change)
{
	struct entry key = { .check = change->check };
	struct entry *e = RB_FIND(entries, &c->tree, &key);

	if (change->gone) {
		if (e != NULL)
			drop(c, e);
		return;
	}
	if (e == NULL) {
		e = must(calloc(1, sizeof(*e)));
		e->check = change->check;
		e->check.ns = intern_ref(change->check.ns);
		e->check.name = intern_ref(change->check.name);
		RB_INSERT(entries, &c->tree, e);
	}
	e->check.endpoints = change->check.endpoints;
}

const struct check *checks_at(const struct checks *c, uint16_t port)
{
	struct entry key = { .check = { .port = port, .ns = "", .name = "" } };
	/* The tree's macros write to no node when they search. */
	const struct entry *e = RB_NFIND(entries, (struct entries *)(uintptr_t)&c->tree, &key);

	return e != NULL && e->check.port == port ? &e->check : NULL;
}

unsigned check_answer(const struct check *check, bool healthy, char body[static CHECK_BODY_MAX])
{
	/* Names are DNS names (owners.c takes in no others): nothing in them wants escaping. */
	snprintf(body, CHECK_BODY_MAX,
		 "{\n\t\"service\": {\n\t\t\"namespace\": \"%s\",\n\t\t\"name\": \"%s\"\n\t},\n"
		 "\t\"localEndpoints\": %u,\n\t\"serviceProxyHealthy\": %s\n}",
		 check->ns, check->name, check->endpoints, healthy ? "true" : "false");
	return check->endpoints > 0 && healthy ? 200 : 503;
}

struct checks *checks_new(void)
{
	return must(calloc(1, sizeof(struct checks)));
}

struct checks *checks_free(struct checks *c)
{
	struct entry *e, *next;

	if (c == NULL)
		return NULL;
	RB_FOREACH_SAFE (e, entries, &c->tree, next)
		drop(c, e);
	free(c);
	return NULL;
}
