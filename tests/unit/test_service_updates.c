// SPDX-License-Identifier: Apache-2.0
/* What an update of a Service keeps, drops, takes and refuses. */
#include <errno.h>

#include "tests/unit/service_bench.h"

/* A manifest sent over a stored Service, without what the server had added to it. */
struct row {
	const char *stored, *sent;
	const char *want; /* members of the spec then; null: not there */
};

static const struct row rows[] = {
	/* what was allocated stays */
	{ "{'type':'NodePort','clusterIP':'10.96.0.9','ports':[{'port':80,'nodePort':30009}]}",
	  "{'type':'NodePort','ports':[{'port':81}]}",
	  "{'clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9'],'ports':[{'port':81,"
	  "'nodePort':30009,'protocol':'TCP','targetPort':81}]}" },
	{ "{'clusterIP':'None','selector':{'a':'b'}}", "{'selector':{'a':'c'}}",
	  "{'clusterIP':'None','clusterIPs':['None'],'ipFamilies':['IPv4']}" },
	{ "{'type':'LoadBalancer','externalTrafficPolicy':'Local','healthCheckNodePort':30009,"
	  "'ports':[{'port':80}]}",
	  "{'type':'LoadBalancer','externalTrafficPolicy':'Local','ports':[{'port':80}]}",
	  "{'healthCheckNodePort':30009}" },
	/* families */
	{ "{'clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9','fd00:10:96::9'],"
	  "'ipFamilyPolicy':'PreferDualStack','ports':[{'port':80}]}",
	  "{'ports':[{'port':80}]}",
	  "{'clusterIPs':['10.96.0.9','fd00:10:96::9'],'ipFamilyPolicy':'PreferDualStack',"
	  "'ipFamilies':['IPv4','IPv6']}" },
	{ "{'clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9','fd00:10:96::9'],"
	  "'ipFamilyPolicy':'PreferDualStack','ports':[{'port':80}]}",
	  "{'ipFamilyPolicy':'SingleStack','ports':[{'port':80}]}",
	  "{'clusterIPs':['10.96.0.9'],'ipFamilyPolicy':'SingleStack','ipFamilies':['IPv4']}" },
	{ "{'clusterIP':'10.96.0.9','ports':[{'port':80}]}",
	  "{'clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9','fd00:10:96::9'],"
	  "'ipFamilyPolicy':'RequireDualStack','ports':[{'port':80}]}",
	  "{'clusterIPs':['10.96.0.9','fd00:10:96::9'],'ipFamilies':['IPv4','IPv6']}" },
	{ "{'clusterIP':'None','selector':{'a':'b'}}",
	  "{'clusterIP':'None','selector':{'a':'b'},'ipFamilies':['IPv6']}",
	  "{'ipFamilies':['IPv6'],'ipFamilyPolicy':'SingleStack'}" },
	/* node ports go by the names of ports */
	{ "{'type':'NodePort','ports':[{'name':'x','port':80,'nodePort':30001},"
	  "{'name':'y','port':81,'nodePort':30002}]}",
	  "{'type':'NodePort','ports':[{'name':'y','port':1},{'name':'x','port':2}]}",
	  "{'ports':[{'name':'y','port':1,'nodePort':30002,'protocol':'TCP','targetPort':1},"
	  "{'name':'x','port':2,'nodePort':30001,'protocol':'TCP','targetPort':2}]}" },
	{ "{'type':'NodePort','ports':[{'port':80,'nodePort':30001}]}",
	  "{'type':'NodePort','ports':[{'port':80,'nodePort':30002}]}",
	  "{'ports':[{'port':80,'nodePort':30002,'protocol':'TCP','targetPort':80}]}" },
	{ "{'type':'LoadBalancer','ports':[{'port':80,'nodePort':30001}]}",
	  "{'type':'LoadBalancer','allocateLoadBalancerNodePorts':false,'ports':[{'port':80}]}",
	  "{'ports':[{'port':80,'protocol':'TCP','targetPort':80}]}" },
	{ "{'type':'NodePort','ports':[{'name':'x','port':53,'nodePort':30001},"
	  "{'name':'y','port':53,'protocol':'UDP'}]}",
	  "{'type':'NodePort','ports':[{'name':'x','port':53},"
	  "{'name':'y','port':53,'protocol':'UDP'}]}",
	  "{'ports':[{'name':'x','port':53,'nodePort':30001,'protocol':'TCP','targetPort':53},"
	  "{'name':'y','port':53,'nodePort':30001,'protocol':'UDP','targetPort':53}]}" },
	/* types */
	{ "{'type':'LoadBalancer','loadBalancerClass':'a/b','externalTrafficPolicy':'Local',"
	  "'clusterIP':'10.96.0.9','ports':[{'port':80}]}",
	  "{'ports':[{'port':80}]}",
	  "{'type':'ClusterIP','clusterIP':'10.96.0.9','loadBalancerClass':null,"
	  "'externalTrafficPolicy':null,'healthCheckNodePort':null,"
	  "'allocateLoadBalancerNodePorts':null,'internalTrafficPolicy':'Cluster',"
	  "'ports':[{'port':80,'protocol':'TCP','targetPort':80}]}" },
	{ "{'type':'NodePort','ports':[{'port':80,'nodePort':30001}]}",
	  "{'type':'LoadBalancer','ports':[{'port':80}]}",
	  "{'allocateLoadBalancerNodePorts':true,'ports':[{'port':80,'nodePort':30001,"
	  "'protocol':'TCP','targetPort':80}]}" },
	{ "{'type':'LoadBalancer','ipFamilyPolicy':'PreferDualStack','ports':[{'port':80}]}",
	  "{'type':'ExternalName','externalName':'a.example'}",
	  "{'clusterIP':null,'clusterIPs':null,'ipFamilies':null,'ipFamilyPolicy':null,"
	  "'internalTrafficPolicy':null,'externalTrafficPolicy':null,"
	  "'allocateLoadBalancerNodePorts':null}" },
	{ "{'type':'ExternalName','externalName':'a.example'}",
	  "{'clusterIP':'10.96.0.9','ports':[{'port':80}]}",
	  "{'type':'ClusterIP','clusterIPs':['10.96.0.9'],'ipFamilies':['IPv4'],"
	  "'ipFamilyPolicy':'SingleStack','internalTrafficPolicy':'Cluster'}" },
	{ "{'type':'ExternalName','externalName':'a.example'}",
	  "{'clusterIP':'None','externalName':'a.example'}",
	  "{'clusterIP':'None','ipFamilies':['IPv4','IPv6'],"
	  "'ipFamilyPolicy':'RequireDualStack'}" },
	{ "{'clusterIP':'None','selector':{'a':'b'}}",
	  "{'type':'ExternalName','externalName':'a.example'}",
	  "{'clusterIP':null,'clusterIPs':null,'ipFamilies':null}" },
	{ "{'type':'NodePort','externalTrafficPolicy':'Local','ports':[{'port':80}]}",
	  "{'externalIPs':['192.0.2.1'],'ports':[{'port':80}]}",
	  "{'externalTrafficPolicy':'Cluster'}" },
	{ "{'externalIPs':['192.0.2.1'],'ports':[{'port':80}]}",
	  "{'externalTrafficPolicy':'Cluster','ports':[{'port':80}]}",
	  "{'externalTrafficPolicy':null}" },
	/* the health check's port */
	{ "{'type':'LoadBalancer','externalTrafficPolicy':'Local','ports':[{'port':80}]}",
	  "{'type':'LoadBalancer','ports':[{'port':80}]}",
	  "{'externalTrafficPolicy':'Cluster','healthCheckNodePort':null}" },
	{ "{'type':'LoadBalancer','ports':[{'port':80}]}",
	  "{'type':'LoadBalancer','externalTrafficPolicy':'Local','healthCheckNodePort':30009,"
	  "'ports':[{'port':80}]}",
	  "{'healthCheckNodePort':30009}" },
	/* affinity */
	{ "{'sessionAffinity':'ClientIP','ports':[{'port':80}]}", "{'ports':[{'port':80}]}",
	  "{'sessionAffinity':'None','sessionAffinityConfig':null}" },
};

