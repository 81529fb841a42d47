// SPDX-License-Identifier: Apache-2.0
/*
 * A list of Services, each sent over the one before that was taken: the rules take or refuse it
 * with a reason, the books hold what the stored one holds and nothing else, and what is stored can
 * be sent back unchanged.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/model/service_rules_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds)
{
	if (!holds)
		abort();
}

/* Few numbers, so that they run out. */
static struct service_books *new_books(void)
{
	struct service_books *b = NULL;

	need(service_books_new("10.96.0.0/30,fd00:10:96::/126", "30000-30002", &b) == 0);
	return b;
}

struct held {
	u128 ips[CLUSTER_IPS_MAX], ports;
};

static struct held count(const struct service_books *b)
{
	u128 all = ~(u128)0;

	return (struct held){ { rangeset_count(b->ips[0], 0, all),
				rangeset_count(b->ips[1], 0, all) },
			      rangeset_count(b->ports, 0, all) };
}

static void need_same(struct held a, struct held b)
{
	need(a.ips[0] == b.ips[0] && a.ips[1] == b.ips[1] && a.ports == b.ports);
}

/* What the stored one holds of books that hold nothing else. */
static struct held count_of(const cJSON *stored)
{
	struct service_books *b = new_books();

	service_rules_adopt(b, stored);
	struct held h = count(b);
	service_books_free(b);
	return h;
}

static int apply(struct service_books *b, cJSON *service, const cJSON *old)
{
	struct rule_causes causes = { 0 };
	struct held before = count(b);
	int rc = service_rules_apply(b, service, old, &causes);

	need((rc == 0) == (causes.count == 0));
	if (rc != 0)
		need_same(count(b), before);
	causes_free(&causes);
	return rc;
}

static void ignore(void *arg, const char *text)
{
	(void)arg;
	need(text[0] != '\0');
}

/* @status: what a write of the status would bring, or NULL. */
static void check_stored(struct service_books *b, const cJSON *stored, const cJSON *status)
{
	cJSON *again = cJSON_Duplicate(stored, 1);
	struct rule_causes causes = { 0 };

	need_same(count(b), count_of(stored));
	service_rules_warn(stored, ignore, NULL);
	need(apply(b, again, stored) == 0);
	need(json_equal(again, stored));
	need_same(count(b), count_of(stored));
	rule_set(again, "status",
		 status == NULL ? cJSON_CreateObject() : cJSON_Duplicate(status, 1));
	service_rules_decoded(again);
	need((service_rules_status(again, &causes) == 0) == (causes.count == 0));
	causes_free(&causes);
	cJSON_Delete(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *list = cJSON_ParseWithLength((const char *)data, size), *stored = NULL;
	struct service_books *b = new_books();

	while (cJSON_IsArray(list) && list->child != NULL) {
		cJSON *sent = cJSON_DetachItemViaPointer(list, list->child);

		/* As in the API, a status is not written along with the rest. */
		cJSON *status = cJSON_DetachItemFromObjectCaseSensitive(sent, "status");

		if (cJSON_IsObject(sent) && apply(b, sent, stored) == 0) {
			cJSON_Delete(stored);
			stored = sent;
			check_stored(b, stored, status);
		} else {
			cJSON_Delete(sent);
		}
		cJSON_Delete(status);
	}
	if (stored != NULL) {
		service_rules_release(b, stored);
		need_same(count(b), (struct held){ 0 });
	}
	cJSON_Delete(stored);
	cJSON_Delete(list);
	service_books_free(b);
	return 0;
}
