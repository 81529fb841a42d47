// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario_read.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/base/utf8.h"
#include "sim/allocator.h"

/* --- reading -------------------------------------------------------------------------------- */

static const cJSON *member(const cJSON *map, const char *key)
{
	return cJSON_IsObject(map) ? cJSON_GetObjectItemCaseSensitive(map, key) : NULL;
}

const char *said_text(const cJSON *map, const char *key)
{
	return cJSON_GetStringValue(member(map, key));
}

char *said_copy(const cJSON *map, const char *key)
{
	return must_copy(said_text(map, key));
}

bool said_flag(const cJSON *map, const char *key, bool absent)
{
	const cJSON *value = member(map, key);

	return cJSON_IsBool(value) ? cJSON_IsTrue(value) : absent;
}

uint64_t said_number(const cJSON *map, const char *key, uint64_t absent)
{
	int64_t n;

	return json_integer(member(map, key), &n) && n >= 0 ? (uint64_t)n : absent;
}

uint64_t said_duration(const cJSON *map, const char *key, uint64_t absent)
{
	const char *text = said_text(map, key);
	uint64_t ns = absent;

	if (text != NULL)
		duration_parse(text, &ns);
	return ns;
}

static bool is_percent(const cJSON *value)
{
	return cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble <= 100;
}

static uint32_t said_ppm(const cJSON *map, const char *key)
{
	const cJSON *value = member(map, key);

	return is_percent(value) ? (uint32_t)(value->valuedouble * 10000 + 0.5) : 0;
}

struct sim_impair said_impair(const cJSON *map)
{
	return (struct sim_impair){
		.loss_ppm = said_ppm(map, "loss"),
		.duplicate_ppm = said_ppm(map, "duplicate"),
		.reorder_ppm = said_ppm(map, "reorder"),
		.delay_ns = said_duration(map, "delay", 0),
		.jitter_ns = said_duration(map, "jitter", 0),
	};
}

const cJSON *said_list(const cJSON *map, const char *key)
{
	const cJSON *value = member(map, key);

	return cJSON_IsArray(value) ? value : NULL;
}

/* --- forms of texts --------------------------------------------------------------------------- */

char *scenario_service_copy(const char *text)
{
	if (text == NULL || strchr(text, '/') != NULL)
		return must_copy(text);
	return must_text("default/%s", text);
}

static bool is_name(const char *text)
{
	return *text != '\0' && strpbrk(text, " /") == NULL;
}

/* [NAMESPACE/]NAME */
static bool is_qualified_name(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash == NULL ? is_name(text)
			     : slash > text && strcspn(text, " ") > (size_t)(slash - text) &&
				       is_name(slash + 1);
}

int scenario_signed_parse(const char *text, uint64_t *ret_ns, bool *ret_back)
{
	int rc = duration_parse(text + (*text == '-' || *text == '+'), ret_ns);

	if (rc == 0)
		*ret_back = *text == '-';
	return rc;
}

/* What follows @word and one blank in @text; NULL: it does not begin so. */
static const char *behind(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncmp(text, word, len) == 0 && text[len] == ' ' ? text + len + 1 : NULL;
}

bool scenario_process_parse(const char *text, enum sim_process *ret, const char **ret_name)
{
	static const char *const words[] = {
		[SIM_PROCESS_SPEAKER] = "speaker",
		[SIM_PROCESS_ALLOCATOR] = "allocator",
		[SIM_PROCESS_NODE] = "node",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		const char *name = behind(text, words[i]);
		if (name == NULL || !is_name(name))
			continue;
		*ret = (enum sim_process)i;
		*ret_name = name;
		return true;
	}
	return false;
}

const char *scenario_kind_parse(const char *text, const char **ret_name)
{
	static const struct {
		const char *word, *kind;
		bool namespaced;
	} deletable[] = {
		{ "service", "Service", true },
		{ "endpointslice", "EndpointSlice", true },
		{ "node", "Node", false },
		{ "namespace", "Namespace", false },
	};

	if (strcmp(text, "lease") == 0) { /* there is one */
		*ret_name = "";
		return "Lease";
	}
	for (size_t i = 0; i < sizeof(deletable) / sizeof(*deletable); i++) {
		const char *name = behind(text, deletable[i].word);
		if (name == NULL ||
		    !(deletable[i].namespaced ? is_qualified_name(name) : is_name(name)))
			continue;
		*ret_name = name;
		return deletable[i].kind;
	}
	return NULL;
}

/* --- checks ----------------------------------------------------------------------------------- */

/* The name of a file: a folder alone would be read otherwise. */
void scenario_file_check(const struct json *j)
{
	const char *text = json_text(j);

	if (text != NULL && *text == '\0')
		json_fault(j, "must not be empty");
}

#define LETTERS_MAX 253 /* of a name, as in Kubernetes */