static void check_spec(const struct row *row, const cJSON *spec)
{
	cJSON *want = service("a", row->want), *member;

	cJSON_ArrayForEach (member, spec_of(want)) {
		const cJSON *got = cJSON_GetObjectItemCaseSensitive(spec, member->string);
		char *shown = cJSON_PrintUnformatted(got);

		if (cJSON_IsNull(member) ? got != NULL : !cJSON_Compare(got, member, 1))
			fail_msg("%s over %s: %s is %s", row->sent, row->stored, member->string,
				 shown == NULL ? "not there" : shown);
		cJSON_free(shown);
	}
	cJSON_Delete(want);
}

static void test_an_update_gives_what_kubernetes_gives(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *old = service("a", rows[i].stored), *sent = service("a", rows[i].sent);

		apply_ok(old, NULL);
		apply_ok(sent, old);
		check_spec(&rows[i], spec_of(sent));
		service_rules_release(books, sent);
		/* Nothing else is held by now: the same can be made again. */
		cJSON *again = service("a", rows[i].stored);
		apply_ok(again, NULL);
		service_rules_release(books, again);
		cJSON_Delete(again);
		cJSON_Delete(sent);
		cJSON_Delete(old);
	}
}

#define IP "{'clusterIP':'10.96.0.9','ports':[{'port':80}]}"
#define TWO                                                                                        \
	"{'clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9','fd00:10:96::9'],"                     \
	"'ipFamilyPolicy':'PreferDualStack','ports':[{'port':80}]}"
