// SPDX-License-Identifier: Apache-2.0
/*
 * A scenario file into its struct (bellman-scenario(5)), all but the timeline.
 */
#include "sim/scenario_read.h"

#include <errno.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "sim/packet.h"

/* --- what may stand where --------------------------------------------------------------------- */

static const struct field link_fields[] = {
	{ .name = "name", .type = FIELD_CHECKED, .required = true, .check = scenario_name_check },
	{ .name = "prefixes", .type = FIELD_CHECKED, .check = scenario_prefixes_check },
	{ .name = "delay", .type = FIELD_DURATION },
	{ .name = "jitter", .type = FIELD_DURATION },
	{ .name = "fdbAgeing", .type = FIELD_CHECKED, .check = scenario_period_check },
	{ .name = "loss", .type = FIELD_CHECKED, .check = scenario_percent_check },
	{ .name = "duplicate", .type = FIELD_CHECKED, .check = scenario_percent_check },
	{ .name = "reorder", .type = FIELD_CHECKED, .check = scenario_percent_check },
	{ .name = NULL },
};

static const struct field iface_fields[] = {
	{ .name = "name", .type = FIELD_CHECKED, .required = true, .check = scenario_iface_check },
	{ .name = "link", .type = FIELD_TEXT, .required = true },
	{ .name = "mac", .type = FIELD_CHECKED, .check = scenario_mac_check },
	{ .name = NULL },
};

/* Where a station is plugged in is said in one way: by `link`, `links` or `interfaces`. */
static void station_check(const struct json *station)
{
	static const char *const ways[] = { "link", "links", "interfaces" };
	const char *first = NULL;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct json j = json_get(station, ways[i]);
		if (json_absent(&j))
			continue;
		if (first != NULL)
			json_fault(&j, "there is %s already", first);
		first = ways[i];
	}
}

static const struct field node_fields[] = {
	{ .name = "name", .type = FIELD_CHECKED, .required = true, .check = scenario_name_check },
	{ .name = "count", .type = FIELD_INT, .min = 1, .max = SCENARIO_NODES_MAX },
	{ .name = "link", .type = FIELD_TEXT },
	{ .name = "links", .type = FIELD_TEXTS },
	{ .name = "interfaces", .type = FIELD_MAPS, .fields = iface_fields },
	{ .name = "apiDelay", .type = FIELD_DURATION },
	{ .name = NULL },
};

static const struct field host_fields[] = {
	{ .name = "name", .type = FIELD_CHECKED, .required = true, .check = scenario_name_check },
	{ .name = "link", .type = FIELD_TEXT },
	{ .name = "links", .type = FIELD_TEXTS },
	{ .name = "interfaces", .type = FIELD_MAPS, .fields = iface_fields },
	{ .name = "arpAccept", .type = FIELD_BOOL },
	{ .name = NULL },
};

static const char *const protocols[] = { "tcp", "udp", NULL };
static const char *const families[] = { "ipv4", "ipv6", NULL };

static void client_check(const struct json *client)
{
	struct json every = json_get(client, "every"), timeout = json_get(client, "timeout");
	const struct json *both[] = { &every, &timeout };

	for (size_t i = 0; i < 2; i++) {
		const char *text = cJSON_GetStringValue(both[i]->value);
		uint64_t ns;
		if (text != NULL && duration_parse(text, &ns) == 0 && ns < NS_PER_MS)
			json_fault(both[i], "must be 1ms or more");
	}
}

static const struct field client_fields[] = {
	{ .name = "host", .type = FIELD_TEXT },
	{ .name = "service",
	  .type = FIELD_CHECKED,
	  .required = true,
	  .check = scenario_service_check },
	{ .name = "protocol", .type = FIELD_WORD, .words = protocols },
	{ .name = "family", .type = FIELD_WORD, .words = families },
	{ .name = "every", .type = FIELD_DURATION },
	{ .name = "timeout", .type = FIELD_DURATION },
	{ .name = NULL },
};