/* Names stand in lines of text, and where several do there are blanks and slashes between them. */
void scenario_name_check(const struct json *j)
{
	const char *text = json_text(j);
	size_t len;

	if (text != NULL && strlen(text) > LETTERS_MAX)
		json_fault(j, "must not be longer than %d letters", LETTERS_MAX);
	for (; text != NULL && *text != '\0'; text += len) {
		len = utf8_len(text);
		if (len != 0 && (unsigned char)*text > ' ' && *text != '/' && *text != '\x7f')
			continue;
		json_fault(j, "must have no blank, no slash and nothing that cannot be printed");
		return;
	}
}

void scenario_iface_check(const struct json *j)
{
	const char *text = cJSON_GetStringValue(j->value);

	scenario_name_check(j);
	if (text != NULL && strlen(text) >= IFNAMSIZ)
		json_fault(j, "must not be longer than %d letters", IFNAMSIZ - 1);
}

/* Zero would stand for what is not said. */
void scenario_period_check(const struct json *j)
{
	static const struct field field = { .type = FIELD_DURATION };
	const char *text = cJSON_GetStringValue(j->value);
	uint64_t ns;

	schema_check_field(j, &field);
	if (text != NULL && duration_parse(text, &ns) == 0 && ns == 0)
		json_fault(j, "must be longer than 0s");
}

void scenario_percent_check(const struct json *j)
{
	if (!is_percent(j->value))
		json_fault(j, "must be a number of percent in 0..100");
}

void scenario_clock_step_check(const struct json *j)
{
	const char *text = json_text(j);
	uint64_t ns;
	bool back;

	if (text != NULL && scenario_signed_parse(text, &ns, &back) != 0)
		json_fault(j, "\"%s\" is no duration such as \"2s\" or \"-1m30s\"", text);
	else if (text != NULL && ns > SIM_CLOCK_STEP_MAX_NS)
		json_fault(j, "must not be more than 100 years (876000h)");
}

void scenario_service_check(const struct json *j)
{
	const char *text = json_text(j);

	if (text != NULL && !is_qualified_name(text))
		json_fault(j, "\"%s\" is no Service such as \"web/front\", NAMESPACE/NAME", text);
}

void scenario_process_check(const struct json *j)
{
	const char *text = json_text(j), *name;
	enum sim_process process;

	if (text != NULL && !scenario_process_parse(text, &process, &name))
		json_fault(j,
			   "\"%s\" is none of \"speaker NODE\", \"allocator NAME\", "
			   "\"allocator " SIM_LEADER "\" and \"node NODE\"",
			   text);
}

void scenario_daemon_check(const struct json *j)
{
	const char *text = json_text(j), *name;
	enum sim_process process;

	if (text == NULL ||
	    (scenario_process_parse(text, &process, &name) && process != SIM_PROCESS_NODE))
		return;
	json_fault(j,
		   "\"%s\" is none of \"speaker NODE\", \"allocator NAME\" and "
		   "\"allocator " SIM_LEADER "\"",
		   text);
}

void scenario_delete_check(const struct json *j)
{
	const char *text = json_text(j), *name;

	if (text != NULL && scenario_kind_parse(text, &name) == NULL)
		json_fault(j,
			   "\"%s\" is none of \"service [NAMESPACE/]NAME\", \"endpointslice "
			   "[NAMESPACE/]NAME\", \"node NAME\", \"namespace NAME\" and \"lease\"",
			   text);
}

void scenario_mac_check(const struct json *j)
{
	const char *text = json_text(j);
	uint8_t mac[ETHER_ADDR_LEN];

	if (text != NULL && (ether_parse(text, mac) != 0 || !ether_is_station(mac)))
		json_fault(j, "\"%s\" is no address of one station such as \"02:00:00:00:00:01\"",
			   text);
}

/* Not of "this network", loopback, multicast and what is reserved; nor link-local: IPv6 has that.
 */
static bool is_for_stations(const struct ip_prefix *p)
{
	const uint8_t *b = p->addr.bytes;

	if (p->addr.family == IP_V4)
		return b[0] != 0 && b[0] != 127 && b[0] < 224;
	return b[0] != 0 && b[0] != 0xff && !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

void scenario_prefixes_check(const struct json *j)
{
	bool seen4 = false, seen6 = false;

	if (!json_is_list(j))
		return;
	json_each (item, j) {
		const char *text = json_text(&item);
		struct ip_prefix p;
		if (text == NULL)
			continue;
		if (ip_prefix_parse(text, &p) != 0) {
			json_fault(&item, "\"%s\" is no prefix such as \"10.0.0.0/24\"", text);
			continue;
		}
		if (!is_for_stations(&p))
			json_fault(&item, "\"%s\" has no addresses for stations", text);
		bool *seen = p.addr.family == IP_V4 ? &seen4 : &seen6;
		if (*seen)
			json_fault(&item, "a link has one prefix of a family");
		*seen = true;
	}
}
