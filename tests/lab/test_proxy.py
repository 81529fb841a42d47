# SPDX-License-Identifier: Apache-2.0
"""
bellman-proxy with real traffic: cluster IPs, EXTERNAL-IPs and node ports, from a client, from the
nodes and from pods; traffic policies, refusals, changes, and the daemon itself. See also
test_proxy_*.py.
"""

import collections
import contextlib
import json
import re
import signal
import socket
import subprocess
import threading
import time

import netns
import pytest
from api import endpoint_slice, service
from lab import node_ip, pod_ip
from proxies import (CLIENT, ENTRY, FAMILIES, PROTOCOLS, VIP, apply, ask, cluster, cluster_ip,  # noqa: F401
                     fresh, knock, reach, rules, set_vips, spread, standing, until)

# --- ways in ------------------------------------------------------------------------------------


@PROTOCOLS
@FAMILIES
def test_external_ip_from_a_client_reaches_every_pod_masqueraded(cluster, family, protocol):
    apply(cluster, protocol=protocol)
    reach(cluster, "client", VIP[family], protocol=protocol)
    seen = {ask(cluster, "client", VIP[family], protocol=protocol) for _ in range(40)}
    assert {pod for pod, _ in seen} == set(cluster.pods)
    for pod, source in seen:
        assert source != CLIENT[family], f"{pod} would answer the client past {ENTRY}"


@PROTOCOLS
@FAMILIES
def test_cluster_ip_from_a_pod_keeps_the_source(cluster, family, protocol):
    apply(cluster, protocol=protocol, nodes=("node-b", "node-c"))
    pod, source = reach(cluster, "pod-a", cluster_ip(cluster, "web", family), protocol=protocol)
    assert pod in ("pod-b", "pod-c")
    assert source == pod_ip("node-a", family)


@PROTOCOLS
@FAMILIES
def test_every_way_in_works_from_the_node_itself(cluster, family, protocol):
    apply(cluster, protocol=protocol)
    port = cluster.api.node_ports("web")[0]
    for ip, p in ((cluster_ip(cluster, "web", family), 80), (VIP[family], 80), (node_ip("node-b", family), port),
                  (node_ip("node-c", family), port)):
        reach(cluster, "node-b", ip, p, protocol)
        assert set(spread(cluster, "node-b", ip, port=p, protocol=protocol)) == set(cluster.pods)


@FAMILIES
def test_cluster_ip_from_outside_is_masqueraded(cluster, family):
    apply(cluster, nodes=("node-c",))
    pod, source = reach(cluster, "client", cluster_ip(cluster, "web", family))
    assert (pod, source) == ("pod-c", node_ip(ENTRY, family))


@PROTOCOLS
@FAMILIES
def test_cluster_ip_from_a_node_that_would_take_the_wrong_address(cluster, family, protocol):
    """A node with two uplinks: the route to the ClusterIP is the default, that to the pods another."""
    apply(cluster, protocol=protocol, nodes=("node-b",))
    ip = cluster_ip(cluster, "web", family)
    reach(cluster, "node-c", ip, protocol=protocol)
    other, router = ("172.16.9.1/24", "172.16.9.2") if family == 4 else ("fd00:9::1/64", "fd00:9::2")
    uplink = ["link add up2 type veth peer name up2p", f"addr add {other} dev up2" + (" nodad" if family == 6 else ""),
              "link set up2 up", "link set up2p up", f"route add {ip} via {router} dev up2"]
    try:
        for line in uplink:
            cluster.run("node-c", ["ip", *line.split()])
        assert ask(cluster, "node-c", ip, protocol=protocol) == ("pod-b", node_ip("node-c", family))
    finally:
        cluster.run("node-c", ["ip", "link", "delete", "up2"], check=False)


@FAMILIES
def test_cluster_ip_from_a_node_with_an_address_of_its_pods_keeps_it(cluster, family):
    """As that of the bridge that they hang on; kube-proxy knows pods by their network too."""
    apply(cluster, nodes=("node-b",))
    ip = cluster_ip(cluster, "web", family)
    reach(cluster, "node-c", ip)
    own = pod_ip("node-c", family) + ("00" if family == 4 else "f0")
    route = [ip, "via", node_ip("node-b", family), "src", own]
    cluster.run("node-c", ["ip", "addr", "add", own, "dev", "lo"])
    try:
        cluster.run("node-c", ["ip", "route", "add", *route])
        assert ask(cluster, "node-c", ip) == ("pod-b", own)
    finally:
        cluster.run("node-c", ["ip", "route", "delete", *route], check=False)
        cluster.run("node-c", ["ip", "addr", "delete", own, "dev", "lo"])


