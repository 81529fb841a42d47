# SPDX-License-Identifier: Apache-2.0
"""
bellman-proxy: spec.loadBalancerSourceRanges. They are for the EXTERNAL-IPs that a load balancer gave, and
for no other way in; as with kube-proxy they hold for pods and nodes too.
"""

from lab import node_ip, pod_ip, url
from proxies import (ENTRY, FAMILIES, PROTOCOLS, VIP, apply, ask, cluster, cluster_ip,  # noqa: F401
                     reach, rules, standing)

CLIENTS = ["10.0.0.1/32", "fd00:10::1/128"]
OTHERS = ["198.51.100.0/24", "2001:db8:77::/48"]


def restricted(lab, ranges, **kwargs):
    """Apply a Service for @ranges, and wait until every node knows."""
    apply(lab, loadBalancerSourceRanges=ranges, **kwargs)
    protocol = kwargs.get("protocol", "TCP").lower()
    for node in lab.nodes:
        for f in (4, 6):
            lab.wait_for(lambda n=node, f=f: f"{VIP[f]} . {protocol} . 80 : goto lb{f}/" in " ".join(rules(lab, n).split()),
                         what=f"the wall on {node}")


@PROTOCOLS
@FAMILIES
def test_who_is_listed_comes_in_and_others_do_not(cluster, family, protocol):
    restricted(cluster, CLIENTS, protocol=protocol)
    assert ask(cluster, "client", VIP[family], protocol=protocol)
    for ns in ("pod-a", ENTRY):  # inside the cluster is not inside the wall
        assert ask(cluster, ns, VIP[family], protocol=protocol, timeout=0.3) is None


@PROTOCOLS
@FAMILIES
def test_other_ways_in_are_for_everybody(cluster, family, protocol):
    restricted(cluster, OTHERS, protocol=protocol)
    assert ask(cluster, "client", VIP[family], protocol=protocol, timeout=0.3) is None
    assert ask(cluster, "client", cluster_ip(cluster, "web", family), protocol=protocol)
    assert ask(cluster, "client", node_ip(ENTRY, family), cluster.api.node_ports("web")[0], protocol)


@FAMILIES
def test_a_listed_node_comes_in(cluster, family):
    restricted(cluster, [f"{node_ip(ENTRY, f)}/{32 if f == 4 else 128}" for f in (4, 6)])
    reach(cluster, ENTRY, VIP[family])
    assert ask(cluster, "client", VIP[family], timeout=0.3) is None


def test_policy_local_keeps_the_wall_and_the_source(cluster):
    restricted(cluster, CLIENTS, externalTrafficPolicy="Local")
    assert ask(cluster, "client", VIP[4]) == ("pod-a", "10.0.0.1")
    assert ask(cluster, "pod-b", VIP[4], timeout=0.3) is None
    cluster.api.patch("Service", "web", {"spec": {"loadBalancerSourceRanges": [*CLIENTS, "10.244.0.0/16"]}})
    # Where it is led to itself, its address is not its own: ask until another one answers.
    seen = cluster.wait_for(lambda: (a := ask(cluster, "pod-b", VIP[4])) and a[0] != "pod-b" and a,
                            what="pod-b to come in: it was the wall")
    assert seen[1] == pod_ip("node-b")


def test_health_checks_are_for_everybody(cluster):
    restricted(cluster, OTHERS, externalTrafficPolicy="Local")
    port = cluster.api.get("Service", "web")["spec"]["healthCheckNodePort"]
    cluster.wait_for(lambda: cluster.http_get("client", url(node_ip(ENTRY), port)), what="an answer")


@FAMILIES
def test_a_change_counts_at_once(cluster, family):
    restricted(cluster, OTHERS)
    assert ask(cluster, "client", VIP[family], timeout=0.3) is None
    cluster.api.patch("Service", "web", {"spec": {"loadBalancerSourceRanges": [*OTHERS, *CLIENTS]}})
    reach(cluster, "client", VIP[family])
    cluster.api.patch("Service", "web", {"spec": {"loadBalancerSourceRanges": OTHERS}})
    cluster.wait_for(lambda: ask(cluster, "client", VIP[family], timeout=0.3) is None, 10, "the wall")
    cluster.api.patch("Service", "web", {"spec": {"loadBalancerSourceRanges": None}})
    reach(cluster, "pod-b", VIP[family])


def test_ranges_of_one_family_say_nothing_of_the_other(cluster):
    apply(cluster, loadBalancerSourceRanges=OTHERS[:1])
    reach(cluster, "client", VIP[6])
    assert ask(cluster, "client", VIP[4], timeout=0.3) is None


def test_many_ranges(cluster):
    restricted(cluster, [f"198.51.{i}.0/24" for i in range(40)] + [*CLIENTS, *OTHERS])
    assert ask(cluster, "client", VIP[4])
    assert ask(cluster, "pod-a", VIP[4], timeout=0.3) is None
