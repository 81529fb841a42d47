// SPDX-License-Identifier: Apache-2.0
/*
 * Files are read in the order of time. What the API would hold by then is kept as JSON: the file
 * of a step stands in the place of what is there, and takes cluster IPs that nobody has.
 */
#include "ctl/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/cluster.h"
#include "ctl/peek.h"
#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/base/tree.h"

struct objects {
	ARRAY_OF(cJSON *);
};

/* What the API holds: by kind, namespace and name. */
struct held {
	RB_ENTRY(held) link;
	const char *kind, *ns, *name; /* within .json, or lent for a search */
	cJSON *json;
};

static int held_cmp(const struct held *a, const struct held *b)
{
	int c = strcmp(a->kind, b->kind);

	if (c == 0)
		c = strcmp(a->ns, b->ns);
	return c != 0 ? c : strcmp(a->name, b->name);
}

RB_HEAD(held_tree, held);
TREE_GENERATE(held_tree, held, link, held_cmp)

struct reading {
	struct sim_scenario *scenario;
	const char *folder; /* "" or with a slash at its end */
	const char *service_cidrs;
	const char *config_file; /* the one in force; NULL: none */
	struct held_tree held;   /* resources of the configuration too */
	struct faults *faults;
};

/* What came of a couple of files. */
struct found {
	struct objects objects; /* for the simulator; owned */
	struct config *config;  /* a reference; NULL: there was a fault */
	bool configures;        /* there was configuration in the files */
};

/* --- objects ---------------------------------------------------------------------------------- */

static void keep(struct objects *o, cJSON *json)
{
	*(cJSON **)must(array_push(o)) = json;
}

static cJSON *copy_of(const cJSON *json)
{
	return must(cJSON_Duplicate(json, true));
}

static struct held *find(struct reading *r, const char *kind, const char *ns, const char *name)
{
	struct held key = { .kind = kind, .ns = ns, .name = name };

	return RB_FIND(held_tree, &r->held, &key);
}

static void forget(struct reading *r, struct held *h)
{
	if (h == NULL)
		return;
	RB_REMOVE(held_tree, &r->held, h);
	cJSON_Delete(h->json);
	free(h);
}

/* The API holds @json from now on, in the place of what it held under that name. */
static void hold(struct reading *r, const cJSON *json)
{
	struct held *h = must(calloc(1, sizeof(*h)));
	const cJSON *meta;

	h->json = copy_of(json);
	meta = peek(h->json, "metadata");
	h->kind = peek_text(h->json, "kind");
	h->ns = peek_text(meta, "namespace");
	h->name = peek_text(meta, "name");
	forget(r, find(r, h->kind, h->ns, h->name));
	RB_INSERT(held_tree, &r->held, h);
}

/* --- files ------------------------------------------------------------------------------------ */

static char *path_of(const struct reading *r, const char *file)
{
	return must_text("%s%s", *file == '/' ? "" : r->folder, file);
}

/* Warnings of what was read before are not told again with each step. */
static void tell_faults(struct reading *r, const struct faults *found)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct fault *f = &found->items[i];
		bool told = false;
		for (size_t n = 0; n < r->faults->count && !told; n++)
			told = fault_equal(f, &r->faults->items[n]);
		if (!told)
			faults_add(r->faults, f->warning, f->file, f->line, f->field, "%s",
				   f->message);
	}
}

/* What is in the files of @w, and no more, as @c has it. */
static void collect(struct reading *r, const struct world *w, const struct cluster *c,
		    struct found *ret)
{
	for (size_t i = 0; i < c->services.count; i++)
		if (!c->services.items[i].live)
			keep(&ret->objects, copy_of(c->services.items[i].json));
	for (size_t i = 0; i < w->count; i++) {
		const struct world_object *o = &w->items[i];
		if (world_is_live(o) || o->hidden)
			continue;
		if (o->kind == WORLD_SLICE || o->kind == WORLD_NODE || o->kind == WORLD_NAMESPACE)
			keep(&ret->objects, copy_of(o->json));
		/* A configuration file is no object of the API. */
		if (o->kind == WORLD_CONFIG && !doc_is_config_file(o->where.doc)) {
			ret->configures = true;
			hold(r, o->json);
		}
	}
	for (size_t i = 0; i < ret->objects.count; i++)
		hold(r, ret->objects.items[i]);
}

/* Read @count files beside what the API holds. */
static void read_files(struct reading *r, char *const *files, size_t count, struct found *ret)
{
	struct world w = { 0 };
	struct cluster c;
	struct held *h;
	char **paths = must(calloc(count + 1, sizeof(char *)));

	*ret = (struct found){ 0 };
	RB_FOREACH (h, held_tree, &r->held)
		world_add_live(&w, h->json);
	if (r->config_file != NULL)
		world_load(&w, paths[count] = path_of(r, r->config_file));
	for (size_t i = 0; i < count; i++)
		world_load(&w, paths[i] = path_of(r, files[i]));
	world_settle(&w);
	cluster_build(&w, r->service_cidrs, &c);
	tell_faults(r, &w.faults);
	collect(r, &w, &c, ret);
	ret->config = c.config == NULL ? NULL : config_ref(c.config);
	cluster_done(&c);
	world_done(&w);
	for (size_t i = 0; i <= count; i++)
		free(paths[i]);
	free(paths);
}

