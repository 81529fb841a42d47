# SPDX-License-Identifier: Apache-2.0
"""
How Kubernetes exposes a Service: each row of the table in docs/service-exposure.md with real traffic,
and the four ports. One cluster for all: API server, allocator, speakers, proxies, a client outside.
"""

import json
import re
import shutil
import sys

import ingress
import pytest
from api import Api, dual_stack, l2_advertisement, pool, service
from conftest import _lab as open_lab
from lab import API_HOST, API_PORT, HERE, NODES, REPO, node_ip, pod_ip
from proxies import ask, knock, reach, rules

sys.path.insert(0, str(HERE.parent / "requests"))

import kubectls  # noqa: E402

FAMILIES = pytest.mark.parametrize("family", (4, 6))
WEB = "/api/v1/namespaces/default/services/web"
MORE = {"more-a": ("node-a", 7), "more-c": ("node-c", 7)}
MORE_PORT = 9376


@pytest.fixture(scope="module")
def standing(can_lab):
    for lab in open_lab():
        folder = lab.scratch / "manifests"
        folder.mkdir()
        shutil.copy(REPO / "config/samples/ingress.yaml", folder)
        lab.start_all(manifests=[folder], objects=[
            *lab.cluster_objects(), pool("lan", ["10.0.0.200-10.0.0.230", "fd00:10::200/120"]), l2_advertisement("lan")])
        lab.add_backends(MORE_PORT, MORE)
        yield lab


@pytest.fixture
def cluster(standing):
    """What a test applied is gone when the next one begins."""
    before = {(kind, o["metadata"]["name"]) for kind in ("Service", "EndpointSlice") for o in standing.api.list(kind, "default")}
    yield standing
    for kind in ("Service", "EndpointSlice"):
        for o in standing.api.list(kind, "default"):
            if (kind, o["metadata"]["name"]) not in before:
                standing.api.delete(kind, o["metadata"]["name"])


def cluster_ip(lab, name, family):
    return next(ip for ip in lab.api.cluster_ips(name) if (":" in ip) == (family == 6))


def external_ip(lab, name, family):
    ips = lab.wait_for(lambda: len(ips := lab.api.external_ips(name)) == 2 and ips, what=f"EXTERNAL-IPs of {name}")
    return next(ip for ip in ips if (":" in ip) == (family == 6))


def apply(lab, name="web", ports=((80, 8080),), protocol="TCP", **spec):
    """A dual-stack Service with the usual Pods behind it."""
    lab.api.create(*(lab.endpoints(name, None, f, ports, protocol=protocol) for f in (4, 6)),
                   service(name, ports, protocol=protocol, **dual_stack(**spec)))


def announced(lab):
    """The Services of which a speaker announces an address."""
    named = re.compile(r'metallb_speaker_announced\{.*service="([^"]*)"')
    told = [named.match(k) for n in lab.nodes for k, v in lab.process(f"speaker-{n}").metrics().items() if v]
    return {m[1] for m in told if m}


# --- kubectl proxy -------------------------------------------------------------------------------------


@pytest.fixture(params=["path", "debian"])
def kubectl(request):
    binary = kubectls.path_kubectl() if request.param == "path" else kubectls.debian_kubectl()
    if binary is None:
        pytest.skip("no kubectl on PATH" if request.param == "path" else "Debian's kubernetes-client cannot be fetched")
    return binary


@pytest.fixture
def tunnel(cluster, kubectl):
    """`kubectl proxy` on the host of the API server, with the kubeconfig that holds the token: start it with further flags."""
    started = []

    def start(*flags):
        argv = [kubectl, "--kubeconfig", cluster.kubeconfig, "proxy", "--port=8001", *flags]
        started.append(cluster.popen("sw", argv, f"kubectl-proxy-{len(cluster.processes)}"))
        started[-1].wait_log("Starting to serve")

    yield start
    for p in started:
        p.stop()


def get(lab, ns, where):
    """(status, body) of a request without any credentials, or (0, "") when nobody answers."""
    done = lab.run(ns, ["curl", "-gs", "--max-time", "5", "-w", "\n%{http_code}", where], check=False)
    body, _, status = done.stdout.rpartition("\n")
    return int(status or 0), body


def test_kubectl_proxy(cluster, tunnel):
    """An authenticated tunnel to the API, for the machine it runs on."""
    apply(cluster)
    stranger = Api(cluster.ns("client"), API_HOST, API_PORT, "wrong")
    stranger.trust(cluster.scratch / "api.crt")
    assert stranger.request("GET", WEB)[0] == 401, "without the tunnel, and without a token"
    tunnel()
    status, body = get(cluster, "sw", f"http://127.0.0.1:8001{WEB}")
    assert status == 200 and json.loads(body)["spec"]["clusterIP"] == cluster_ip(cluster, "web", 4)
    assert get(cluster, "sw", f"http://127.0.0.1:8001{WEB}-none")[0] == 404
    assert get(cluster, "client", f"http://{API_HOST}:8001{WEB}")[0] == 0, "it listens on loopback"


