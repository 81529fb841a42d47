// SPDX-License-Identifier: Apache-2.0
/*
 * The order of the steps. As in Kubernetes the books come before validation: a Service that asks
 * for a taken address hears of that alone, and one that validation refuses gives everything back.
 */
#include "lib/model/service_rules.h"

#include <errno.h>

#include "lib/model/service_rules_impl.h"

/* The steps that need the books: what they refuse takes the place of what was found before. */
static int claim(struct rule_run *r)
{
	size_t before = r->causes->count;
	int rc = service_settle_families(r);

	if (rc == 0)
		rc = service_claim_ips(r);
	if (rc == 0)
		rc = service_claim_ports(r);
	if (rc != 0 && !r->books->tell_all) {
		struct rule_causes own = { 0 };

		for (size_t i = before; i < r->causes->count; i++) {
			*(struct rule_cause *)must(array_push(&own)) = r->causes->items[i];
			r->causes->items[i] = (struct rule_cause){ 0 };
		}
		causes_free(r->causes);
		*r->causes = own;
	}
	return rc;
}

static void validate(struct rule_run *r, bool settled)
{
	if (r->old != NULL)
		service_validate_update(r);
	service_validate(r->service, settled, r->causes);
}

/*
 * How Kubernetes shows an ExternalName: without the internal policy, which old ones were given; and
 * with a stray cluster IP in both fields.
 */
static void shape_external_name(cJSON *spec)
{
	if (has_cluster_ip(spec))
		return;
	rule_drop(spec, "internalTrafficPolicy");
	service_normalize_cluster_ips(spec, NULL);
}

int service_rules_apply(struct service_books *b, cJSON *service, const cJSON *old,
			struct rule_causes *causes)
{
	if (!service_check_types(service, causes))
		return -EINVAL;
	if (rule_get(service, "spec") == NULL)
		rule_set(service, "spec", cJSON_CreateObject());
	service_prune(service);
	service_default(service);

	struct rule_run r = {
		.books = b,
		.service = service,
		.spec = rule_get(service, "spec"),
		.old = rule_get(old, "spec"),
		.causes = causes,
	};
	if (r.old != NULL)
		service_carry_over(r.spec, r.old);
	service_normalize_cluster_ips(r.spec, r.old);
	int rc = claim(&r);
	if (rc == 0 || b->tell_all) {
		if (r.old != NULL)
			service_drop_unfit(&r);
		validate(&r, rc == 0);
	}
	if (rc == 0 && causes->count > 0)
		rc = -EINVAL;
	if (rc != 0) {
		for (size_t i = 0; i < r.taken.count; i++)
			books_give(b, r.taken.items[i]);
	} else {
		shape_external_name(r.spec);
		/* What the old one held goes, then what the new one holds comes: the difference. */
		if (r.old != NULL) {
			service_rules_release(b, old);
			service_rules_adopt(b, service);
		}
	}
	array_free(&r.taken);
	return rc;
}
