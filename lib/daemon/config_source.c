// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration's sources. The file is read again when its directory says that
 * something happened (a mounted ConfigMap changes by swapping the `..data` link, never
 * by a write to the file) and when a look once a minute finds another change time, which
 * also moves when a file only becomes readable.
 *
 * A candidate is all objects of the file as it is now and all resources as they are
 * now. Either config_build() takes it whole, or nothing changes.
 */
#include "lib/daemon/config_source.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/daemon/config_secrets.h"
#include "lib/model/doc.h"
#include "lib/model/json.h"

#define SETTLE_MS 100u     /* editors write in several steps */
#define LOOK_MS   60000u   /* where no event comes: network file systems */
#define ERROR_MAX 4096u    /* bytes of a verdict; longer ones are cut */
#define TICK_NS   50000000 /* longer than time stamps of files stand still */
#define POOLS     0        /* index of the IPAddressPools */

/* A custom resource, reduced to what configuration is: no status, no managedFields. */
struct resource {
	char *name;
	char *uid;  /* NULL: the server says none */
	char *base; /* what its faults start with: "IPAddressPool/public" */
	cJSON *json;
};

static const struct resource_kind {
	const char *plural, *api;
	enum config_scope scope; /* who needs it: that one, and CONFIG_ALL */
} resource_kinds[] = {
	[POOLS] = { "ipaddresspools", "/apis/metallb.io/v1beta1", CONFIG_POOLS },
	{ "communities", "/apis/metallb.io/v1beta1", CONFIG_POOLS },
	{ "l2advertisements", "/apis/metallb.io/v1beta1", CONFIG_ALL },
	{ "bgpadvertisements", "/apis/metallb.io/v1beta1", CONFIG_ALL },
	{ "bgppeers", "/apis/metallb.io/v1beta2", CONFIG_ALL },
	{ "bfdprofiles", "/apis/metallb.io/v1beta1", CONFIG_ALL },
};
#define KINDS (sizeof(resource_kinds) / sizeof(*resource_kinds))

struct collection { /* what one watch has told */
	struct config_source *source;
	struct kube_watch *watch;
	bool read;   /* listed once, or said to be absent */
	bool listed; /* once */
	bool lost;   /* the server refuses it since */
	ARRAY_OF(struct resource);
};

struct config_source {
	struct config_source_cfg cfg;
	char *file, *ns;
	struct collection collections[KINDS];
	struct config_secrets *secrets; /* NULL: not needed */
	struct node *node;              /* ours; NULL: there is none, or not known yet */
	bool node_told;

	struct doc *doc;    /* the file as in force; NULL before the first good one */
	struct doc *next;   /* the file as it is now, which parses but was refused or not tried */
	struct faults told; /* those of the file as it is now, logged when it was read */
	struct stat seen;   /* the file when it was last read; zero when it was not there */
	bool fresh;         /* what was seen may be out of date and not look it */
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

	uv_fs_event_t events;
	uv_timer_t soon, look;
	bool watching;
	unsigned handles_open;
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
	free(s->verdict);
	s->verdict = error == NULL ? NULL : must(strdup(error));
	s->judged = true;
	s->cfg.judged(s->cfg.arg, s->verdict);
}

/* Is it part of the configuration? */
static bool is_in_scope(const struct config_source *s, size_t kind)
{
	return s->cfg.kube != NULL &&
	       (s->cfg.scope == CONFIG_ALL || s->cfg.scope == resource_kinds[kind].scope);
}

static bool is_watched(const struct config_source *s, size_t kind)
{
	return is_in_scope(s, kind) || (s->cfg.kube != NULL && s->cfg.watch_all);
}

bool config_source_synced(const struct config_source *s)
{
	if (s->file != NULL && !s->file_read)
		return false;
	for (size_t i = 0; i < KINDS; i++)
		if (is_in_scope(s, i) && !s->collections[i].read)
			return false;
	bool complete;
	return (s->secrets == NULL || config_secrets_answered(s->secrets, &complete)) &&
	       (!s->cfg.of_node || s->node_told);
}

