# SPDX-License-Identifier: Apache-2.0
"""
kill -9 of each daemon, then start it again: no address changes, none is given twice, traffic
resumes. And an API server that goes away: the daemons go on with what they know and say so once.
"""

import re
import time

import pytest
from api import endpoint_slice, service
from lab import node_mac, pod_ip, url
from steady import Steady

UNREACHABLE = re.compile(r"API server unreachable")


@pytest.fixture
def served(cluster):
    """Three Services with addresses, the first dual-stack one reached by the client over both families."""
    for name in ("web", "api", "sensors"):
        for family in (4, 6):
            cluster.api.create(cluster.endpoints(name, family=family))
        cluster.api.create(service(name, ipFamilyPolicy="RequireDualStack"))
    for ip in sum(addresses(cluster).values(), []):
        cluster.wait_for(lambda: cluster.http_get("client", url(ip)), what=f"{ip} to answer")
    return cluster


def addresses(lab, names=("web", "api", "sensors")):
    lab.wait_for(lambda: all(len(lab.api.external_ips(n)) == 2 for n in names), 10, "two addresses for each Service")
    return {n: lab.api.external_ips(n) for n in names}


def resumed(lab, steady):
    """From now on requests are answered: ten in a row after the last failure."""
    now = time.monotonic()
    lab.wait_for(lambda: len(steady.answered_since(now)) >= 10, what="traffic to resume")
    lab.wait_for(lambda: all(r.answer for r in steady.requests[-10:]), what="ten answers in a row")


def test_killing_any_daemon_changes_no_address(served):
    before = addresses(served)
    ip = before["web"][0]
    owner = served.node_of_mac(served.neigh("client", ip))
    daemons = ["allocator", *(f"speaker-{n}" for n in served.nodes), *(f"proxy-{n}" for n in served.nodes)]
    with Steady(served.ns("client"), ip, rate=50) as steady:
        for name in daemons:
            daemon = served.process(name)
            daemon.kill()
            daemon.start().wait_ready()
            resumed(served, steady)
            assert addresses(served) == before, f"after the crash of {name}"
    # The data path is the kernels'; a daemon's crash must not tear it down.
    assert len(steady.failed) < 5, steady.failed
    assert served.resolve("client", ip) == owner
    for ip in sum(before.values(), []):
        assert served.http_get("client", url(ip)), ip


def test_api_server_killed_keeps_its_state_and_nothing_moves(served):
    before = addresses(served)
    stored = served.api.get("Service", "web")
    apiserver = served.process("apiserver")
    with Steady(served.ns("client"), before["web"][0], rate=50) as steady:
        apiserver.kill()
        apiserver.start()
        served.wait_api()
        resumed(served, steady)
    assert served.api.get("Service", "web") == stored
    assert addresses(served) == before
    assert steady.failed == []
    # Everybody is back on the watch: a new Service goes the whole way.
    served.api.create(served.endpoints("late"), service("late", ipFamilies=["IPv4"]))
    ip, = served.wait_for(lambda: served.api.external_ips("late"), 15)
    assert ip not in sum(before.values(), [])
    served.wait_for(lambda: served.http_get("client", url(ip)), 15)


def test_all_daemons_killed_at_once(served):
    before = addresses(served)
    daemons = [p for p in served.processes if not p.name.startswith("backend")]
    for d in daemons:
        d.kill()
    for d in daemons:
        d.start()
    served.wait_api()
    for d in daemons[1:]:
        d.wait_ready()
    assert addresses(served) == before
    for ip in sum(before.values(), []):
        served.forget_neigh("client", ip)
        served.wait_for(lambda: served.http_get("client", url(ip)), what=f"{ip} to answer again")


def test_allocator_killed_while_giving_out_addresses_gives_none_twice(cluster):
    names = [f"s{i:02}" for i in range(24)]
    allocator = cluster.process("allocator")
    given = {}

    def note():
        for n in names:
            for ip in cluster.api.external_ips(n):
                assert given.setdefault(n, ip) == ip, f"{n} changed from {given[n]} to {ip}"
        return given

    for i, n in enumerate(names):
        cluster.api.create(service(n, ipFamilies=["IPv4"]))
        if i % 8 == 5:  # in the middle of the work, at three different moments
            allocator.kill()
            note()
            allocator.start()
    allocator.wait_ready()
    cluster.wait_for(lambda: len(note()) == len(names), 15, f"{len(names)} addresses")
    assert len(set(given.values())) == len(names)


def test_service_deleted_while_the_allocator_is_away_frees_its_address(cluster):
    cluster.api.create(service("old", ipFamilies=["IPv4"]), service("kept", ipFamilies=["IPv4"]))
    cluster.wait_for(lambda: cluster.api.external_ips("old") and cluster.api.external_ips("kept"))
    old, kept = cluster.api.external_ips("old"), cluster.api.external_ips("kept")
    allocator = cluster.process("allocator")
    allocator.kill()
    cluster.api.delete("Service", "old")
    cluster.api.create(service("new", loadBalancerIP=old[0], ipFamilies=["IPv4"]))
    allocator.start().wait_ready()
    cluster.wait_for(lambda: cluster.api.external_ips("new") == old)
    assert cluster.api.external_ips("kept") == kept


def test_endpoints_that_moved_while_the_speakers_were_away_are_followed(cluster):
    cluster.api.create(endpoint_slice("audit", [(pod_ip("node-a"), "node-a")]),
                       service("audit", ipFamilies=["IPv4"], externalTrafficPolicy="Local"))
    ip, = cluster.wait_for(lambda: cluster.api.external_ips("audit"))
    cluster.wait_for(lambda: cluster.http_get("client", url(ip)))
    speakers = [cluster.process(f"speaker-{n}") for n in cluster.nodes]
    for s in speakers:
        s.kill()
    cluster.api.patch("EndpointSlice", "audit-ipv4", {"endpoints": endpoint_slice("audit", [(pod_ip("node-c"), "node-c")])["endpoints"]})
    for s in speakers:
        s.start()
    cluster.wait_for(lambda: cluster.neigh("client", ip) == node_mac("node-c"), 10, "node-c to announce on its start")


def test_daemons_go_on_without_the_api_server_and_say_so_once(served):
    ips = addresses(served)["web"]
    apiserver = served.process("apiserver")
    daemons = [p for p in served.processes if p.name not in ("apiserver",) and not p.name.startswith("backend")]
    apiserver.kill()
    for d in daemons:
        d.wait_log(UNREACHABLE.pattern, 10)
    began = time.monotonic()
    while time.monotonic() - began < 3:  # time for several retries: serving all along, each question answered anew
        for ip in ips:
            assert served.resolve("client", ip) in served.nodes
            assert served.http_get("client", url(ip))
    for d in daemons:
        assert len(UNREACHABLE.findall(d.log)) == 1, f"{d.name} says it again and again"
    apiserver.start()
    served.wait_api()
    served.api.create(served.endpoints("late"), service("late", ipFamilies=["IPv4"]))
    ip, = served.wait_for(lambda: served.api.external_ips("late"), 40)
    served.wait_for(lambda: served.http_get("client", url(ip)), 40)
    for d in daemons:
        assert len(UNREACHABLE.findall(d.log)) == 1, d.name
