// SPDX-License-Identifier: Apache-2.0
/*
 * The sources put together: the file (file_watch.h), the resources (config_resources.h) and what
 * else rules need to know.
 *
 * A candidate is all objects of the file as it is now and all resources as they are
 * now. Either config_build() takes it whole, or nothing changes.
 */
#include "lib/daemon/config_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/daemon/config_resources.h"
#include "lib/daemon/config_secrets.h"
#include "lib/daemon/file_watch.h"
#include "lib/model/doc.h"
#include "lib/model/json.h"

#define ERROR_MAX 4096u /* bytes of a verdict; longer ones are cut */

struct config_source {
	struct config_source_cfg cfg;
	char *file, *ns;
	struct config_resources *resources; /* NULL: no API */
	struct config_secrets *secrets;     /* NULL: not needed */
	struct node *node;                  /* ours; NULL: there is none, or not known yet */
	bool node_told;

	struct doc *doc;    /* the file as in force; NULL before the first good one */
	struct doc *next;   /* the file as it is now, which parses but was refused or not tried */
	struct faults told; /* those of the file as it is now, logged when it was read */
	/* The same of the last builds: with the file in force, and with the one that is not. */
	struct faults told_of_doc, told_of_next;
	bool file_read;     /* once, good or bad */
	bool file_wanted;   /* read it on the next turn, changed or not */
	bool file_bad;      /* as it is now it does not parse, or not wholly */
	bool dirty;         /* resources changed since the last build, or a source came back */
	bool resources_bad; /* as they are now they were refused */
	bool told_synced, loaded, waits;
	char *refusal; /* what was wrong when a candidate was refused last */
	bool judged;   /* cfg.judged() was called, and with this: */
	char *verdict; /* NULL: valid */
	int64_t *loaded_metric, *stale_metric;

	struct file_watch *watch; /* NULL: no file */
	uv_timer_t soon;
};

static void metrics_update(struct config_source *s)
{
	if (s->loaded_metric == NULL)
		return;
	*s->loaded_metric = s->loaded;
	*s->stale_metric = s->file_bad || s->next != NULL || s->resources_bad || s->waits;
}

/* What is wrong with what the sources ask for now; NULL: nothing. Put into @buf if it is made up
 * here. */
static const char *wrong_now(const struct config_source *s, char *buf, size_t size)
{
	if (s->file_bad)
		return config_first_error(&s->told, buf, size);
	if (s->next != NULL || s->resources_bad)
		return s->refusal;
	return s->waits ? "general handler sync state error" : NULL; /* MetalLB's words */
}

/* Tell the verdict if it is another than before. */
static void judge(struct config_source *s)
{
	char buf[ERROR_MAX];
	const char *error = wrong_now(s, buf, sizeof(buf));
	bool same = error == NULL || s->verdict == NULL ? error == s->verdict
							: strcmp(error, s->verdict) == 0;

	if (s->cfg.judged == NULL || !s->told_synced || (s->judged && same))
		return;
	if (s->judged && error == NULL)
		log_info("config", "nothing is wrong any more", "loaded=%s",
			 s->loaded ? "yes" : "none");
	free(s->verdict);
	s->verdict = must_copy(error);
	s->judged = true;
	s->cfg.judged(s->cfg.arg, s->verdict);
}

bool config_source_synced(const struct config_source *s)
{
	if (s->file != NULL && !s->file_read)
		return false;
	if (s->resources != NULL && !config_resources_synced(s->resources))
		return false;
	bool complete;
	return (s->secrets == NULL || config_secrets_answered(s->secrets, &complete)) &&
	       (!s->cfg.of_node || s->node_told);
}

bool config_source_complete(const struct config_source *s)
{
	if (s->file != NULL && (s->file_bad || (s->doc == NULL && s->next == NULL)))
		return false;
	if (s->resources == NULL)
		return s->file != NULL;
	return !config_resources_lost(s->resources) &&
	       (s->file != NULL || config_resources_listed(s->resources));
}

void config_source_waits(struct config_source *s, bool waits)
{
	s->waits = waits;
	metrics_update(s);
	judge(s);
}

/* --- building ---------------------------------------------------------------------------- */

static void inputs_add(struct config_inputs *inputs, const cJSON *json, struct where where,
		       bool from_file)
{
	struct config_input *in = must(array_push(inputs));

	in->object = json;
	in->where = where;
	in->from_file = from_file;
}

