# SPDX-License-Identifier: Apache-2.0
"""
bellman-proxy: less common ways in, and which endpoints they lead to. External IPs, ingress by proxy, nodes of
several addresses, pods that reach themselves, terminating endpoints, zones, SCTP.
"""

import socket
import time

import netns
import pytest
from lab import API_HOST, API_PORT, node_ip, pod_ip
from proxies import (CLIENT, ENTRY, FAMILIES, PROTOCOLS, VIP, apply, ask, cluster, cluster_ip,  # noqa: F401
                     knock, reach, rules, set_vips, spread, standing, until)

EXTERNAL = {4: "192.0.2.77", 6: "2001:db8:1::77"}


@pytest.fixture
def external(cluster):
    """External IPs that the network sends to one node."""
    for ip in EXTERNAL.values():
        cluster.run("client", ["ip", "route", "add", ip, "via", node_ip(ENTRY, 6 if ":" in ip else 4)])
    yield list(EXTERNAL.values())
    for ip in EXTERNAL.values():
        cluster.run("client", ["ip", "route", "del", ip])


# --- external IPs ---------------------------------------------------------------------------------


@PROTOCOLS
@FAMILIES
def test_external_ip_leads_to_every_pod(cluster, external, family, protocol):
    apply(cluster, protocol=protocol, type="ClusterIP", vips={}, externalIPs=external)
    for ns in ("client", "pod-b", "node-b"):
        reach(cluster, ns, EXTERNAL[family], protocol=protocol)
    assert set(spread(cluster, "client", EXTERNAL[family], protocol=protocol)) == set(cluster.pods)
    assert ask(cluster, "client", EXTERNAL[family], protocol=protocol)[1] != CLIENT[family]


@FAMILIES
def test_external_ip_follows_the_external_traffic_policy(cluster, external, family):
    apply(cluster, externalIPs=external, externalTrafficPolicy="Local")
    reach(cluster, "client", EXTERNAL[family])
    assert {ask(cluster, "client", EXTERNAL[family]) for _ in range(8)} == {("pod-a", CLIENT[family])}


def test_source_ranges_do_not_hold_for_external_ips(cluster, external):
    apply(cluster, externalIPs=external, loadBalancerSourceRanges=["198.51.100.0/24", "2001:db8:77::/48"])
    for family in (4, 6):
        reach(cluster, "client", EXTERNAL[family])
        assert ask(cluster, "client", VIP[family], timeout=0.3) is None


@FAMILIES
def test_external_ip_that_is_a_nodes_own_gives_the_service_its_port_only(cluster, family):
    apply(cluster, externalIPs=[node_ip(ENTRY, f) for f in (4, 6)], endpoints=True)
    for ns in ("client", "pod-b", "node-b", ENTRY):
        reach(cluster, ns, node_ip(ENTRY, family))
    for ns in ("client", "pod-b"):
        cluster.run(ns, ["ping", "-n", "-c", "1", "-W", "3", node_ip(ENTRY, family)])


def test_external_ip_of_another_host_keeps_its_other_ports(cluster):
    apply(cluster, externalIPs=[API_HOST])
    reach(cluster, ENTRY, API_HOST)
    assert knock(cluster, ENTRY, API_HOST, API_PORT) == "open"


def test_external_ips_come_and_go(cluster, external):
    apply(cluster)
    reach(cluster, "client", VIP[4])
    assert ask(cluster, "client", EXTERNAL[4], timeout=0.3) is None
    cluster.api.patch("Service", "web", {"spec": {"externalIPs": external}})
    reach(cluster, "client", EXTERNAL[4])
    cluster.api.patch("Service", "web", {"spec": {"externalIPs": None}})
    cluster.wait_for(lambda: ask(cluster, "client", EXTERNAL[4], timeout=0.3) is None, 10, "it to be gone")


# --- ingress --------------------------------------------------------------------------------------


def test_ingress_of_mode_proxy_is_not_served(cluster):
    """Such a load balancer has the address itself: even from inside the traffic has to go through it."""
    ingress = [{"ip": VIP[4], "ipMode": "Proxy"}, {"ip": VIP[6], "ipMode": "VIP"}]
    apply(cluster, vips={})
    cluster.api.patch("Service", "web", {"status": {"loadBalancer": {"ingress": ingress}}}, sub="status")
    reach(cluster, "client", VIP[6])
    assert VIP[4] not in rules(cluster, ENTRY)


@FAMILIES
def test_service_addresses_refuse_to_be_pinged(cluster, family):
    """There is no host at them: who asks is told at once, and the packet is not sent in circles until it dies."""
    apply(cluster)
    reach(cluster, "client", VIP[family])
    for ns in ("client", "pod-a", ENTRY):
        for ip in (VIP[family], cluster_ip(cluster, "web", family)):
            begun = time.monotonic()
            done = cluster.run(ns, ["ping", "-n", "-c", "1", "-W", "8", ip], check=False)
            assert done.returncode != 0 and "exceeded" not in done.stdout
            assert time.monotonic() < begun + 6


