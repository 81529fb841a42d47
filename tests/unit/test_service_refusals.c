// SPDX-License-Identifier: Apache-2.0
/*
 * Which Services the Kubernetes API refuses on create, and in which words. What it says is what a
 * kube-apiserver 1.32.4 answered to each of these; tests/requests has the same with the rest of the
 * answer.
 */
#include <errno.h>

#include "tests/unit/service_bench.h"

struct row {
	const char *spec, *meta;
	struct {
		const char *field, *message;
	} causes[6];
};

#define WORD                                                                                       \
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "  \
	"end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex "  \
	"used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define PORT    "must be between 1 and 65535, inclusive"
#define ADDRESS "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
#define CIDR    "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
#define LABEL                                                                                      \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "   \
	"and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "   \
	"regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN                                                                                  \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
	"or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "      \
	"regex used for validation is "                                                            \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define ONLY_LB "may only be used when `type` is 'LoadBalancer'"

static const struct row rows[] = {
	{ "{'ipFamilies':['IPv4','IPv6'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.ipFamilyPolicy",
	      "Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' "
	      "when multiple IP families are specified" } } },
	{ "{}", NULL, { { "spec.ports", "Required value" } } },
	{ "{'ports':[{'port':0}]}",
	  NULL,
	  { { "spec.ports[0].port", "Invalid value: 0: " PORT },
	    { "spec.ports[0].targetPort", "Invalid value: 0: " PORT } } },
	{ "{'ports':[{'port':65536}]}",
	  NULL,
	  { { "spec.ports[0].port", "Invalid value: 65536: " PORT },
	    { "spec.ports[0].targetPort", "Invalid value: 65536: " PORT } } },
	{ "{'ports':[{'port':-1}]}",
	  NULL,
	  { { "spec.ports[0].port", "Invalid value: -1: " PORT },
	    { "spec.ports[0].targetPort", "Invalid value: -1: " PORT } } },
	{ "{'ports':[{}]}",
	  NULL,
	  { { "spec.ports[0].port", "Invalid value: 0: " PORT },
	    { "spec.ports[0].targetPort", "Invalid value: 0: " PORT } } },
	{ "{'ports':[{'port':80,'targetPort':65536}]}",
	  NULL,
	  { { "spec.ports[0].targetPort", "Invalid value: 65536: " PORT } } },
	{ "{'ports':[{'port':80},{'port':81}]}",
	  NULL,
	  { { "spec.ports[0].name", "Required value" },
	    { "spec.ports[1].name", "Required value" } } },
	{ "{'ports':[{'name':'A','port':80}]}",
	  NULL,
	  { { "spec.ports[0].name", "Invalid value: \"A\": " LABEL } } },
	{ "{'ports':[{'name':'a.b','port':80}]}",
	  NULL,
	  { { "spec.ports[0].name", "Invalid value: \"a.b\": must not contain dots" } } },
	{ "{'ports':[{'name':'a','port':80},{'name':'a','port':81}]}",
	  NULL,
	  { { "spec.ports[1].name", "Duplicate value: \"a\"" } } },
	{ "{'ports':[{'port':80,'protocol':'ICMP'}]}",
	  NULL,
	  { { "spec.ports[0].protocol",
	      "Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"" } } },
	{ "{'ports':[{'port':80,'protocol':'tcp'}]}",
	  NULL,
	  { { "spec.ports[0].protocol",
	      "Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", \"UDP\"" } } },
	{ "{'ports':[{'port':80,'targetPort':'much-too-long-a-name'}]}",
	  NULL,
	  { { "spec.ports[0].targetPort",
	      "Invalid value: \"much-too-long-a-name\": must be no more than 15 characters" } } },
	{ "{'ports':[{'port':80,'targetPort':'80'}]}",
	  NULL,
	  { { "spec.ports[0].targetPort",
	      "Invalid value: \"80\": must contain at least one letter (a-z)" } } },
	{ "{'ports':[{'port':80,'targetPort':'-a--b'}]}",
	  NULL,
	  { { "spec.ports[0].targetPort",
	      "Invalid value: \"-a--b\": must not contain consecutive hyphens" },
	    { "spec.ports[0].targetPort",
	      "Invalid value: \"-a--b\": must not begin or end with a hyphen" } } },
	{ "{'ports':[{'port':80,'targetPort':'Web'}]}",
	  NULL,
	  { { "spec.ports[0].targetPort", "Invalid value: \"Web\": must contain only alpha-numeric "
					  "characters (a-z, 0-9), and hyphens (-)" } } },
	{ "{'ports':[{'port':80,'appProtocol':'a b'}]}",
	  NULL,
	  { { "spec.ports[0].appProtocol", "Invalid value: \"a b\": " WORD } } },
	{ "{'ports':[{'port':80,'appProtocol':''}]}",
	  NULL,
	  { { "spec.ports[0].appProtocol", "Invalid value: \"\": name part must be non-empty" },
	    { "spec.ports[0].appProtocol", "Invalid value: \"\": " WORD } } },
	{ "{'ports':[{'name':'a','port':80},{'name':'b','port':80}]}",
	  NULL,
	  { { "spec.ports[1]",
	      "Duplicate value: core.ServicePort{Name:\"\", Protocol:\"TCP\", "
	      "AppProtocol:(*string)(nil), Port:80, TargetPort:intstr.IntOrString{Type:0, "
	      "IntVal:0, StrVal:\"\"}, NodePort:0}" } } },
	{ "{'ports':[{'port':80,'nodePort':30010}]}",
	  NULL,
	  { { "spec.ports[0].nodePort",
	      "Forbidden: may not be used when `type` is 'ClusterIP'" } } },
	{ "{'type':'Balancer','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.type", "Unsupported value: \"Balancer\": supported values: \"ClusterIP\", "
			   "\"ExternalName\", \"LoadBalancer\", \"NodePort\"" } } },
	{ "{'sessionAffinity':'Sticky','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.sessionAffinity",
	      "Unsupported value: \"Sticky\": supported values: \"ClientIP\", \"None\"" } } },
	{ "{'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':{'timeoutSeconds':0}},"
	  "'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
	      "Invalid value: 0: must be greater than 0 and less than 86400" } } },
	{ "{'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':{'timeoutSeconds':"
	  "86401}},'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
	      "Invalid value: 86401: must be greater than 0 and less than 86400" } } },
	{ "{'selector':{'a b':'x'},'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.selector", "Invalid value: \"a b\": " WORD } } },
	{ "{'selector':{'a':'x y'},'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.selector",
	      "Invalid value: \"x y\": a valid label must be an empty string or consist of "
	      "alphanumeric characters, '-', '_' or '.', and must start and end with an "
	      "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
	      "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')" } } },
	{ "{'externalIPs':['192.0.2'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalIPs[0]", "Invalid value: \"192.0.2\": " ADDRESS } } },
	{ "{'externalIPs':['0.0.0.0'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalIPs[0]",
	      "Invalid value: \"0.0.0.0\": may not be unspecified (0.0.0.0)" } } },
	{ "{'externalIPs':['::'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalIPs[0]", "Invalid value: \"::\": may not be unspecified (::)" } } },
	{ "{'externalIPs':['127.0.0.1'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalIPs[0]", "Invalid value: \"127.0.0.1\": may not be in the loopback "
				     "range (127.0.0.0/8, ::1/128)" } } },
	{ "{'externalIPs':['::1'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalIPs[0]", "Invalid value: \"::1\": may not be in the loopback range "
				     "(127.0.0.0/8, ::1/128)" } } },
	{ "{'externalIPs':['169.254.1.1'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalIPs[0]", "Invalid value: \"169.254.1.1\": may not be in the link-local "
				     "range (169.254.0.0/16, fe80::/10)" } } },
	{ "{'externalIPs':['fe80::1'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalIPs[0]", "Invalid value: \"fe80::1\": may not be in the link-local "
				     "range (169.254.0.0/16, fe80::/10)" } } },
	{ "{'externalIPs':['224.0.0.1'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalIPs[0]", "Invalid value: \"224.0.0.1\": may not be in the link-local "
				     "multicast range (224.0.0.0/24, ff02::/10)" } } },
	{ "{'externalIPs':['ff02::1'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalIPs[0]", "Invalid value: \"ff02::1\": may not be in the link-local "
				     "multicast range (224.0.0.0/24, ff02::/10)" } } },
	{ "{'externalIPs':['a','127.0.0.1','192.0.2.9'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalIPs[0]", "Invalid value: \"a\": " ADDRESS },
	    { "spec.externalIPs[1]", "Invalid value: \"127.0.0.1\": may not be in the loopback "
				     "range (127.0.0.0/8, ::1/128)" } } },
	{ "{'externalTrafficPolicy':'Local','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalTrafficPolicy",
	      "Invalid value: \"Local\": may only be set for externally-accessible services" } } },
	{ "{'type':'NodePort','externalTrafficPolicy':'Near','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.externalTrafficPolicy",
	      "Unsupported value: \"Near\": supported values: \"Cluster\", \"Local\"" } } },
	{ "{'internalTrafficPolicy':'Near','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.internalTrafficPolicy",
	      "Unsupported value: \"Near\": supported values: \"Cluster\", \"Local\"" } } },
	{ "{'internalTrafficPolicy':'','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.internalTrafficPolicy",
	      "Unsupported value: \"\": supported values: \"Cluster\", \"Local\"" } } },
	{ "{'type':'ExternalName','externalName':'db.example.com','internalTrafficPolicy':'Near'}",
	  NULL,
	  { { "spec.internalTrafficPolicy",
	      "Unsupported value: \"Near\": supported values: \"Cluster\", \"Local\"" } } },
	{ "{'trafficDistribution':'PreferSameZone','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.trafficDistribution",
	      "Unsupported value: \"PreferSameZone\": supported values: \"PreferClose\"" } } },
	{ "{'allocateLoadBalancerNodePorts':true,'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.allocateLoadBalancerNodePorts", "Forbidden: " ONLY_LB } } },
	{ "{'loadBalancerClass':'example.com/lb','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.loadBalancerClass", "Forbidden: " ONLY_LB } } },
	{ "{'type':'LoadBalancer','loadBalancerClass':'?','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.loadBalancerClass", "Invalid value: \"?\": " WORD } } },
	{ "{'type':'LoadBalancer','loadBalancerClass':'','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.loadBalancerClass", "Invalid value: \"\": name part must be non-empty" },
	    { "spec.loadBalancerClass", "Invalid value: \"\": " WORD } } },
	{ "{'type':'LoadBalancer','loadBalancerClass':'Example.com/lb','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.loadBalancerClass",
	      "Invalid value: \"Example.com/lb\": prefix part " SUBDOMAIN } } },
	{ "{'type':'LoadBalancer','loadBalancerClass':'a/b/c','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.loadBalancerClass",
	      "Invalid value: \"a/b/c\": a qualified name must consist of alphanumeric characters, "
	      "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
	      "'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
	      "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix "
	      "and '/' (e.g. 'example.com/MyName')" } } },
	{ "{'type':'LoadBalancer','healthCheckNodePort':30011,'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.healthCheckNodePort",
	      "Invalid value: 30011: may only be set when `type` is 'LoadBalancer' and "
	      "`externalTrafficPolicy` is 'Local'" } } },
	{ "{'type':'NodePort','healthCheckNodePort':30012,'externalTrafficPolicy':'Local','ports':["
	  "{'port':80}]}",
	  NULL,
	  { { "spec.healthCheckNodePort",
	      "Invalid value: 30012: may only be set when `type` is 'LoadBalancer' and "
	      "`externalTrafficPolicy` is 'Local'" } } },
	{ "{'loadBalancerSourceRanges':['10.0.0.0/8'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.LoadBalancerSourceRanges", "Forbidden: " ONLY_LB } } },
	{ "{'type':'LoadBalancer','loadBalancerSourceRanges':['10.0.0.0','10.0.0.0/33','x/"
	  "8','10.0.0.0/8'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.LoadBalancerSourceRanges[0]", "Invalid value: \"10.0.0.0\": " CIDR },
	    { "spec.LoadBalancerSourceRanges[1]", "Invalid value: \"10.0.0.0/33\": " CIDR },
	    { "spec.LoadBalancerSourceRanges[2]", "Invalid value: \"x/8\": " CIDR } } },
	{ "{'ports':[{'port':80}]}",
	  "'annotations':{'service.beta.kubernetes.io/load-balancer-source-ranges':'10.0.0.0/8'}",
	  { { "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]",
	      "Forbidden: " ONLY_LB } } },
	{ "{'type':'LoadBalancer','ports':[{'port':80}]}",
	  "'annotations':{'service.beta.kubernetes.io/load-balancer-source-ranges':'10.0.0.0/8, "
	  "10'}",
	  { { "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]",
	      "Invalid value: \"10\": " CIDR } } },
	{ "{'type':'LoadBalancer','ports':[{'port':10250}]}",
	  NULL,
	  { { "spec.ports[0]", "Invalid value: 10250: may not expose port 10250 externally since "
			       "it is used by kubelet" } } },
	{ "{'type':'LoadBalancer','clusterIP':'None','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs[0]",
	      "Invalid value: \"None\": may not be set to 'None' for LoadBalancer services" } } },
	{ "{'type':'NodePort','clusterIP':'None','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs[0]",
	      "Invalid value: \"None\": may not be set to 'None' for NodePort services" } } },
	{ "{'type':'ExternalName'}", NULL, { { "spec.externalName", "Required value" } } },
	{ "{'type':'ExternalName','externalName':'a_b'}",
	  NULL,
	  { { "spec.externalName", "Invalid value: \"a_b\": " SUBDOMAIN } } },
	{ "{'type':'ExternalName','externalName':'.'}",
	  NULL,
	  { { "spec.externalName", "Required value" } } },
	{ "{'type':'ExternalName','externalName':'db.example.com','clusterIP':'10.96.0.134'}",
	  NULL,
	  { { "spec.clusterIPs", "Forbidden: may not be set for ExternalName services" } } },
	{ "{'type':'ExternalName','externalName':'db.example.com','ipFamilies':['IPv4'],'"
	  "ipFamilyPolicy':'SingleStack'}",
	  NULL,
	  { { "spec.ipFamilies", "Forbidden: may not be set for ExternalName services" },
	    { "spec.ipFamilyPolicy", "Forbidden: may not be set for ExternalName services" } } },
	{ "{'clusterIP':'10.96.0','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs[0]", "Invalid value: \"10.96.0\": " ADDRESS } } },
	{ "{'clusterIP':'192.0.2.1','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs", "Invalid value: []string{\"192.0.2.1\"}: failed to allocate IP "
				 "192.0.2.1: the provided IP (192.0.2.1) is not in the valid "
				 "range. The range of valid IPs is 10.96.0.0/16" } } },
	{ "{'clusterIP':'fd00:10:97::1','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs", "Invalid value: []string{\"fd00:10:97::1\"}: failed to allocate "
				 "IP fd00:10:97::1: the provided IP (fd00:10:97::1) is not in the "
				 "valid range. The range of valid IPs is fd00:10:96::/112" } } },
	{ "{'clusterIP':'10.96.0.0','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs", "Invalid value: []string{\"10.96.0.0\"}: failed to allocate IP "
				 "10.96.0.0: the provided IP (10.96.0.0) is not in the valid "
				 "range. The range of valid IPs is 10.96.0.0/16" } } },
	{ "{'clusterIP':'10.96.255.255','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs", "Invalid value: []string{\"10.96.255.255\"}: failed to allocate "
				 "IP 10.96.255.255: the provided IP (10.96.255.255) is not in the "
				 "valid range. The range of valid IPs is 10.96.0.0/16" } } },
	{ "{'clusterIP':'fd00:10:96::','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs", "Invalid value: []string{\"fd00:10:96::\"}: failed to allocate IP "
				 "fd00:10:96::: the provided IP (fd00:10:96::) is not in the valid "
				 "range. The range of valid IPs is fd00:10:96::/112" } } },
	{ "{'clusterIP':'10.96.0.135','clusterIPs':['10.96.0.136'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs",
	      "Invalid value: []string{\"10.96.0.136\"}: first value must match `clusterIP`" } } },
	{ "{'clusterIPs':['10.96.0.135'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs", "Invalid value: []string{\"10.96.0.135\"}: must be empty when "
				 "`clusterIP` is not specified" } } },
	{ "{'clusterIP':'10.96.0.135','clusterIPs':['10.96.0.135','fd00:10:96::5','10.96.0.137'],'"
	  "ipFamilyPolicy':'RequireDualStack','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs", "Invalid value: []string{\"10.96.0.135\", \"fd00:10:96::5\", "
				 "\"10.96.0.137\"}: may only hold up to 2 values" } } },
	{ "{'clusterIP':'10.96.0.135','clusterIPs':['10.96.0.135','10.96.0.136'],'ipFamilyPolicy':'"
	  "RequireDualStack','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs", "Invalid value: []string{\"10.96.0.135\", \"10.96.0.136\"}: may "
				 "specify no more than one IP for each IP family" } } },
	{ "{'clusterIP':'None','clusterIPs':['None','10.96.0.136'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs", "Invalid value: []string{\"None\", \"10.96.0.136\"}: 'None' must "
				 "be the first and only value" } } },
	{ "{'clusterIP':'10.96.0.135','clusterIPs':['10.96.0.135','None'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs[1]", "Invalid value: \"None\": " ADDRESS } } },
	{ "{'clusterIP':'10.96.0.135','ipFamilies':['IPv6'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs[0]", "Invalid value: \"10.96.0.135\": expected an IPv6 value as "
				    "indicated by `ipFamilies[0]`" } } },
	{ "{'clusterIP':'10.96.0.135','clusterIPs':['10.96.0.135','fd00:10:96::6'],'ipFamilies':['"
	  "IPv6','IPv4'],'ipFamilyPolicy':'RequireDualStack','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.clusterIPs[0]", "Invalid value: \"10.96.0.135\": expected an IPv6 value as "
				    "indicated by `ipFamilies[0]`" },
	    { "spec.clusterIPs[1]", "Invalid value: \"fd00:10:96::6\": expected an IPv4 value as "
				    "indicated by `ipFamilies[1]`" } } },
	{ "{'ipFamilies':['IPv5'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.ipFamilies[0]",
	      "Unsupported value: \"IPv5\": supported values: \"IPv4\", \"IPv6\"" } } },
	{ "{'ipFamilies':['IPv4','IPv4'],'ports':[{'port':80}]}",
	  NULL,
	  { { "spec.ipFamilies[1]", "Duplicate value: \"IPv4\"" } } },
	{ "{'ipFamilies':['IPv4','IPv6','IPv4'],'ipFamilyPolicy':'RequireDualStack','ports':[{'"
	  "port':80}]}",
	  NULL,
	  { { "spec.ipFamilies[2]", "Duplicate value: \"IPv4\"" } } },
	{ "{'ipFamilyPolicy':'Dual','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.ipFamilyPolicy",
	      "Unsupported value: \"Dual\": supported values: \"PreferDualStack\", "
	      "\"RequireDualStack\", \"SingleStack\"" } } },
	{ "{'ipFamilyPolicy':'','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.ipFamilyPolicy",
	      "Unsupported value: \"\": supported values: \"PreferDualStack\", "
	      "\"RequireDualStack\", \"SingleStack\"" } } },
	{ "{'ipFamilies':['IPv4','IPv6'],'ipFamilyPolicy':'SingleStack','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.ipFamilyPolicy",
	      "Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' "
	      "when multiple IP families are specified" } } },
	{ "{'clusterIP':'10.96.0.135','clusterIPs':['10.96.0.135','fd00:10:96::6'],'ipFamilyPolicy'"
	  ":'SingleStack','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.ipFamilyPolicy",
	      "Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' "
	      "when multiple cluster IPs are specified" } } },
	{ "{'type':'NodePort','ports':[{'port':80,'nodePort':80}]}",
	  NULL,
	  { { "spec.ports[0].nodePort", "Invalid value: 80: provided port is not in the valid "
					"range. The range of valid ports is 30000-32767" } } },
	{ "{'type':'NodePort','ports':[{'port':80,'nodePort':-1}]}",
	  NULL,
	  { { "spec.ports[0].nodePort", "Invalid value: -1: provided port is not in the valid "
					"range. The range of valid ports is 30000-32767" } } },
	{ "{'type':'NodePort','sessionAffinity':'x','ports':[{'port':0,'nodePort':80}]}",
	  NULL,
	  { { "spec.ports[0].nodePort", "Invalid value: 80: provided port is not in the valid "
					"range. The range of valid ports is 30000-32767" } } },
	{ "{'clusterIP':'x','sessionAffinity':'y'}",
	  NULL,
	  { { "spec.clusterIPs[0]", "Invalid value: \"x\": " ADDRESS } } },
	{ "{'type':'NodePort','ports':[{'name':'a','port':80,'nodePort':30013},{'name':'b','port':"
	  "81,'nodePort':30013}]}",
	  NULL,
	  { { "spec.ports[1].nodePort",
	      "Invalid value: 30013: provided port is already allocated" } } },
	{ "{'type':'NodePort','ports':[{'name':'a','port':80,'nodePort':30014},{'name':'b','port':"
	  "81,'nodePort':30014,'protocol':'UDP'}]}",
	  NULL,
	  { { "spec.ports[1].nodePort",
	      "Invalid value: 30014: provided port is already allocated" } } },
	{ "{'type':'NodePort','ports':[{'name':'a','port':53},{'name':'b','port':53,'nodePort':99,'"
	  "protocol':'UDP'}]}",
	  NULL,
	  { { "spec.ports[0].nodePort", "Invalid value: 99: provided port is not in the valid "
					"range. The range of valid ports is 30000-32767" } } },
	{ "{'ports':[{'port':80}]}",
	  "'annotations':{'service.kubernetes.io/"
	  "topology-aware-hints':'Auto','service.kubernetes.io/topology-mode':'Disabled'}",
	  { { "metadata.annotations[service.kubernetes.io/topology-mode]",
	      "Invalid value: \"Disabled\": must match "
	      "annotations[service.kubernetes.io/topology-aware-hints] when both are "
	      "specified" } } },
	{ "{'ports':[{'port':0,'protocol':'x'}],'sessionAffinity':'y','externalIPs':['z'],'"
	  "internalTrafficPolicy':'w'}",
	  NULL,
	  { { "spec.ports[0].port", "Invalid value: 0: " PORT },
	    { "spec.ports[0].protocol",
	      "Unsupported value: \"x\": supported values: \"SCTP\", \"TCP\", \"UDP\"" },
	    { "spec.ports[0].targetPort", "Invalid value: 0: " PORT },
	    { "spec.sessionAffinity",
	      "Unsupported value: \"y\": supported values: \"ClientIP\", \"None\"" },
	    { "spec.externalIPs[0]", "Invalid value: \"z\": " ADDRESS },
	    { "spec.internalTrafficPolicy",
	      "Unsupported value: \"w\": supported values: \"Cluster\", \"Local\"" } } },
	{ "{'externalName':'a.example','sessionAffinity':'x','ports':[{'port':80}]}",
	  NULL,
	  { { "spec.sessionAffinity",
	      "Unsupported value: \"x\": supported values: \"ClientIP\", \"None\"" } } },
};

