// SPDX-License-Identifier: Apache-2.0
#include "allocator/ml_secret_io.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <nettle/base64.h>

#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/base/rng.h"
#include "lib/kube/backoff.h"

#define KEY_BYTES  16
#define KEY_TEXT   22 /* of them in base64, without padding */
#define REFUSED_MS 60000u

struct ml_secret_io {
	struct ml_secret_io_cfg cfg;
	char *ns, *name;
	bool absent;  /* the server said so when it was asked last */
	bool settled; /* it is there, or never to be created */
	bool busy;    /* a request is under way */
	bool told;    /* that it cannot be had */
	bool closing;
	struct backoff backoff;
	struct rng rng;
	uv_timer_t timer;
	unsigned holders; /* the timer, and the request under way */
};

static void io_unref(struct ml_secret_io *x)
{
	if (--x->holders > 0)
		return;
	free(x->ns);
	free(x->name);
	free(x);
}

static void on_timer(uv_timer_t *t)
{
	ml_secret_io_ensure(t->data);
}

static void look_in(struct ml_secret_io *x, uint64_t ms)
{
	if (!x->closing)
		uv_timer_start(&x->timer, on_timer, ms, 0);
}

/* Try again, from the beginning. That the server cannot be reached is said by lib/kube. */
static void failed(struct ml_secret_io *x, int status, const char *error)
{
	bool refused = status == 403 || status == 404;

	x->absent = false;
	if (status != 0 && !x->told) {
		/* Without its namespace a host without Kubernetes is in order. */
		LOG_AT(status == 404 ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "allocator",
		       "cannot see to the memberlist Secret, retrying",
		       "secret=%s/%s status=%d err=\"%s\"", x->ns, x->name, status,
		       error != NULL ? error : "");
		x->told = true;
	}
	look_in(x, refused ? REFUSED_MS : backoff_next(&x->backoff, &x->rng));
}

/* --- asking -------------------------------------------------------------------------- */

static void on_looked(void *arg, int status, const cJSON *json, const char *error)
{
	struct ml_secret_io *x = arg;

	(void)json;
	x->busy = false;
	x->settled = x->settled || status == 200;
	x->absent = status == 404;
	if (x->absent)
		look_in(x, 0);
	else if (!x->settled)
		failed(x, status, error);
	io_unref(x);
}

static void ask(struct ml_secret_io *x)
{
	char *path = must(kube_path("/api/v1", x->ns, "secrets", x->name, NULL));

	x->busy = true;
	x->holders++;
	int rc = kube_request(x->cfg.kube, "GET", path, NULL, NULL, on_looked, x);
	free(path);
	if (rc != 0)
		on_looked(x, 0, NULL, strerror(-rc));
}

/* --- creating ------------------------------------------------------------------------ */

static void to_base64(const void *bytes, size_t len, char *ret)
{
	base64_encode_raw(ret, len, bytes);
	ret[BASE64_ENCODE_RAW_LENGTH(len)] = '\0';
}

/* What stands at .data.secretkey: base64 of the key's text, as of all data of Secrets. 0 or an
 * errno. */
static int key_make(char ret[BASE64_ENCODE_RAW_LENGTH(KEY_TEXT) + 1])
{
	uint8_t bytes[KEY_BYTES];
	char text[BASE64_ENCODE_RAW_LENGTH(KEY_BYTES) + 1];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	to_base64(bytes, sizeof(bytes), text);
	to_base64(text, KEY_TEXT, ret);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(text, sizeof(text));
	return 0;
}

static void on_created(void *arg, int status, const cJSON *json, const char *error)
{
	struct ml_secret_io *x = arg;

	(void)json;
	x->busy = false;
	x->settled = status == 201 || status == 409; /* somebody else was first */
	if (status == 201)
		log_info("allocator", "memberlist Secret created", "secret=%s/%s", x->ns, x->name);
	else if (!x->settled && !x->closing)
		failed(x, status, error);
	io_unref(x);
}

static void set(cJSON *to, const char *key, const char *value)
{
	must(cJSON_AddStringToObject(to, key, value));
}

static char *body_make(const struct ml_secret_io *x, const char *key)
{
	cJSON *object = must(cJSON_CreateObject());

	set(object, "apiVersion", "v1");
	set(object, "kind", "Secret");
	set(must(cJSON_AddObjectToObject(object, "metadata")), "name", x->name);
	set(object, "type", "Opaque");
	cJSON *data = must(cJSON_AddObjectToObject(object, "data"));
	set(data, "secretkey", key);
	char *body = must(cJSON_PrintUnformatted(object));
	explicit_bzero(data->child->valuestring, strlen(key));
	cJSON_Delete(object);
	return body;
}

static void create(struct ml_secret_io *x)
{
	char key[BASE64_ENCODE_RAW_LENGTH(KEY_TEXT) + 1];
	int rc = key_make(key);

	if (rc != 0) {
		failed(x, 0, NULL);
		return;
	}
	char *path = must(kube_path("/api/v1", x->ns, "secrets", NULL, NULL));
	char *body = body_make(x, key);
	x->busy = true;
	x->holders++;
	rc = gate_io_send(x->cfg.gate, "POST", path, KUBE_JSON, body, on_created, x);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(body, strlen(body));
	free(body);
	free(path);
	if (rc != 0)
		on_created(x, 0, NULL, strerror(-rc));
}

void ml_secret_io_ensure(struct ml_secret_io *x)
{
	/* While it waits to try again, that is when it does. */
	if (x->settled || x->busy || x->closing || uv_is_active((uv_handle_t *)&x->timer))
		return;
	if (!gate_io_is_open(x->cfg.gate))
		return; /* whoever leads calls again */
	if (!x->absent)
		ask(x);
	else
		create(x);
}

/* --- life ---------------------------------------------------------------------------- */

struct ml_secret_io *ml_secret_io_open(const struct ml_secret_io_cfg *cfg)
{
	struct ml_secret_io *x = must(calloc(1, sizeof(*x)));

	x->cfg = *cfg;
	x->ns = must_copy(cfg->ns);
	x->name = must_copy(cfg->name);
	x->settled = cfg->name == NULL || *cfg->name == '\0';
	x->rng = rng_seeded(cfg->seed);
	uv_timer_init(cfg->loop, &x->timer);
	x->timer.data = x;
	x->holders = 1;
	return x;
}

static void on_closed(uv_handle_t *handle)
{
	io_unref(handle->data);
}

struct ml_secret_io *ml_secret_io_close(struct ml_secret_io *x)
{
	if (x == NULL)
		return NULL;
	x->closing = true;
	uv_close((uv_handle_t *)&x->timer, on_closed);
	return NULL;
}
