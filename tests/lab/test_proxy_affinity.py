# SPDX-License-Identifier: Apache-2.0
"""
bellman-proxy: sessionAffinity ClientIP. Each connection of these tests has a port of its own, so
without affinity twelve of them in a row reach the same of three pods once in 177,147 times. Clients are
remembered by the Service's name, and for longer than it lives; so each test has a name of its own.
"""

import json
import re
import signal

import pytest
from api import endpoint_slice
from lab import node_ip, pod_ip
from proxies import (CLIENT, ENTRY, FAMILIES, PROTOCOLS, VIP, apply, ask, cluster, cluster_ip, fresh,  # noqa: F401
                     reach, rules, spread, standing)

TIMES = 12


def sticky(timeout=600, **spec):
    return {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": timeout}}, **spec}


def the_one(lab, ns, ip, **kwargs):
    """The pod that answers @ns each time."""
    pods = set(spread(lab, ns, ip, TIMES, **kwargs))
    assert len(pods) == 1, f"{ns} was sent to {pods}"
    return pods.pop()


def set_endpoints(lab, name, nodes, family=4):
    """Have endpoints on @nodes, and wait until every proxy knows."""
    lab.api.patch("EndpointSlice", f"{name}-ipv{family}", {"endpoints": lab.endpoints(name, nodes, family)["endpoints"]})
    for n in lab.nodes:
        chain = f"svc{family}/default/{name}/tcp/80"
        # Of three rules for each endpoint the last one says nothing of affinity.
        lab.wait_for(lambda node=n, c=chain: translations(lab, node, c) == 3 * len(nodes), what=f"{n} to know of {nodes}")


def translations(lab, node, chain):
    return lab.run(node, ["nft", "list", "chain", "inet", "bellman", chain]).stdout.count("dnat")


def remembered(lab, node, timeout, family=4):
    """{client: seconds left} in the set of a node, of those whom a Service remembers for @timeout seconds."""
    done = lab.run(node, ["nft", "-j", "list", "set", "inet", "bellman", f"affinity{family}"], check=False)
    if done.returncode != 0:
        return None
    found = next(o["set"] for o in json.loads(done.stdout)["nftables"] if "set" in o)
    elements = [e["elem"] for e in found.get("elem", [])]
    return {e["val"]["concat"][0]: e["expires"] for e in elements if e["timeout"] == timeout}


@PROTOCOLS
@FAMILIES
def test_a_client_stays_with_its_pod_by_every_way_in(cluster, family, protocol):
    apply(cluster, "stays", protocol, **sticky())
    vip, inner = VIP[family], cluster_ip(cluster, "stays", family)
    port = cluster.api.node_ports("stays")[0]
    reach(cluster, "client", vip, protocol=protocol)
    one = the_one(cluster, "client", vip, protocol=protocol)
    # The affinity is of the client to the Service's port, whichever address it comes by.
    assert the_one(cluster, "client", inner, protocol=protocol) == one
    assert the_one(cluster, "client", node_ip(ENTRY, family), port=port, protocol=protocol) == one
    for ns in ("pod-b", "node-b"):
        reach(cluster, ns, inner, protocol=protocol)
        one = the_one(cluster, ns, inner, protocol=protocol)
        if ns == "pod-b":  # the node has more addresses than one to come from
            reach(cluster, ns, vip, protocol=protocol)  # which its own node may hear of last
            assert the_one(cluster, ns, vip, protocol=protocol) == one


def test_clients_are_spread_all_the_same(cluster):
    """Each is sent somewhere at random: 24 addresses of the client's own at the same pod are a chance of 3 in 10^11."""
    apply(cluster, "spreads", **sticky(timeout=700))
    reach(cluster, "client", VIP[4])
    others = [f"10.77.0.{i}" for i in range(1, 25)]
    try:
        for ip in others:
            cluster.run("client", ["ip", "addr", "add", f"{ip}/32", "dev", "lo"])
        cluster.run(ENTRY, ["ip", "route", "add", "10.77.0.0/24", "via", "10.0.0.1"])
        pods = [cluster.run("client", ["curl", "-sf", "--max-time", "5", "--interface", ip, f"http://{VIP[4]}/"]).stdout.split()[0]
                for ip in others]
        assert len(set(pods)) > 1
        assert set(others) < set(remembered(cluster, ENTRY, 700))
    finally:
        cluster.run(ENTRY, ["ip", "route", "del", "10.77.0.0/24"], check=False)
        for ip in others:
            cluster.run("client", ["ip", "addr", "del", f"{ip}/32", "dev", "lo"], check=False)


def test_among_the_pods_of_a_node(fresh):
    """With policy Local, of which each pod sees the client itself."""
    fresh.add_backends(8080, {f"pod-a{host}": ("node-a", host) for host in (3, 4)})
    pods = {pod_ip("node-a", 4, h): "node-a" for h in (2, 3, 4)}
    fresh.api.create(endpoint_slice("web", list(pods.items())))
    apply(fresh, endpoints=False, externalTrafficPolicy="Local", **sticky())
    reach(fresh, "client", VIP[4])
    answers = {ask(fresh, "client", VIP[4]) for _ in range(TIMES)}
    assert len(answers) == 1 and answers.pop()[1] == CLIENT[4]


@FAMILIES
def test_it_stays_while_others_come_and_go(cluster, family):
    node_of = dict(zip(cluster.pods, cluster.nodes))
    name = "changes"
    apply(cluster, name, nodes=("node-b", "node-c"), **sticky())
    reach(cluster, "client", VIP[family])
    first = the_one(cluster, "client", VIP[family])
    other = next(n for n in ("node-b", "node-c") if n != node_of[first])

    set_endpoints(cluster, name, cluster.nodes, family)
    assert the_one(cluster, "client", VIP[family]) == first
    set_endpoints(cluster, name, (node_of[first],), family)
    assert the_one(cluster, "client", VIP[family]) == first
    set_endpoints(cluster, name, cluster.nodes, family)
    assert the_one(cluster, "client", VIP[family]) == first

    # It moves when its endpoint goes, and does not move back when that returns.
    set_endpoints(cluster, name, ("node-a", other), family)
    second = the_one(cluster, "client", VIP[family])
    assert second != first
    set_endpoints(cluster, name, cluster.nodes, family)
    assert the_one(cluster, "client", VIP[family]) == second


def test_use_renews_it(cluster):
    apply(cluster, "renews", **sticky(timeout=500))
    reach(cluster, "client", VIP[4])
    # In whole seconds: once it says 498 a second has passed.
    left = lambda: remembered(cluster, ENTRY, 500)["10.0.0.1"]  # noqa: E731
    cluster.wait_for(lambda: left() < 499, what="a second of it to pass")
    before = left()
    ask(cluster, "client", VIP[4])
    assert left() > before


def test_it_ends_when_it_is_not_used(cluster):
    apply(cluster, "ends", **sticky(timeout=1))
    reach(cluster, "client", VIP[4])
    cluster.wait_for(lambda: not remembered(cluster, ENTRY, 1), 15, "the client to be forgotten")
    assert ask(cluster, "client", VIP[4])


@pytest.mark.parametrize("same_frame", (True, False), ids=("taken-over", "made-anew"))
@FAMILIES
def test_it_outlives_the_proxy_and_its_table(fresh, family, same_frame):
    apply(fresh, **sticky())
    reach(fresh, "client", VIP[family])
    one = the_one(fresh, "client", VIP[family])
    proxy = fresh.process(f"proxy-{ENTRY}")
    for _ in range(2):  # a second one may have been lucky
        proxy.kill()
        assert the_one(fresh, "client", VIP[family]) == one
        if not same_frame:  # as another release would leave it
            frame = re.search(r"chain (frame-\w+)", rules(fresh, ENTRY))[1]
            fresh.run(ENTRY, ["nft", "delete", "chain", "inet", "bellman", frame])
        proxy.start()
        proxy.wait_ready()
        assert the_one(fresh, "client", VIP[family]) == one
    assert list(remembered(fresh, ENTRY, 600, family)) == [CLIENT[family]]
    assert proxy.metrics()["bellman_proxy_nft_errors_total"] == 0


def test_it_begins_again_when_somebody_flushed_it(fresh):
    apply(fresh, **sticky())
    reach(fresh, "client", VIP[4])
    proxy = fresh.process(f"proxy-{ENTRY}")
    proxy.kill()
    proxy.start().wait_ready()  # it knows of the set because it found one
    fresh.run(ENTRY, ["nft", "flush", "ruleset"])
    proxy.signal(signal.SIGHUP)
    proxy.wait_log("the table is gone")
    reach(fresh, "client", VIP[4])
    the_one(fresh, "client", VIP[4])
    assert proxy.metrics()["bellman_proxy_nft_errors_total"] == 0


def test_services_without_it_have_no_set(fresh):
    apply(fresh)
    reach(fresh, "client", VIP[4])
    assert remembered(fresh, ENTRY, 600) is None


def test_a_client_for_whom_there_is_no_room_is_served(fresh):
    apply(fresh, **sticky())
    reach(fresh, "pod-a", cluster_ip(fresh, "web", 4))
    size = 262144
    listed = json.loads(fresh.run(ENTRY, ["nft", "-j", "list", "set", "inet", "bellman", "affinity4"]).stdout)
    assert listed["nftables"][1]["set"]["size"] == size
    room = size - len(remembered(fresh, ENTRY, 600))
    elements = ",".join(f"100.{i >> 16}.{i >> 8 & 255}.{i & 255} . 1 timeout 1h" for i in range(room))
    fresh.run(ENTRY, ["nft", "-f", "-"], input=f"add element inet bellman affinity4 {{ {elements} }}\n", timeout=60)
    assert set(spread(fresh, "client", VIP[4])) == set(fresh.pods)
    the_one(fresh, "pod-a", cluster_ip(fresh, "web", 4))  # who has a place keeps it
