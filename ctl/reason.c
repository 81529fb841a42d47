// SPDX-License-Identifier: Apache-2.0
#include "ctl/reason.h"

#include <stdio.h>
#include <string.h>

#include "allocator/explain.h"

const char *reason_ipam_text(const struct pool *pool, char *buf, size_t size)
{
	snprintf(buf, size,
		 "the address comes from the IPAM of pool \"%s\" at %s, which is not asked here",
		 pool->name, pool->ipam.url);
	return buf;
}

static void note_ipam(void *arg, const struct allocator_verdict *v)
{
	const struct pool **found = arg;

	if (v->answer == ALLOCATOR_IPAM_WAITS && *found == NULL)
		*found = v->pool;
}

/* The pool for whose IPAM the engine here waits, which nobody asks. NULL: there is none. */
static const struct pool *awaited_pool(const struct allocator *a,
				       const struct allocator_service_view *view)
{
	const struct pool *pool = NULL;

	allocator_explain(a, view->ns, view->name, note_ipam, &pool);
	return pool;
}

/* What the allocator says in its condition of why the Service has no address; NULL: nothing. */
static const char *condition_text(const struct service *s)
{
	bool refused = s->ready != NULL && s->ready->status == CONDITION_FALSE;

	return refused && s->ready->message != NULL && *s->ready->message != '\0'
		       ? s->ready->message
		       : NULL;
}

/* --- Services of others ----------------------------------------------------------------------- */

static void tell_foreign(const struct service *s, char *buf, size_t size)
{
	/* The class cannot change, so an allocator of ours has served, or serves, this one. */
	const char *end = s->ready == NULL ? "another controller serves it"
					   : "it is not served by what is seen here, but Bellman's "
					     "allocator has written a condition on it";

	if (s->lb_class == NULL)
		snprintf(buf, size, "it has no loadBalancerClass: %s", end);
	else
		snprintf(buf, size, "loadBalancerClass %s: %s", s->lb_class, end);
}

/* --- one that has an address ------------------------------------------------------------------ */

static bool has_ip(const struct ip_addr *ips, unsigned count, const struct ip_addr *ip)
{
	for (unsigned i = 0; i < count; i++)
		if (ip_equal(&ips[i], ip))
			return true;
	return false;
}

/* The first of @ips that @others do not have, or NULL. */
static const struct ip_addr *missing(const struct ip_addr *ips, unsigned count,
				     const struct ip_addr *others, unsigned other_count)
{
	for (unsigned i = 0; i < count; i++)
		if (!has_ip(others, other_count, &ips[i]))
			return &ips[i];
	return NULL;
}

/* Why @ip, which the status shows, cannot stay; returns the length, 0 where it is not plain. */
static size_t tell_fault_of(const struct config *config, const struct ip_addr *ip, char *buf,
			    size_t size)
{
	const struct pool *pool = config_pool_of(config, ip, true);
	char text[IP_TEXT_MAX];
	int len = 0;

	ip_format(ip, text);
	if (pool == NULL)
		len = snprintf(buf, size, "%s is in no pool: ", text);
	else if (pool_excludes(pool, ip))
		len = snprintf(buf, size, "%s is excluded from pool \"%s\": ", text, pool->name);
	return (size_t)len < size ? (size_t)len : 0;
}

/* Does the engine leave to the Service what its status shows? Why not, and what comes, if so. */
static void tell_held(const struct cluster *c, const struct allocator_service_view *view,
		      const struct service *s, char *buf, size_t size)
{
	const struct ip_addr *goes =
		missing(s->ingress, s->ingress_count, view->ips, view->ip_count);
	const struct ip_addr *comes =
		missing(view->ips, view->ip_count, s->ingress, s->ingress_count);
	char text[IP_TEXT_MAX];
	size_t len = 0;

	if (goes == NULL && comes == NULL)
		return;
	if (s->from_pool != NULL && config_pool(c->config, s->from_pool) == NULL) {
		snprintf(buf, size, "pool \"%s\" is not seen here", s->from_pool);
		return;
	}
	if (goes != NULL)
		len = tell_fault_of(c->config, goes, buf, size);
	if (comes != NULL)
		snprintf(buf + len, size - len, "the allocator would give %s of pool \"%s\" %s",
			 ip_format(comes, text), view->pool, goes != NULL ? "instead" : "too");
	else
		snprintf(buf + len, size - len, "the allocator would take %s away%s%s",
			 ip_format(goes, text), *view->reason == '\0' ? "" : ", for ",
			 view->reason);
}

/* --- one that waits --------------------------------------------------------------------------- */

/* What the engine here makes of it. */
static void tell_waiting(const struct outcome_cfg *cfg, const struct allocator *a,
			 const struct allocator_service_view *view, char *buf, size_t size)
{
	const struct pool *pool = awaited_pool(a, view);
	char first[IP_TEXT_MAX];

	if (pool != NULL)
		reason_ipam_text(pool, buf, size);
	else if (view->ip_count > 0)
		snprintf(buf, size, "%s of pool %s is chosen, but not written: %s",
			 ip_format(&view->ips[0], first), view->pool,
			 cfg->led ? "does the allocator that leads see the same pools?"
				  : "does an allocator run?");
	else
		snprintf(buf, size, "%s", view->reason);
}

static void tell_pending(const struct outcome_cfg *cfg, const struct allocator *a,
			 const struct allocator_service_view *view, const struct service *s,
			 struct reason *ret)
{
	const char *said = cfg->status ? condition_text(s) : NULL;
	char here[REASON_MAX] = "no condition on it says why";

	if (!cfg->blind)
		tell_waiting(cfg, a, view, here, sizeof(here));
	snprintf(ret->why, sizeof(ret->why), "%s", said != NULL ? said : here);
	/* What an IPAM said is only in the condition: not asking it here is no other view. */
	if (said != NULL && !cfg->blind && strcmp(said, here) != 0 && awaited_pool(a, view) == NULL)
		snprintf(ret->note, sizeof(ret->note),
			 "that is what the allocator says; by what is seen here: %.1900s", here);
}

void reason_find(const struct outcome_cfg *cfg, const struct cluster *c, const struct allocator *a,
		 const struct allocator_service_view *view, const struct service *s,
		 struct reason *ret)
{
	ret->why[0] = ret->note[0] = '\0';
	if (s->type != SERVICE_LOAD_BALANCER)
		snprintf(ret->why, sizeof(ret->why), "it is of type %s now",
			 service_type_name(s->type));
	else if (!view->ours)
		tell_foreign(s, ret->why, sizeof(ret->why));
	else if (s->ingress_count == 0)
		tell_pending(cfg, a, view, s, ret);
	else if (cfg->status && !cfg->blind)
		tell_held(c, view, s, ret->why, sizeof(ret->why));
	else if (!cfg->status)
		snprintf(ret->why, sizeof(ret->why), "%s", view->reason);
}
