# SPDX-License-Identifier: Apache-2.0
"""
Pools that hold what the cluster already uses: told by metric and event, by the allocator (Nodes,
Pod CIDRs, ServiceCIDRs, cluster IPs). Against the real API server.
"""

import pytest
from api import namespace, node, pool, service, SYSTEM
from lab import Lab

CONF = 'pools = ( {{ name = "file"; addresses = ( "{addresses}" ); }} );\n'


@pytest.fixture
def office(can_lab):
    with Lab(nodes=("node-a",), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM), node("node-a", ["192.0.2.11", "2001:db8::11"], ["10.244.1.0/24", "fd00:244::/64"]),
                       node("node-b", ["192.0.2.12"], ["10.244.2.0/24"]))
        yield lab


def overlaps(daemon):
    """{(pool, kind): count} of the metric."""
    found = {}
    for name, value in daemon.metrics().items():
        if name.startswith("bellman_pool_overlap{"):
            labels = dict(pair.split("=") for pair in name[name.index("{") + 1:-1].split(","))
            found[labels["pool"].strip('"'), labels["kind"].strip('"')] = value
    return found


def told(lab, kind, name, ns=SYSTEM):
    """The messages of Warning events about an object."""
    return [e["message"] for e in lab.api.list("Event", ns) if e["reason"] == "PoolOverlap" and e["type"] == "Warning"
            and (e["involvedObject"]["kind"], e["involvedObject"]["name"]) == (kind, name)]


def test_addresses_of_nodes_and_pods_in_a_pool(office):
    office.api.create(pool("lan", ["192.0.2.0/24", "10.244.1.128-10.244.2.10"]), pool("fine", ["198.51.100.0/24"]))
    allocator = office.start_allocator()
    office.wait_for(lambda: overlaps(allocator) == {("lan", "node"): 2, ("lan", "pods"): 2})
    office.wait_for(lambda: sorted(told(office, "IPAddressPool", "lan")) == [
        'pool "lan" holds what is in use: 10.244.1.128 is in 10.244.1.0/24, the Pod CIDR of node "node-a"'
        ' (and 1 more of this kind)',
        'pool "lan" holds what is in use: 192.0.2.11 is an address of node "node-a" (and 1 more of this kind)'])
    (event,) = [e for e in office.api.list("Event", SYSTEM) if "192.0.2.11" in e["message"]]
    uid = office.api.get("IPAddressPool", "lan", SYSTEM)["metadata"]["uid"]
    assert event["involvedObject"]["uid"] == uid and event["source"]["component"] == "metallb-controller"

    # What is excluded is not given out, so it overlaps nothing; what is left is not told again.
    office.api.patch("IPAddressPool", "lan", {"metadata": {"annotations": {"bellman.io/exclude": '["192.0.2.8/29"]'}}}, SYSTEM)
    office.wait_for(lambda: overlaps(allocator) == {("lan", "pods"): 2})
    allocator.wait_log("overlaps no longer.*pool=lan kind=node")
    office.api.create(node("node-c", ["192.0.2.77"], ["10.244.3.0/24"]))
    office.wait_for(lambda: overlaps(allocator) == {("lan", "node"): 1, ("lan", "pods"): 2})
    office.wait_for(lambda: any("192.0.2.77" in m for m in told(office, "IPAddressPool", "lan")))
    office.api.delete("Node", "node-b", None)
    office.wait_for(lambda: overlaps(allocator) == {("lan", "node"): 1, ("lan", "pods"): 1})
    assert len(told(office, "IPAddressPool", "lan")) == 3
    assert told(office, "IPAddressPool", "fine") == []
    # Of a Node that cannot be read nothing is known any more.
    office.api.patch("Node", "node-c", {"status": {"addresses": [{"type": "InternalIP", "address": "rubbish"}]}}, None, "status")
    office.wait_for(lambda: overlaps(allocator) == {("lan", "pods"): 1})


@pytest.mark.parametrize("pod", [None, "controller-1"])
def test_pools_of_the_file_are_told_about_pod_or_namespace(office, pod):
    conf = office.scratch / "bellman.conf"
    conf.write_text(CONF.format(addresses="2001:db8::/120"))
    allocator = office.start_allocator("--config", conf, *(("--pod-name", pod) if pod else ()))
    about = ("Pod", pod, SYSTEM) if pod else ("Namespace", SYSTEM, "default")
    office.wait_for(lambda: told(office, *about) ==
                    ['pool "file" holds what is in use: 2001:db8::11 is an address of node "node-a"'])
    assert overlaps(allocator) == {("file", "node"): 1}