@PROTOCOLS
@FAMILIES
def test_node_port_on_every_node(cluster, family, protocol):
    apply(cluster, protocol=protocol, nodes=("node-b",))
    port = cluster.api.node_ports("web")[0]
    for node in cluster.nodes:
        pod, source = reach(cluster, "client", node_ip(node, family), port, protocol)
        assert pod == "pod-b" and source != CLIENT[family]


def test_node_port_is_not_on_loopback(cluster):
    apply(cluster)
    port = cluster.api.node_ports("web")[0]
    reach(cluster, "node-a", node_ip("node-a"), port)
    assert knock(cluster, "node-a", "127.0.0.1", port) == "refused"
    assert knock(cluster, "node-a", "::1", port) == "refused"


def test_service_without_node_ports_is_served(cluster):
    apply(cluster, allocateLoadBalancerNodePorts=False)
    assert cluster.api.node_ports("web") == []
    reach(cluster, "client", VIP[4])
    reach(cluster, "client", VIP[6])
    reach(cluster, "pod-a", cluster_ip(cluster, "web", 4))


@FAMILIES
def test_pod_reaches_itself_through_its_service(cluster, family):
    apply(cluster, nodes=("node-a",))
    for ip in (cluster_ip(cluster, "web", family), VIP[family]):
        pod, source = reach(cluster, "pod-a", ip)
        assert pod == "pod-a" and source != pod_ip("node-a", family)


def test_several_ports_and_names(cluster):
    ports = ((80, 8080), (443, 8080))
    cluster.api.create(endpoint_slice("web", [(pod_ip("node-a"), "node-a")], ((80, 8080),)),
                       service("web", ports, type="ClusterIP"))
    ip = cluster.api.cluster_ips("web")[0]
    reach(cluster, "pod-b", ip, 80)
    assert knock(cluster, "pod-b", ip, 443) == "refused", "its name is in no slice"


def test_choice_is_random_and_even(cluster):
    apply(cluster)
    reach(cluster, "client", VIP[4])
    # 200 draws of three: a share below 35 has a chance of 1 in 10^6.
    script = f"import socket\nfor i in range(200):\n s = socket.create_connection(('{VIP[4]}', 80)); s.send(b'GET / HTTP/1.0\\r\\n\\r\\n')\n" \
             " a = b''\n while (b := s.recv(999)): a += b\n print(a.split(b'\\r\\n\\r\\n')[1].decode().split()[0])"
    answers = cluster.run("client", ["/usr/bin/python3", "-IS", "-c", script], timeout=60).stdout.split()
    counted = collections.Counter(answers)
    assert sum(counted.values()) == 200 and set(counted) == set(cluster.pods)
    assert min(counted.values()) >= 35, counted


# --- traffic policy -------------------------------------------------------------------------------


@PROTOCOLS
@FAMILIES
def test_local_keeps_the_source_and_stays_on_the_node(cluster, family, protocol):
    apply(cluster, protocol=protocol, externalTrafficPolicy="Local")
    reach(cluster, "client", VIP[family], protocol=protocol)
    for _ in range(10):
        assert ask(cluster, "client", VIP[family], protocol=protocol) == ("pod-a", CLIENT[family])
    port = cluster.api.node_ports("web")[0]
    assert reach(cluster, "client", node_ip("node-c", family), port, protocol) == ("pod-c", CLIENT[family])


@FAMILIES
def test_local_without_own_endpoint_drops_outsiders_only(cluster, family):
    apply(cluster, nodes=("node-b",), externalTrafficPolicy="Local")
    reach(cluster, "pod-a", VIP[family])  # a pod of the cluster is not sent away
    reach(cluster, ENTRY, VIP[family])  # nor is the node
    assert ask(cluster, "pod-a", VIP[family]) == ("pod-b", pod_ip("node-a", family))
    assert knock(cluster, "client", VIP[family], timeout=0.3) == "silent"


