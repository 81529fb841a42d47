// SPDX-License-Identifier: Apache-2.0
/*
 * The proxy's engine and a model of the kernel, through thousands of changes, refusals, lost tables
 * and restarts: no transaction asks for what the kernel cannot do, nothing goes in circles, and
 * when all is quiet the kernel has what a new proxy would give to an empty one.
 */
#include "lib/base/rng.h"
#include "standalone/proxy/frame.h"
#include "tests/unit/proxy_rules.h"

/* --- the kernel ---------------------------------------------------------------------------- */

/* One thing of the table, as a line: its kind, its name or place, and the rest. */
struct thing {
	char kind; /* c: chain, s: set or map, e: element, r: rule */
	char *where, *what, *target;
};

struct kernel {
	bool table;
	ARRAY_OF(struct thing);
};

static void thing_free(struct thing *t)
{
	free(t->where);
	free(t->what);
	free(t->target);
}

static void kernel_clear(struct kernel *k)
{
	for (size_t i = 0; i < k->count; i++)
		thing_free(&k->items[i]);
	array_free(k);
	k->table = false;
}

/* @what and @target: NULL is "". */
static void add(struct kernel *k, char kind, const char *where, const char *what,
		const char *target)
{
	*(struct thing *)array_push(k) =
		(struct thing){ kind, strdup(where), strdup(what != NULL ? what : ""),
				strdup(target != NULL ? target : "") };
}

static void kernel_copy(struct kernel *to, const struct kernel *from)
{
	*to = (struct kernel){ .table = from->table };
	for (size_t i = 0; i < from->count; i++)
		add(to, from->items[i].kind, from->items[i].where, from->items[i].what,
		    from->items[i].target);
}

/* @what: NULL: any. */
static struct thing *find(const struct kernel *k, char kind, const char *where, const char *what)
{
	for (size_t i = 0; i < k->count; i++)
		if (k->items[i].kind == kind && strcmp(k->items[i].where, where) == 0 &&
		    (what == NULL || strcmp(k->items[i].what, what) == 0))
			return &k->items[i];
	return NULL;
}

static void drop(struct kernel *k, struct thing *t)
{
	if (k->items == NULL)
		abort();
	thing_free(t);
	*t = k->items[--k->count];
}

static void flush(struct kernel *k, char kind, const char *where)
{
	struct thing *t;

	while ((t = find(k, kind, where, NULL)) != NULL)
		drop(k, t);
}

/* Does a rule or an element lead to @chain? */
static bool is_used(const struct kernel *k, const char *chain)
{
	char target[CHAIN_NAME_MAX + 16];

	snprintf(target, sizeof(target), "\"target\":\"%s\"", chain);
	for (size_t i = 0; i < k->count; i++)
		if (strstr(k->items[i].target, target) != NULL)
			return true;
	return false;
}

/* Are all chains there that the text of a rule or element leads to? */
static bool targets_exist(const struct kernel *k, const char *text)
{
	char name[CHAIN_NAME_MAX];

	while ((text = strstr(text, "\"target\":\"")) != NULL) {
		text += strlen("\"target\":\"");
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "\""), text);
		if (find(k, 'c', name, NULL) == NULL)
			return false;
	}
	return true;
}

static bool change_element(struct kernel *k, const char *set, const cJSON *elem, bool come)
{
	bool of_map = come && cJSON_IsArray(elem);
	char *key = cJSON_PrintUnformatted(of_map ? cJSON_GetArrayItem(elem, 0) : elem);
	char *target = of_map ? cJSON_PrintUnformatted(cJSON_GetArrayItem(elem, 1)) : strdup("");
	struct thing *there = find(k, 'e', set, key);
	bool fine = find(k, 's', set, NULL) != NULL;

	if (!come)
		fine &= there != NULL;
	else if (there != NULL)
		fine &= strcmp(there->target, target) == 0;
	else
		fine &= targets_exist(k, target);
	if (fine && !come)
		drop(k, there);
	else if (fine && there == NULL)
		add(k, 'e', set, key, target);
	free(key);
	free(target);
	return fine;
}

static bool change_elements(struct kernel *k, const cJSON *what, const char *set, bool come)
{
	const cJSON *elem;

	cJSON_ArrayForEach (elem, cJSON_GetObjectItemCaseSensitive(what, "elem"))
		if (!change_element(k, set, elem, come))
			return false;
	return true;
}