/* --- the start -------------------------------------------------------------------------------- */

/* Services live in namespaces that nobody has to write down. */
static void add_namespaces(struct reading *r, struct objects *objects)
{
	for (size_t i = 0; i < objects->count; i++) {
		const cJSON *meta = peek(objects->items[i], "metadata");
		const char *ns = peek_text(meta, "namespace");
		if (strcmp(peek_text(objects->items[i], "kind"), "Service") != 0 ||
		    find(r, "Namespace", "", ns) != NULL)
			continue;
		cJSON *json = cluster_namespace_json(ns);
		keep(objects, json);
		hold(r, json);
	}
}

/* What the daemons would have of `settings`, where the scenario says nothing. */
static void apply_settings(struct sim_scenario *s)
{
	const struct {
		const char *key;
		uint64_t *to;
	} times[] = {
		{ "leaseDuration", &s->lease_duration_ns },
		{ "renewDeadline", &s->renew_deadline_ns },
		{ "retryPeriod", &s->retry_period_ns },
	};
	const char *ignore = config_setting(s->config, "ignoreExcludeLB");

	if (s->lb_class == NULL)
		s->lb_class = must_copy(config_setting(s->config, "loadBalancerClass"));
	s->ignore_exclude_lb = ignore != NULL && strcmp(ignore, "true") == 0;
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		const char *text = config_setting(s->config, times[i].key);
		if (text != NULL && *times[i].to == 0)
			duration_parse(text, times[i].to);
	}
}

static void read_start(struct reading *r)
{
	struct sim_scenario *s = r->scenario;
	struct found found;

	r->config_file = s->config_file;
	read_files(r, s->manifests.items, s->manifests.count, &found);
	add_namespaces(r, &found.objects);
	for (size_t i = 0; i < found.objects.count; i++)
		*(cJSON **)must(array_push(&s->objects)) = found.objects.items[i];
	array_free(&found.objects);
	s->config = found.config;
	if (s->config != NULL)
		apply_settings(s);
}

/* --- steps ------------------------------------------------------------------------------------ */

static void read_step(struct reading *r, struct sim_step *step)
{
	struct found found = { 0 };

	switch (step->op) {
	case SIM_OP_APPLY:
		read_files(r, &step->file, 1, &found);
		break;
	case SIM_OP_CONFIG:
		r->config_file = step->file;
		read_files(r, NULL, 0, &found);
		found.configures = true;
		break;
	case SIM_OP_DELETE:
		if (step->kind != NULL)
			forget(r, find(r, step->kind, step->ns, step->what));
		return;
	default:
		return;
	}
	add_namespaces(r, &found.objects);
	for (size_t i = 0; i < found.objects.count; i++) {
		/* Nobody writes the status of a Service with the rest of it. */
		if (strcmp(peek_text(found.objects.items[i], "kind"), "Service") == 0)
			cJSON_DeleteItemFromObjectCaseSensitive(found.objects.items[i], "status");
		*(cJSON **)must(array_push(&step->objects)) = found.objects.items[i];
	}
	array_free(&found.objects);
	if (found.configures)
		step->config = found.config;
	else
		config_unref(found.config);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void read_all(struct reading *r)
{
	read_start(r);
	for (size_t i = 0; i < r->scenario->steps.count && r->faults->errors == 0; i++)
		read_step(r, &r->scenario->steps.items[i]);
	while (!RB_EMPTY(&r->held))
		forget(r, RB_MIN(held_tree, &r->held));
}

static const char *cidrs_of(const struct sim_scenario *s, const char *given, struct faults *faults)
{
	const char *cidrs = given != NULL              ? given
			    : s->service_cidrs != NULL ? s->service_cidrs
						       : SERVICE_CIDRS;

	if (cluster_cidrs_valid(cidrs))
		return cidrs;
	faults_add(faults, false, s->file, s->service_cidrs_line, "serviceCIDR",
		   "\"%s\" is not a prefix, nor one of each family", cidrs);
	return SERVICE_CIDRS;
}

struct sim_scenario *scenario_read(const char *path, const char *service_cidrs,
				   struct faults *faults)
{
	const char *slash = strrchr(path, '/');
	char *folder = must(strndup(path, slash == NULL ? 0 : (size_t)(slash + 1 - path)));
	struct sim_scenario *s = NULL;

	if (sim_scenario_load(path, faults, &s) == 0) {
		struct reading r = { .scenario = s, .folder = folder, .faults = faults };
		r.service_cidrs = cidrs_of(s, service_cidrs, faults);
		read_all(&r);
		if (faults->errors == 0) {
			sim_scenario_fill(s);
			sim_scenario_check(s, faults);
		}
	}
	free(folder);
	return faults->errors == 0 ? s : sim_scenario_free(s);
}