#define LOCAL                                                                                      \
	"{'type':'LoadBalancer','externalTrafficPolicy':'Local','healthCheckNodePort':30009,"      \
	"'ports':[{'port':80}]}"

static const struct {
	const char *stored, *sent, *field, *message;
} refusals[] = {
	{ IP, "{'clusterIP':'10.96.0.8','ports':[{'port':80}]}", "spec.clusterIPs[0]",
	  "Invalid value: []string{\"10.96.0.8\"}: may not change once set" },
	{ IP, "{'clusterIP':'None','selector':{'a':'b'}}", "spec.clusterIPs[0]",
	  "Invalid value: []string{\"None\"}: may not change once set" },
	{ "{'clusterIP':'None','selector':{'a':'b'}}",
	  "{'clusterIP':'10.96.0.8','ports':[{'port':80}]}", "spec.clusterIPs[0]",
	  "Invalid value: []string{\"10.96.0.8\"}: may not change once set" },
	{ IP, "{'ipFamilies':['IPv6'],'ports':[{'port':80}]}", "spec.clusterIPs[0]",
	  "Invalid value: \"10.96.0.9\": expected an IPv6 value as indicated by `ipFamilies[0]`" },
	{ IP, "{'ipFamilies':['IPv4','IPv6'],'ports':[{'port':80}]}", "spec.ipFamilyPolicy",
	  "Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when "
	  "multiple IP families are specified" },
	{ TWO, "{'clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9'],'ports':[{'port':80}]}",
	  "spec.ipFamilyPolicy",
	  "Invalid value: \"PreferDualStack\": must be 'SingleStack' to release the secondary "
	  "cluster IP" },
	{ TWO, "{'ipFamilies':['IPv4'],'ports':[{'port':80}]}", "spec.ipFamilyPolicy",
	  "Invalid value: \"PreferDualStack\": must be 'SingleStack' to release the secondary IP "
	  "family" },
	{ TWO,
	  "{'clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9','fd00:10:96::8'],"
	  "'ports':[{'port':80}]}",
	  "spec.clusterIPs[1]",
	  "Invalid value: []string{\"10.96.0.9\", \"fd00:10:96::8\"}: may not change once set" },
	{ IP,
	  "{'type':'ExternalName','externalName':'a.example','clusterIP':'10.96.0.8','clusterIPs':["
	  "'10.96.0.8']}",
	  "spec.clusterIPs", "Forbidden: may not be set for ExternalName services" },
	{ "{'type':'NodePort','ports':[{'port':80,'nodePort':30001}]}",
	  "{'ports':[{'port':80,'nodePort':30002}]}", "spec.ports[0].nodePort",
	  "Forbidden: may not be used when `type` is 'ClusterIP'" },
	{ "{'type':'NodePort','ports':[{'port':80}]}",
	  "{'type':'NodePort','ports':[{'port':80,'nodePort':99}]}", "spec.ports[0].nodePort",
	  "Invalid value: 99: provided port is not in the valid range. The range of valid ports "
	  "is 30000-32767" },
	{ "{'type':'LoadBalancer','ports':[{'port':80}]}",
	  "{'allocateLoadBalancerNodePorts':false,'ports':[{'port':80}]}",
	  "spec.allocateLoadBalancerNodePorts",
	  "Forbidden: may only be used when `type` is 'LoadBalancer'" },
	{ LOCAL,
	  "{'type':'LoadBalancer','externalTrafficPolicy':'Local','healthCheckNodePort':30008,"
	  "'ports':[{'port':80}]}",
	  "spec.healthCheckNodePort", "Forbidden: field is immutable" },
	{ LOCAL, "{'type':'NodePort','healthCheckNodePort':30008,'ports':[{'port':80}]}",
	  "spec.healthCheckNodePort",
	  "Invalid value: 30008: may only be set when `type` is 'LoadBalancer' and "
	  "`externalTrafficPolicy` is 'Local'" },
	{ LOCAL,
	  "{'type':'LoadBalancer','externalTrafficPolicy':'Local',"
	  "'ports':[{'port':80,'nodePort':30009}]}",
	  "spec.ports[0].nodePort", "Invalid value: 30009: provided port is already allocated" },
	{ "{'type':'LoadBalancer','loadBalancerClass':'a/b','ports':[{'port':80}]}",
	  "{'type':'LoadBalancer','ports':[{'port':80}]}", "spec.loadBalancerClass",
	  "Invalid value: \"null\": may not change once set" },
	{ "{'type':'LoadBalancer','loadBalancerClass':'a/b','ports':[{'port':80}]}",
	  "{'type':'LoadBalancer','loadBalancerClass':'a/c','ports':[{'port':80}]}",
	  "spec.loadBalancerClass", "Invalid value: \"a/c\": may not change once set" },
	{ "{'type':'LoadBalancer','loadBalancerClass':'a/b','ports':[{'port':80}]}",
	  "{'type':'ClusterIP','loadBalancerClass':'a/c','ports':[{'port':80}]}",
	  "spec.loadBalancerClass", "Forbidden: may only be used when `type` is 'LoadBalancer'" },
	{ "{'type':'NodePort','ports':[{'port':80}]}",
	  "{'externalTrafficPolicy':'Local','ports':[{'port':80}]}", "spec.externalTrafficPolicy",
	  "Invalid value: \"Local\": may only be set for externally-accessible services" },
};