static bool change_chain(struct kernel *k, const char *verb, const char *name)
{
	struct thing *there = find(k, 'c', name, NULL);

	if (strcmp(verb, "add") == 0) {
		if (there == NULL)
			add(k, 'c', name, NULL, NULL);
		return true;
	}
	if (there == NULL)
		return false;
	if (strcmp(verb, "delete") == 0) {
		if (is_used(k, name))
			return false;
		drop(k, there);
	}
	flush(k, 'r', name);
	return true;
}

static bool add_rule(struct kernel *k, const cJSON *what, const char *chain)
{
	char *expr = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(what, "expr"));
	bool fine = find(k, 'c', chain, NULL) != NULL && targets_exist(k, expr);

	if (fine)
		add(k, 'r', chain, expr, expr);
	free(expr);
	return fine;
}

static const char *text_of(const cJSON *of, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(of, name));
}

static bool change(struct kernel *k, const char *verb, const char *object, const cJSON *what)
{
	const char *name = text_of(what, "name");

	if (strcmp(object, "table") == 0) {
		bool there = k->table;

		if (strcmp(verb, "delete") == 0)
			kernel_clear(k);
		else
			k->table = true;
		return there || k->table;
	}
	if (!k->table)
		return false;
	if (strcmp(object, "chain") == 0)
		return change_chain(k, verb, name);
	if (strcmp(object, "rule") == 0)
		return add_rule(k, what, text_of(what, "chain"));
	if (strcmp(object, "element") == 0)
		return change_elements(k, what, name, strcmp(verb, "add") == 0);
	if (strcmp(verb, "flush") == 0)
		flush(k, 'e', name);
	else if (find(k, 's', name, NULL) == NULL)
		add(k, 's', name, NULL, NULL);
	return true;
}

/* Take @json, or leave @k as it was and return false. @check: leave it as it was anyway. */
static bool kernel_take(struct kernel *k, const char *json, bool check)
{
	cJSON *root = cJSON_Parse(json);
	const cJSON *command;
	struct kernel after;
	bool fine = true;

	assert_non_null(root);
	kernel_copy(&after, k);
	cJSON_ArrayForEach (command, cJSON_GetObjectItemCaseSensitive(root, "nftables")) {
		const cJSON *verb = command->child;

		if (!(fine = change(&after, verb->string, verb->child->string, verb->child)))
			break;
	}
	cJSON_Delete(root);
	if (fine && !check) {
		kernel_clear(k);
		*k = after;
	} else {
		kernel_clear(&after);
	}
	return fine;
}

static int by_line(const void *one, const void *other)
{
	const struct thing *a = one, *b = other;
	int diff = a->kind - b->kind;

	if (diff == 0)
		diff = strcmp(a->where, b->where);
	return diff != 0 ? diff : strcmp(a->what, b->what);
}

static void assert_same(struct kernel *a, struct kernel *b)
{
	if (a->items == NULL || b->items == NULL)
		abort(); /* there is the frame, for one */
	qsort(a->items, a->count, sizeof(*a->items), by_line);
	qsort(b->items, b->count, sizeof(*b->items), by_line);
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		const struct thing *x = &a->items[i], *y = &b->items[i];

		if (by_line(x, y) != 0 || strcmp(x->target, y->target) != 0)
			fail_msg("%c %s %s %s\nbut anew\n%c %s %s %s", x->kind, x->where, x->what,
				 x->target, y->kind, y->where, y->what, y->target);
	}
	assert_int_equal(a->count, b->count);
}

/* --- a look at it -------------------------------------------------------------------------- */