def test_kubectl_proxy_opened_to_everyone(cluster, tunnel):
    apply(cluster)
    tunnel("--address", "0.0.0.0", "--accept-hosts", "^*$")
    for ns in ("client", "node-a"):
        status, body = get(cluster, ns, f"http://{API_HOST}:8001{WEB}")
        assert status == 200 and json.loads(body)["metadata"]["name"] == "web"


def test_kubectl_proxy_on_all_addresses_still_turns_strange_hosts_away(cluster, tunnel):
    tunnel("--address", "0.0.0.0")
    assert get(cluster, "client", f"http://{API_HOST}:8001{WEB}")[0] == 403


# --- headless ------------------------------------------------------------------------------------------


def test_headless(cluster):
    """No virtual address: clients find the Pods' own and connect to them, with nothing in the path."""
    apply(cluster, "bare", clusterIP="None", type="ClusterIP")
    assert cluster.api.cluster_ips("bare") == ["None"]
    # What a cluster's DNS answers for the name: the ready addresses of the EndpointSlices. Bellman answers no DNS.
    slices = [s for s in cluster.api.list("EndpointSlice", "default")
              if s["metadata"]["labels"]["kubernetes.io/service-name"] == "bare"]
    found = [e["addresses"][0] for s in slices for e in s["endpoints"] if e["conditions"]["ready"]]
    assert sorted(found) == sorted(pod_ip(n, f) for n in NODES for f in (4, 6))
    for ip in found:
        _, source = reach(cluster, "pod-a", ip, 8080)
        assert source == pod_ip("node-a", 6 if ":" in ip else 4), "nobody has rewritten it"
    # A Service after it is served: so the daemons have seen this one, and let it be.
    apply(cluster, "after")
    reach(cluster, "client", external_ip(cluster, "after", 4))
    cluster.wait_for(lambda: "default/after" in announced(cluster), what="the other Service to be announced")
    assert "default/bare" not in announced(cluster)
    for n in NODES:
        cluster.wait_for(lambda node=n: "default/after" in rules(cluster, node), what=f"{n} to have rules for the other Service")
        assert "default/bare" not in rules(cluster, n)
    assert cluster.api.external_ips("bare") == [] and cluster.api.events("bare") == []


def test_headless_load_balancer_is_refused(cluster):
    status, answer = cluster.api.request("POST", cluster.api.path("Service"), service("web", clusterIP="None"))
    assert (status, answer["reason"]) == (422, "Invalid")
    assert f"The {answer['message']}\n" in (REPO / "docs/service-exposure.md").read_text(encoding="utf-8"), "as kubectl says it"


# --- ClusterIP -----------------------------------------------------------------------------------------


@FAMILIES
def test_cluster_ip(cluster, family):
    """A virtual address inside: for nodes and Pods, and for a client only if somebody routes it there."""
    apply(cluster, type="ClusterIP")
    ip = cluster_ip(cluster, "web", family)
    for ns in (*cluster.nodes, *cluster.pods):
        assert reach(cluster, ns, ip)[0] in cluster.pods
    assert cluster.api.external_ips("web") == [] and cluster.api.node_ports("web") == []
    assert knock(cluster, "client", ip, timeout=0.3) != "open"
    cluster.run("client", ["ip", "route", "add", ip, "via", node_ip("node-b", family)])
    try:
        assert reach(cluster, "client", ip)[0] in cluster.pods
    finally:
        cluster.run("client", ["ip", "route", "del", ip])


# --- NodePort ------------------------------------------------------------------------------------------


@FAMILIES
def test_node_port(cluster, family):
    """A port on every node, also where no Pod is, from outside; and all that a ClusterIP Service has."""
    apply(cluster, type="NodePort")
    port, = cluster.api.node_ports("web")
    assert 30000 <= port <= 32767
    for node in cluster.nodes:
        assert reach(cluster, "client", node_ip(node, family), port)[0] in cluster.pods
    assert reach(cluster, "pod-a", cluster_ip(cluster, "web", family))[0] in cluster.pods
    assert cluster.api.external_ips("web") == [], "no EXTERNAL-IP without type LoadBalancer"


def test_node_port_outside_of_the_range_is_refused(cluster):
    for port in (80, 29999, 32768):
        wanted = service("web", type="NodePort")
        wanted["spec"]["ports"][0]["nodePort"] = port
        status, answer = cluster.api.request("POST", cluster.api.path("Service"), wanted)
        assert status == 422 and "30000-32767" in answer["message"]