static void test_what_may_not_change_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		cJSON *old = service("a", refusals[i].stored);
		cJSON *sent = service("a", refusals[i].sent);
		cJSON *copy;

		apply_ok(old, NULL);
		copy = cJSON_Duplicate(old, 1);
		apply_fails(sent, old, -EINVAL, refusals[i].field, refusals[i].message);
		assert_true(cJSON_Compare(old, copy, 1));
		service_rules_release(books, old);
		cJSON_Delete(copy);
		cJSON_Delete(sent);
		cJSON_Delete(old);
	}
}

/* A cluster with one family gets a second one, then loses it: no Service changes of its own. */
static void test_a_preference_waits_for_an_edit(void **state)
{
	static const char prefer[] = "{'ipFamilyPolicy':'PreferDualStack','clusterIP':'10.96.0.9',"
				     "'ports':[{'port':80}]}";
	cJSON *s = service("a", prefer), *same, *edited;

	(void)state;
	use_books("10.96.0.0/16", "30000-32767");
	apply_ok(s, NULL);
	use_books("10.96.0.0/16,fd00:10:96::/112", "30000-32767");
	service_rules_adopt(books, s);
	same = cJSON_Duplicate(s, 1);
	apply_ok(same, s);
	assert_true(cJSON_Compare(same, s, 1));
	edited = service("a", prefer);
	apply_ok(edited, s);
	assert_int_equal(cJSON_GetArraySize(list_at(edited, "clusterIPs")), 2);

	use_books("10.96.0.0/16", "30000-32767");
	service_rules_adopt(books, edited);
	cJSON_Delete(same);
	same = cJSON_Duplicate(edited, 1);
	apply_ok(same, edited);
	assert_int_equal(cJSON_GetArraySize(list_at(same, "clusterIPs")), 2);
	cJSON_Delete(same);
	cJSON_Delete(edited);
	cJSON_Delete(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(test_an_update_gives_what_kubernetes_gives),
		RULE(test_what_may_not_change_is_refused),
		RULE(test_a_preference_waits_for_an_edit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
