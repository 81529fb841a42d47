# SPDX-License-Identifier: Apache-2.0
"""
Addresses that are kept for Services which are gone (`reserve` of a pool), with kubectl: through the
deletion, others who want them, and the death of the allocator in between.
"""

import json
import pathlib
import shutil
import sys

import pytest
from api import namespace, pool, service, SYSTEM
from lab import Lab

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "requests"))
import kubectls  # noqa: E402

KUBECTL = shutil.which("kubectl") or kubectls.debian_kubectl()
V4 = {"ipFamilies": ["IPv4"]}

pytestmark = pytest.mark.skipif(not KUBECTL, reason="no kubectl on PATH, and Debian's cannot be fetched")


@pytest.fixture
def office(can_lab):
    with Lab(nodes=(), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM))
        yield lab


def kubectl(lab, *args, stdin=None):
    return lab.run("sw", [KUBECTL, "--kubeconfig", lab.kubeconfig, f"--cache-dir={lab.scratch}/cache", *args],
                   timeout=30, input=stdin).stdout


def apply(lab, *objects):
    kubectl(lab, "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def on_record(lab):
    """What is reserved, by Service: the addresses."""
    path = f"/api/v1/namespaces/{SYSTEM}/configmaps/bellman-reservations"
    status, body = lab.api.request("GET", path)
    assert status in (200, 404), body
    return {k: json.loads(v)["addresses"] for k, v in body.get("data", {}).items()}


def reserving(name, addresses, time):
    made = pool(name, addresses)
    made["metadata"]["annotations"] = {"bellman.io/reserve": json.dumps(time)}
    return made


def wait_ips(lab, name, *expected):
    lab.wait_for(lambda: lab.api.external_ips(name) == list(expected), 15,
                 f"{name} to have {expected}, not {lab.api.external_ips(name)}")


def pending(lab, name):
    conditions = lab.api.get("Service", name)["status"].get("conditions", [])
    return any(c["status"] == "False" for c in conditions)


def test_deleted_service_comes_again_to_its_address_through_kill_9(office):
    apply(office, reserving("a", ["192.0.2.0/31"], "10m"))
    allocator = office.start_allocator()
    apply(office, service("first", **V4))
    wait_ips(office, "first", "192.0.2.0")
    apply(office, service("second", **V4))
    wait_ips(office, "second", "192.0.2.1")
    kubectl(office, "delete", "service", "first")
    office.wait_for(lambda: on_record(office) == {"default.first": ["192.0.2.0"]}, 10)
    assert allocator.metrics()["bellman_allocator_reservations"] == 1
    assert allocator.metrics()['bellman_allocator_addresses_reserved{pool="a"}'] == 1

    apply(office, service("third", **V4))  # nobody else gets it
    office.wait_for(lambda: pending(office, "third"), 10)
    allocator.kill()
    apply(office, service("fourth", loadBalancerIP="192.0.2.0", **V4))
    allocator = office.start_allocator()
    office.wait_for(lambda: pending(office, "fourth"), 10)
    events = dict(office.api.events("fourth"))
    office.wait_for(lambda: "192.0.2.0 is kept for default/first" in dict(office.api.events("fourth")).get("AllocationFailed", ""),
                    10, f"the reason, not {events}")
    assert office.api.external_ips("third") == []

    apply(office, service("first", **V4))
    wait_ips(office, "first", "192.0.2.0")
    office.wait_for(lambda: on_record(office) == {}, 10)

    # Kept again, and free once the entry is taken away and somebody reads that: a new leader.
    kubectl(office, "delete", "service", "first")
    office.wait_for(lambda: on_record(office) == {"default.first": ["192.0.2.0"]}, 10)
    allocator.kill()
    kubectl(office, "delete", "configmap", "bellman-reservations", "-n", SYSTEM)
    office.start_allocator()
    office.wait_for(lambda: office.api.external_ips("third") + office.api.external_ips("fourth") == ["192.0.2.0"], 15)


def test_reservation_ends_with_its_time_and_outlives_a_record_changed_by_others(office):
    apply(office, reserving("a", ["192.0.2.0/32"], "5s"), reserving("b", ["198.51.100.0/32"], "10m"))
    office.start_allocator()
    apply(office, service("short", loadBalancerIP="192.0.2.0", **V4), service("long", loadBalancerIP="198.51.100.0", **V4))
    wait_ips(office, "short", "192.0.2.0")
    wait_ips(office, "long", "198.51.100.0")
    kubectl(office, "delete", "service", "short")
    office.wait_for(lambda: "default.short" in on_record(office), 10)
    # Somebody edits the ConfigMap: the next write is refused, what is there is read, and written over.
    kubectl(office, "label", "configmap", "bellman-reservations", "-n", SYSTEM, "by=hand")
    kubectl(office, "delete", "service", "long")
    office.wait_for(lambda: "default.long" in on_record(office), 10)
    apply(office, service("next", loadBalancerIP="192.0.2.0", **V4))
    wait_ips(office, "next", "192.0.2.0")
    office.wait_for(lambda: on_record(office) == {"default.long": ["198.51.100.0"]}, 10)


def test_what_is_over_is_not_on_record_again_after_a_failover(office):
    apply(office, reserving("a", ["192.0.2.0/31"], "2s"))
    leader = office.start_allocator()
    office.wait_for(lambda: leader.metrics()["bellman_allocator_leader"] == 1, 10)
    standby = office.start_allocator(name="standby", metrics_port=7483)
    apply(office, service("gone", **V4))
    wait_ips(office, "gone", "192.0.2.0")
    kubectl(office, "delete", "service", "gone")
    office.wait_for(lambda: on_record(office) == {"default.gone": ["192.0.2.0"]}, 10)
    office.wait_for(lambda: standby.metrics()["bellman_allocator_reservations"] == 1, 10)
    office.wait_for(lambda: on_record(office) == {}, 10)
    office.wait_for(lambda: standby.metrics()["bellman_allocator_reservations"] == 0, 10)
    leader.stop()
    apply(office, service("next", **V4))
    wait_ips(office, "next", "192.0.2.0")
    assert on_record(office) == {}
