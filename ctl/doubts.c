// SPDX-License-Identifier: Apache-2.0
#include "ctl/doubts.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/leader.h"
#include "ctl/peek.h"
#include "lib/base/must.h"

#define NAMES_MAX 3 /* of pools in other namespaces; of more only how many */

static void add(cJSON *doubts, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(cJSON *doubts, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	char *text = must_vtext(fmt, args);
	va_end(args);
	cJSON_AddItemToArray(doubts, must(cJSON_CreateString(text)));
	free(text);
}

/* --- what the allocator left on Services ------------------------------------------------------ */

static const cJSON *condition_of(const struct cluster_service *s)
{
	const cJSON *c;

	cJSON_ArrayForEach (c, peek(peek(s->json, "status"), "conditions"))
		if (strcmp(peek_text(c, "type"), SERVICE_READY_CONDITION) == 0)
			return c;
	return NULL;
}

/*
 * The next pool of which @*at speaks, as `pool "NAME"`, into @name; *at moves on. Not one that is
 * said not to be there: `there is no pool "NAME"`.
 */
static bool next_pool(const char **at, char *name, size_t size)
{
	static const char before[] = "pool \"", absent[] = "no ";
	const char *from = *at, *found;

	while ((found = strstr(from, before)) != NULL) {
		const char *begin = found + strlen(before);
		size_t len = strcspn(begin, "\"");
		bool is_absent = found - *at >= (ptrdiff_t)strlen(absent) &&
				 strncmp(found - strlen(absent), absent, strlen(absent)) == 0;
		from = begin + len;
		if (is_absent || len == 0 || len >= size || *from == '\0')
			continue;
		memcpy(name, begin, len);
		name[len] = '\0';
		*at = from;
		return true;
	}
	return false;
}

/* A pool that the allocator has named to @s and that is not seen here, into @name. */
static bool find_unseen(const struct config *config, const struct cluster_service *s, char *name,
			size_t size)
{
	const char *said = peek_text(condition_of(s), "message");

	if (s->held_count > 0 && s->held_pool != NULL &&
	    config_pool(config, s->held_pool) == NULL) {
		snprintf(name, size, "%s", s->held_pool);
		return true;
	}
	while (next_pool(&said, name, size))
		if (config_pool(config, name) == NULL)
			return true;
	return false;
}

static void doubt_pools(const struct look *look, const struct cluster *c, cJSON *doubts)
{
	const struct cluster_service *s = NULL;
	char name[300];

	for (size_t i = 0; i < c->services.count && s == NULL; i++)
		if (find_unseen(c->config, &c->services.items[i], name, sizeof(name)))
			s = &c->services.items[i];
	if (s == NULL)
		return;
	if (look->config == NULL)
		add(doubts,
		    "The allocator has spoken of pool \"%s\" to %s/%s, which is not seen here: if "
		    "the daemons run with a configuration file, give it with --config.",
		    name, s->ns, s->name);
	else
		add(doubts,
		    "The allocator has spoken of pool \"%s\" to %s/%s, which is neither in the API "
		    "nor in %s: the daemons may run with another file.",
		    name, s->ns, s->name, look->config);
}

/* Has it written to one whose class nobody here serves? */
static void doubt_class(const struct look *look, const struct cluster *c, cJSON *doubts)
{
	const char *served = look->lb_class != NULL
				     ? look->lb_class
				     : config_setting(c->config, "loadBalancerClass");

	for (size_t i = 0; i < c->services.count; i++) {
		const struct cluster_service *s = &c->services.items[i];
		const char *class = peek_text(peek(s->json, "spec"), "loadBalancerClass");
		if (condition_of(s) == NULL || strcmp(class, served == NULL ? "" : served) == 0)
			continue;
		add(doubts,
		    "The allocator has written to %s/%s, whose loadBalancerClass is %s: if it "
		    "serves that, give the configuration file of the daemons with --config, or the "
		    "class with --lb-class.",
		    s->ns, s->name, *class == '\0' ? "none" : class);
		return;
	}
}

static void doubt_namespace(const struct sight *sight, const char *ns, cJSON *doubts)
{
	bool written = false;

	for (size_t i = 0; i < sight->cluster.services.count && !written; i++)
		written = condition_of(&sight->cluster.services.items[i]) != NULL;
	if (written && leader_was_never(sight->leader))
		add(doubts,
		    "An allocator has written conditions, but none has stood for a Lease in "
		    "namespace %s: if it runs in another one, give that with --namespace.",
		    ns);
}

/* --- what else there is in the API ------------------------------------------------------------ */

static void doubt_states(const struct sight *sight, cJSON *doubts)
{
	if (sight->blind)
		add(doubts, "The configuration in the API is faulty: the daemons keep the last one "
			    "that was good, if they had any. Who has which address is told; what "
			    "follows from pools and advertisements is not.");
	for (size_t i = 0; i < sight->states.count; i++)
		add(doubts, "ConfigurationState %s (the daemon keeps its last good configuration).",
		    sight->states.items[i]);
}

static void doubt_elsewhere(const struct sight *sight, const char *ns, cJSON *doubts)
{
	const struct sight_texts *pools = &sight->elsewhere;
	char names[1024] = "", more[32] = "";
	size_t len = 0;

	if (pools->count == 0)
		return;
	for (size_t i = 0; i < pools->count && i < NAMES_MAX && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? ", " : "",
					pools->items[i]);
	if (pools->count > NAMES_MAX)
		snprintf(more, sizeof(more), " and %zu more", pools->count - NAMES_MAX);
	add(doubts,
	    "IPAddressPool %s%s is not in namespace %s, the only one that the daemons read; if "
	    "they run in another one, give that with --namespace.",
	    names, more, ns);
}

cJSON *doubts_find(const struct look *look, const struct sight *sight)
{
	const char *ns = world_namespace(&sight->world);
	cJSON *doubts = must(cJSON_CreateArray());

	if (!look->live)
		return doubts;
	doubt_states(sight, doubts);
	if (!sight->blind && (look->status || look->config == NULL)) {
		doubt_pools(look, &sight->cluster, doubts);
		doubt_class(look, &sight->cluster, doubts);
	}
	doubt_namespace(sight, ns, doubts);
	doubt_elsewhere(sight, ns, doubts);
	return doubts;
}

void doubts_print(const cJSON *doubts, FILE *to)
{
	const cJSON *doubt;

	cJSON_ArrayForEach (doubt, doubts)
		fprintf(to, "%s\n", doubt->valuestring);
	if (cJSON_GetArraySize(doubts) > 0)
		fputc('\n', to);
}
