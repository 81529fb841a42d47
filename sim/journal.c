// SPDX-License-Identifier: Apache-2.0
#include "sim/journal.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/intern.h"
#include "lib/base/must.h"

/* What was done to the world and what was found in it has its place however long the rest is. */
static bool is_always_kept(enum sim_entry_type type)
{
	return type == SIM_FAULT || type == SIM_HEALED || type >= SIM_EXPECTED;
}

static void entry_done(struct sim_entry *e)
{
	intern_unref(e->node);
	intern_unref(e->service);
	intern_unref(e->text);
}

static struct sim_entry *new_entry(struct sim_journal *j, enum sim_entry_type type)
{
	if (j->most == 0 || j->count < j->most || is_always_kept(type))
		return must(array_push(j));
	entry_done(&j->last_left_out);
	j->last_left_out = (struct sim_entry){ 0 };
	j->left_out++;
	return &j->last_left_out;
}

static const char *__attribute__((format(printf, 1, 0))) formatted(const char *fmt, va_list args)
{
	char *text = must_vtext(fmt, args);
	const char *shared = intern(text);

	free(text);
	return shared;
}

struct sim_entry *sim_journal_add(struct sim_journal *j, uint64_t at_ns, enum sim_entry_type type,
				  const char *node, const char *service, const struct ip_addr *ip,
				  const char *fmt, ...)
{
	struct sim_entry *e = new_entry(j, type);
	va_list args;

	e->at_ns = at_ns;
	e->type = type;
	e->node = intern(node == NULL ? "" : node);
	e->service = intern(service == NULL ? "" : service);
	if (ip != NULL)
		e->ip = *ip;
	va_start(args, fmt);
	e->text = formatted(fmt, args);
	va_end(args);
	j->disappointed += type == SIM_DISAPPOINTED;
	j->broken += type == SIM_BROKEN;
	return e;
}

void sim_journal_done(struct sim_journal *j)
{
	for (size_t i = 0; i < j->count; i++)
		entry_done(&j->items[i]);
	entry_done(&j->last_left_out);
	array_free(j);
	*j = (struct sim_journal){ 0 };
}
