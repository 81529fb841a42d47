# SPDX-License-Identifier: Apache-2.0
"""
What users of MetalLB rely on when addresses are assigned: its own end-to-end cases about the
controller alone, with kubectl. Each test has the number of its case in the compatibility page, 7.1.

One API server and one allocator serve all of them; each case has a namespace and pools of its own.
"""

import itertools
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
V4, V6 = {"ipFamilies": ["IPv4"]}, {"ipFamilies": ["IPv6"]}
PREFER, REQUIRE = {"ipFamilyPolicy": "PreferDualStack"}, {"ipFamilyPolicy": "RequireDualStack"}
FROM_POOL = "metallb.io/ip-allocated-from-pool"
SHARE = {"metallb.io/allow-shared-ip": "key"}

pytestmark = pytest.mark.skipif(not KUBECTL, reason="no kubectl on PATH, and Debian's cannot be fetched")


class Cluster:
    """kubectl and what it is asked of the cluster in a case."""

    count = itertools.count(1)

    def __init__(self, lab):
        self.lab, self.api = lab, lab.api
        self.ns = f"case-{next(self.count)}"
        self.apply(namespace(self.ns))

    def kubectl(self, *args, stdin=None):
        return self.lab.run("sw", [KUBECTL, "--kubeconfig", self.lab.kubeconfig,
                                   f"--cache-dir={self.lab.scratch}/cache", *args], timeout=30, input=stdin).stdout

    def apply(self, *objects):
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def serve(self, *names, ns=None, labels=None, annotations=None, **spec):
        """Services of type LoadBalancer, one after the other."""
        for name in names:
            made = service(name, ns=ns or self.ns, annotations=annotations, **spec)
            made["metadata"]["labels"] = labels or {}
            self.apply(made)

    def change(self, name, **spec):
        self.kubectl("patch", "service", name, "-n", self.ns, "-p", json.dumps({"spec": spec}))

    def delete(self, kind, *names):
        self.kubectl("delete", kind, *names, "-n", self.ns if kind == "service" else SYSTEM)

    def ips(self, name, ns=None):
        return self.api.external_ips(name, ns or self.ns)

    def wait(self, name, *addresses, ns=None):
        self.lab.wait_for(lambda: self.ips(name, ns) == list(addresses), 15,
                          f"{name} to have {addresses}, not {self.ips(name, ns)}")

    def wait_pool(self, name, wanted, ns=None):
        """@name is served, and out of the pool @wanted."""
        def pool_of():
            metadata = self.api.get("Service", name, ns or self.ns)["metadata"]
            return self.ips(name, ns) and metadata.get("annotations", {}).get(FROM_POOL)

        self.lab.wait_for(lambda: pool_of() == wanted, 15, f"{name} to be served by {wanted}, not {pool_of()}")

    def wait_refused(self, name):
        """@name was looked at, and has nothing."""
        self.lab.wait_for(lambda: "AllocationFailed" in dict(self.api.events(name, self.ns)), 15)
        assert self.ips(name) == []

    def wait_status(self, name, **wanted):
        def status():
            found = self.api.get("IPAddressPool", name, SYSTEM).get("status", {})
            return {k: found.get(k) for k in wanted}

        self.lab.wait_for(lambda: status() == wanted, 15, f"pool {name} to have {wanted}, not {status()}")


@pytest.fixture(scope="module")
def shared(can_lab):
    with Lab(nodes=(), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM))
        lab.start_allocator()
        yield lab


@pytest.fixture
def c(shared):
    cluster = Cluster(shared)
    yield cluster
    for s in shared.api.list("Service"):
        shared.api.delete("Service", s["metadata"]["name"], s["metadata"]["namespace"])
    for p in shared.api.list("IPAddressPool"):
        shared.api.delete("IPAddressPool", p["metadata"]["name"], SYSTEM)


def for_namespaces(priority, *names, **more):
    return {"serviceAllocation": {"priority": priority, "namespaces": list(names), **more}}


