// SPDX-License-Identifier: Apache-2.0
/*
 * Of all faults the one that MetalLB would tell: it stops at the first, in an order of its own,
 * and puts the object around it in words. Its users compare the text.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/cluster.h"
#include "lib/model/config_build.h"
#include "lib/model/schema.h"

static const struct kind_stage {
	const char *kind;
	enum build_stage stage;
	const char *before, *after; /* around the name; NULL: MetalLB does not say which object */
} stages[] = {
	{ "BFDProfile", BUILD_BFD_PROFILES, "parsing bfd profile ", ": " },
	{ "BGPPeer", BUILD_PEERS, "parsing peer ", " " },
	{ "Community", BUILD_COMMUNITIES, NULL, NULL },
	{ "IPAddressPool", BUILD_POOLS, "parsing address pool ", ": " },
	{ "L2Advertisement", BUILD_L2_ADVERTISEMENTS, NULL, NULL },
	{ "BGPAdvertisement", BUILD_BGP_ADVERTISEMENTS, NULL, NULL },
	{ "Settings", BUILD_SETTINGS, NULL, NULL },
};

static const struct kind_stage *stage_of(const struct kind *kind)
{
	size_t i = 0;

	while (strcmp(stages[i].kind, kind->name) != 0)
		i++;
	return &stages[i];
}

struct where build_where(const struct build_entry *e, char *buf, size_t size)
{
	struct where where = e->input->where;

	if (where.doc == NULL && where.base == NULL) {
		snprintf(buf, size, "%s/%s", e->kind->name, e->name);
		where.base = buf;
	}
	return where;
}

void build_rank(const struct build_entry *e, enum build_stage stage, struct faults *faults,
		size_t from)
{
	for (size_t i = from; i < faults->count; i++)
		faults->items[i].rank = (uint64_t)stage << 32 | e->place;
}

static void summarize(const struct build_entry *e, const struct kind_stage *stage, struct fault *f)
{
	bool known = f->summary != NULL;
	char *text = NULL;

	if (stage->before == NULL && known)
		return;
	int rc = stage->before == NULL ? asprintf(&text, "%s %s: %s: %s", e->kind->name, e->name,
						  f->field, f->message)
		 : known ? asprintf(&text, "%s%s%s%s", stage->before, e->name, stage->after,
				    f->summary)
			 : asprintf(&text, "%s%s%s%s: %s", stage->before, e->name, stage->after,
				    f->field, f->message);
	if (rc < 0)
		return; /* as it was will do */
	free(f->summary);
	f->summary = text;
}

void build_rank_own(const struct build_entry *e, struct faults *faults, size_t from)
{
	const struct kind_stage *stage = stage_of(e->kind);

	build_rank(e, stage->stage, faults, from);
	for (size_t i = from; i < faults->count; i++)
		summarize(e, stage, &faults->items[i]);
}

void build_cursor_at(const struct build *b, const struct build_entry *e, struct build_cursor *ret)
{
	struct where where = build_where(e, ret->name, sizeof(ret->name));

	ret->source = (struct json_source){ .where = where, .faults = b->faults };
	ret->root = json_root(&ret->source, e->input->object, "");
	ret->spec = json_get(&ret->root, "spec");
}

struct build_entry *build_loser(struct build_entry *later, struct build_entry *other)
{
	return later->input->from_file && !other->input->from_file ? other : later;
}

void build_refuse(struct build *b, struct build_entry *loser, const struct build_entry *winner,
		  enum build_stage stage, const struct json *at, const char *summary,
		  const char *fmt, ...)
{
	bool file_wins = winner != NULL && winner->input->from_file && !loser->input->from_file;
	size_t from = b->faults->count;
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	if (file_wins) {
		json_warn(at, "ignored, %s", message);
		loser->dropped = true;
	} else {
		json_fault(at, "%s", message);
	}
	faults_summarize(b->faults, "%s", summary);
	build_rank(loser, stage, b->faults, from);
}

bool build_concerns(const struct build *b, const struct selectors *node_selectors)
{
	const struct node *own = b->inputs->own_node;

	return own == NULL || node_selectors->count == 0 ||
	       selectors_match(node_selectors, &own->meta.labels);
}

const char *config_first_error(const struct faults *faults, char *buf, size_t size)
{
	const struct fault *first = NULL;

	snprintf(buf, size, "%s", "");
	for (size_t i = 0; i < faults->count; i++) {
		const struct fault *f = &faults->items[i];
		if (!f->warning && (first == NULL || f->rank < first->rank))
			first = f;
	}
	if (first != NULL && first->summary != NULL)
		snprintf(buf, size, "%s", first->summary);
	else if (first != NULL)
		fault_format(first, buf, size);
	return buf;
}