bool config_source_complete(const struct config_source *s)
{
	bool any = s->file != NULL;

	if (s->file != NULL && (s->file_bad || (s->doc == NULL && s->next == NULL)))
		return false;
	for (size_t i = 0; i < KINDS; i++) {
		if (!is_in_scope(s, i))
			continue;
		if (s->collections[i].lost)
			return false;
		any = any || s->collections[i].listed;
	}
	return any;
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

static bool is_told(const struct faults *told, const struct fault *fault)
{
	for (size_t i = 0; told != NULL && i < told->count; i++)
		if (fault_equal(&told->items[i], fault))
			return true;
	return false;
}

/* @told: what was logged before; NULL: nothing. */
static void faults_log(const struct faults *faults, const struct faults *told)
{
	char line[1024];

	for (size_t i = 0; i < faults->count; i++) {
		if (is_told(told, &faults->items[i]))
			continue;
		fault_format(&faults->items[i], line, sizeof(line));
		if (faults->items[i].warning)
			log_warn("config", "doubtful", "%s", line);
		else
			log_error("config", "fault", "%s", line);
	}
}

static void inputs_add_file(struct config_inputs *inputs, const struct doc *doc)
{
	const struct doc_objects *objects = doc_objects(doc);

	for (size_t i = 0; i < objects->count; i++)
		inputs_add(inputs, objects->items[i].json, objects->items[i].where, true);
}

static void inputs_add_resources(struct config_inputs *inputs, const struct collection *c)
{
	for (size_t i = 0; i < c->count; i++)
		inputs_add(inputs, c->items[i].json, (struct where){ .base = c->items[i].base },
			   false);
}

bool config_source_inputs(const struct config_source *s, struct config_inputs *ret)
{
	bool all = config_source_synced(s);

	if (s->doc != NULL)
		inputs_add_file(ret, s->doc);
	for (size_t k = 0; k < KINDS; k++) {
		inputs_add_resources(ret, &s->collections[k]);
		all = all && (s->collections[k].read || !is_watched(s, k));
	}
	return all;
}

/* What is wrong with the file whatever the resources are. */
static void file_check(const struct config_source *s, const struct doc *doc, struct faults *faults)
{
	struct config_inputs inputs = { .scope = s->cfg.scope, .references_may_come = true };
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

/* Keep what is wrong with a candidate, and say that it is not taken. */
static void refuse(struct config_source *s, const struct faults *faults)
{
	char buf[ERROR_MAX];

	free(s->refusal);
	s->refusal = must(strdup(config_first_error(faults, buf, sizeof(buf))));
	log_warn("config", "refused, the last good configuration stays", "loaded=%s",
		 s->loaded ? "yes" : "none");
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
	struct config_inputs inputs = { .scope = s->cfg.scope, .ns = s->ns };
	struct faults faults = { 0 };
	struct config *config = NULL;

	if (doc != NULL)
		inputs_add_file(&inputs, doc);
	for (size_t k = 0; k < KINDS; k++)
		if (is_in_scope(s, k))
			inputs_add_resources(&inputs, &s->collections[k]);
	inputs_add_cluster(s, &inputs);

	bool good = config_build(&inputs, &faults, &config) == 0;
	faults_log(&faults, &s->told);
	array_free(&inputs);
	if (!good)
		refuse(s, &faults);
	faults_free(&faults);
	if (!good)
		return false;
	log_info("config", "configuration in force", "pools=%zu l2_advertisements=%zu",
		 config->pools.count, config->l2_advertisements.count);
	s->loaded = true;
	s->waits = false;
	s->cfg.changed(s->cfg.arg, config);
	config_unref(config);
	return true;
}

/* So new that another write may yet leave it with the same time stamp. */
static bool is_fresh(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	int64_t age_s = now.tv_sec - st->st_ctim.tv_sec;
	int64_t age_ns = age_s * 1000000000 + now.tv_nsec - st->st_ctim.tv_nsec;
	return (age_s == 0 || age_s == 1) && age_ns >= 0 && age_ns < TICK_NS;
}

enum change { SAME, PERHAPS, CHANGED };

/* Has the file changed since it was last read? Remembers how it is now. */
static enum change file_change(struct config_source *s)
{
	enum change otherwise = s->fresh ? PERHAPS : SAME;
	struct stat now = { 0 };

	if (stat(s->file, &now) == -1)
		now = (struct stat){ 0 };
	bool changed = now.st_ino != s->seen.st_ino || now.st_dev != s->seen.st_dev ||
		       now.st_ctim.tv_sec != s->seen.st_ctim.tv_sec ||
		       now.st_ctim.tv_nsec != s->seen.st_ctim.tv_nsec;
	s->seen = now;
	s->fresh = is_fresh(&now);
	return changed ? CHANGED : otherwise;
}

/*
 * Its own faults are told at once and all of them: they need no resource, and so no API.
 * @again: only to be sure; what was told is not told once more.
 */
static void file_load(struct config_source *s, bool again)
{
	struct faults before = s->told;
	struct doc *doc = NULL;

	s->told = (struct faults){ 0 };
	bool parsed = doc_load(s->file, &s->told, &doc) == 0;
	bool good = parsed && s->told.errors == 0;
	if (parsed)
		file_check(s, doc, &s->told);
	faults_log(&s->told, again ? &before : NULL);
	faults_free(&before);
	s->file_read = true;
	s->file_wanted = false;
	again = again && s->file_bad;
	s->dirty = s->dirty || (s->file_bad && good); /* whoever asks is told that all is there */
	s->file_bad = !good;
	s->next = doc_free(s->next);
	if (!good && !again)
		log_warn("config",
			 parsed ? "file has faults, the last good configuration stays"
				: "file does not parse, the last good configuration stays",
			 "file=%s loaded=%s", s->file, s->loaded ? "yes" : "none");
	/* Written again with the same content is no change. */
	if (good && (s->doc == NULL || !same_objects(s->doc, doc)))
		s->next = doc;
	else
		doc_free(doc);
}

/* Take in what changed. */
static void update(struct config_source *s)
{
	bool file_new = false;

	enum change change = s->file == NULL ? SAME : file_change(s);
	if (change != SAME || s->file_wanted) {
		file_load(s, change == PERHAPS && !s->file_wanted);
		file_new = s->next != NULL;
	}
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

static void update_soon(struct config_source *s, uint64_t ms)
{
	uv_timer_start(&s->soon, on_soon, ms, 0);
}

static void on_directory(uv_fs_event_t *handle, const char *name, int events, int status)
{
	(void)name;
	(void)events;
	(void)status;
	struct config_source *s = handle->data;

	/* Never later than it was to be: other files of the directory may change all the time. */
	if (!uv_is_active((const uv_handle_t *)&s->soon))
		update_soon(s, SETTLE_MS);
}

/* Follow the file's directory; where that cannot be done now, the look of each minute tries again.
 */
static void directory_watch(struct config_source *s)
{
	char *path = must(strdup(s->file));

	if (!s->watching)
		s->watching = uv_fs_event_start(&s->events, on_directory, dirname(path), 0) == 0;
	free(path);
}

static void on_look(uv_timer_t *t)
{
	struct config_source *s = t->data;

	directory_watch(s);
	update_soon(s, 0);
}

void config_source_reload(struct config_source *s)
{
	s->file_wanted = s->file != NULL;
	update_soon(s, 0);
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
	update_soon(s, 0);
}

static void on_secrets(void *arg)
{
	struct config_source *s = arg;

	s->dirty = true;
	update_soon(s, 0);
}

const char *config_source_pool_uid(const struct config_source *s, const char *name)
{
	const struct collection *c = &s->collections[POOLS];

	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->items[i].name, name) == 0)
			return c->items[i].uid;
	return NULL;
}

static void resource_done(struct resource *r)
{
	free(r->name);
	free(r->uid);
	free(r->base);
	cJSON_Delete(r->json);
}

/* Build anew, if this is part of the configuration. */
static void touch(struct collection *c)
{
	c->source->dirty =
		c->source->dirty || is_in_scope(c->source, (size_t)(c - c->source->collections));
}

static struct resource *resource_find(struct collection *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->items[i].name, name) == 0)
			return &c->items[i];
	return NULL;
}