def test_internal_policy_local(cluster):
    apply(cluster, internalTrafficPolicy="Local", nodes=("node-a", "node-b"))
    ip = cluster_ip(cluster, "web", 4)
    reach(cluster, "pod-a", ip)
    assert set(spread(cluster, "pod-a", ip, 12)) == {"pod-a"}
    assert set(spread(cluster, "pod-b", ip, 12)) == {"pod-b"}
    assert knock(cluster, "pod-c", ip, timeout=0.3) == "silent"


# --- refusing -------------------------------------------------------------------------------------


@FAMILIES
def test_without_endpoints_connections_are_refused(cluster, family):
    apply(cluster, endpoints=False)
    port = cluster.api.node_ports("web")[0]
    for ns in ("client", "node-a", "pod-a"):
        for ip, p in ((cluster_ip(cluster, "web", family), 80), (VIP[family], 80), (node_ip("node-a", family), port)):
            until(cluster, "refused", ns, ip, p)


@FAMILIES
def test_udp_without_endpoints_is_refused_at_once(cluster, family):
    apply(cluster, protocol="UDP", endpoints=False)
    cluster.wait_for(lambda: VIP[family] in rules(cluster, ENTRY), what="the rules, which new flows go by")
    with netns.entered(cluster.ns("client")):
        s = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)

    def refused():
        try:
            s.send(b"?")
            s.recv(100)
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return False

    with s:
        s.settimeout(0.2)
        s.connect((VIP[family], 80))
        cluster.wait_for(refused, 10, "an ICMP port unreachable")


@FAMILIES
def test_other_ports_of_a_service_address_are_refused_and_not_routed_on(cluster, family):
    apply(cluster)
    reach(cluster, "client", VIP[family])
    for ns in ("client", "pod-a", "node-a"):
        for ip in (VIP[family], cluster_ip(cluster, "web", family)):
            assert knock(cluster, ns, ip, 81) == "refused"


@FAMILIES
def test_an_address_that_is_a_nodes_own_keeps_its_other_ports(cluster, family):
    """As where the status tells the addresses of nodes: what else runs there is still reached."""
    apply(cluster, vips={f: node_ip("node-b", f) for f in (4, 6)} | {46: "127.0.0.1", 66: "::1"})
    reach(cluster, ENTRY, node_ip("node-b", family))
    for ip in (node_ip("node-b", family), {4: "127.0.0.1", 6: "::1"}[family]):
        cluster.run(ENTRY, ["ping", "-n", "-c", "1", "-W", "3", ip])


# --- change ---------------------------------------------------------------------------------------


def test_new_connections_leave_an_endpoint_that_is_gone(cluster):
    apply(cluster)
    reach(cluster, "client", VIP[4])
    slices = cluster.api.get("EndpointSlice", "web-ipv4")
    slices["endpoints"][0]["conditions"] = {"ready": False}
    cluster.api.patch("EndpointSlice", "web-ipv4", {"endpoints": slices["endpoints"]})
    cluster.wait_for(lambda: pod_ip("node-a") not in rules(cluster, ENTRY).split("chain svc4/default/web")[1].split("}")[0])
    assert set(spread(cluster, "client", VIP[4])) == {"pod-b", "pod-c"}
    cluster.api.delete("EndpointSlice", "web-ipv4")
    until(cluster, "refused", "client", VIP[4])


def test_address_moves_from_one_service_to_another(fresh):
    apply(fresh, "one", nodes=("node-a",))
    apply(fresh, "two", nodes=("node-b",), vips={})
    assert reach(fresh, "client", VIP[4])[0] == "pod-a"
    set_vips(fresh, "two", VIP)  # taken: it waits
    fresh.process(f"proxy-{ENTRY}").wait_log("already taken")
    assert ask(fresh, "client", VIP[4])[0] == "pod-a"
    set_vips(fresh, "one", {})
    fresh.wait_for(lambda: ask(fresh, "client", VIP[4]) and ask(fresh, "client", VIP[4])[0] == "pod-b", 10)


