# SPDX-License-Identifier: Apache-2.0
"""
How full a pool is, as the allocator tells it: IPAddressPool.status (compatibility page 7.1, case 20)
and the gauges that MetalLB's dashboards read (7.6, case 100). Against the real API server.
"""

import json
import time

import pytest
from api import dual_stack, namespace, pool, service, SYSTEM
from lab import Lab

V4 = {"ipFamilies": ["IPv4"]}
ENDLESS = 2**63 - 1


@pytest.fixture
def office(can_lab):
    with Lab(nodes=(), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM))
        yield lab


def status(lab, name):
    """(assigned IPv4, IPv6, available IPv4, IPv6), or None."""
    s = lab.api.get("IPAddressPool", name, SYSTEM).get("status")
    return s and tuple(s[k] for k in ("assignedIPv4", "assignedIPv6", "availableIPv4", "availableIPv6"))


def wait_status(lab, name, *expected):
    lab.wait_for(lambda: status(lab, name) == expected, 15, f"{name} to have {expected}")


def versions_since(lab, version):
    """What a watch of the pools from @version tells."""
    path = f"{lab.api.path('IPAddressPool', ns=SYSTEM)}?watch=true&resourceVersion={version}&timeoutSeconds=1"
    code, text = lab.api.request("GET", path)
    assert code == 200
    return [json.loads(line)["object"] for line in (text if isinstance(text, str) else json.dumps(text)).splitlines()]


def test_status_follows_services_and_pool_and_is_put_right(office):
    office.api.create(pool("status-pool", ["192.168.10.0/30", "fc00:f853:ccd:e799::/126"]))
    office.start_allocator()
    wait_status(office, "status-pool", 0, 0, 4, 4)
    office.api.create(service("web", **dual_stack()))
    wait_status(office, "status-pool", 1, 1, 3, 3)
    office.api.patch("IPAddressPool", "status-pool",
                     {"spec": {"addresses": ["192.168.10.0/29", "fc00:f853:ccd:e799::/125"]}}, SYSTEM)
    wait_status(office, "status-pool", 1, 1, 7, 7)
    office.api.delete("Service", "web")
    wait_status(office, "status-pool", 0, 0, 8, 8)
    wrong = {f"{kind}IPv{v}": 5 for kind in ("assigned", "available") for v in (4, 6)}
    office.api.patch("IPAddressPool", "status-pool", {"status": wrong}, SYSTEM, "status")
    wait_status(office, "status-pool", 0, 0, 8, 8)
    # Excluded addresses are not available; the number of an endless range has every digit.
    office.api.patch("IPAddressPool", "status-pool",
                     {"spec": {"addresses": ["192.168.10.0/29", "2001:db8::/64"]},
                      "metadata": {"annotations": {"bellman.io/exclude": '["192.168.10.0/31"]'}}}, SYSTEM)
    wait_status(office, "status-pool", 0, 0, 6, ENDLESS)
    office.api.create(service("web", **dual_stack()))
    wait_status(office, "status-pool", 1, 1, 5, ENDLESS - 1)


def test_only_pools_in_force_have_one(office):
    conf = office.scratch / "bellman.conf"
    conf.write_text('pools = ( { name = "both"; addresses = ( "192.0.2.0/31" ); } );\n')
    office.api.create(pool("both", ["198.51.100.0/24"]), pool("other", ["203.0.113.0/30"]))
    office.start_allocator("--config", conf)
    wait_status(office, "other", 0, 0, 4, 0)
    office.api.create(service("web", annotations={"metallb.io/address-pool": "both"}, **V4),
                      service("api", annotations={"metallb.io/address-pool": "other"}, **V4))
    wait_status(office, "other", 1, 0, 3, 0)
    assert office.api.external_ips("web") == ["192.0.2.0"]
    assert status(office, "both") is None, "the one in force is the file's"


def test_many_services_are_few_writes_and_the_last_number_stands(office):
    office.api.create(pool("a", ["10.64.0.0/22"]))
    office.start_allocator()
    wait_status(office, "a", 0, 0, 1024, 0)
    before, start = office.api.get("IPAddressPool", "a", SYSTEM)["metadata"]["resourceVersion"], time.monotonic()
    for i in range(200):
        office.api.create(service(f"s{i:03}", **V4))
    wait_status(office, "a", 200, 0, 824, 0)
    seen = [o["status"]["assignedIPv4"] for o in versions_since(office, before)]
    assert seen == sorted(set(seen)) and seen[-1] == 200
    assert len(seen) <= 2 + time.monotonic() - start, "more than one write a second"
    quiet = office.api.get("IPAddressPool", "a", SYSTEM)["metadata"]["resourceVersion"]
    office.api.patch("IPAddressPool", "a", {"metadata": {"labels": {"x": "y"}}}, SYSTEM)
    assert len(versions_since(office, quiet)) == 1, "no write without a change"