static void copy_items(cJSON *to, const cJSON *from, const char *const *keys)
{
	for (; *keys != NULL; keys++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, *keys);
		if (item != NULL)
			cJSON_AddItemToObject(to, *keys, must(cJSON_Duplicate(item, true)));
	}
}

/* Without status and what the server keeps for itself, so that only a user's change is one. */
static cJSON *reduce(const cJSON *object)
{
	cJSON *to = must(cJSON_CreateObject());
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");

	copy_items(to, object, (const char *const[]){ "apiVersion", "kind", "spec", NULL });
	copy_items(must(cJSON_AddObjectToObject(to, "metadata")), meta,
		   (const char *const[]){ "name", "namespace", "labels", "annotations", NULL });
	return to;
}

/* @object NULL: it is gone. */
static void pool_tell(struct collection *c, const char *name, const cJSON *object)
{
	struct config_source *s = c->source;

	if (s->cfg.pool_told != NULL && c == &s->collections[POOLS])
		s->cfg.pool_told(s->cfg.arg, name, object);
}

static void uid_set(struct resource *r, const cJSON *meta)
{
	const char *uid = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, "uid"));

	free(r->uid);
	r->uid = uid == NULL ? NULL : must(strdup(uid));
}

static void on_upsert(void *arg, const cJSON *object)
{
	struct collection *c = arg;
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, "name"));
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "kind"));

	if (name == NULL || kind == NULL)
		return;
	pool_tell(c, name, object);
	struct resource *r = resource_find(c, name);
	cJSON *json = reduce(object);
	if (r != NULL)
		uid_set(r, meta);
	if (r != NULL && json_equal(r->json, json)) {
		cJSON_Delete(json);
		return;
	}
	if (r == NULL) {
		size_t len = strlen(kind) + 1 + strlen(name) + 1;
		r = must(array_push(c));
		r->name = must(strdup(name));
		r->base = must(malloc(len));
		snprintf(r->base, len, "%s/%s", kind, name);
		uid_set(r, meta);
	} else {
		cJSON_Delete(r->json);
	}
	r->json = json;
	touch(c);
	if (c->read)
		update_soon(c->source, 0);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct collection *c = arg;
	struct resource *r = resource_find(c, name);

	(void)ns;
	if (r == NULL)
		return;
	pool_tell(c, name, NULL);
	resource_done(r);
	*r = c->items[--c->count];
	touch(c);
	update_soon(c->source, 0);
}