def test_01_a_service_that_becomes_cluster_ip_frees_its_address(c):
    c.apply(pool("one", ["192.0.2.1/32"]))
    c.serve("first", **V4)
    c.wait("first", "192.0.2.1")
    c.serve("second", **V4)
    c.wait_refused("second")
    c.change("first", type="ClusterIP")
    c.wait("second", "192.0.2.1")
    assert c.ips("first") == []


def test_02_a_service_that_is_deleted_frees_its_address(c):
    c.apply(pool("one", ["192.0.2.1/32"]))
    c.serve("first", **V4)
    c.wait("first", "192.0.2.1")
    c.serve("second", **V4)
    c.wait_refused("second")
    c.delete("service", "first")
    c.wait("second", "192.0.2.1")


def test_03_a_restart_leaves_addresses_with_their_owners(c):
    c.apply(pool("few", ["192.0.2.1-192.0.2.3"]))
    c.serve("z", "y", "x", **V4)
    for name, last in (("z", 1), ("y", 2), ("x", 3)):
        c.wait(name, f"192.0.2.{last}")
    c.serve("a", **V4)
    c.wait_refused("a")
    allocator = c.lab.process("allocator")
    allocator.stop()
    allocator.start().wait_ready()
    c.serve("marker", annotations={"metallb.io/address-pool": "none"}, **V4)
    c.wait_refused("marker")  # the new one has seen all by now
    assert [c.ips(n) for n in "zyxa"] == [["192.0.2.1"], ["192.0.2.2"], ["192.0.2.3"], []]


def test_04_services_share_while_traffic_policies_and_selectors_allow(c):
    c.apply(pool("one", ["192.0.2.1/32"]))
    c.serve("first", annotations=SHARE, selector={"app": "a"}, ports=((80, 8080),), **V4)
    c.wait("first", "192.0.2.1")
    c.serve("second", annotations=SHARE, selector={"app": "a"}, ports=((81, 8080),), **V4)
    c.wait("second", "192.0.2.1")
    c.change("second", externalTrafficPolicy="Local")
    c.wait("second")
    c.change("first", externalTrafficPolicy="Local")
    c.wait("second", "192.0.2.1")
    assert c.ips("first") == ["192.0.2.1"]
    c.change("first", selector={"app": "b"})
    c.wait("first")
    assert c.ips("second") == ["192.0.2.1"]
    c.change("second", selector={"app": "b"})
    c.wait("first", "192.0.2.1")
    assert c.ips("second") == ["192.0.2.1"]


def test_05_without_any_pool_services_lose_their_addresses(c):
    c.apply(pool("one", ["192.0.2.0/28"]), pool("two", ["198.51.100.0/28"]))
    c.serve("web", **V4)
    c.wait("web", "192.0.2.0")
    c.delete("ipaddresspool", "one", "two")
    c.wait("web")


def test_06_a_service_moves_when_its_pool_is_deleted(c):
    c.apply(pool("one", ["192.0.2.0/28"]), pool("two", ["198.51.100.0/28"]))
    c.serve("web", **V4)
    c.wait_pool("web", "one")
    c.delete("ipaddresspool", "one")
    c.wait("web", "198.51.100.0")
    c.wait_pool("web", "two")


def test_07_pools_of_a_namespace_by_priority_then_an_open_one(c):
    c.apply(pool("a-open", ["203.0.113.0/32"]), pool("second", ["192.0.2.2/32"], **for_namespaces(20, c.ns)),
            pool("first", ["192.0.2.1/32"], **for_namespaces(10, c.ns)))
    for name, wanted in (("s1", "first"), ("s2", "second"), ("s3", "a-open")):
        c.serve(name, **V4)
        c.wait_pool(name, wanted)


def test_08_pools_with_a_priority_alone_are_for_all(c):
    c.apply(pool("second", ["192.0.2.2/32"], serviceAllocation={"priority": 20}),
            pool("first", ["192.0.2.1/32"], serviceAllocation={"priority": 10}), pool("a-open", ["203.0.113.0/32"]))
    for name, wanted in (("s1", "first"), ("s2", "second"), ("s3", "a-open")):
        c.serve(name, **V4)
        c.wait_pool(name, wanted)