# --- nodes ----------------------------------------------------------------------------------------


@FAMILIES
def test_node_ports_are_on_every_address_that_the_node_has_or_gets(cluster, family):
    apply(cluster)
    port = cluster.api.node_ports("web")[0]
    reach(cluster, "client", node_ip(ENTRY, family), port)
    inner = {4: "10.244.1.1", 6: "fd00:244:1::1"}[family]  # of the pods' interface
    assert knock(cluster, "pod-a", inner, port) == "open"

    late = {4: "10.0.0.77/24", 6: "fd00:10::77/64"}[family]
    ip = late.split("/")[0]
    assert knock(cluster, "client", ip, port, timeout=0.3) != "open"
    cluster.run(ENTRY, ["ip", "addr", "add", late, "dev", "eth0", *(["nodad"] if family == 6 else [])])
    try:
        until(cluster, "open", "client", ip, port)
        assert knock(cluster, ENTRY, ip, port) == "open"
    finally:
        cluster.run(ENTRY, ["ip", "addr", "del", late, "dev", "eth0"])


@PROTOCOLS
@FAMILIES
def test_pod_reaches_itself_by_every_way_in(cluster, external, family, protocol):
    apply(cluster, protocol=protocol, nodes=("node-a",), externalIPs=external)
    port = cluster.api.node_ports("web")[0]
    ways = ((cluster_ip(cluster, "web", family), 80), (VIP[family], 80), (EXTERNAL[family], 80), (node_ip("node-a", family), port))
    for ip, p in ways:
        pod, source = reach(cluster, "pod-a", ip, p, protocol)
        assert pod == "pod-a" and source != pod_ip("node-a", family)


@PROTOCOLS
@FAMILIES
def test_node_port_from_pods_and_nodes(cluster, family, protocol):
    apply(cluster, protocol=protocol, nodes=("node-c",))
    port = cluster.api.node_ports("web")[0]
    for ns in ("pod-a", "pod-b", "pod-c", "node-a", "node-b", "node-c"):
        for node in cluster.nodes:
            assert reach(cluster, ns, node_ip(node, family), port, protocol)[0] == "pod-c"


# --- traffic policies -----------------------------------------------------------------------------


@PROTOCOLS
@FAMILIES
def test_local_without_own_pod_drops_who_comes_from_outside(cluster, external, family, protocol):
    apply(cluster, protocol=protocol, nodes=("node-b",), externalIPs=external, externalTrafficPolicy="Local")
    port = cluster.api.node_ports("web")[0]
    ways = ((VIP[family], 80), (EXTERNAL[family], 80), (node_ip(ENTRY, family), port))
    for ip, p in ways:
        for ns in (ENTRY, "pod-a"):
            assert reach(cluster, ns, ip, p, protocol)[0] == "pod-b"
        assert ask(cluster, "client", ip, p, protocol, timeout=0.3) is None
    assert reach(cluster, "client", node_ip("node-b", family), port, protocol) == ("pod-b", CLIENT[family])


@PROTOCOLS
@FAMILIES
def test_internal_policy_local_is_for_the_cluster_ip(cluster, external, family, protocol):
    apply(cluster, protocol=protocol, nodes=("node-a", "node-b"), externalIPs=external, internalTrafficPolicy="Local")
    inner, port = cluster_ip(cluster, "web", family), cluster.api.node_ports("web")[0]
    for ns in ("pod-a", "node-a"):
        reach(cluster, ns, inner, protocol=protocol)
        assert set(spread(cluster, ns, inner, 12, protocol=protocol)) == {"pod-a"}
    # Every other way leads to both, also where there is no pod.
    for ip, p in ((VIP[family], 80), (EXTERNAL[family], 80), (node_ip("node-c", family), port)):
        reach(cluster, "pod-c", ip, p, protocol)
        assert set(spread(cluster, "pod-c", ip, 24, port=p, protocol=protocol)) == {"pod-a", "pod-b"}
    for ns in ("pod-c", "node-c"):
        assert ask(cluster, ns, inner, protocol=protocol, timeout=0.3) is None


# --- endpoints ------------------------------------------------------------------------------------


def conditions(lab, name, family, **by_node):
    """Set the conditions of endpoints by their node's last letter: "ready", "draining" or "down"."""
    words = {"ready": {"ready": True, "serving": True, "terminating": False},
             "draining": {"ready": False, "serving": True, "terminating": True},
             "down": {"ready": False, "serving": False, "terminating": False}}
    endpoints = lab.endpoints(name, family=family)["endpoints"]
    for e in endpoints:
        e["conditions"] = words[by_node[e["nodeName"][-1]]]
    lab.api.patch("EndpointSlice", f"{name}-ipv{family}", {"endpoints": endpoints})


