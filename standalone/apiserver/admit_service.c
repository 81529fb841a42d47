// SPDX-License-Identifier: Apache-2.0
/* A Service before it is stored: lib/model has the rules, here they become a Status. */
#include <errno.h>
#include <string.h>

#include "standalone/apiserver/admit_impl.h"
#include "standalone/apiserver/status.h"

/* What the rules could not do is no fault of a field: an error of the server's, in their words. */
static cJSON *refuse_books(int rc, const struct rule_causes *causes)
{
	const char *why = causes->count == 0 ? strerror(-rc) : causes->items[0].message;

	if (rc == -ENOTUNIQ)
		return status_failure(500, "", "%s", why);
	return status_internal("%s", why);
}

cJSON *admit_service(struct api *a, const struct kind *kind, cJSON *object, const cJSON *old,
		     bool status, struct rule_causes *causes)
{
	cJSON *s = NULL;
	int rc;

	if (status) {
		rc = service_rules_status(object, causes);
	} else {
		if (old == NULL) {
			js_drop(object, "status");
			js_object(js_object(object, "status"), "loadBalancer");
		}
		rc = service_rules_apply(a->books, object, old, causes);
	}
	if (rc == -EINVAL)
		s = status_invalid(kind, js_text(object, "metadata.name"), causes);
	else if (rc != 0)
		s = refuse_books(rc, causes);
	return s;
}