def test_nothing_is_left_of_a_deleted_service(fresh):
    apply(fresh, "stays")
    fresh.wait_for(lambda: VIP[6] in rules(fresh, ENTRY))
    before = rules(fresh, ENTRY)
    apply(fresh, "goes", vips={4: "192.0.2.11", 6: "2001:db8:1::11"}, externalTrafficPolicy="Local")
    fresh.wait_for(lambda: "2001:db8:1::11" in rules(fresh, ENTRY))
    for family in ("ipv4", "ipv6"):
        fresh.api.delete("EndpointSlice", f"goes-{family}")
    fresh.api.delete("Service", "goes")
    # Chains are emptied at once and deleted some seconds later.
    fresh.wait_for(lambda: sorted(rules(fresh, ENTRY).split("\n")) == sorted(before.split("\n")), 15,
                     "the rules to be as they were")


def test_undecodable_objects_are_passed_over_and_counted(fresh):
    bad = endpoint_slice("web", [("10.244.1.2", "node-a")])
    bad["metadata"]["name"] = "broken"
    fresh.api.create(fresh.endpoints("web"), service("web", type="ClusterIP"), bad)
    proxy = fresh.process(f"proxy-{ENTRY}")
    proxy.stop()
    fresh.spoil("EndpointSlice", "broken", lambda o: o.update(endpoints="nonsense"))
    proxy.start()
    proxy.wait_ready()
    proxy.wait_log("object passed over.*EndpointSlice default/broken")
    assert proxy.metrics()['bellman_objects_undecodable_total{kind="EndpointSlice"}'] >= 1
    reach(fresh, "pod-a", cluster_ip(fresh, "web", 4))


def test_pods_see_the_mark_of_nobody(fresh):
    """The masquerade bit is taken off again, and the bits of others stay."""
    apply(fresh, nodes=("node-b",))
    nft = ("add table ip watch; add chain ip watch pre { type filter hook prerouting priority -150; };"
           "add chain ip watch post { type filter hook postrouting priority 200; };"
           "add rule ip watch pre meta mark set 0x5;"
           "add rule ip watch post tcp dport 8080 meta mark 0x5 counter; add rule ip watch post tcp dport 8080 meta mark != 0x5 counter")
    fresh.run(ENTRY, ["nft", nft])
    reach(fresh, "client", VIP[4])
    listed = json.loads(fresh.run(ENTRY, ["nft", "-j", "list", "chain", "ip", "watch", "post"]).stdout)["nftables"]
    kept, lost = [e["counter"]["packets"] for r in listed for e in r.get("rule", {}).get("expr", []) if "counter" in e]
    assert kept > 0 and lost == 0


# --- health checks --------------------------------------------------------------------------------


def health(lab, node, port, family=4, ns="client"):
    """(status, answer, headers) of a health check, as a balancer in front would ask."""
    c = netns.Connection(lab.ns(ns), node_ip(node, family), port)
    try:
        c.request("GET", "/healthz")
        answer = c.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers
    finally:
        c.close()


def health_port(lab, name="web"):
    return lab.api.get("Service", name)["spec"]["healthCheckNodePort"]


def health_checks(lab, state, node=ENTRY):
    return lab.process(f"proxy-{node}").metrics()[f'bellman_proxy_health_checks{{state="{state}"}}']


@FAMILIES
def test_health_check_tells_the_nodes_with_an_endpoint(cluster, family):
    apply(cluster, nodes=("node-b",), externalTrafficPolicy="Local")
    port = health_port(cluster)
    for node, count in (("node-a", 0), ("node-b", 1), ("node-c", 0)):
        cluster.wait_for(lambda n=node: health(cluster, n, port, family), 10, "an answer to a health check")
        status, answer, headers = health(cluster, node, port, family)
        # A pod with an address of each family is one endpoint.
        assert status == (200 if count else 503)
        assert answer == {"service": {"namespace": "default", "name": "web"}, "localEndpoints": count, "serviceProxyHealthy": True}
        assert headers["Content-Type"] == "application/json"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Load-Balancing-Endpoint-Weight"] == str(count)