static const struct field scenario_fields[] = {
	{ .name = "config", .type = FIELD_CHECKED, .check = scenario_file_check },
	{ .name = "manifests", .type = FIELD_TEXTS },
	{ .name = "serviceCIDR", .type = FIELD_TEXT },
	{ .name = "loadBalancerClass", .type = FIELD_TEXT },
	{ .name = "links", .type = FIELD_MAPS, .fields = link_fields },
	{ .name = "nodes", .type = FIELD_MAPS, .fields = node_fields, .check = station_check },
	{ .name = "hosts", .type = FIELD_MAPS, .fields = host_fields, .check = station_check },
	{ .name = "clients", .type = FIELD_MAPS, .fields = client_fields, .check = client_check },
	{ .name = "allocators", .type = FIELD_INT, .max = 100 },
	{ .name = "leaseDuration", .type = FIELD_CHECKED, .check = scenario_period_check },
	{ .name = "renewDeadline", .type = FIELD_CHECKED, .check = scenario_period_check },
	{ .name = "retryPeriod", .type = FIELD_CHECKED, .check = scenario_period_check },
	{ .name = "apiLatency", .type = FIELD_CHECKED, .check = scenario_period_check },
	{ .name = "watchDelay", .type = FIELD_CHECKED, .check = scenario_period_check },
	{ .name = "seed", .type = FIELD_INT, .max = INT64_MAX },
	{ .name = "until", .type = FIELD_CHECKED, .check = scenario_period_check },
	{ .name = "bound", .type = FIELD_CHECKED, .check = scenario_period_check },
	{ .name = "timeline", .type = FIELD_CHECKED, .check = scenario_timeline_check },
	{ .name = NULL },
};

/* --- reading ---------------------------------------------------------------------------------- */

static void read_links(const struct doc *doc, const cJSON *list, struct sim_scenario *s)
{
	const cJSON *said, *prefix;

	cJSON_ArrayForEach (said, list) {
		struct sim_scenario_link *l = must(array_push(&s->links));
		l->name = said_copy(said, "name");
		l->line = doc_line(doc, said);
		l->impair = said_impair(said);
		l->impair.delay_ns = 0; /* the link's own */
		l->delay_ns = said_duration(said, "delay", SIM_SCENARIO_LINK_DELAY_NS);
		l->fdb_age_ns = said_duration(said, "fdbAgeing", 0);
		cJSON_ArrayForEach (prefix, said_list(said, "prefixes")) {
			const char *text = cJSON_GetStringValue(prefix);
			struct ip_prefix p;
			if (text != NULL && ip_prefix_parse(text, &p) == 0)
				*(p.addr.family == IP_V4 ? &l->prefix4 : &l->prefix6) = p;
		}
	}
}

static void add_iface(struct sim_scenario_station *to, const char *link)
{
	char name[16];

	snprintf(name, sizeof(name), "eth%zu", to->ifaces.count);
	struct sim_scenario_iface *i = must(array_push(&to->ifaces));
	i->name = must_copy(name);
	i->link = must_copy(link);
}

static void read_ifaces(const cJSON *said, struct sim_scenario_station *to)
{
	const cJSON *item;

	if (said_text(said, "link") != NULL)
		add_iface(to, said_text(said, "link"));
	cJSON_ArrayForEach (item, said_list(said, "links"))
		add_iface(to, cJSON_GetStringValue(item));
	cJSON_ArrayForEach (item, said_list(said, "interfaces")) {
		struct sim_scenario_iface *i = must(array_push(&to->ifaces));
		const char *mac = said_text(item, "mac");
		i->name = said_copy(item, "name");
		i->link = said_copy(item, "link");
		if (mac != NULL)
			ether_parse(mac, i->mac);
	}
}

static void read_station(const struct doc *doc, const cJSON *said, char *name,
			 struct sim_scenario_station *to)
{
	to->name = name;
	to->line = doc_line(doc, said);
	to->arp_accept = said_flag(said, "arpAccept", false);
	to->api_delay_ns = said_duration(said, "apiDelay", 0);
	read_ifaces(said, to);
}

/* `count` makes so many of them, numbered from 1. */
static void read_nodes(const struct doc *doc, const cJSON *list, struct sim_scenario *s)
{
	const cJSON *said;

	cJSON_ArrayForEach (said, list) {
		uint64_t count = said_number(said, "count", 0);
		const char *base = said_text(said, "name");
		if (count == 0)
			read_station(doc, said, must_copy(base), must(array_push(&s->nodes)));
		for (uint64_t i = 1; i <= count && s->nodes.count <= SCENARIO_NODES_MAX; i++) {
			char *name = must_text("%s%u", base == NULL ? "" : base, (unsigned)i);
			read_station(doc, said, name, must(array_push(&s->nodes)));
		}
	}
}

