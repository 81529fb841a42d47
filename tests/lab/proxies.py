# SPDX-License-Identifier: Apache-2.0
"""
A cluster that bellman-proxy alone serves, and what its tests ask of it. No allocator and no speaker:
EXTERNAL-IPs are written into the status, and the client has a route for them through one node, as a
router in front of the cluster would.

Test modules import the fixtures `fresh`, `standing` and `cluster` from here.
"""

import collections
import ipaddress
import socket

import netns
import pytest
from api import service
from conftest import _lab as open_lab
from lab import CLIENT4, CLIENT6, node_ip, url

VIP = {4: "192.0.2.10", 6: "2001:db8:1::10"}
CLIENT = {4: CLIENT4, 6: CLIENT6}
FAMILIES = pytest.mark.parametrize("family", (4, 6))
PROTOCOLS = pytest.mark.parametrize("protocol", ("TCP", "UDP"))
ENTRY = "node-a"  # the client sends to this node what is for the cluster


def start(lab):
    """The lab's Nodes, a proxy on each, and routes of the client to the VIPs and cluster IPs."""
    lab.start_apiserver()
    lab.api.create(*lab.cluster_objects())
    for proxy in [lab.start_proxy(n, wait=False) for n in lab.nodes]:
        proxy.wait_ready()
    # What a node refuses it tells each time, however often in a second.
    for node in lab.nodes:
        for key in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"):
            netns.sysctl(lab.ns(node), f"net/{key}", 0)
    # Before it has rules a node routes such packets on, and tells the client of a shorter way: not here.
    for key in ("ipv4/conf/all", "ipv4/conf/eth0", "ipv6/conf/eth0"):
        netns.sysctl(lab.ns("client"), f"net/{key}/accept_redirects", 0)
    for family, cluster_net in ((4, "10.96.0.0/16"), (6, "fd00:10:96::/112")):
        for net in (VIP[family], cluster_net):
            lab.run("client", ["ip", "route", "add", net, "via", node_ip(ENTRY, family)])
    return lab


@pytest.fixture
def fresh(lab):
    """A cluster of its own, for tests that take it apart."""
    return start(lab)


@pytest.fixture(scope="module")
def standing(can_lab):
    for lab in open_lab():
        yield start(lab)


@pytest.fixture
def cluster(standing):
    """One cluster for many tests; what a test applied is gone from every node when the next begins."""
    yield standing
    for kind in ("Service", "EndpointSlice"):
        for o in standing.api.list(kind, "default"):
            standing.api.delete(kind, o["metadata"]["name"])
    for n in standing.nodes:
        proxy = standing.process(f"proxy-{n}")
        standing.wait_for(lambda p=proxy: p.metrics()["bellman_proxy_services"] == 0)
        standing.wait_for(lambda node=n: ": goto" not in rules(standing, node))


def apply(lab, name="web", protocol="TCP", nodes=None, vips=VIP, endpoints=True, **spec):
    """A dual-stack LoadBalancer Service with endpoints on @nodes and @vips as EXTERNAL-IPs."""
    if endpoints:
        for family in (4, 6):
            lab.api.create(lab.endpoints(name, nodes, family, protocol=protocol))
    spec = {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"], **spec}
    lab.api.create(service(name, protocol=protocol, **spec))
    set_vips(lab, name, vips)


def set_vips(lab, name, vips):
    ingress = [{"ip": ip} for ip in vips.values()]
    lab.api.patch("Service", name, {"status": {"loadBalancer": {"ingress": ingress}}}, sub="status")


def cluster_ip(lab, name, family):
    return next(ip for ip in lab.api.cluster_ips(name) if ipaddress.ip_address(ip).version == family)


def ask(lab, ns, ip, port=80, protocol="TCP", timeout=1.0):
    """(pod, source address the pod saw), or None."""
    if protocol == "TCP":
        answer = lab.http_get(ns, url(ip, port), timeout)
    else:
        answer = lab.udp_ask(ns, ip, port, timeout=timeout)
    return tuple(answer.split()[:2]) if answer else None


def reach(lab, ns, ip, port=80, protocol="TCP"):
    """Wait until it answers, which is once the proxy has heard."""
    return lab.wait_for(lambda: ask(lab, ns, ip, port, protocol), 10, f"{ip} port {port} to answer {ns}")


def spread(lab, ns, ip, times=40, **kwargs):
    """How often each pod answered."""
    kwargs = {"timeout": 3.0, **kwargs}
    return collections.Counter(ask(lab, ns, ip, **kwargs)[0] for _ in range(times))


def knock(lab, ns, ip, port=80, timeout=1.0):
    """What a TCP connection comes to: "open", "refused", "silent" or the error's name."""
    with netns.entered(lab.ns(ns)):
        s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET)
    with s:
        s.settimeout(timeout)
        try:
            s.connect((ip, port))
            return "open"
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "silent"
        except OSError as e:
            return e.strerror


def until(lab, what, *args, **kwargs):
    """Wait until knock() comes to @what."""
    lab.wait_for(lambda: knock(lab, *args, **kwargs) == what, 10, f"{args[1]} to be {what} for {args[0]}")


def rules(lab, node):
    """The proxy's table on a node as nft lists it, without handles and counters."""
    done = lab.run(node, ["nft", "-s", "list", "table", "inet", "bellman"], check=False)
    return done.stdout if done.returncode == 0 else None