def test_09_namespaces_by_name_and_by_label(c):
    other = f"{c.ns}-labelled"
    c.apply({**namespace(other), "metadata": {"name": other, "labels": {"case": "9"}}},
            pool("first", ["192.0.2.1-192.0.2.2"],
                 **for_namespaces(10, c.ns, namespaceSelectors=[{"matchLabels": {"case": "9"}}])),
            pool("second", ["192.0.2.3-192.0.2.4"],
                 **for_namespaces(20, c.ns, namespaceSelectors=[{"matchLabels": {"case": "9"}}])))
    for ns in (c.ns, other):
        c.serve("s1", ns=ns, **V4)
        c.wait_pool("s1", "first", ns=ns)
    for ns in (c.ns, other):
        c.serve("s2", ns=ns, **V4)
        c.wait_pool("s2", "second", ns=ns)


def test_10_pools_for_services_by_label(c):
    def of(priority):
        return {"serviceAllocation": {"priority": priority, "serviceSelectors": [{"matchLabels": {"team": "a"}}]}}

    c.apply(pool("first", ["192.0.2.1/32"], **of(10)), pool("second", ["192.0.2.2/32"], **of(20)),
            pool("z-open", ["203.0.113.0/31"]))
    c.serve("other", **V4)
    c.wait_pool("other", "z-open")
    for name, wanted in (("s1", "first"), ("s2", "second"), ("s3", "z-open")):
        c.serve(name, labels={"team": "a"}, **V4)
        c.wait_pool(name, wanted)


def test_11_pools_for_a_namespace_and_a_label_together(c):
    def of(priority):
        return for_namespaces(priority, c.ns, serviceSelectors=[{"matchLabels": {"team": "a"}}])

    other = f"{c.ns}-other"
    c.apply(namespace(other), pool("first", ["192.0.2.1/32"], **of(10)), pool("second", ["192.0.2.2/32"], **of(20)),
            pool("z-open", ["203.0.113.0/30"]))
    c.serve("no-label", **V4)
    c.wait_pool("no-label", "z-open")
    c.serve("elsewhere", ns=other, labels={"team": "a"}, **V4)
    c.wait_pool("elsewhere", "z-open", ns=other)
    for name, wanted in (("s1", "first"), ("s2", "second"), ("s3", "z-open")):
        c.serve(name, labels={"team": "a"}, **V4)
        c.wait_pool(name, wanted)


def test_12_a_namespace_that_gets_the_label_gets_the_pool(c):
    other = f"{c.ns}-late"
    c.apply(namespace(other), pool("z-open", ["203.0.113.0/30"]),
            pool("labelled", ["192.0.2.0/30"], **for_namespaces(10, namespaceSelectors=[{"matchLabels": {"case": "12"}}])))
    c.kubectl("label", "namespace", c.ns, "case=12")
    c.serve("s1", **V4)
    c.wait_pool("s1", "labelled")
    c.serve("before", ns=other, **V4)
    c.wait_pool("before", "z-open", ns=other)
    c.kubectl("label", "namespace", other, "case=12")
    c.serve("after", ns=other, **V4)
    c.wait_pool("after", "labelled", ns=other)
    assert c.ips("before", other) == ["203.0.113.0"]


def test_13_prefer_dual_stack_takes_both_from_a_dual_pool(c):
    c.apply(pool("a-v4", ["192.0.2.0/30"]), pool("b-v6", ["2001:db8:1::/126"]),
            pool("dual", ["198.51.100.0/30", "2001:db8::/126"]))
    c.serve("web", **PREFER)
    c.wait("web", "198.51.100.0", "2001:db8::")
    c.wait_pool("web", "dual")


def test_14_prefer_dual_stack_without_a_dual_pool_is_one_of_ipv4(c):
    c.apply(pool("a-v6", ["2001:db8:1::/126"]), pool("b-v4", ["192.0.2.0/30"]))
    c.serve("web", **PREFER)
    c.wait("web", "192.0.2.0")


def test_15_prefer_dual_stack_with_ipv6_first_is_one_of_ipv6(c):
    c.apply(pool("a-v4", ["192.0.2.0/30"]), pool("b-v6", ["2001:db8:1::/126"]))
    c.serve("web", ipFamilies=["IPv6", "IPv4"], **PREFER)
    c.wait("web", "2001:db8:1::")