static void test_each_refusal_has_all_its_causes_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		cJSON *s = service_with("a", row->meta, row->spec);
		struct rule_causes causes = { 0 };
		size_t want = 0;

		assert_int_equal(service_rules_apply(books, s, NULL, &causes), -EINVAL);
		for (; want < 6 && row->causes[want].field != NULL; want++) {
			if (want >= causes.count)
				fail_msg("%s: %zu causes", row->spec, causes.count);
			assert_string_equal(causes.items[want].field, row->causes[want].field);
			assert_string_equal(causes.items[want].message, row->causes[want].message);
		}
		if (causes.count != want)
			fail_msg("%s: also %s", row->spec, causes.items[want].message);
		causes_free(&causes);
		cJSON_Delete(s);
	}
}

/* A file may hold anything; the API has refused to decode these. */
static void test_wrong_json_types_are_told(void **state)
{
	static const struct {
		const char *spec, *field, *why;
	} wrong[] = {
		{ "1", "spec", "Invalid value: 1: must be an object" },
		{ "{'ports':{'port':80}}", "spec.ports", "must be a list" },
		{ "{'ports':[80]}", "spec.ports[0]", "Invalid value: 80: must be an object" },
		{ "{'ports':[{'port':'80'}]}", "spec.ports[0].port", "must be an integer" },
		{ "{'ports':[{'port':80.5}]}", "spec.ports[0].port", "must be an integer" },
		{ "{'ports':[{'port':80,'targetPort':true}]}", "spec.ports[0].targetPort",
		  "must be an integer or a string" },
		{ "{'ports':[{'port':80,'name':1}]}", "spec.ports[0].name", "must be a string" },
		{ "{'type':1}", "spec.type", "must be a string" },
		{ "{'selector':['a']}", "spec.selector", "must be an object" },
		{ "{'selector':{'a':1}}", "spec.selector", "must be a string" },
		{ "{'externalIPs':[1]}", "spec.externalIPs[0]", "must be a string" },
		{ "{'externalIPs':[null]}", "spec.externalIPs[0]", "must be a string" },
		{ "{'publishNotReadyAddresses':'x'}", "spec.publishNotReadyAddresses",
		  "must be a boolean" },
		{ "{'sessionAffinityConfig':{'clientIP':{'timeoutSeconds':'x'}}}",
		  "spec.sessionAffinityConfig.clientIP.timeoutSeconds", "must be an integer" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refused("a", wrong[i].spec, -EINVAL, wrong[i].field, wrong[i].why);
}

/* Of what a file holds, all faults are told at once: those of the books and of the rest. */
static void test_all_is_told_where_it_is_asked_for(void **state)
{
	static const char spec[] = "{'clusterIP':'x','sessionAffinity':'y','ports':[{'port':0}],"
				   "'externalTrafficPolicy':'Local','type':'LoadBalancer'}";

	(void)state;
	service_books_tell_all(books);
	refused("a", spec, -EINVAL, "spec.clusterIPs[0]", "must be a valid IP address");
	refused("a", spec, -EINVAL, "spec.sessionAffinity", "Unsupported value");
	refused("a", spec, -EINVAL, "spec.ports[0].port", "must be between");

	cJSON *s = service("a", spec);
	struct rule_causes causes = { 0 };
	service_rules_apply(books, s, NULL, &causes);
	for (size_t i = 0; i < causes.count; i++) /* it could not have one yet */
		assert_string_not_equal(causes.items[i].field, "spec.healthCheckNodePort");
	causes_free(&causes);
	cJSON_Delete(s);
}

/* What was found in the metadata comes first, but for what the books refuse. */
static void test_earlier_causes_come_first(void **state)
{
	static const struct {
		const char *spec, *first;
		size_t count;
	} rows_of_two[] = {
		{ "{'sessionAffinity':'x','ports':[{'port':80}]}", "metadata.name", 2 },
		{ "{'clusterIP':'192.0.2.1','ports':[{'port':80}]}", "spec.clusterIPs", 1 },
		{ "{'ports':[{'port':80}]}", "metadata.name", 1 },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		cJSON *s = service("a", rows_of_two[i].spec);
		struct rule_causes causes = { 0 };

		cause_required(&causes, "metadata.name");
		assert_int_equal(service_rules_apply(books, s, NULL, &causes), -EINVAL);
		assert_int_equal(causes.count, rows_of_two[i].count);
		assert_string_equal(causes.items[0].field, rows_of_two[i].first);
		causes_free(&causes);
		cJSON_Delete(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(test_each_refusal_has_all_its_causes_in_order),
		RULE(test_wrong_json_types_are_told),
		RULE(test_all_is_told_where_it_is_asked_for),
		RULE(test_earlier_causes_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