static void read_hosts(const struct doc *doc, const cJSON *list, struct sim_scenario *s)
{
	const cJSON *said;

	cJSON_ArrayForEach (said, list)
		read_station(doc, said, said_copy(said, "name"), must(array_push(&s->hosts)));
}

static void read_clients(const struct doc *doc, const cJSON *list, struct sim_scenario *s)
{
	const cJSON *said;

	cJSON_ArrayForEach (said, list) {
		struct sim_scenario_client *c = must(array_push(&s->clients));
		const char *protocol = said_text(said, "protocol");
		const char *family = said_text(said, "family");
		c->host = said_copy(said, "host");
		c->service = scenario_service_copy(said_text(said, "service"));
		c->line = doc_line(doc, said);
		c->protocol = protocol != NULL && strcmp(protocol, "udp") == 0 ? SIM_UDP : SIM_TCP;
		c->family = family == NULL ? 0 : strcmp(family, "ipv6") == 0 ? IP_V6 : IP_V4;
		c->every_ns = said_duration(said, "every", 100 * NS_PER_MS);
		c->timeout_ns = said_duration(said, "timeout", NS_PER_S);
	}
}

/* "config/scenarios/planned-move.conf" is planned-move. */
static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
	const char *dot = strrchr(base, '.');

	return must(strndup(base, dot == NULL ? strlen(base) : (size_t)(dot - base)));
}

/* 0: @key is not said. */
static unsigned said_line(const struct doc *doc, const cJSON *map, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(map, key);

	return value == NULL ? 0 : doc_line(doc, value);
}

/* Of the first that is said of the times of leader election. */
static unsigned lease_line(const struct doc *doc, const cJSON *root)
{
	static const char *const keys[] = { "leaseDuration", "renewDeadline", "retryPeriod" };
	unsigned line = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && line == 0; i++)
		line = said_line(doc, root, keys[i]);
	return line;
}

static struct sim_scenario *read_scenario(const char *path, const struct doc *doc)
{
	const cJSON *root = doc_tree(doc), *item;
	struct sim_scenario *s = must(calloc(1, sizeof(*s)));

	s->name = name_of(path);
	s->file = must_copy(path);
	s->config_file = said_copy(root, "config");
	cJSON_ArrayForEach (item, said_list(root, "manifests"))
		if (cJSON_IsString(item))
			*(char **)must(array_push(&s->manifests)) = must_copy(item->valuestring);
	s->service_cidrs = said_copy(root, "serviceCIDR");
	s->service_cidrs_line = said_line(doc, root, "serviceCIDR");
	s->lb_class = said_copy(root, "loadBalancerClass");
	s->allocators = (unsigned)said_number(root, "allocators", 1);
	s->lease_duration_ns = said_duration(root, "leaseDuration", 0);
	s->renew_deadline_ns = said_duration(root, "renewDeadline", 0);
	s->retry_period_ns = said_duration(root, "retryPeriod", 0);
	s->lease_line = lease_line(doc, root);
	s->api_latency_ns = said_duration(root, "apiLatency", 0);
	s->api_watch_delay_ns = said_duration(root, "watchDelay", 0);
	s->seed = said_number(root, "seed", 1);
	s->until_ns = said_duration(root, "until", 0);
	s->bound_ns = said_duration(root, "bound", 0);
	read_links(doc, said_list(root, "links"), s);
	read_nodes(doc, said_list(root, "nodes"), s);
	read_hosts(doc, said_list(root, "hosts"), s);
	read_clients(doc, said_list(root, "clients"), s);
	scenario_timeline_read(doc, said_list(root, "timeline"), s);
	return s;
}

int scenario_read_doc(const char *path, struct doc *doc, struct faults *faults,
		      struct sim_scenario **ret)
{
	struct json_source source = { .where = { .doc = doc }, .faults = faults };
	struct json root = json_root(&source, doc_tree(doc), "");

	schema_check(&root, scenario_fields);
	struct sim_scenario *s = read_scenario(path, doc);
	doc_free(doc);
	sim_scenario_settle(s);
	if (scenario_check_own(s, faults) != 0 || source.failed) {
		sim_scenario_free(s);
		return -EBADMSG;
	}
	*ret = s;
	return 0;
}

int sim_scenario_load_text(const char *path, const char *text, size_t len, struct faults *faults,
			   struct sim_scenario **ret)
{
	struct doc *doc;
	int rc = doc_load_tree_text(path, text, len, faults, &doc);

	return rc != 0 ? rc : scenario_read_doc(path, doc, faults, ret);
}