static void on_absent(void *arg) /* without the definitions there is nothing to wait for */
{
	struct collection *c = arg;

	c->read = true;
	update_soon(c->source, 0);
}

static void on_listed(void *arg)
{
	struct collection *c = arg;

	if (c->lost)
		touch(c); /* as when a file is mended */
	c->listed = true;
	c->lost = false;
	on_absent(c);
}

static void on_lost(void *arg, int status, const char *reason)
{
	struct collection *c = arg;

	(void)status;
	(void)reason; /* the watch has logged them */
	c->lost = true;
}

static const struct kube_watch_ops watch_ops = {
	.upsert = on_upsert,
	.remove = on_remove,
	.synced = on_listed,
	.absent = on_absent,
	.lost = on_lost,
};

static int watches_start(struct config_source *s)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct collection *c = &s->collections[i];
		const struct resource_kind *k = &resource_kinds[i];
		if (!is_watched(s, i))
			continue;
		char *path = kube_path(k->api, s->ns, k->plural, NULL, NULL);

		if (path != NULL)
			c->watch = kube_watch_start(s->cfg.kube, path, NULL, &watch_ops, c);
		free(path);
		if (c->watch == NULL)
			return -ENOMEM;
	}
	if (s->cfg.of_node) {
		s->secrets = config_secrets_open(s->cfg.kube, s->ns, on_secrets, s);
		if (s->secrets == NULL)
			return -ENOMEM;
	}
	return 0;
}

int config_source_open(const struct config_source_cfg *cfg, struct config_source **ret)
{
	struct config_source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->cfg = *cfg;
	s->file = cfg->file == NULL ? NULL : must(strdup(cfg->file));
	s->ns = must(strdup(cfg->ns));
	for (size_t i = 0; i < KINDS; i++)
		s->collections[i].source = s;
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

	/* None of these can fail on a loop that lives. */
	uv_timer_init(cfg->loop, &s->soon);
	uv_timer_init(cfg->loop, &s->look);
	uv_fs_event_init(cfg->loop, &s->events);
	s->soon.data = s->look.data = s->events.data = s;
	s->handles_open = 3;

	if (s->file != NULL) {
		s->file_wanted = true;
		directory_watch(s);
		uv_timer_start(&s->look, on_look, LOOK_MS, LOOK_MS);
	}
	int rc = cfg->kube == NULL ? 0 : watches_start(s);
	if (rc < 0) {
		config_source_close(s);
		return rc;
	}
	update_soon(s, 0);
	*ret = s;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct config_source *s = handle->data;

	if (--s->handles_open > 0)
		return;
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
	for (size_t i = 0; i < KINDS; i++) {
		struct collection *c = &s->collections[i];
		kube_watch_stop(c->watch);
		for (size_t j = 0; j < c->count; j++)
			resource_done(&c->items[j]);
		array_free(c);
	}
	s->secrets = config_secrets_close(s->secrets);
	s->node = node_free(s->node);
	s->doc = doc_free(s->doc);
	s->next = doc_free(s->next);
	faults_free(&s->told);
	uv_close((uv_handle_t *)&s->soon, on_closed);
	uv_close((uv_handle_t *)&s->look, on_closed);
	uv_close((uv_handle_t *)&s->events, on_closed);
	return NULL;
}