def until_only(lab, pods, ns, ip):
    lab.wait_for(lambda: set(spread(lab, ns, ip, 12)) == set(pods), 15, f"{ns} to be sent to {pods} only")


@FAMILIES
def test_terminating_pods_serve_while_none_is_ready(cluster, family):
    apply(cluster)
    reach(cluster, "client", VIP[family])
    conditions(cluster, "web", family, a="draining", b="ready", c="down")
    until_only(cluster, ["pod-b"], "client", VIP[family])
    conditions(cluster, "web", family, a="draining", b="down", c="draining")
    until_only(cluster, ["pod-a", "pod-c"], "client", VIP[family])
    conditions(cluster, "web", family, a="down", b="down", c="down")
    until(cluster, "refused", "client", VIP[family])


def test_local_decides_among_the_pods_of_the_node(cluster):
    apply(cluster, externalTrafficPolicy="Local")
    reach(cluster, "client", VIP[4])
    conditions(cluster, "web", 4, a="draining", b="ready", c="ready")
    until_only(cluster, ["pod-b", "pod-c"], "pod-a", VIP[4])  # what is inside goes to the ready ones
    assert ask(cluster, "client", VIP[4]) == ("pod-a", CLIENT[4])
    conditions(cluster, "web", 4, a="down", b="ready", c="ready")
    until(cluster, "silent", "client", VIP[4], timeout=0.3)


def zone(lab, node, name):
    lab.api.patch("Node", node, {"metadata": {"labels": {"topology.kubernetes.io/zone": name}}})


def test_hints_keep_traffic_in_the_zone(cluster):
    zones = dict(zip(cluster.nodes, ("east", "east", "west")))
    for n, z in zones.items():
        zone(cluster, n, z)
    try:
        apply(cluster, trafficDistribution="PreferClose")
        endpoints = cluster.endpoints("web")["endpoints"]
        for e in endpoints:
            e["hints"] = {"forZones": [{"name": zones[e["nodeName"]]}]}
        cluster.api.patch("EndpointSlice", "web-ipv4", {"endpoints": endpoints})
        ip = cluster_ip(cluster, "web", 4)
        until_only(cluster, ["pod-a", "pod-b"], "pod-a", ip)
        until_only(cluster, ["pod-c"], "pod-c", ip)
        until_only(cluster, ["pod-a", "pod-b"], "client", VIP[4])
        zone(cluster, "node-a", "west")
        until_only(cluster, ["pod-c"], "client", VIP[4])
        zone(cluster, "node-a", "north")  # for which there is nothing
        until_only(cluster, cluster.pods, "client", VIP[4])
        zone(cluster, "node-a", "east")
        del endpoints[0]["hints"]  # one that says nothing makes the others' hints void
        until_only(cluster, ["pod-a", "pod-b"], "client", VIP[4])
        cluster.api.patch("EndpointSlice", "web-ipv4", {"endpoints": endpoints})
        until_only(cluster, cluster.pods, "client", VIP[4])
    finally:
        for n in cluster.nodes:
            zone(cluster, n, None)


def test_headless_and_external_name_services_have_no_rules(cluster):
    apply(cluster, "headless", type="ClusterIP", clusterIP="None", vips={})
    apply(cluster, "elsewhere", type="ExternalName", externalName="www.example.org", endpoints=False, vips={},
          ipFamilies=None, ipFamilyPolicy=None)
    apply(cluster)
    reach(cluster, "client", VIP[4])
    assert "headless" not in rules(cluster, ENTRY) and "elsewhere" not in rules(cluster, ENTRY)


# --- SCTP -----------------------------------------------------------------------------------------

SCTP_SERVER = """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 132)
s.bind(("::", 8080))
s.listen()
print("ready", flush=True)
while True:
    c, peer = s.accept()
    c.send(peer[0].removeprefix("::ffff:").encode())
    c.close()
"""


@FAMILIES
def test_sctp_associations_reach_a_pod(cluster, family):
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError as e:
        pytest.skip(f"this kernel has no SCTP sockets ({e.strerror}): modprobe sctp")
    server = cluster.popen("pod-b", ["/usr/bin/python3", "-IS", "-c", SCTP_SERVER], f"sctp-{family}")
    server.wait_log("ready")
    try:
        apply(cluster, protocol="SCTP", nodes=("node-b",))
        cluster.wait_for(lambda: f"{VIP[family]} . sctp . 80" in rules(cluster, ENTRY), what="the rules")
        with netns.entered(cluster.ns("client")):
            s = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
        with s:
            s.settimeout(5)
            s.connect((VIP[family], 80))
            assert s.recv(100).decode() == node_ip(ENTRY, family)
    finally:
        server.stop()
