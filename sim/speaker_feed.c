// SPDX-License-Identifier: Apache-2.0
/* What the API tells a simulated speaker: as speaker/cluster_io.c and the source of configuration.
 */
#include "sim/speaker_state.h"

struct feed_kind {
	enum sim_kind kind;
	void (*upsert)(struct speaker *engine, const struct sim_object *o);
	void (*remove)(struct speaker *engine, const char *ns, const char *name);
};

static void node_upsert(struct speaker *engine, const struct sim_object *o)
{
	speaker_node_upsert(engine, o->node);
}

static void node_remove(struct speaker *engine, const char *ns, const char *name)
{
	(void)ns;
	speaker_node_remove(engine, name);
}

static void service_upsert(struct speaker *engine, const struct sim_object *o)
{
	speaker_service_upsert(engine, o->service);
}

static void slice_upsert(struct speaker *engine, const struct sim_object *o)
{
	speaker_slice_upsert(engine, o->slice);
}

static void config_upsert(struct speaker *engine, const struct sim_object *o)
{
	speaker_config_set(engine, o->config);
}

/* The configuration in force stays until there is another. */
static void config_remove(struct speaker *engine, const char *ns, const char *name)
{
	(void)engine;
	(void)ns;
	(void)name;
}

static const struct feed_kind kinds[FEEDS] = {
	{ SIM_CONFIG, config_upsert, config_remove },
	{ SIM_NODE, node_upsert, node_remove },
	{ SIM_SERVICE, service_upsert, speaker_service_remove },
	{ SIM_SLICE, slice_upsert, speaker_slice_remove },
};

static void on_upsert(void *arg, const struct sim_object *o)
{
	struct feed *f = arg;

	if (o->any != NULL) /* what does not decode is skipped, and what was known of it stays */
		f->kind->upsert(f->speaker->engine, o);
	sim_speaker_told(f->speaker);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct feed *f = arg;

	f->kind->remove(f->speaker->engine, ns, name);
	sim_speaker_told(f->speaker);
}

static void on_synced(void *arg)
{
	struct feed *f = arg;

	sim_speaker_told(f->speaker);
}

static const struct sim_watch_ops ops = {
	.upsert = on_upsert,
	.remove = on_remove,
	.synced = on_synced,
};

void sim_speaker_feeds_start(struct sim_speaker *s)
{
	for (size_t i = 0; i < FEEDS; i++) {
		s->feeds[i] = (struct feed){ .speaker = s, .kind = &kinds[i] };
		s->feeds[i].watch = sim_watch_start(s->client, kinds[i].kind, &ops, &s->feeds[i]);
	}
}

bool sim_speaker_feeds_synced(const struct sim_speaker *s)
{
	for (size_t i = 0; i < FEEDS; i++)
		if (!sim_watch_synced(s->feeds[i].watch))
			return false;
	return true;
}

bool sim_speaker_feeds_current(const struct sim_speaker *s)
{
	for (size_t i = 0; i < FEEDS; i++)
		if (!sim_watch_is_current(s->feeds[i].watch))
			return false;
	return true;
}

bool sim_speaker_feeds_past(const struct sim_speaker *s, uint64_t number)
{
	for (size_t i = 0; i < FEEDS; i++)
		if (!sim_watch_has_told(s->feeds[i].watch, number))
			return false;
	return true;
}

/* --- told all over again ----------------------------------------------------------------- */

struct retelling {
	struct speaker *engine;
	const struct feed_kind *kind;
};

static void retell(void *arg, const struct sim_object *o)
{
	const struct retelling *r = arg;

	if (o->any != NULL)
		r->kind->upsert(r->engine, o);
}

void sim_speaker_feeds_retell(struct sim_speaker *s)
{
	for (size_t i = 0; i < FEEDS; i++) {
		struct retelling r = { s->engine, &kinds[i] };
		sim_api_each(s->cfg.api, kinds[i].kind, retell, &r);
	}
}
