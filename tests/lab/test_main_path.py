# SPDX-License-Identifier: Apache-2.0
"""
The main job with everything real: a Service is applied, gets an address, the address is announced,
the client's kernel resolves it, and a request through it reaches a workload.
"""

import ipaddress
import time

import pytest
from api import endpoint_slice, pool, service
from lab import CLIENT4, CLIENT6, HERE, node_ip, node_mac, pod_ip, url
from steady import Steady

CLIENT = {4: CLIENT4, 6: CLIENT6}


def family(ip):
    return ipaddress.ip_address(ip).version


def apply(lab, name, families=(4, 6), nodes=None, ports=((80, 8080),), **spec):
    """Create a Service with endpoints on @nodes and return its EXTERNAL-IPs once it has them all."""
    words = [f"IPv{f}" for f in families]
    spec.setdefault("ipFamilies", words)
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if len(families) == 2 else "SingleStack")
    protocol = spec.get("protocol", "TCP")
    for f in families:
        lab.api.create(lab.endpoints(name, nodes, f, ports, protocol=protocol))
    lab.api.create(service(name, ports, **spec))
    lab.wait_for(lambda: len(lab.api.external_ips(name)) == len(families), what=f"{len(families)} addresses for {name}")
    return lab.api.external_ips(name)


def owner(lab, ip, among=None):
    """The node that the client's kernel finds behind @ip, once there is one (of @among)."""
    return lab.wait_for(lambda: (n := lab.resolve("client", ip)) and (not among or n in among) and n,
                        what=f"one of {among or lab.nodes} to answer for {ip}")


def reached(lab, ns, where, pods=None):
    """Wait until @where answers @ns; returns (pod, source address) of that answer."""
    pod, source = lab.wait_for(lambda: lab.http_get(ns, where), what=f"{where} to answer {ns}").split()
    assert pod in (pods or lab.pods)
    return pod, source


def withdrawn(lab, ip):
    lab.wait_for(lambda: lab.resolve("client", ip) is None, 10, f"nobody to answer for {ip} any more")


def test_dual_stack_service_is_reached_through_its_external_ips(cluster):
    ips = apply(cluster, "web")
    assert sorted(family(ip) for ip in ips) == [4, 6]
    assert ipaddress.ip_address(ips[0]) in ipaddress.ip_network("10.0.0.0/24")
    for ip in ips:
        reached(cluster, "client", url(ip))
    assert owner(cluster, ips[0]) == owner(cluster, ips[1]), "one node announces all addresses of a Service"
    cluster.wait_for(lambda: "IPAllocated" in [reason for reason, _ in cluster.api.events("web")])
    annotations = cluster.api.get("Service", "web")["metadata"]["annotations"]
    assert annotations["metallb.io/ip-allocated-from-pool"] == "lan"


def test_requests_are_spread_over_all_endpoints(cluster):
    ip = apply(cluster, "web", families=(4,))[0]
    reached(cluster, "client", url(ip))
    seen = {reached(cluster, "client", url(ip))[0] for _ in range(40)}  # misses one with (2/3)^40
    assert seen == set(cluster.pods)


@pytest.mark.parametrize("f", (4, 6))
def test_node_port_answers_on_every_node(cluster, f):
    apply(cluster, "web", families=(f,))
    port, = cluster.api.node_ports("web")
    for node in cluster.nodes:
        reached(cluster, "client", url(node_ip(node, f), port))


def test_cluster_ip_answers_nodes_and_pods(cluster):
    apply(cluster, "web")
    for ip in cluster.api.cluster_ips("web"):
        for ns in ("node-a", "pod-a", "pod-b"):
            reached(cluster, ns, url(ip))


def test_external_ip_answers_nodes_and_pods(cluster):
    for ip in apply(cluster, "web"):
        for ns in ("node-a", "node-b", "pod-a", "pod-c"):
            reached(cluster, ns, url(ip))


def test_a_pod_reaches_itself_through_its_service(cluster):
    """Hairpin: the only endpoint is the one that asks."""
    apply(cluster, "web", nodes=["node-b"])
    for ip in cluster.api.cluster_ips("web"):
        reached(cluster, "pod-b", url(ip), ["pod-b"])