def test_service_cidrs_where_the_api_has_them(office):
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "servicecidrs.networking.k8s.io",
                     "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes/enhancements/pull/1"}},
        "spec": {"group": "networking.k8s.io", "scope": "Cluster",
                 "names": {"kind": "ServiceCIDR", "plural": "servicecidrs"},
                 "versions": [{"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                     "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}
    office.api.create(definition)
    path = "/apis/networking.k8s.io/v1beta1/servicecidrs"
    cidr = {"apiVersion": "networking.k8s.io/v1beta1", "kind": "ServiceCIDR", "metadata": {"name": "kubernetes"},
            "spec": {"cidrs": ["10.96.0.0/16"]}}
    office.wait_for(lambda: office.api.call("POST", path, cidr))
    office.api.create(pool("a", ["10.96.200.0/24"]))
    allocator = office.start_allocator()
    office.wait_for(lambda: overlaps(allocator) == {("a", "service-cidr"): 1})
    office.wait_for(lambda: told(office, "IPAddressPool", "a") == [
        'pool "a" holds what is in use: 10.96.200.0 is in 10.96.0.0/16, the Service CIDR of ServiceCIDR "kubernetes"'])
    office.api.call("DELETE", f"{path}/kubernetes")
    office.wait_for(lambda: overlaps(allocator) == {})


def inside(name, cluster_ip):
    return service(name, type="ClusterIP", clusterIP=cluster_ip)


def test_cluster_ips_where_the_api_has_no_service_cidrs(office):
    office.api.create(pool("a", ["10.96.7.0/24"]), pool("fine", ["198.51.100.0/24"]))
    office.api.create(inside("second", "10.96.7.2"), inside("first", "10.96.7.1"), inside("far", "10.96.8.1"))
    allocator = office.start_allocator()
    office.wait_for(lambda: overlaps(allocator) == {("a", "cluster-ip"): 2})
    office.wait_for(lambda: told(office, "IPAddressPool", "a") == [
        'pool "a" holds what is in use: 10.96.7.1 is the cluster IP of Service "default/first" (and 1 more of this kind)'])

    # The lowest one stays the same: that another comes is counted, and not told.
    office.api.create(inside("third", "10.96.7.3"))
    office.wait_for(lambda: overlaps(allocator) == {("a", "cluster-ip"): 3})
    for name in ("first", "third"):
        office.api.delete("Service", name)
    office.wait_for(lambda: overlaps(allocator) == {("a", "cluster-ip"): 1})
    office.wait_for(lambda: len(told(office, "IPAddressPool", "a")) == 2)
    office.api.delete("Service", "second")
    office.wait_for(lambda: overlaps(allocator) == {})

    # A pool that comes later finds those that are there.
    office.api.create(pool("late", ["10.96.8.0/24"]))
    office.wait_for(lambda: overlaps(allocator) == {("late", "cluster-ip"): 1})
    office.api.patch("IPAddressPool", "late", {"metadata": {"annotations": {"bellman.io/exclude": '["10.96.8.1"]'}}}, SYSTEM)
    office.wait_for(lambda: overlaps(allocator) == {})


def test_a_gateway_of_the_node_is_told_by_its_speaker(office):
    conf = office.scratch / "bellman.conf"
    conf.write_text(CONF.format(addresses="10.0.0.100-10.0.0.110"))
    office.api.create(pool("lan", ["10.0.0.200/29", "fd00:10::1/128"]))
    office.run("node-a", ["ip", "route", "replace", "default", "via", "10.0.0.203"])
    speaker = office.start_speaker("node-a", "--config", conf)
    office.wait_for(lambda: overlaps(speaker) == {("lan", "gateway"): 1})
    office.wait_for(lambda: told(office, "IPAddressPool", "lan") ==
                    ['pool "lan" holds what is in use: 10.0.0.203 is the gateway of node "node-a"'])
    (event,) = [e for e in office.api.list("Event", SYSTEM) if e["reason"] == "PoolOverlap"]
    assert event["source"] == {"component": "metallb-speaker", "host": "node-a"}
    assert event["involvedObject"]["uid"] == office.api.get("IPAddressPool", "lan", SYSTEM)["metadata"]["uid"]

    office.run("node-a", ["ip", "route", "replace", "default", "via", "10.0.0.254"])
    office.wait_for(lambda: overlaps(speaker) == {})
    speaker.wait_log("overlaps no longer.*pool=lan kind=gateway")
    # One of each family, and one of a second table; in the file's pool, too.
    office.run("node-a", ["ip", "-6", "route", "replace", "default", "via", "fd00:10::1"])
    office.run("node-a", ["ip", "route", "replace", "default", "table", "77", "via", "10.0.0.101"])
    office.wait_for(lambda: overlaps(speaker) == {("lan", "gateway"): 1, ("file", "gateway"): 1})
    office.wait_for(lambda: told(office, "Namespace", SYSTEM, "default") ==
                    ['pool "file" holds what is in use: 10.0.0.101 is the gateway of node "node-a"'])
    conf.write_text(CONF.format(addresses="10.0.0.102-10.0.0.110"))
    office.wait_for(lambda: overlaps(speaker) == {("lan", "gateway"): 1})