/* Is @fault among @told? They come in the same order as before: the search begins at *@at. */
static bool is_told(const struct faults *told, const struct fault *fault, size_t *at)
{
	size_t count = told == NULL ? 0 : told->count;

	for (size_t i = 0; i < count; i++) {
		size_t k = (*at + i) % count;
		if (!fault_equal(&told->items[k], fault))
			continue;
		*at = k + 1;
		return true;
	}
	return false;
}

/* Log those that are neither in @told nor in @before (NULL: nothing). Returns whether there are. */
static bool faults_log(const struct config_source *s, const struct faults *faults,
		       const struct faults *told, const struct faults *before)
{
	size_t at_told = 0, at_before = 0;
	char line[1024];
	bool news = false;

	for (size_t i = 0; i < faults->count; i++) {
		const struct fault *f = &faults->items[i];

		if (is_told(told, f, &at_told) || is_told(before, f, &at_before))
			continue;
		fault_format(f, line, sizeof(line));
		if (f->warning)
			log_warn("config", "doubtful", "%s", line);
		else
			log_error("config", "fault", "%s", line);
		if (!f->warning && f->file[0] == '\0' && s->cfg.fault != NULL)
			s->cfg.fault(s->cfg.arg, f->field, f->message);
		news = true;
	}
	return news;
}

static void inputs_add_file(struct config_inputs *inputs, const struct doc *doc)
{
	const struct doc_objects *objects = doc_objects(doc);

	for (size_t i = 0; i < objects->count; i++)
		inputs_add(inputs, objects->items[i].json, objects->items[i].where, true);
}

bool config_source_inputs(const struct config_source *s, struct config_inputs *ret)
{
	bool all = config_source_synced(s);

	ret->frr = s->cfg.frr;
	if (s->doc != NULL)
		inputs_add_file(ret, s->doc);
	if (s->resources != NULL && !config_resources_add_all(s->resources, ret))
		all = false;
	return all;
}

/* What is wrong with the file whatever the resources are. */
static void file_check(const struct config_source *s, const struct doc *doc, struct faults *faults)
{
	struct config_inputs inputs = {
		.scope = s->cfg.scope,
		.frr = s->cfg.frr,
		.references_may_come = true,
	};
	struct config *config = NULL;

	inputs_add_file(&inputs, doc);
	if (config_build(&inputs, faults, &config) == 0)
		config_unref(config);
	array_free(&inputs);
}

static bool same_objects(const struct doc *a, const struct doc *b)
{
	const struct doc_objects *x = doc_objects(a), *y = doc_objects(b);

	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++)
		if (!json_equal(x->items[i].json, y->items[i].json))
			return false;
	return true;
}

/* Keep what is wrong with a candidate, and say that it is not taken if that is @news. */
static void refuse(struct config_source *s, const struct faults *faults, bool news)
{
	char buf[ERROR_MAX];

	free(s->refusal);
	s->refusal = must(strdup(config_first_error(faults, buf, sizeof(buf))));
	if (!news)
		return;
	log_warn("config",
		 s->loaded ? "refused, the last good configuration stays"
			   : "refused, and there is no configuration yet",
		 "loaded=%s", s->loaded ? "yes" : "none");
}

/* What rules about peers need to know. */
static void inputs_add_cluster(const struct config_source *s, struct config_inputs *inputs)
{
	if (s->node != NULL) {
		inputs->own_node = s->node;
		inputs->nodes = (const struct node *const *)&s->node;
		inputs->node_count = 1;
	}
	if (s->secrets != NULL) {
		inputs->secrets = config_secrets_list(s->secrets, &inputs->secret_count);
		config_secrets_answered(s->secrets, &inputs->secrets_complete);
	}
}

/* Build from @doc (NULL: no file is asked for) and the resources, and put it in force or refuse. */
static bool build(struct config_source *s, const struct doc *doc)
{
	struct config_inputs inputs = {
		.scope = s->cfg.scope,
		.frr = s->cfg.frr,
		.ns = s->ns,
	};
	struct faults faults = { 0 };
	struct config *config = NULL;

	if (doc != NULL)
		inputs_add_file(&inputs, doc);
	if (s->resources != NULL)
		config_resources_add(s->resources, &inputs);
	inputs_add_cluster(s, &inputs);

	struct faults *before = doc != NULL && doc == s->next ? &s->told_of_next : &s->told_of_doc;
	bool good = config_build(&inputs, &faults, &config) == 0;
	/* Of the file its faults are logged by now; that the whole is refused for them is not. */
	bool news = faults_log(s, &faults, &s->told, before) ||
		    (before->errors == 0 && faults.errors > 0);
	array_free(&inputs);
	if (!good)
		refuse(s, &faults, news);
	faults_free(before);
	*before = faults;
	if (!good)
		return false;
	if (s->cfg.scope == CONFIG_POOLS) /* the rest was not asked for, and is not known */
		log_info("config", "configuration in force", "pools=%zu", config->pools.count);
	else
		log_info("config", "configuration in force", "pools=%zu l2_advertisements=%zu",
			 config->pools.count, config->l2_advertisements.count);
	s->loaded = true;
	s->waits = false;
	s->cfg.changed(s->cfg.arg, config);
	config_unref(config);
	return true;
}