def test_service_without_node_ports_is_served(cluster):
    ip, = apply(cluster, "api", families=(4,), allocateLoadBalancerNodePorts=False)
    reached(cluster, "client", url(ip))
    assert cluster.api.node_ports("api") == []
    reached(cluster, "node-c", url(cluster.api.cluster_ips("api")[0]))


def test_ipv6_only_service_gets_one_address_and_is_served(cluster):
    ip, = apply(cluster, "sensors", families=(6,))
    assert family(ip) == 6
    reached(cluster, "client", url(ip))


@pytest.mark.parametrize("f", (4, 6))
def test_udp_service_answers_from_the_address_that_was_asked(cluster, f):
    ip, = apply(cluster, "dns", families=(f,), ports=((53, 8080),), protocol="UDP")
    # A connected socket takes answers from that address and port only.
    answer = cluster.wait_for(lambda: cluster.udp_ask("client", ip, 53, timeout=0.5))
    assert answer.endswith(" ping") and answer.split()[0] in cluster.pods


@pytest.mark.parametrize("f", (4, 6))
def test_local_policy_keeps_the_source_and_follows_the_endpoints(cluster, f):
    ip, = apply(cluster, "audit", families=(f,), nodes=["node-b"], externalTrafficPolicy="Local")
    assert owner(cluster, ip) == "node-b"
    assert reached(cluster, "client", url(ip)) == ("pod-b", CLIENT[f])

    moved = cluster.endpoints("audit", ["node-c"], f)
    cluster.api.patch("EndpointSlice", moved["metadata"]["name"], {"endpoints": moved["endpoints"]})
    # Without asking anew: the announcement itself moves the client's entry.
    cluster.wait_for(lambda: cluster.neigh("client", ip) == node_mac("node-c"), what="the client's entry to move to node-c")
    assert reached(cluster, "client", url(ip)) == ("pod-c", CLIENT[f])


def test_local_policy_node_port_answers_only_where_an_endpoint_is(cluster):
    apply(cluster, "audit", families=(4,), nodes=["node-b"], externalTrafficPolicy="Local")
    port, = cluster.api.node_ports("audit")
    assert reached(cluster, "client", url(node_ip("node-b"), port)) == ("pod-b", CLIENT4)
    assert cluster.http_get("client", url(node_ip("node-a"), port), timeout=0.5) is None


def test_an_endpoint_that_is_not_ready_is_neither_announced_nor_used(cluster):
    cluster.api.create(service("web", ipFamilies=["IPv4"]),
                       endpoint_slice("web", [(pod_ip("node-a"), "node-a")], ready=False))
    ip, = cluster.wait_for(lambda: cluster.api.external_ips("web"))
    assert cluster.resolve("client", ip) is None
    slices = {"endpoints": [{"addresses": [pod_ip("node-a")], "nodeName": "node-a", "conditions": {"ready": True}}]}
    cluster.api.patch("EndpointSlice", "web-ipv4", slices)
    reached(cluster, "client", url(ip), ["pod-a"])
    slices["endpoints"][0]["conditions"] = {"ready": False, "serving": False}
    cluster.api.patch("EndpointSlice", "web-ipv4", slices)
    withdrawn(cluster, ip)


def test_deleting_a_service_withdraws_and_frees_its_address(cluster):
    ips = apply(cluster, "web")
    for ip in ips:
        owner(cluster, ip)
    cluster.api.delete("Service", "web")
    for ip in ips:
        withdrawn(cluster, ip)
    for ip in apply(cluster, "next"):
        assert ip in ips, "the first free address of the pool is the one just freed"
        owner(cluster, ip)


def test_leaving_type_load_balancer_releases_the_address(cluster):
    cluster.api.create(pool("one", ["10.0.0.240/32"], autoAssign=False))
    one = {"annotations": {"metallb.io/address-pool": "one"}}
    cluster.api.patch("L2Advertisement", "lan", {"spec": {"ipAddressPools": ["lan", "one"]}}, "metallb-system")
    ip, = apply(cluster, "first", families=(4,), **one)
    owner(cluster, ip)
    cluster.api.create(service("second", ipFamilies=["IPv4"], **one))
    cluster.wait_for(lambda: "AllocationFailed" in [reason for reason, _ in cluster.api.events("second")])
    assert cluster.api.external_ips("second") == []

    cluster.api.patch("Service", "first", {"spec": {"type": "ClusterIP"}})
    cluster.wait_for(lambda: cluster.api.external_ips("second") == [ip], what="the freed address to go to the one who waits")
    assert cluster.api.external_ips("first") == []
    withdrawn(cluster, ip)  # "second" has no endpoint
    reached(cluster, "node-a", url(cluster.api.cluster_ips("first")[0]))