# --- LoadBalancer --------------------------------------------------------------------------------------


@FAMILIES
def test_load_balancer(cluster, family):
    """An EXTERNAL-IP that the LAN finds, and by default a NodePort and a ClusterIP as well."""
    apply(cluster)
    ip = external_ip(cluster, "web", family)
    assert reach(cluster, "client", ip)[0] in cluster.pods
    assert cluster.resolve("client", ip) in cluster.nodes
    port, = cluster.api.node_ports("web")
    assert reach(cluster, "client", node_ip("node-b", family), port)[0] in cluster.pods
    assert reach(cluster, "pod-b", cluster_ip(cluster, "web", family))[0] in cluster.pods


@FAMILIES
def test_load_balancer_without_node_ports(cluster, family):
    apply(cluster, allocateLoadBalancerNodePorts=False)
    assert cluster.api.node_ports("web") == []
    assert reach(cluster, "client", external_ip(cluster, "web", family))[0] in cluster.pods
    assert reach(cluster, "pod-b", cluster_ip(cluster, "web", family))[0] in cluster.pods


@pytest.mark.parametrize("protocol", ("TCP", "UDP"))
@FAMILIES
def test_load_balancer_any_port_any_protocol(cluster, family, protocol):
    ports = ((1, 8080), (53, 8080), (30000, 8080), (65535, 8080))
    apply(cluster, ports=ports, protocol=protocol)
    ip = external_ip(cluster, "web", family)
    for port, _ in ports:
        assert reach(cluster, "client", ip, port, protocol)[0] in cluster.pods


def test_load_balancer_with_both_protocols_on_one_port(cluster):
    both = service("dns", ports=())
    both["spec"] |= dual_stack(ports=[{"name": p.lower(), "port": 53, "targetPort": 8080, "protocol": p} for p in ("TCP", "UDP")])
    for f in (4, 6):
        one = cluster.endpoints("dns", None, f)
        one["ports"] = [{"name": p.lower(), "port": 8080, "protocol": p} for p in ("TCP", "UDP")]
        cluster.api.create(one)
    cluster.api.create(both)
    for f in (4, 6):
        for protocol in ("TCP", "UDP"):
            assert reach(cluster, "client", external_ip(cluster, "dns", f), 53, protocol)[0] in cluster.pods


def test_load_balancer_through_a_firewall_that_forwards_what_was_rewritten(cluster):
    """The rule that docs/standalone.md gives to those whose hosts drop what they forward; servers on the hosts themselves."""
    rule = "ct status dnat accept"
    assert rule in (REPO / "docs/standalone.md").read_text(encoding="utf-8")
    servers = [cluster.popen(n, ["/usr/bin/python3", "-IS", HERE / "backend.py", n, 8080], f"backend-{n}") for n in cluster.nodes]
    for s in servers:
        s.wait_log("ready")
    on_hosts = cluster.endpoints("web")
    on_hosts["endpoints"] = [{"addresses": [node_ip(n)], "nodeName": n} for n in cluster.nodes]
    cluster.api.create(on_hosts, service("web", ipFamilies=["IPv4"]))
    ip, = cluster.wait_for(lambda: cluster.api.external_ips("web"))

    def answers():
        return {(ask(cluster, "client", ip, timeout=0.3) or (None,))[0] for _ in range(12)}

    cluster.wait_for(lambda: answers() == set(cluster.nodes))
    chain = "add table inet wall; add chain inet wall f { type filter hook forward priority 0; policy drop; }"
    try:
        for n in cluster.nodes:
            cluster.run(n, ["nft", chain])
        assert None in answers(), "the wall stands"
        for n in cluster.nodes:
            cluster.run(n, ["nft", f"add rule inet wall f {rule}"])
        cluster.wait_for(lambda: answers() == set(cluster.nodes), what="all servers, and no silence")
        assert ask(cluster, "pod-a", node_ip("node-b"), 8080, timeout=0.3) is None, "nothing else passes"
    finally:
        for n in cluster.nodes:
            cluster.run(n, ["nft", "delete table inet wall"], check=False)
        for s in servers:
            s.stop()


# --- Ingress -------------------------------------------------------------------------------------------