def test_16_a_pool_that_becomes_dual_adds_the_second_family(c):
    c.apply(pool("p", ["192.0.2.4/30"]))
    c.serve("web", **PREFER)
    c.wait("web", "192.0.2.4")
    c.apply(pool("p", ["192.0.2.4/30", "2001:db8::/126"]))
    c.wait("web", "192.0.2.4", "2001:db8::")


def test_17_require_dual_stack_on_a_pool_of_one_family_has_nothing(c):
    c.apply(pool("p", ["192.0.2.4/30"]))
    c.serve("web", **PREFER)
    c.wait("web", "192.0.2.4")
    c.change("web", **REQUIRE)
    c.wait("web")
    c.change("web", **PREFER)
    c.wait("web", "192.0.2.4")


def test_18_a_dual_pool_that_appears_moves_nobody(c):
    c.apply(pool("p", ["192.0.2.4/30"]))
    c.serve("web", **PREFER)
    c.wait("web", "192.0.2.4")
    c.apply(pool("a-dual", ["198.51.100.0/30", "2001:db8::/126"]))
    c.serve("next", **PREFER)
    c.wait("next", "198.51.100.0", "2001:db8::")  # the new pool is in use by now
    assert c.ips("web") == ["192.0.2.4"]


def test_19_a_dual_pool_that_loses_a_family_loses_its_services(c):
    c.apply(pool("p", ["192.0.2.4/30", "2001:db8::/126"]))
    c.serve("web", **PREFER)
    c.wait("web", "192.0.2.4", "2001:db8::")
    c.apply(pool("q", ["198.51.100.0/30", "2001:db8:1::/126"]))
    c.apply(pool("p", ["192.0.2.4/30"]))
    c.wait("web", "198.51.100.0", "2001:db8:1::")


def test_20_the_status_of_a_pool_counts(c):
    c.apply(pool("p", ["192.0.2.0/30", "2001:db8::/126"]))
    c.wait_status("p", assignedIPv4=0, availableIPv4=4, assignedIPv6=0, availableIPv6=4)
    c.serve("web", **REQUIRE)
    c.wait_status("p", assignedIPv4=1, availableIPv4=3, assignedIPv6=1, availableIPv6=3)
    c.apply(pool("p", ["192.0.2.0/29", "2001:db8::/126"]))
    c.wait_status("p", assignedIPv4=1, availableIPv4=7, assignedIPv6=1, availableIPv6=3)
    c.api.patch("IPAddressPool", "p", {"status": {"assignedIPv4": 77}}, SYSTEM, sub="status")
    c.wait_status("p", assignedIPv4=1, availableIPv4=7, assignedIPv6=1, availableIPv6=3)
    c.delete("service", "web")
    c.wait_status("p", assignedIPv4=0, availableIPv4=8, assignedIPv6=0, availableIPv6=4)


@pytest.mark.parametrize("auto_assign", [True, False])
@pytest.mark.parametrize("family, addresses, first", [(V4, ["192.0.2.0/30"], "192.0.2.0"),
                                                      (V6, ["2001:db8:1::/126"], "2001:db8:1::")])
def test_21_a_pool_is_asked_for_by_annotation(c, auto_assign, family, addresses, first):
    c.apply(pool("a-default", ["198.51.100.0/30", "2001:db8::/126"]), pool("wanted", addresses, autoAssign=auto_assign))
    c.serve("before", **family)
    c.wait_pool("before", "a-default")
    had = c.ips("before")
    c.serve("web", annotations={"metallb.io/address-pool": "wanted"}, **family)
    c.wait("web", first)
    c.wait_pool("web", "wanted")
    assert c.ips("before") == had


def test_22_a_class_of_others_is_never_served(c):
    c.apply(pool("p", ["192.0.2.0/30"]))
    c.serve("other", loadBalancerClass="example.org/other", **V4)
    c.serve("ours", **V4)
    c.wait("ours", "192.0.2.0")
    assert c.ips("other") == []
    assert c.api.events("other", c.ns) == []
