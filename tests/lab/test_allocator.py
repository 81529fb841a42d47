# SPDX-License-Identifier: Apache-2.0
"""
The allocator against the real API server, alone: what it writes, when it takes addresses back,
how it lives through its own death, a faulty configuration, and an API server that is away.
"""

import signal

import pytest
from api import MERGE, namespace, pool, service, SYSTEM
from lab import Lab

V4 = {"ipFamilies": ["IPv4"]}
FROM_POOL = "metallb.io/ip-allocated-from-pool"
CONF = 'pools = ( {{ name = "{name}"; addresses = ( "{addresses}" ); }} );\n'


@pytest.fixture
def office(can_lab):
    """An API server and the network it needs; each test starts the allocator as it likes."""
    with Lab(nodes=(), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM))
        yield lab


def ips(lab, name):
    return lab.api.external_ips(name)


def wait_ips(lab, name, expected, deadline=10):
    lab.wait_for(lambda: ips(lab, name) == expected, deadline, f"{name} to have {expected}, not {ips(lab, name)}")


def annotations(lab, name):
    return lab.api.get("Service", name)["metadata"].get("annotations", {})


def annotate(lab, name, **values):
    changes = {f"metallb.io/{k.replace('_', '-')}": v for k, v in values.items()}
    lab.api.patch("Service", name, {"metadata": {"annotations": changes}})


def test_addresses_are_given_with_their_pool_and_taken_back(office):
    office.api.create(pool("a", ["192.0.2.0/31", "2001:db8::/127"]))
    allocator = office.start_allocator()
    office.api.create(service("one", **V4), service("two", ipFamilies=["IPv6"]))
    wait_ips(office, "one", ["192.0.2.0"])
    wait_ips(office, "two", ["2001:db8::"])
    office.api.create(service("both", ipFamilyPolicy="RequireDualStack"))  # not in one pass with "two"
    wait_ips(office, "both", ["192.0.2.1", "2001:db8::1"])
    assert all(annotations(office, n)[FROM_POOL] == "a" for n in ("one", "two", "both"))
    office.wait_for(lambda: ("IPAllocated", 'Assigned IP ["192.0.2.0"]') in office.api.events("one"))
    values = allocator.metrics()
    assert values['metallb_allocator_addresses_total{pool="a"}'] == 4
    assert values['metallb_allocator_ipv4_addresses_in_use_total{pool="a"}'] == 2
    assert values['metallb_allocator_ipv6_addresses_in_use_total{pool="a"}'] == 2
    assert values["metallb_k8s_client_updates_total"] == 3
    assert values["metallb_k8s_client_config_loaded_bool"] == 1

    office.api.create(service("late", **V4))
    office.wait_for(lambda: "AllocationFailed" in dict(office.api.events("late")))
    allocator.wait_log(r'"level":"warn".*"event":"AllocationFailed".*default/late|warn +allocator: AllocationFailed.*late')
    office.api.delete("Service", "one")
    wait_ips(office, "late", ["192.0.2.0"])
    office.api.patch("Service", "late", {"spec": {"type": "ClusterIP"}})
    office.wait_for(lambda: FROM_POOL not in annotations(office, "late"))
    assert ips(office, "late") == []
    office.api.create(service("after", **V4))
    wait_ips(office, "after", ["192.0.2.0"])


def conditions(lab, name):
    """By type, without the times."""
    found = lab.api.get("Service", name)["status"].get("conditions", [])
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in found}


READY = "bellman.io/LoadBalancerReady"
SERVED = ("True", "Allocated", 'the addresses are from pool "a"')