static bool read_element(const struct thing *t, struct element *ret)
{
	static const char *const sets[RULE_SETS] = { "services4", "node_ports4", "addresses4",
						     "cluster_ips4", "hairpin4" };
	cJSON *key = cJSON_Parse(t->what);
	const cJSON *fields = cJSON_GetObjectItemCaseSensitive(key, "concat");
	const char *addr = cJSON_GetStringValue(fields != NULL ? fields->child : key);
	bool known = false;

	*ret = (struct element){ .family = IP_V4 };
	for (unsigned set = 0; set < RULE_SETS; set++)
		if (strcmp(t->where, sets[set]) == 0) {
			ret->set = (uint8_t)set;
			known = true;
		}
	if (known && ret->set != SET_NODE_PORTS)
		assert_int_equal(ip_parse(addr, &ret->addr), 0);
	if (known && element_is_exclusive(ret)) {
		int last = cJSON_GetArraySize(fields) - 1;
		const cJSON *protocol = cJSON_GetArrayItem(fields, last - 1);

		ret->port = (uint16_t)cJSON_GetArrayItem(fields, last)->valueint;
		ret->protocol =
			strcmp(cJSON_GetStringValue(protocol), "udp") == 0 ? L4_UDP : L4_TCP;
	}
	cJSON_Delete(key);
	return known;
}

static struct inherited *inherited_from(const struct kernel *k)
{
	struct inherited *i = inherited_new();
	struct element e;

	for (size_t n = 0; n < k->count; n++)
		if (k->items[n].kind == 'c')
			inherited_add_chain(i, k->items[n].where);
	for (size_t n = 0; n < k->count; n++) {
		const struct thing *t = &k->items[n];
		char chain[CHAIN_NAME_MAX];

		if (t->kind != 'e' || !read_element(t, &e))
			continue;
		const char *at = strstr(t->target, "\"target\":\"");
		if (at != NULL) {
			at += strlen("\"target\":\"");
			snprintf(chain, sizeof(chain), "%.*s", (int)strcspn(at, "\""), at);
		}
		inherited_add_element(i, &e, at != NULL ? chain : NULL);
	}
	return i;
}

static void look(struct rules *r, const struct kernel *k)
{
	const bool no_affinity[2] = { false, false };

	if (!k->table)
		rules_restart_on_nothing(r);
	else if (find(k, 'c', frame_id(), NULL) != NULL)
		rules_take_over(r, inherited_from(k), no_affinity);
	else
		rules_restart(r);
}

/* --- the cluster --------------------------------------------------------------------------- */

enum { SERVICES = 8, STEPS = 4000, QUIET_EVERY = 50 };

struct storm {
	struct rng rng;
	struct rules *rules;
	struct kernel kernel;
	uint64_t now_ns;
	char *specs[SERVICES]; /* of the Services that are there */
	const char *bad;       /* what the kernel refuses, whatever it is */
	unsigned refusals;     /* in a row and without a pause */
	unsigned trials;
};

static unsigned some(struct storm *s, unsigned below)
{
	return (unsigned)rng_below(&s->rng, below);
}

/* Few addresses and ports, so that there is something to quarrel about. */
static char *some_spec(struct storm *s, unsigned number)
{
	const char *protocol = some(s, 3) == 0 ? "UDP" : "TCP";
	bool balanced = some(s, 2) == 0;
	char *text = NULL;

	if (asprintf(&text,
		     "{\"metadata\":{\"namespace\":\"default\",\"name\":\"s%u\","
		     "\"creationTimestamp\":\"2026-01-01T00:00:0%uZ\"},\"spec\":{\"type\":\"%s\","
		     "\"clusterIPs\":[\"10.96.0.%u\"],\"externalIPs\":[\"10.96.0.%u\"],"
		     "\"externalTrafficPolicy\":\"%s\",\"ipFamilies\":[\"IPv4\"],"
		     "\"ports\":[{\"port\":%u,\"protocol\":\"%s\",\"nodePort\":%u}]},"
		     "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"10.96.0.%u\"}]}}}",
		     number, some(s, 3), balanced ? "LoadBalancer" : "ClusterIP", some(s, 6),
		     some(s, 6), some(s, 2) == 0 ? "Local" : "Cluster", 80 + some(s, 2), protocol,
		     balanced ? 30000 + some(s, 3) : 0, some(s, 6)) < 0)
		abort();
	return text;
}

static void put_all(struct rules *r, const struct storm *s)
{
	for (unsigned i = 0; i < SERVICES; i++)
		if (s->specs[i] != NULL)
			put_service(r, "%s", s->specs[i]);
}

static void change_services(struct storm *s)
{
	unsigned number = some(s, SERVICES);

	free(s->specs[number]);
	s->specs[number] = NULL;
	if (some(s, 3) == 0) {
		char name[16];

		snprintf(name, sizeof(name), "s%u", number);
		rules_service_gone(s->rules, "default", name);
	} else {
		s->specs[number] = some_spec(s, number);
		put_service(s->rules, "%s", s->specs[number]);
	}
}