def test_ingress(cluster, kubectl):
    """Two Services by path behind the one EXTERNAL-IP of nginx; test_ingress.py has the rest."""
    reason = ingress.why_not(cluster)
    if reason:
        pytest.skip(reason)
    if not any(p.name == "ingress-controller" for p in cluster.processes):
        ingress.start(cluster)
    gate = "ingress-nginx"
    ips = cluster.wait_for(lambda: len(ips := cluster.api.external_ips(gate, gate)) == 2 and ips)
    for ip in ips:
        for path, to in (("/foo", "service1-"), ("/bar", "service2-")):
            cluster.wait_for(lambda i=ip, p=path, t=to: (a := ingress.ask(cluster, "client", i, p)) and a[1].startswith(t),
                             what=f"{path} at {ip} to lead to {to}")

    def shown():
        return cluster.run("sw", [kubectl, "--kubeconfig", cluster.kubeconfig, f"--cache-dir={cluster.scratch}/kubectl",
                                  "get", "ingress"]).stdout.splitlines()

    header, row = shown()
    assert header.split()[:5] == ["NAME", "CLASS", "HOSTS", "ADDRESS", "PORTS"]
    cluster.wait_for(lambda: shown()[1].split()[:5] == ["fan-out", "nginx", "foo.bar.com", ",".join(ips), "80"], what="the ADDRESS")


# --- the four ports ------------------------------------------------------------------------------------


def pod_template(name, **container_port):
    """A Pod as the API has it: nothing of it runs, and its containerPort is but a note."""
    ports = [{"name": "web", **container_port}] if container_port else []
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "example.com/web", "ports": ports}]}}


PODS = "/api/v1/namespaces/default/pods"


def test_the_four_ports(cluster):
    """nodePort, port, targetPort and containerPort are four numbers; traffic from everywhere ends at PodIP:targetPort."""
    node_port, port, target_port, container_port = 31234, 4200, MORE_PORT, 1234
    behind = {f: [(pod_ip(node, f, host), node) for node, host in MORE.values()] for f in (4, 6)}
    for f, endpoints in behind.items():
        s = cluster.endpoints("web", None, f)
        s["endpoints"] = [{"addresses": [ip], "nodeName": node, "conditions": {"ready": True}} for ip, node in endpoints]
        s["ports"] = [{"name": "http", "port": target_port, "protocol": "TCP"}]
        cluster.api.create(s)
    wanted = service("web", **dual_stack())
    # targetPort by name: which number that is, the EndpointSlice tells.
    wanted["spec"]["ports"] = [{"name": "http", "port": port, "targetPort": "web", "nodePort": node_port}]
    cluster.api.create(wanted)

    def all_ways():
        for f in (4, 6):
            outside, inside = external_ip(cluster, "web", f), cluster_ip(cluster, "web", f)
            for ns, ip, p in (("client", node_ip("node-b", f), node_port), ("client", outside, port),
                              ("pod-b", inside, port), ("node-b", inside, port), ("pod-b", outside, port)):
                assert reach(cluster, ns, ip, p)[0] in MORE
            for ip, _ in behind[f]:
                assert reach(cluster, "pod-b", ip, target_port)[0] in MORE

    all_ways()
    for f in (4, 6):
        outside, inside = external_ip(cluster, "web", f), cluster_ip(cluster, "web", f)
        for ns, ip, wrong in (("client", node_ip("node-b", f), (port, target_port, container_port)),
                              ("client", outside, (node_port, target_port, container_port)),
                              ("pod-b", inside, (node_port, target_port, container_port)),
                              ("pod-b", behind[f][0][0], (node_port, port, container_port))):
            for p in wrong:
                assert knock(cluster, ns, ip, p) == "refused", f"{ip} port {p}"

    # containerPort: absent, right or wrong, it is the same.
    for note in ({}, {"containerPort": target_port}, {"containerPort": container_port}):
        cluster.api.call("POST", PODS, pod_template("web-1", **note))
        all_ways()
        cluster.api.call("DELETE", f"{PODS}/web-1?gracePeriodSeconds=0")


def test_a_target_port_by_name_may_differ_from_pod_to_pod(cluster):
    """As when a new version listens elsewhere: two slices, one name, two numbers."""
    web = service("web", type="ClusterIP", ipFamilies=["IPv4"])
    web["spec"]["ports"] = [{"name": "http", "port": 80, "targetPort": "web"}]
    cluster.api.create(web)
    for i, (ip, node, number) in enumerate(((pod_ip("node-b"), "node-b", 8080), (pod_ip("node-c", 4, 7), "node-c", MORE_PORT))):
        s = cluster.endpoints("web", [node])
        s["metadata"]["name"] += f"-{i}"
        s["endpoints"][0]["addresses"] = [ip]
        s["ports"] = [{"name": "http", "port": number, "protocol": "TCP"}]
        cluster.api.create(s)
    ip = cluster_ip(cluster, "web", 4)
    seen = set()
    cluster.wait_for(lambda: seen.add((ask(cluster, "pod-a", ip) or (None,))[0]) or seen >= {"pod-b", "more-c"},
                     what="answers of both, each at its own port")