def test_condition_says_why_a_service_waits_and_leaves_those_of_others(office):
    office.api.create(pool("a", ["192.0.2.0/32"]), pool("b", ["2001:db8::/127"]))
    allocator = office.start_allocator()
    office.api.create(service("one", **V4))
    wait_ips(office, "one", ["192.0.2.0"])
    assert conditions(office, "one") == {READY: SERVED}
    office.api.create(service("two", **V4))
    office.wait_for(lambda: READY in conditions(office, "two"))
    why = 'pool "a" has no free IPv4 address; pool "b" has no IPv4 addresses'
    assert conditions(office, "two")[READY] == ("False", "NoAddressAvailable", "no available IPs: " + why)
    assert ("AllocationFailed", f'Failed to allocate IP for "default/two": no available IPs: {why}') in office.api.events("two")
    other = {"type": "example.org/X", "status": "True", "reason": "R", "message": "m", "lastTransitionTime": "2020-01-01T00:00:00Z"}
    office.api.call("PATCH", office.api.path("Service", "two", sub="status"), {"status": {"conditions": [other]}},
                    "application/strategic-merge-patch+json")

    def since(name):
        return {c["type"]: c["lastTransitionTime"] for c in office.api.get("Service", name)["status"]["conditions"]}[READY]

    failed = since("two")
    annotate(office, "two", loadBalancerIPs="192.0.2.7")
    office.wait_for(lambda: conditions(office, "two")[READY] == ("False", "RequestRefused", "192.0.2.7 is in no pool"))
    assert since("two") == failed
    allocator.kill()
    allocator = office.start_allocator()
    annotate(office, "two", loadBalancerIPs=None)
    office.wait_for(lambda: conditions(office, "two")[READY][1] == "NoAddressAvailable")
    assert allocator.metrics()["metallb_k8s_client_updates_total"] == 1  # for news alone
    office.api.delete("Service", "one")
    wait_ips(office, "two", ["192.0.2.0"])
    assert conditions(office, "two") == {READY: SERVED, "example.org/X": ("True", "R", "m")}
    office.api.patch("Service", "two", {"spec": {"type": "ClusterIP"}})
    office.wait_for(lambda: READY not in conditions(office, "two"))
    assert "example.org/X" in conditions(office, "two")


def test_requests_are_met_and_a_change_that_cannot_be_met_keeps_the_address(office):
    office.api.create(pool("a", ["192.0.2.0/29"]), pool("b", ["198.51.100.0/30"], autoAssign=False))
    office.start_allocator()
    office.api.create(service("spec", loadBalancerIP="192.0.2.5", **V4),
                      service("note", annotations={"metallb.io/loadBalancerIPs": "198.51.100.2"}, **V4),
                      service("pool", annotations={"metallb.io/address-pool": "b"}, **V4))
    wait_ips(office, "spec", ["192.0.2.5"])
    wait_ips(office, "note", ["198.51.100.2"])
    wait_ips(office, "pool", ["198.51.100.0"])
    annotate(office, "pool", loadBalancerIPs="198.51.100.2")
    office.wait_for(lambda: "AllocationFailed" in dict(office.api.events("pool")))
    assert "198.51.100.2 is held by default/note" in dict(office.api.events("pool"))["AllocationFailed"]
    assert ips(office, "pool") == ["198.51.100.0"]
    office.api.delete("Service", "note")
    wait_ips(office, "pool", ["198.51.100.2"])


def test_class_of_others_is_left_alone(office):
    office.api.create(pool("a", ["192.0.2.0/29"]))
    office.start_allocator("--lb-class", "bellman.io/x")
    office.api.create(service("none", **V4), service("other", loadBalancerClass="example.org/y", **V4),
                      service("ours", loadBalancerClass="bellman.io/x", **V4))
    wait_ips(office, "ours", ["192.0.2.0"])
    assert ips(office, "none") == ips(office, "other") == []


def test_killed_allocator_keeps_and_gives_each_address_once(office):
    office.api.create(pool("a", ["192.0.2.0/24"]))
    allocator = office.start_allocator()
    names = [f"s{i:02}" for i in range(40)]
    seen = {}

    def look():
        for n in names:
            for ip in ips(office, n):
                assert seen.setdefault(n, ip) == ip
        assert len(set(seen.values())) == len(seen), "an address was given twice"
        return len(seen)

    for i, n in enumerate(reversed(names)):  # names that come first in the order are created last
        office.api.create(service(n, **V4))
        if i % 10 == 9:
            allocator.kill()
            look()
            allocator.start()
    allocator.wait_ready()
    office.wait_for(lambda: look() == len(names), 15, "every Service to be served")
    allocator.kill()
    allocator.start().wait_ready()
    office.api.create(service("marker", **V4))  # once this one is served the new process has seen all
    office.wait_for(lambda: ips(office, "marker"))
    assert look() == len(names)


def test_pools_of_a_file_follow_the_file_and_a_faulty_one_is_refused(office):
    conf = office.scratch / "bellman.conf"
    conf.write_text(CONF.format(name="file", addresses="192.0.2.0/31"))
    allocator = office.start_allocator("--config", conf)
    office.api.create(service("web", **V4))
    wait_ips(office, "web", ["192.0.2.0"])

    conf.write_text(CONF.format(name="file", addresses="192.0.2.0/33"))
    office.wait_for(lambda: allocator.metrics()["metallb_k8s_client_config_stale_bool"] == 1)
    allocator.wait_log(r"bellman\.conf:1: pools\[0\]\.addresses\[0\]")
    office.api.create(service("still", **V4))  # the configuration that runs is the old one
    wait_ips(office, "still", ["192.0.2.1"])
    assert ips(office, "web") == ["192.0.2.0"]

    conf.write_text(CONF.format(name="file", addresses="203.0.113.0/31"))
    allocator.signal(signal.SIGHUP)
    office.wait_for(lambda: sorted(ips(office, "web") + ips(office, "still")) == ["203.0.113.0", "203.0.113.1"])
    assert allocator.metrics()["metallb_k8s_client_config_stale_bool"] == 0
    office.wait_for(lambda: "ClearAssignment" in dict(office.api.events("web")))


