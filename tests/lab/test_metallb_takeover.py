# SPDX-License-Identifier: Apache-2.0
"""
Changing over from MetalLB: its controller is gone, what it wrote is there, and Bellman's allocator
starts. Nothing is written to any Service, and every one keeps what it has.
"""

import pytest
from api import namespace, pool, service, SYSTEM
from lab import Lab

V4, V6 = {"ipFamilies": ["IPv4"]}, {"ipFamilies": ["IPv6"]}
PREFER, REQUIRE = {"ipFamilyPolicy": "PreferDualStack"}, {"ipFamilyPolicy": "RequireDualStack"}
FROM_POOL = "metallb.io/ip-allocated-from-pool"
NEW, OLD = "metallb.io", "metallb.universe.tf"

# name: (pool, addresses as they stand in the status, annotations, spec)
SERVED = {
    "plain": ("lan", ["192.0.2.17"], {}, V4),
    "six": ("lan", ["2001:db8::5"], {}, V6),
    "both": ("lan", ["192.0.2.20", "2001:db8::9"], {}, REQUIRE),
    "turned": ("lan", ["2001:db8::a", "192.0.2.21"], {f"{NEW}/loadBalancerIPs": "2001:db8::a,192.0.2.21"}, PREFER),
    "one-of-two": ("four", ["198.51.100.1"], {}, PREFER),
    "asked": ("lan", ["192.0.2.30"], {f"{NEW}/loadBalancerIPs": "192.0.2.30"}, V4),
    "asked-long-ago": ("lan", ["192.0.2.31"], {f"{OLD}/loadBalancerIPs": "192.0.2.31"}, V4),
    "asked-in-spec": ("lan", ["192.0.2.32"], {}, {"loadBalancerIP": "192.0.2.32", **V4}),
    "of-pool": ("hidden", ["203.0.113.6"], {f"{NEW}/address-pool": "hidden"}, V4),
    "of-pool-long-ago": ("hidden", ["203.0.113.5"], {f"{OLD}/address-pool": "hidden"}, V4),
    "left-behind": ("hidden", ["203.0.113.4"], {f"{OLD}/ip-allocated-from-pool": "older"}, V4),
    "dns-tcp": ("lan", ["192.0.2.40"], {f"{NEW}/allow-shared-ip": "dns"}, {"ports": ((53, 53),), **V4}),
    "dns-web": ("lan", ["192.0.2.40"], {f"{OLD}/allow-shared-ip": "dns"}, {"ports": ((80, 80),), **V4}),
    "local": ("lan", ["192.0.2.41"], {f"{NEW}/allow-shared-ip": "l"},
              {"externalTrafficPolicy": "Local", "selector": {"app": "a"}, "ports": ((1, 1),), **V4}),
    "local-too": ("lan", ["192.0.2.41"], {f"{NEW}/allow-shared-ip": "l"},
                  {"externalTrafficPolicy": "Local", "selector": {"app": "a"}, "ports": ((2, 2),), **V4}),
    "pinned": ("team", ["198.51.100.130"], {}, V4),
    "not-pinned": ("lan", ["192.0.2.0"], {}, V4),  # served before the pool of its namespace was there
    "no-node-ports": ("lan", ["192.0.2.42"], {}, {"allocateLoadBalancerNodePorts": False, **V4}),
}

POOLS = [
    pool("lan", ["192.0.2.0/24", "2001:db8::/64"]),
    pool("four", ["198.51.100.0/29"]),
    pool("hidden", ["203.0.113.0/29"], autoAssign=False),
    pool("team", ["198.51.100.128/28"], serviceAllocation={"priority": 10, "namespaces": ["default"]}),
]


@pytest.fixture
def cluster(can_lab):
    """What MetalLB's controller leaves: addresses and their pool, no condition."""
    with Lab(nodes=(), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM), *POOLS)
        for name, (of, addresses, annotations, spec) in SERVED.items():
            lab.api.create(service(name, annotations=annotations, **spec))
            lab.api.patch("Service", name, {
                "metadata": {"annotations": {FROM_POOL: of}},
                "status": {"loadBalancer": {"ingress": [{"ip": a} for a in addresses]}}}, sub="status")
        lab.api.create(service("of-another", loadBalancerClass="example.org/other", **V4))
        lab.api.patch("Service", "of-another", {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.17"}]}}},
                      sub="status")
        yield lab


def services(lab):
    return {s["metadata"]["name"]: s for s in lab.api.list("Service", "default") if s["metadata"]["name"] != "marker"}


def see_all(lab, allocator):
    """A Service that comes last is refused: by then all others were looked at."""
    lab.api.create(service("marker", annotations={f"{NEW}/address-pool": "none"}, **V4))
    lab.wait_for(lambda: "AllocationFailed" in dict(lab.api.events("marker")), 15)
    lab.wait_for(lambda: allocator.metrics()["metallb_k8s_client_updates_total"] == 1, 15, "only the marker to be written")
    lab.api.delete("Service", "marker")


def test_services_of_metallb_are_left_exactly_as_they_are(cluster):
    before = services(cluster)
    assert len(before) == len(SERVED) + 1
    for _ in range(2):  # and a second allocator after the first
        allocator = cluster.start_allocator()
        see_all(cluster, allocator)
        assert services(cluster) == before  # resourceVersion and all
        # Nothing is said but what MetalLB says, too: a second family cannot be had.
        assert {reason for name in before for reason, _ in cluster.api.events(name)} <= {"AdditionalAssignFailed"}
        values = allocator.metrics()
        assert values['metallb_allocator_addresses_in_use_total{pool="hidden"}'] == 3
        allocator.stop()
    assert {n: cluster.api.external_ips(n) for n in SERVED} == {n: s[1] for n, s in SERVED.items()}


def test_new_services_get_what_those_of_metallb_do_not_have(cluster):
    cluster.start_allocator()
    cluster.api.create(service("new", annotations={f"{NEW}/address-pool": "lan"}, **V4))
    cluster.wait_for(lambda: cluster.api.external_ips("new") == ["192.0.2.1"], 15)
    cluster.api.create(service("dns-udp", annotations={f"{NEW}/allow-shared-ip": "dns",
                                                       f"{NEW}/loadBalancerIPs": "192.0.2.40"}, ports=((54, 54),), **V4))
    cluster.wait_for(lambda: cluster.api.external_ips("dns-udp") == ["192.0.2.40"], 15)
