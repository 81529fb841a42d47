// SPDX-License-Identifier: Apache-2.0
#include "allocator/pool_status_book.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "lib/base/tree.h"
#include "lib/kube/backoff.h"
#include "lib/model/version.h"

#define GAP_MS       1000u   /* between two writes of one */
#define VAIN_MAX_MS  600000u /* between two that change nothing */
#define VAIN_DOUBLED 10

/* An IPAddressPool of the API. */
struct object {
	RB_ENTRY(object) node;
	char *name;
	cJSON *status; /* as known; NULL: none */
	char *version; /* of the object then; NULL: not known */
	struct pool_status want, sent;
	bool wanted;     /* it should say `want` */
	bool differs;    /* and does not */
	bool busy;       /* a write is under way */
	uint64_t due_ms; /* not written before */
	unsigned vain;   /* writes in a row that changed nothing */
	struct backoff backoff;
};

RB_HEAD(object_tree, object);

struct pool_status_book {
	struct object_tree objects;
	struct rng rng;
};

static int object_cmp(const struct object *a, const struct object *b)
{
	return strcmp(a->name, b->name);
}

TREE_GENERATE(object_tree, object, node, object_cmp)

static struct object *object_find(struct pool_status_book *b, const char *name)
{
	struct object key = { .name = (char *)(uintptr_t)name };

	return RB_FIND(object_tree, &b->objects, &key);
}

static void object_drop(struct pool_status_book *b, struct object *o)
{
	RB_REMOVE(object_tree, &b->objects, o);
	cJSON_Delete(o->status);
	free(o->version);
	free(o->name);
	free(o);
}

static void compare(struct object *o)
{
	bool says = pool_status_is(o->status, &o->want);

	o->differs = o->wanted && !says;
	if (says)
		o->vain = 0;
}

static void learn(struct object *o, const cJSON *object)
{
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(object, "status");
	const char *version = version_of(object);

	cJSON_Delete(o->status);
	o->status = status == NULL ? NULL : must(cJSON_Duplicate(status, true));
	free(o->version);
	o->version = must_copy(version);
	compare(o);
}

void pool_status_book_told(struct pool_status_book *b, const char *name, const cJSON *object)
{
	struct object *o = object_find(b, name);

	if (object == NULL) {
		if (o != NULL)
			object_drop(b, o);
		return;
	}
	if (o == NULL) {
		o = must(calloc(1, sizeof(*o)));
		o->name = must(strdup(name));
		RB_INSERT(object_tree, &b->objects, o);
	}
	learn(o, object);
}

void pool_status_book_begin(struct pool_status_book *b)
{
	struct object *o;

	RB_FOREACH (o, object_tree, &b->objects)
		o->wanted = o->differs = false;
}

void pool_status_book_want(struct pool_status_book *b, const char *name,
			   const struct pool_status *s)
{
	struct object *o = object_find(b, name);

	if (o == NULL)
		return;
	o->want = *s;
	o->wanted = true;
	compare(o);
}

/* Of those that are to be written, the one that could have been for longest. */
static struct object *first(const struct pool_status_book *b)
{
	struct object *o, *found = NULL;

	RB_FOREACH (o, object_tree, (struct object_tree *)(uintptr_t)&b->objects) {
		if (o->differs && !o->busy && (found == NULL || o->due_ms < found->due_ms))
			found = o;
	}
	return found;
}

const char *pool_status_book_next(struct pool_status_book *b, uint64_t now_ms,
				  struct pool_status *ret)
{
	struct object *o = first(b);

	if (o == NULL || o->due_ms > now_ms)
		return NULL;
	o->busy = true;
	o->due_ms = now_ms + GAP_MS;
	*ret = o->sent = o->want;
	return o->name;
}

/* The pause after @vain writes in a row that changed nothing. */
static uint64_t vain_pause_ms(unsigned vain)
{
	uint64_t pause = (uint64_t)GAP_MS << (vain < VAIN_DOUBLED ? vain : VAIN_DOUBLED);

	return pause < VAIN_MAX_MS ? pause : VAIN_MAX_MS;
}

enum pool_status_end pool_status_book_written(struct pool_status_book *b, const char *name,
					      uint64_t now_ms, int status, const cJSON *object)
{
	struct object *o = object_find(b, name);
	bool went_well = status >= 200 && status < 300;

	if (o == NULL || !o->busy) /* it was deleted meanwhile, if not made again */
		return went_well ? POOL_STATUS_STANDS : POOL_STATUS_FAILED;
	o->busy = false;
	if (!went_well) {
		o->due_ms = now_ms + GAP_MS + backoff_next(&o->backoff, &b->rng);
		return POOL_STATUS_FAILED;
	}
	backoff_reset(&o->backoff);
	const cJSON *says =
		object == NULL ? o->status : cJSON_GetObjectItemCaseSensitive(object, "status");
	bool stands = pool_status_is(says, &o->sent);
	if (!stands)
		o->due_ms = now_ms + vain_pause_ms(++o->vain);
	/* The watch may have told of somebody's change since. */
	if (object != NULL && !version_older(version_of(object), o->version))
		learn(o, object);
	return stands ? POOL_STATUS_STANDS : POOL_STATUS_VAIN;
}

uint64_t pool_status_book_wake_ms(const struct pool_status_book *b)
{
	const struct object *o = first(b);

	return o == NULL ? UINT64_MAX : o->due_ms;
}

struct pool_status_book *pool_status_book_new(uint64_t seed)
{
	struct pool_status_book *b = must(calloc(1, sizeof(*b)));

	RB_INIT(&b->objects);
	b->rng = rng_seeded(seed);
	return b;
}

struct pool_status_book *pool_status_book_free(struct pool_status_book *b)
{
	if (b == NULL)
		return NULL;
	for (struct object *o; (o = RB_MIN(object_tree, &b->objects)) != NULL;)
		object_drop(b, o);
	free(b);
	return NULL;
}