/*
 * Its own faults are told at once and all of them: they need no resource, and so no API.
 * @again: only to be sure; what was told is not told once more, nor what was refused tried again.
 * Returns whether there is something to try.
 */
static bool file_load(struct config_source *s, bool again)
{
	static const char *const words[2][2] = {
		{ "file cannot be used, and there is no configuration yet",
		  "file cannot be used, the last good configuration stays" },
		{ "file has faults, and there is no configuration yet",
		  "file has faults, the last good configuration stays" },
	};
	struct faults before = s->told;
	struct doc *doc = NULL, *tried = s->next;

	s->told = (struct faults){ 0 };
	bool parsed = doc_load(s->file, &s->told, &doc) == 0;
	bool good = parsed && s->told.errors == 0;
	if (parsed)
		file_check(s, doc, &s->told);
	faults_log(s, &s->told, NULL, again ? &before : NULL);
	faults_free(&before);
	s->file_read = true;
	s->file_wanted = false;
	bool told = again && s->file_bad;
	s->dirty = s->dirty || (s->file_bad && good); /* whoever asks is told that all is there */
	s->file_bad = !good;
	s->next = NULL;
	if (!good && !told)
		log_warn("config", words[parsed][s->loaded], "file=%s loaded=%s", s->file,
			 s->loaded ? "yes" : "none");
	/* Written again with the same content is no change. */
	if (good && (s->doc == NULL || !same_objects(s->doc, doc)))
		s->next = doc;
	else
		doc_free(doc);
	bool same = again && tried != NULL && s->next != NULL && same_objects(tried, s->next);
	doc_free(tried);
	if (!same)
		faults_free(&s->told_of_next);
	return s->next != NULL && !same;
}

/* Take in what changed. */
static void update(struct config_source *s)
{
	bool file_new = false;

	enum file_change change = s->watch == NULL ? FILE_SAME : file_watch_look(s->watch);
	if (change != FILE_SAME || s->file_wanted)
		file_new = file_load(s, change == FILE_PERHAPS && !s->file_wanted);
	metrics_update(s);
	if (!config_source_synced(s))
		return;
	if (!s->told_synced) {
		s->told_synced = true;
		s->dirty = true;
		if (s->cfg.synced != NULL)
			s->cfg.synced(s->cfg.arg);
	}

	bool done = false;
	if (s->next != NULL && (file_new || s->dirty)) {
		done = build(s, s->next);
		if (done) {
			doc_free(s->doc);
			s->doc = s->next;
			s->next = NULL;
			faults_free(&s->told_of_doc);
			s->told_of_doc = s->told_of_next;
			s->told_of_next = (struct faults){ 0 };
			s->resources_bad = false;
		}
	}
	/* A file that is refused leaves the last good one to build with: resources are followed on.
	 */
	if (!done && s->dirty && (s->file == NULL || s->doc != NULL))
		s->resources_bad = !build(s, s->doc);
	s->dirty = false;
	metrics_update(s);
	judge(s);
}

/* --- what makes it run -------------------------------------------------------------------- */

static void on_soon(uv_timer_t *t)
{
	update(t->data);
}

static void update_soon(struct config_source *s)
{
	uv_timer_start(&s->soon, on_soon, 0, 0);
}

void config_source_reload(struct config_source *s)
{
	s->file_wanted = s->file != NULL;
	update_soon(s);
}

static bool same_labels(const struct node *a, const struct node *b)
{
	if (a == NULL || b == NULL || a->meta.labels.count != b->meta.labels.count)
		return a == b;
	for (size_t i = 0; i < a->meta.labels.count; i++) {
		const struct label *x = &a->meta.labels.items[i], *y = &b->meta.labels.items[i];
		if (x->key != y->key || x->value != y->value) /* interned */
			return false;
	}
	return true;
}

