// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/lease_object.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* An int32 of the API; 0 for what is none. */
static int64_t number(const cJSON *spec, const char *name)
{
	const cJSON *value = member(spec, name);

	return cJSON_IsNumber(value) && fabs(value->valuedouble) <= INT32_MAX
		       ? (int64_t)value->valuedouble
		       : 0;
}

struct kube_lease_record kube_lease_object_record(const cJSON *lease)
{
	const cJSON *spec = member(lease, "spec");

	return (struct kube_lease_record){
		.holder = cJSON_GetStringValue(member(spec, "holderIdentity")),
		.acquired = cJSON_GetStringValue(member(spec, "acquireTime")),
		.renewed = cJSON_GetStringValue(member(spec, "renewTime")),
		.duration_s = number(spec, "leaseDurationSeconds"),
		.transitions = number(spec, "leaseTransitions"),
	};
}

static void set(cJSON *object, const char *name, cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	must_0(!cJSON_AddItemToObject(object, name, must(value)));
}

/* metav1.MicroTime, which has six digits always. */
static cJSON *micro_time(int64_t now_us)
{
	time_t seconds = (time_t)(now_us / 1000000);
	char text[64], day[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%06dZ", day, (int)(now_us % 1000000));
	return cJSON_CreateString(text);
}

static cJSON *skeleton(const char *ns, const char *name)
{
	cJSON *lease = must(cJSON_CreateObject()), *meta;

	must(cJSON_AddStringToObject(lease, "apiVersion", "coordination.k8s.io/v1"));
	must(cJSON_AddStringToObject(lease, "kind", "Lease"));
	meta = must(cJSON_AddObjectToObject(lease, "metadata"));
	must(cJSON_AddStringToObject(meta, "namespace", ns));
	must(cJSON_AddStringToObject(meta, "name", name));
	must(cJSON_AddObjectToObject(lease, "spec"));
	return lease;
}

char *kube_lease_object_text(const cJSON *known, enum kube_lease_todo todo, const char *ns,
			     const char *name, const char *identity, uint64_t duration_ns,
			     int64_t now_us)
{
	uint64_t duration_s = todo == LEASE_RELEASE ? 1 : duration_ns / NS_PER_S;
	int64_t transitions =
		todo == LEASE_CREATE ? 0 : kube_lease_object_record(known).transitions;
	cJSON *lease =
		todo == LEASE_CREATE ? skeleton(ns, name) : must(cJSON_Duplicate(known, true));
	cJSON *spec = cJSON_GetObjectItemCaseSensitive(lease, "spec");

	if (!cJSON_IsObject(spec)) {
		set(lease, "spec", cJSON_CreateObject());
		spec = cJSON_GetObjectItemCaseSensitive(lease, "spec");
	}
	if (todo == LEASE_ACQUIRE && transitions < INT32_MAX) /* of the API; who edits it may */
		transitions++;
	/* A release as client-go writes it: nobody, and a second for who does not look at that. */
	set(spec, "holderIdentity", cJSON_CreateString(todo == LEASE_RELEASE ? "" : identity));
	set(spec, "leaseDurationSeconds", cJSON_CreateNumber((double)duration_s));
	set(spec, "leaseTransitions", cJSON_CreateNumber((double)transitions));
	set(spec, "renewTime", micro_time(now_us));
	if (todo != LEASE_RENEW)
		set(spec, "acquireTime", micro_time(now_us));

	char *text = must(cJSON_PrintUnformatted(lease));
	cJSON_Delete(lease);
	return text;
}