def test_many_pools_have_one_soon(office):
    names = [f"p{i:03}" for i in range(150)]
    office.api.create(*(pool(name, [f"10.64.{i}.0/24"]) for i, name in enumerate(names)))
    office.start_allocator()
    listed = office.api.path("IPAddressPool", ns=SYSTEM)
    known = lambda: [o.get("status", {}).get("availableIPv4") for o in office.api.request("GET", listed)[1]["items"]]  # noqa: E731
    office.wait_for(lambda: known() == [256] * len(names), 10, "a status of each")


def test_gauges_of_a_pool_before_and_after_a_service(office):
    office.api.create(pool("all", ["192.0.2.0/24", "2001:db8::/124"]), pool("big", ["2001:db8:1::/64"]))
    allocator = office.start_allocator()
    prefix = "metallb_allocator_"

    def gauges(name):
        found = allocator.metrics()
        return {k[len(prefix):].split("{")[0]: v for k, v in found.items()
                if k.startswith(prefix) and k.endswith(f'{{pool="{name}"}}')}

    totals = {"addresses_total": 272, "ipv4_addresses_total": 256, "ipv6_addresses_total": 16}
    empty = {"addresses_in_use_total": 0, "ipv4_addresses_in_use_total": 0, "ipv6_addresses_in_use_total": 0,
             "services_allocated_total": 0}
    office.wait_for(lambda: gauges("all") == {**totals, **empty})
    assert gauges("big") == {"addresses_total": float(ENDLESS), "ipv4_addresses_total": 0,
                             "ipv6_addresses_total": float(ENDLESS), **empty}
    office.api.create(service("web", annotations={"metallb.io/address-pool": "all"}, **dual_stack()))
    held = {"addresses_in_use_total": 2, "ipv4_addresses_in_use_total": 1, "ipv6_addresses_in_use_total": 1,
            "services_allocated_total": 1}
    office.wait_for(lambda: gauges("all") == {**totals, **held})
    office.api.delete("Service", "web")
    office.wait_for(lambda: gauges("all") == {**totals, **empty})
    office.api.delete("IPAddressPool", "all", SYSTEM)
    office.wait_for(lambda: gauges("all") == {}, what="the series of the pool to go")


def pending(allocator):
    """{reason: count} of pending Services."""
    prefix = 'bellman_allocator_services_pending{reason="'
    return {k[len(prefix):-2]: v for k, v in allocator.metrics().items() if k.startswith(prefix)}


def test_gauges_and_counters_of_services(office):
    office.api.create(pool("tiny", ["192.0.2.7/32"]), pool("old", ["198.51.100.0/30"], autoAssign=False))
    office.api.patch("IPAddressPool", "old", {"metadata": {"annotations": {"bellman.io/drain": "true"}}}, SYSTEM)
    allocator = office.start_allocator()
    office.api.create(service("web", **V4))
    office.wait_for(lambda: office.api.external_ips("web") == ["192.0.2.7"])
    office.api.create(service("api", **V4), service("inner", type="ClusterIP", **V4))
    office.wait_for(lambda: pending(allocator) == {"NoAddressAvailable": 1})
    metrics = allocator.metrics()
    states = {s: metrics[f'bellman_allocator_services{{state="{s}"}}'] for s in ("served", "pending", "unwritten")}
    assert states == {"served": 1, "pending": 1, "unwritten": 0}
    assert metrics['bellman_allocator_events_total{reason="IPAllocated"}'] == 1
    assert metrics['bellman_allocator_events_total{reason="AllocationFailed"}'] == 1
    assert metrics['bellman_allocator_status_writes_total{outcome="written"}'] == metrics["metallb_k8s_client_updates_total"]
    assert metrics["bellman_allocator_status_write_milliseconds_total"] >= 0
    assert {k: v for k, v in metrics.items() if "draining" in k} == {
        'bellman_allocator_pool_draining{pool="tiny"}': 0, 'bellman_allocator_pool_draining{pool="old"}': 1}