/* One that does not decode is told by who needs more of it; its labels stay. */
void config_source_node(struct config_source *s, const cJSON *object)
{
	struct faults faults = { 0 };
	struct node *node = NULL;
	int rc = object == NULL ? 0 : node_decode(object, (struct where){ 0 }, &faults, &node);

	faults_free(&faults);
	if (rc == 0 && s->node_told && same_labels(s->node, node)) {
		node_free(node);
		return;
	}
	if (rc == 0) {
		node_free(s->node);
		s->node = node;
	}
	s->node_told = true;
	s->dirty = true;
	update_soon(s);
}

const char *config_source_pool_uid(const struct config_source *s, const char *name)
{
	return s->resources == NULL ? NULL : config_resources_pool_uid(s->resources, name);
}

static void on_touched(void *arg)
{
	struct config_source *s = arg;

	s->dirty = true;
}

static void on_look_at(void *arg)
{
	update_soon(arg);
}

static bool names_secret(const cJSON *object, const char *name)
{
	const cJSON *spec = cJSON_GetObjectItemCaseSensitive(object, "spec");
	const cJSON *secret = cJSON_GetObjectItemCaseSensitive(spec, "passwordSecret");
	const char *named = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(secret, "name"));

	return named != NULL && strcmp(named, name) == 0;
}

/* Does any peer, also one that is not in force, name the Secret? */
static bool wants_secret(const struct config_source *s, const char *name)
{
	struct config_inputs inputs = { 0 };
	bool wants = false;

	config_source_inputs(s, &inputs);
	if (s->next != NULL)
		inputs_add_file(&inputs, s->next);
	for (size_t i = 0; i < inputs.count && !wants; i++)
		wants = names_secret(inputs.items[i].object, name);
	array_free(&inputs);
	return wants;
}

/* A namespace has many Secrets that are no concern of peers. */
static void on_secrets(void *arg, const char *name)
{
	if (name != NULL && !wants_secret(arg, name))
		return;
	on_touched(arg);
	on_look_at(arg);
}

static void on_pool_told(void *arg, const char *name, const cJSON *object)
{
	struct config_source *s = arg;

	if (s->cfg.pool_told != NULL)
		s->cfg.pool_told(s->cfg.arg, name, object);
}

static int watches_start(struct config_source *s)
{
	s->resources = config_resources_open(&(struct config_resources_cfg){
		.kube = s->cfg.kube,
		.ns = s->ns,
		.scope = s->cfg.scope,
		.watch_all = s->cfg.watch_all,
		.touched = on_touched,
		.look = on_look_at,
		.pool_told = on_pool_told,
		.arg = s,
	});
	if (s->resources == NULL)
		return -ENOMEM;
	if (!s->cfg.of_node)
		return 0;
	s->secrets = config_secrets_open(s->cfg.kube, s->ns, on_secrets, s);
	return s->secrets == NULL ? -ENOMEM : 0;
}

int config_source_open(const struct config_source_cfg *cfg, struct config_source **ret)
{
	struct config_source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->cfg = *cfg;
	s->file = must_copy(cfg->file);
	s->ns = must(strdup(cfg->ns));
	if (cfg->metrics != NULL) {
		s->loaded_metric = metric_value0(
			metrics_family(cfg->metrics, "metallb_k8s_client_config_loaded_bool",
				       "1 if a configuration was loaded at least once.",
				       METRIC_GAUGE, NULL));
		s->stale_metric = metric_value0(metrics_family(
			cfg->metrics, "metallb_k8s_client_config_stale_bool",
			"1 if the configuration in force is older than what the user asks for.",
			METRIC_GAUGE, NULL));
	}

	uv_timer_init(cfg->loop, &s->soon);
	s->soon.data = s;
	if (s->file != NULL) {
		s->file_wanted = true;
		s->watch = file_watch_open(cfg->loop, s->file, on_look_at, s);
	}
	int rc = cfg->kube == NULL ? 0 : watches_start(s);
	if (rc < 0) {
		config_source_close(s);
		return rc;
	}
	update_soon(s);
	*ret = s;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct config_source *s = handle->data;

	free(s->file);
	free(s->ns);
	free(s->refusal);
	free(s->verdict);
	free(s);
}

struct config_source *config_source_close(struct config_source *s)
{
	if (s == NULL)
		return NULL;
	s->watch = file_watch_close(s->watch);
	s->resources = config_resources_close(s->resources);
	s->secrets = config_secrets_close(s->secrets);
	s->node = node_free(s->node);
	s->doc = doc_free(s->doc);
	s->next = doc_free(s->next);
	faults_free(&s->told);
	faults_free(&s->told_of_doc);
	faults_free(&s->told_of_next);
	uv_close((uv_handle_t *)&s->soon, on_closed);
	return NULL;
}