/* --- the storm ----------------------------------------------------------------------------- */

/* A turn as proxy_io.c has it. Returns whether there was something to do. */
static bool turn(struct storm *s, bool fails)
{
	struct rules *r = s->rules;

	if (rules_must_look(r) ||
	    (rules_stand(r) && find(&s->kernel, 'c', frame_id(), NULL) == NULL && some(s, 4) == 0))
		look(r, &s->kernel);
	char *json = rules_pass(r, s->now_ns);
	if (json == NULL)
		return false;
	fails |= s->bad != NULL && strstr(json, s->bad) != NULL;
	s->trials += rules_is_trial(r);
	if (!fails && kernel_take(&s->kernel, json, rules_is_trial(r))) {
		rules_done(r);
		s->refusals = 0;
	} else {
		/* What goes on and on has pauses. */
		bool pause = !rules_refused(r, s->now_ns, "No");

		s->refusals = pause ? 0 : s->refusals + 1;
		assert_in_range(s->refusals, 0, 60);
		s->now_ns += pause ? NS_PER_S : 0;
	}
	free(json);
	return true;
}

/* Trouble begins or ends: a table that is lost or another's, a restart, a kernel that refuses. */
static void sabotage(struct storm *s)
{
	static const char *const bad[] = { "default/s0/", "default/s3/", "\"delete\":{\"chain\"",
					   "\"delete\":{\"element\"" };
	struct thing *frame;

	switch (some(s, 6)) {
	case 0:
		kernel_clear(&s->kernel);
		break;
	case 1:
		if ((frame = find(&s->kernel, 'c', frame_id(), NULL)) != NULL)
			drop(&s->kernel, frame); /* another version's */
		break;
	case 2:
		rules_free(s->rules);
		s->rules = rules_new("node-a");
		put_all(s->rules, s);
		break;
	default:
		s->bad = s->bad == NULL ? bad[some(s, 4)] : NULL;
	}
}

/* No more trouble: soon there is nothing to do, and the kernel has what it should have. */
static void calm(struct storm *s)
{
	struct rules *fresh = rules_new("node-a");
	struct kernel expected = { 0 };
	unsigned idle = 0, turns = 0;

	s->bad = NULL;
	look(s->rules, &s->kernel); /* as after a signal: nothing that was left is left */
	while (idle < 3) {
		assert_in_range(++turns, 1, 200);
		idle = turn(s, false) ? 0 : idle + 1;
		if (idle > 0)
			s->now_ns += 61 * NS_PER_S;
	}
	assert_int_equal(rules_refusals(s->rules), 0);
	assert_true(rules_settled(s->rules));
	assert_true(rules_behind_since_ns(s->rules) == UINT64_MAX);

	put_all(fresh, s);
	rules_restart_on_nothing(fresh);
	for (char *json; (json = rules_pass(fresh, 1)) != NULL; free(json)) {
		assert_true(kernel_take(&expected, json, false));
		rules_done(fresh);
	}
	assert_same(&s->kernel, &expected);
	assert_int_equal(rules_services(s->rules), rules_services(fresh));
	kernel_clear(&expected);
	rules_free(fresh);
}

static void test_whatever_happens_the_kernel_has_what_it_should_have_in_the_end(void **state)
{
	struct storm s = { .rng = rng_seeded(1), .rules = rules_new("node-a"), .now_ns = NS_PER_S };
	(void)state;

	for (unsigned step = 1; step <= STEPS; step++) {
		rules_now(s.rules, s.now_ns);
		for (unsigned i = some(&s, 4); i > 0; i--)
			change_services(&s);
		if (some(&s, 12) == 0)
			sabotage(&s);
		turn(&s, some(&s, 15) == 0);
		s.now_ns += some(&s, 3) * NS_PER_S;
		if (step % QUIET_EVERY == 0)
			calm(&s);
	}
	assert_true(s.trials > 0);
	rules_free(s.rules);
	kernel_clear(&s.kernel);
	for (unsigned i = 0; i < SERVICES; i++)
		free(s.specs[i]);
	assert_int_equal(intern_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_whatever_happens_the_kernel_has_what_it_should_have_in_the_end),
	};
	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
