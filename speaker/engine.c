// SPDX-License-Identifier: Apache-2.0
/* The engine's life, its configuration, and what is marked for the pass. */
#include "speaker/engine_state.h"

#include <errno.h>

#include "lib/base/intern.h"

/* --- subjects -------------------------------------------------------------------------------- */

struct subject *engine_subject_find(const struct speaker *s, const char *ns, const char *name)
{
	struct subject key = { .id = { ns, name } };

	return RB_FIND(subject_tree, (struct subject_tree *)&s->subjects, &key);
}

struct subject *engine_subject_get(struct speaker *s, const char *ns, const char *name)
{
	struct subject *j = engine_subject_find(s, ns, name);

	if (j != NULL)
		return j;
	j = must(calloc(1, sizeof(*j)));
	j->id.ns = intern_ref(ns);
	j->id.name = intern_ref(name);
	RB_INSERT(subject_tree, &s->subjects, j);
	return j;
}

void engine_unmark(struct subject *j)
{
	if (j->queue != NULL)
		TAILQ_REMOVE(j->queue, j, marked);
	j->queue = NULL;
}

static void mark_in(struct subject_queue *queue, struct subject *j)
{
	engine_unmark(j);
	TAILQ_INSERT_TAIL(queue, j, marked);
	j->queue = queue;
}

void engine_mark_told(struct speaker *s, struct subject *j)
{
	if (j->queue != &s->told)
		mark_in(&s->told, j);
}

struct subject *engine_next(const struct speaker *s)
{
	return TAILQ_EMPTY(&s->told) ? TAILQ_FIRST(&s->concerned) : TAILQ_FIRST(&s->told);
}

void engine_mark(struct speaker *s, struct subject *j)
{
	if (j->queue == NULL)
		mark_in(&s->concerned, j);
}

void engine_mark_all(struct speaker *s)
{
	struct subject *j;

	RB_FOREACH (j, subject_tree, &s->subjects)
		if (j->balancer != NULL || j->held_count > 0)
			engine_mark(s, j);
}

static void subject_free(struct speaker *s, struct subject *j)
{
	engine_unmark(j);
	engine_unelect(s, j);
	RB_REMOVE(subject_tree, &s->subjects, j);
	engine_balancer_free(j->balancer);
	held_free(j);
	intern_unref(j->id.ns);
	intern_unref(j->id.name);
	free(j);
}

void engine_subject_reap(struct speaker *s, struct subject *j)
{
	if (j->balancer == NULL && j->held_count == 0 && LIST_EMPTY(&j->slices))
		subject_free(s, j);
}

/* --- links and readiness --------------------------------------------------------------------- */

void speaker_link_set(struct speaker *s, const struct l2_link *link)
{
	/* An advertisement may have waited for a name. Links of pods are excluded, and cost
	 * nothing.
	 */
	if (l2_link_set(s->l2, link))
		engine_mark_all(s);
}

void speaker_link_remove(struct speaker *s, unsigned ifindex)
{
	if (l2_link_remove(s->l2, ifindex))
		engine_mark_all(s);
}

void speaker_ready_set(struct speaker *s, bool ready)
{
	if (s->ready == ready)
		return;
	s->ready = ready;
	engine_mark_all(s);
}

/* --- configuration --------------------------------------------------------------------------- */

const struct subject *engine_orphan(const struct speaker *s, const struct config *config)
{
	struct subject *j;

	RB_FOREACH (j, subject_tree, (struct subject_tree *)&s->subjects)
		for (size_t i = 0; i < j->held_count; i++)
			if (config_pool_of(config, &j->held[i], true) == NULL)
				return j;
	return NULL;
}

bool engine_config_adopt(struct speaker *s)
{
	struct subject *j;

	if (engine_orphan(s, s->config_next) != NULL)
		return false;
	RB_FOREACH (j, subject_tree, &s->subjects)
		engine_unelect(s, j); /* a field is known by places in the configuration */
	config_unref(s->config);
	s->config = s->config_next;
	s->config_next = NULL;
	s->config_news = true;
	engine_mark_all(s);
	return true;
}

void speaker_config_set(struct speaker *s, struct config *config)
{
	if (config == (s->config_next != NULL ? s->config_next : s->config))
		return; /* in force as it is, or known to wait */
	config_unref(s->config_next);
	s->config_next = config_ref(config);
	s->config_news = true;
	engine_config_adopt(s);
}

bool speaker_config_waits(const struct speaker *s)
{
	return s->config_next != NULL;
}

/* --- life ------------------------------------------------------------------------------------ */

int speaker_new(const struct speaker_cfg *cfg, struct speaker **ret)
{
	static const char *const labels[] = { "service", "protocol", "node", "ip", NULL };
	struct speaker *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	int rc = l2_new(cfg->exclude, cfg->metrics, cfg->seed, &s->l2);
	if (rc < 0) {
		free(s);
		return rc;
	}
	s->node_name = intern(cfg->node_name);
	if (cfg->lb_class != NULL && cfg->lb_class[0] != '\0')
		s->lb_class = intern(cfg->lb_class);
	s->ignore_exclude_lb = cfg->ignore_exclude_lb;
	s->assume_endpoints = cfg->assume_endpoints;
	s->ranks = cfg->ranks;
	TAILQ_INIT(&s->told);
	TAILQ_INIT(&s->concerned);
	if (cfg->metrics != NULL)
		s->announced_metric = metrics_family(
			cfg->metrics, "metallb_speaker_announced",
			"Services being announced from this node. This is desired state, it does "
			"not guarantee that the routing protocols have converged.",
			METRIC_GAUGE, labels);
	*ret = s;
	return 0;
}

struct speaker *speaker_free(struct speaker *s)
{
	if (s == NULL)
		return NULL;
	for (struct slice *x; (x = RB_MIN(slice_tree, &s->slices)) != NULL;)
		engine_slice_free(s, x);
	for (struct subject *j; (j = RB_MIN(subject_tree, &s->subjects)) != NULL;)
		subject_free(s, j);
	for (struct member *m; (m = RB_MIN(member_tree, &s->members)) != NULL;)
		engine_member_free(s, m);
	array_free(&s->ads);
	config_unref(s->config);
	config_unref(s->config_next);
	intern_unref(s->node_name);
	intern_unref(s->lb_class);
	l2_free(s->l2);
	free(s);
	return NULL;
}