def test_excluding_the_owner_moves_the_address_and_the_clients_entry(cluster):
    ips = apply(cluster, "web")
    first = owner(cluster, ips[0])
    for ip in ips:
        reached(cluster, "client", url(ip))
    with Steady(cluster.ns("client"), ips[0]) as steady:
        cluster.wait_for(lambda: len(steady.requests) > 20)
        assert steady.failed == []
        cluster.api.exclude(first)
        for ip in ips:
            cluster.wait_for(lambda: cluster.neigh("client", ip) not in (None, node_mac(first)),
                             what=f"the client's entry of {ip} to leave {first}")
        moved = time.monotonic()
        cluster.wait_for(lambda: len(steady.answered_since(moved)) > 20)
    assert len(steady.failed) < len(steady.requests) / 4
    second = owner(cluster, ips[0])
    assert second != first and owner(cluster, ips[1]) == second

    cluster.api.exclude(first, False)  # stateless election: the first one takes it back
    cluster.wait_for(lambda: cluster.neigh("client", ips[0]) == node_mac(first), what=f"the return to {first}")


UNAVAILABLE = {"status": {"conditions": [{"type": "NetworkUnavailable", "status": "True"}]}}


@pytest.mark.parametrize("leave", (
    lambda api, node: api.patch("Node", node, UNAVAILABLE, sub="status"),
    lambda api, node: api.delete("Node", node),
), ids=("network unavailable", "node deleted"))
def test_a_node_that_is_out_of_the_cluster_hands_over(cluster, leave):
    ip, = apply(cluster, "web", families=(4,), nodes=["node-a", "node-b", "node-c"])
    first = owner(cluster, ip)
    leave(cluster.api, first)
    second = cluster.wait_for(lambda: (n := cluster.resolve("client", ip)) != first and n)
    reached(cluster, "client", url(ip))
    assert second in cluster.nodes


def test_each_of_many_services_has_its_own_address_and_is_reached(cluster):
    names = [f"s{i:02}" for i in range(30)]
    for n in names:
        cluster.api.create(cluster.endpoints(n), service(n, ipFamilies=["IPv4"]))
    given = cluster.wait_for(lambda: (ips := [ip for n in names for ip in cluster.api.external_ips(n)]) and
                             len(ips) == len(names) and ips, 15, "30 addresses")
    assert len(set(given)) == len(names)
    for ip in given:
        reached(cluster, "client", url(ip))
    assert len({owner(cluster, ip) for ip in given}) > 1, "the hash spreads addresses over the nodes"


def test_two_ports_lead_to_their_own_targets(cluster):
    cluster.popen("pod-b", ["/usr/bin/python3", "-IS", HERE / "backend.py", "other-b", "9090"])
    ports = ((80, 8080), (81, 9090))
    ip, = apply(cluster, "web", families=(4,), nodes=["node-b"], ports=ports)
    reached(cluster, "client", url(ip), ["pod-b"])
    reached(cluster, "client", url(ip, 81), ["other-b"])


def test_exactly_one_node_answers(cluster):
    """Every ARP answer on the wire during twenty questions comes from the owner."""
    ip = apply(cluster, "web", families=(4,))[0]
    mac = node_mac(owner(cluster, ip))
    asked = cluster.run("client", ["arping", "-c", "20", "-w", "4", "-i", "eth0", "-W", "0.02", ip], check=False)
    answers = [line for line in asked.stdout.splitlines() if "bytes from" in line]
    assert len(answers) == 20 and all(mac in line for line in answers), asked.stdout


def test_requested_address_is_given(cluster):
    ip, = apply(cluster, "web", families=(4,), loadBalancerIP="10.0.0.222")
    assert ip == "10.0.0.222"
    reached(cluster, "client", url(ip))


def test_headless_load_balancer_is_refused(cluster):
    status, answer = cluster.api.request("POST", cluster.api.path("Service"), service("web", clusterIP="None"))
    assert status == 422 and answer["reason"] == "Invalid"