def test_health_check_follows_the_endpoints_and_the_service(cluster):
    apply(cluster, nodes=(ENTRY, "node-b"), externalTrafficPolicy="Local")
    port = health_port(cluster)
    cluster.wait_for(lambda: health(cluster, ENTRY, port)[0] == 200, 10)
    for family in ("ipv4", "ipv6"):
        ready = cluster.api.get("EndpointSlice", f"web-{family}")["endpoints"]
        ready[0]["conditions"] = {"ready": False, "serving": True, "terminating": True}
        cluster.api.patch("EndpointSlice", f"web-{family}", {"endpoints": ready})
    # It terminates: it still serves, but the balancer must go elsewhere.
    cluster.wait_for(lambda: health(cluster, ENTRY, port)[0] == 503, 10)
    assert health(cluster, "node-b", port)[0] == 200
    assert health_checks(cluster, "open") == 1
    cluster.api.patch("Service", "web", {"spec": {"externalTrafficPolicy": "Cluster"}})
    until(cluster, "refused", "client", node_ip(ENTRY), port)
    assert health_checks(cluster, "open") == 0


def test_health_check_port_that_is_taken_is_served_once_it_is_free(cluster):
    port = 32100
    with netns.entered(cluster.ns(ENTRY)):
        squatter = socket.create_server(("0.0.0.0", port))
    with squatter:
        apply(cluster, externalTrafficPolicy="Local", healthCheckNodePort=port)
        cluster.process(f"proxy-{ENTRY}").wait_log(f"cannot serve a health check.*service=default/web port={port}")
        assert health_checks(cluster, "failed") == 1
        cluster.wait_for(lambda: [e for e in cluster.api.list("Event", "default") if e["reason"] == "FailedToStartServiceHealthcheck"], 10)
    cluster.wait_for(lambda: health(cluster, ENTRY, port)[0] == 200, 15, "the port to be served")
    assert health_checks(cluster, "failed") == 0 and health_checks(cluster, "open") == 1


def test_health_check_answers_while_a_client_holds_all_connections(cluster):
    apply(cluster, externalTrafficPolicy="Local")
    port = health_port(cluster)
    cluster.wait_for(lambda: health(cluster, ENTRY, port)[0] == 200, 10)
    with contextlib.ExitStack() as stack:
        with netns.entered(cluster.ns("client")):
            for _ in range(400):
                stack.enter_context(socket.create_connection((node_ip(ENTRY), port), 5))
        for _ in range(5):
            cluster.wait_for(lambda: health(cluster, ENTRY, port, ns="node-b")[0] == 200, 10)


def test_health_checks_leave_the_proxy_the_descriptors_it_needs(fresh):
    proxy = fresh.process(f"proxy-{ENTRY}")
    proxy.stop()
    proxy.argv = ["prlimit", "--nofile=120:120", *proxy.argv]
    proxy.start().wait_ready()
    many = 120
    fresh.api.create(*(service(f"many-{i}", type="LoadBalancer", externalTrafficPolicy="Local") for i in range(many)))
    fresh.wait_for(lambda: health_checks(fresh, "failed") + health_checks(fresh, "open") == many, 30, "all ports to be tried")
    opened = health_checks(fresh, "open")
    assert 0 < opened < 30
    # Rules still change.
    apply(fresh, nodes=("node-b",))
    reach(fresh, "client", VIP[4])
    proxy.wait_log("cannot serve a health check.*Too many open files")
    for i in range(many):
        fresh.api.delete("Service", f"many-{i}")
    apply(fresh, "later", vips={}, nodes=(ENTRY,), externalTrafficPolicy="Local")
    fresh.wait_for(lambda: health(fresh, ENTRY, health_port(fresh, "later"))[0] == 200, 20, "the port to be served")
    assert health_checks(fresh, "failed") == 0


# --- UDP flows ------------------------------------------------------------------------------------