def test_starting_on_a_faulty_file_waits_for_a_good_one(office):
    conf = office.scratch / "bellman.conf"
    conf.write_text("pools = (\n")
    office.api.create(service("web", **V4))
    allocator = office.start_allocator("--config", conf, wait=False)
    allocator.wait_log("cannot be used, and there is no configuration yet")
    assert allocator.metrics()["metallb_k8s_client_config_loaded_bool"] == 0
    conf.write_text(CONF.format(name="file", addresses="192.0.2.0/31"))
    wait_ips(office, "web", ["192.0.2.0"])


def test_last_pool_deleted_empties_statuses(office):
    office.api.create(pool("a", ["192.0.2.0/29"]))
    office.start_allocator()
    office.api.create(service("web", **V4))
    wait_ips(office, "web", ["192.0.2.0"])
    office.api.delete("IPAddressPool", "a", SYSTEM)
    wait_ips(office, "web", [])
    office.api.create(pool("a", ["192.0.2.0/29"]))
    wait_ips(office, "web", ["192.0.2.0"])


def test_pools_for_a_namespace_by_label(office):
    office.api.create(pool("gold", ["192.0.2.0/29"], serviceAllocation={
        "priority": 1, "namespaceSelectors": [{"matchLabels": {"tier": "gold"}}]}),
        namespace("shop"))
    office.start_allocator()
    office.api.create(service("web", ns="shop", **V4))
    office.wait_for(lambda: "AllocationFailed" in dict(office.api.events("web", "shop")))
    office.api.patch("Namespace", "shop", {"metadata": {"labels": {"tier": "gold"}}}, None)
    office.wait_for(lambda: office.api.external_ips("web", "shop") == ["192.0.2.0"])


def test_status_written_by_others_is_put_right(office):
    office.api.create(pool("a", ["192.0.2.0/29"]))
    allocator = office.start_allocator()
    office.api.create(service("web", **V4), service("api", **V4))
    office.wait_for(lambda: ips(office, "web") and ips(office, "api"))
    mine, theirs = ips(office, "web"), ips(office, "api")

    def write(*addresses):
        status = {"status": {"loadBalancer": {"ingress": [{"ip": a} for a in addresses]}}}
        office.api.call("PATCH", office.api.path("Service", "web", sub="status"), status, MERGE)

    for wrong in ([], theirs, ["203.0.113.9"], ["192.0.2.6", "192.0.2.7"]):
        write(*wrong)
        wait_ips(office, "web", mine)
    assert ips(office, "api") == theirs
    duplicate = f"{theirs[0]} is in the status of default/web too, which loses it"
    office.wait_for(lambda: ("DuplicateAddress", duplicate) in office.api.events("api"))
    assert allocator.metrics()["bellman_allocator_duplicates_repaired_total"] == 1
    write("192.0.2.4")  # free and in the pool: adopted
    office.api.create(service("next", loadBalancerIP=mine[0], **V4))
    wait_ips(office, "next", mine)
    assert ips(office, "web") == ["192.0.2.4"]


def test_api_server_away_and_back(office):
    office.api.create(pool("a", ["192.0.2.0/29"]))
    allocator = office.start_allocator()
    office.api.create(service("web", **V4))
    wait_ips(office, "web", ["192.0.2.0"])
    apiserver = office.process("apiserver")
    apiserver.kill()
    allocator.wait_log("API server unreachable", 10)
    assert allocator.ready()
    apiserver.start()
    office.wait_api()
    office.api.create(service("late", **V4))
    wait_ips(office, "late", ["192.0.2.1"], 40)
    assert ips(office, "web") == ["192.0.2.0"]
    assert allocator.log.count("API server unreachable") == 1


def test_five_hundred_services_at_once(office):
    office.api.create(pool("a", ["10.64.0.0/16"]))
    names = [f"s{i:03}" for i in range(500)]
    for n in names:
        office.api.create(service(n, **V4))
    allocator = office.start_allocator()
    office.wait_for(lambda: allocator.metrics()["metallb_k8s_client_updates_total"] >= len(names), 60)
    given = [s["status"]["loadBalancer"]["ingress"][0]["ip"] for s in office.api.list("Service")]
    assert len(set(given)) == len(names)
    assert allocator.metrics()["metallb_k8s_client_update_errors_total"] == 0