class Flow:
    """A UDP client that keeps its port: the kernel takes all it sends for one flow."""

    def __init__(self, lab, ns, ip, port=80):
        with netns.entered(lab.ns(ns)):
            self.socket = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((ip, port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, timeout=0.2):
        """(pod, source address and port that it saw), or None."""
        self.socket.settimeout(timeout)
        try:
            self.socket.send(b"?")
            return tuple(self.socket.recv(200).decode().split()[:2])
        except (TimeoutError, ConnectionRefusedError):
            return None


def remove_endpoint(lab, name, node):
    """Out of both slices, as when its pod is gone."""
    for family in ("ipv4", "ipv6"):
        endpoints = lab.api.get("EndpointSlice", f"{name}-{family}")["endpoints"]
        lab.api.patch("EndpointSlice", f"{name}-{family}", {"endpoints": [e for e in endpoints if e["nodeName"] != node]})


def deleted_flows(lab, node=ENTRY):
    return lab.process(f"proxy-{node}").metrics()["bellman_proxy_conntrack_flows_deleted_total"]


@pytest.mark.parametrize("way", ("external", "node port"))
@FAMILIES
def test_udp_flows_leave_an_endpoint_that_is_gone_and_only_those(cluster, family, way):
    apply(cluster, protocol="UDP")
    ip, port = (VIP[family], 80) if way == "external" else (node_ip(ENTRY, family), cluster.api.node_ports("web")[0])
    reach(cluster, "client", ip, port, "UDP")
    with contextlib.ExitStack() as stack:
        flows = [stack.enter_context(Flow(cluster, "client", ip, port)) for _ in range(24)]
        first = [cluster.wait_for(flow.ask) for flow in flows]
        assert {pod for pod, _ in first} == set(cluster.pods)
        began = time.monotonic()
        remove_endpoint(cluster, "web", "node-c")
        moved = [flow for flow, (pod, _) in zip(flows, first) if pod == "pod-c"]
        # None of them ever pauses.
        cluster.wait_for(lambda: {a and a[0] for a in [flow.ask() for flow in moved]} <= {"pod-a", "pod-b"}, 10,
                         "flows to leave the endpoint")
        took = time.monotonic() - began
        stayed = [(flow.ask(), was) for flow, was in zip(flows, first) if was[0] != "pod-c"]
        assert all(now == was for now, was in stayed), "flows to living endpoints are not disturbed"
        assert deleted_flows(cluster) >= len(moved)
        print(f"{len(moved)} flows moved in {took:.3f} s")


@FAMILIES
def test_udp_flows_of_an_endpoint_that_terminates_stay(cluster, family):
    apply(cluster, protocol="UDP", nodes=("node-a", "node-b"))
    reach(cluster, "client", VIP[family], protocol="UDP")
    with contextlib.ExitStack() as stack:
        flows = [stack.enter_context(Flow(cluster, "client", VIP[family])) for _ in range(12)]
        first = [cluster.wait_for(flow.ask) for flow in flows]
        before = deleted_flows(cluster)
        name = f"web-ipv{family}"
        endpoints = cluster.api.get("EndpointSlice", name)["endpoints"]
        endpoints[0]["conditions"] = {"ready": False, "serving": True, "terminating": True}
        cluster.api.patch("EndpointSlice", name, {"endpoints": endpoints})
        # New ones go to the other; those that are there go on.
        cluster.wait_for(lambda: set(spread(cluster, "client", VIP[family], 12, protocol="UDP")) == {"pod-b"}, 10)
        assert [flow.ask() for flow in flows] == first
        assert deleted_flows(cluster) == before


@FAMILIES
def test_udp_flow_that_was_there_before_the_service_is_translated(cluster, family):
    vip = {4: "192.0.2.10", 6: "2001:db8:1::10"}
    with Flow(cluster, "client", vip[family]) as flow:
        for _ in range(3):
            flow.ask(0.05)  # routed on untranslated, and remembered so
        apply(cluster, protocol="UDP", vips=vip)
        cluster.wait_for(flow.ask, 10, "an answer to a flow that never paused")


@FAMILIES
def test_udp_flows_on_loopback_are_not_those_of_a_node_port(cluster, family):
    apply(cluster, protocol="UDP", nodes=("node-a", "node-b"))
    port = cluster.api.node_ports("web")[0]
    reach(cluster, "client", node_ip(ENTRY, family), port, "UDP")
    loopback = "127.0.0.1" if family == 4 else "::1"
    cluster.run(ENTRY, ["nft", "add table inet watch; add chain inet watch out { type filter hook output priority 0; };"
                        f"add rule inet watch out oif lo udp dport {port} ct state new counter"])

    def begun():
        """How many packets on loopback were the first of a flow."""
        listed = json.loads(cluster.run(ENTRY, ["nft", "-j", "list", "chain", "inet", "watch", "out"]).stdout)["nftables"]
        return sum(e["counter"]["packets"] for r in listed for e in r.get("rule", {}).get("expr", []) if "counter" in e)

    with netns.entered(cluster.ns(ENTRY)):
        server = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        with server, Flow(cluster, ENTRY, loopback, port) as local, Flow(cluster, "client", node_ip(ENTRY, family), port) as flow:
            server.bind((loopback, port))
            server.settimeout(5)
            local.socket.send(b"?")
            server.sendto(b"!", server.recvfrom(10)[1])
            assert begun() == 1 and local.socket.recv(10) == b"!"
            first = cluster.wait_for(flow.ask)
            remove_endpoint(cluster, "web", first[0].replace("pod", "node"))
            # So the table has been looked through.
            cluster.wait_for(lambda: (a := flow.ask()) and a[0] != first[0], 10, "the flow to leave the endpoint")
            local.socket.send(b"?")
            assert server.recvfrom(10) and begun() == 1
    finally:
        cluster.run(ENTRY, ["nft", "delete table inet watch"])


def test_udp_flow_without_endpoint_ends_and_comes_back(cluster):
    apply(cluster, protocol="UDP", nodes=("node-a",))
    reach(cluster, "client", VIP[4], protocol="UDP")
    with Flow(cluster, "client", VIP[4]) as flow:
        assert cluster.wait_for(flow.ask)[0] == "pod-a"
        remove_endpoint(cluster, "web", "node-a")
        cluster.wait_for(lambda: flow.ask() is None, 10, "the flow to end")
        cluster.api.delete("EndpointSlice", "web-ipv4")
        cluster.api.create(cluster.endpoints("web", ("node-b",), 4, protocol="UDP"))
        assert cluster.wait_for(flow.ask, 10)[0] == "pod-b"


def test_udp_flow_to_an_address_that_moves_goes_to_the_new_service(cluster):
    apply(cluster, "one", protocol="UDP", nodes=("node-a",))
    apply(cluster, "two", protocol="UDP", nodes=("node-b",), vips={})
    reach(cluster, "client", VIP[4], protocol="UDP")
    with Flow(cluster, "client", VIP[4]) as flow:
        assert cluster.wait_for(flow.ask)[0] == "pod-a"
        set_vips(cluster, "one", {})
        cluster.wait_for(lambda: flow.ask() is None, 10, "the flow to end with the way in")
        set_vips(cluster, "two", VIP)
        assert cluster.wait_for(flow.ask, 10)[0] == "pod-b"


def test_udp_flows_are_put_right_after_a_restart(fresh):
    """What changed while the proxy was down: flows are compared with what is there now."""
    apply(fresh, protocol="UDP", nodes=("node-a", "node-b"))
    reach(fresh, "client", VIP[4], protocol="UDP")
    with contextlib.ExitStack() as stack:
        flows = [stack.enter_context(Flow(fresh, "client", VIP[4])) for _ in range(12)]
        first = [fresh.wait_for(flow.ask) for flow in flows]
        proxy = fresh.process(f"proxy-{ENTRY}")
        proxy.kill()
        remove_endpoint(fresh, "web", "node-a")
        proxy.start().wait_ready()
        fresh.wait_for(lambda: {a and a[0] for a in [flow.ask() for flow in flows]} == {"pod-b"}, 10)
        assert [flow.ask() for flow, was in zip(flows, first) if was[0] == "pod-b"] == [w for w in first if w[0] == "pod-b"]


# --- the daemon -----------------------------------------------------------------------------------


def test_kill_and_restart_leave_no_gap(fresh):
    apply(fresh)
    reach(fresh, "client", VIP[4])
    proxy = fresh.process(f"proxy-{ENTRY}")
    stop, failures, asked = threading.Event(), [], [0]

    def client():
        while not stop.is_set():
            asked[0] += 1
            if knock(fresh, "client", VIP[4], timeout=3) != "open":
                failures.append(time.monotonic())

    thread = threading.Thread(target=client)
    thread.start()
    try:
        for _ in range(3):
            proxy.kill()
            before = asked[0]
            fresh.wait_for(lambda: asked[0] > before + 20, 30, "requests while the proxy is dead")
            proxy.start()
            proxy.wait_ready()
    finally:
        stop.set()
        thread.join()
    assert asked[0] > 60 and failures == []


def test_rules_change_while_the_proxy_is_down(fresh):
    apply(fresh, nodes=("node-b",))
    reach(fresh, "client", VIP[4])
    proxy = fresh.process(f"proxy-{ENTRY}")
    proxy.kill()
    fresh.api.delete("Service", "web")
    apply(fresh, "other", nodes=("node-c",), vips={4: "192.0.2.10"})
    assert ask(fresh, "client", VIP[4])[0] == "pod-b", "the rules outlive the proxy"
    proxy.start()
    proxy.wait_ready()
    assert ask(fresh, "client", VIP[4])[0] == "pod-c"
    assert "/default/web/" not in re.sub(r"chain \S+ \{\n\t\}", "", rules(fresh, ENTRY))
    fresh.wait_for(lambda: "/default/web/" not in rules(fresh, ENTRY), 15, "chains that are left over to go")


def test_rules_go_on_without_the_api_server(fresh):
    apply(fresh)
    reach(fresh, "client", VIP[4])
    fresh.process("apiserver").kill()
    assert set(spread(fresh, "client", VIP[4])) == set(fresh.pods)
    proxy = fresh.process(f"proxy-{ENTRY}")
    proxy.wait_log("unreachable")
    assert proxy.ready()


def test_a_transaction_that_fails_is_followed_by_a_whole_rebuild(fresh):
    apply(fresh, nodes=("node-b",))
    reach(fresh, "client", VIP[4])
    proxy = fresh.process(f"proxy-{ENTRY}")
    fresh.run(ENTRY, ["nft", "flush", "ruleset"])  # what restarting nftables.service does
    fresh.api.create(fresh.endpoints("other"), service("other", type="ClusterIP"))
    proxy.wait_log("nft failed, starting over")
    assert reach(fresh, "client", VIP[4])[0] == "pod-b"
    assert reach(fresh, "pod-a", cluster_ip(fresh, "other", 4))
    assert proxy.metrics()["bellman_proxy_nft_errors_total"] == 1


def test_sighup_brings_back_rules_that_somebody_flushed(fresh):
    apply(fresh)
    reach(fresh, "client", VIP[4])
    proxy = fresh.process(f"proxy-{ENTRY}")
    before = rules(fresh, ENTRY)
    proxy.signal(signal.SIGHUP)  # all is well: nothing happens
    fresh.run(ENTRY, ["nft", "flush", "ruleset"])
    proxy.signal(signal.SIGHUP)
    proxy.wait_log("the table is gone")
    fresh.wait_for(lambda: sorted((rules(fresh, ENTRY) or "").split("\n")) == sorted(before.split("\n")))
    assert proxy.metrics()["bellman_proxy_nft_errors_total"] == 0


def test_health_and_metrics_tell_what_is_served(fresh):
    apply(fresh)
    proxy = fresh.process(f"proxy-{ENTRY}")
    fresh.wait_for(lambda: proxy.metrics()["bellman_proxy_services"] == 1)
    fresh.wait_for(lambda: proxy.metrics()["bellman_proxy_endpoints"] == 6)
    assert proxy.metrics()["bellman_proxy_nft_transactions_total"] >= 1
    assert proxy.http("/healthz")[0] == 200


def test_not_ready_before_the_first_list(lab):
    proxy = lab.start_proxy("node-a", wait=False)
    lab.wait_for(lambda: proxy.http("/healthz")[0] == 200)
    assert proxy.http("/readyz")[0] == 503
    assert rules(lab, "node-a") is None
    lab.start_apiserver()
    proxy.wait_ready()
    assert rules(lab, "node-a") is not None


def test_sigterm_leaves_the_rules_and_cleanup_removes_them(fresh):
    proxy = fresh.process(f"proxy-{ENTRY}")
    assert proxy.stop() == 0
    assert rules(fresh, ENTRY) is not None
    for _ in range(2):  # nothing to remove is no fault
        fresh.run(ENTRY, [fresh.bin / "bellman-proxy", "--cleanup"])
        assert rules(fresh, ENTRY) is None


def test_usage(lab):
    done = subprocess.run([lab.bin / "bellman-proxy", "--server", "http://127.0.0.1:1"], capture_output=True, text=True)
    assert done.returncode == 2 and "--node-name" in done.stderr
