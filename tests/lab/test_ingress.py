# SPDX-License-Identifier: Apache-2.0
"""
The simple fan-out of config/samples/ingress.yaml with real traffic: one EXTERNAL-IP of Bellman's in
front of nginx, and behind it two Services by path. The lab's own controller configures nginx from
the API (ingress_controller.py); its rules are Kubernetes', so they are tested here as well.
"""

import time

import ingress
import pytest
from api import EXCLUDE, endpoint_slice, service
from conftest import _lab as open_lab
from ingress_controller import Configuration
from lab import CLIENT4, CLIENT6, NODES, REPO, node_mac, pod_ip, url
from steady import Steady

GATE = "ingress-nginx"
CLIENT = {4: CLIENT4, 6: CLIENT6}
FAMILIES = pytest.mark.parametrize("family", (4, 6))
NGINX_ON = {node: pod for pod, (node, _) in ingress.NGINX.items()}


@pytest.fixture(scope="module")
def standing(can_lab):
    """The samples as they are, in a lab with nginx and the controller."""
    for lab in open_lab():
        reason = ingress.why_not(lab)
        if reason:
            pytest.skip(reason)
        lab.start_all(manifests=[REPO / "config/samples"])
        ingress.start(lab)
        lab.wait_for(lambda: len(lab.api.external_ips(GATE, GATE)) == 2, what="EXTERNAL-IPs for nginx")
        yield lab


@pytest.fixture
def cluster(standing):
    """One lab for all; what a test made or changed is as it was when the next one begins."""
    before = {kind: {o["metadata"]["name"]: o for o in standing.api.list(kind, "default")}
              for kind in ("Ingress", "Service", "EndpointSlice")}
    yield standing
    for kind, objects in before.items():
        for o in standing.api.list(kind, "default"):
            old = objects.get(o["metadata"]["name"])
            if old is None:
                standing.api.delete(kind, o["metadata"]["name"])
            elif kind != "Service" and old["metadata"]["resourceVersion"] != o["metadata"]["resourceVersion"]:
                standing.api.patch(kind, o["metadata"]["name"], {k: v for k, v in old.items() if k in ("spec", "endpoints", "ports")})
    for node in NODES:
        if EXCLUDE in standing.api.get("Node", node)["metadata"]["labels"]:
            standing.api.exclude(node, False)


def gate(lab, family=4):
    return next(ip for ip in lab.api.external_ips(GATE, GATE) if (":" in ip) == (family == 6))


def ask(lab, path, family=4, host=ingress.HOST):
    """(status, body) once nginx answers; before it is configured it knows no host and says 404."""
    return lab.wait_for(lambda: ingress.ask(lab, "client", gate(lab, family), path, host), what=f"{host}{path} to be answered")


def led(lab, path, **kwargs):
    """Which Service @path leads to: its name, else the status that nginx gives."""
    status, body = ask(lab, path, **kwargs)
    return body.rpartition("-")[0] if status == 200 else status


def leads(lab, path, to, **kwargs):
    """For a moment after a change the worker with the old configuration may still answer: so not at the first try."""
    lab.wait_for(lambda: led(lab, path, **kwargs) == to, what=f"{path} to lead to {to}")


def configured(lab):
    """Wait until nginx has the routes of the sample."""
    leads(lab, "/foo", "service1")


def make(lab, name, *paths, host="other.example.com", ingress_class=ingress.CLASS, **spec):
    """An Ingress of (path, pathType, service, port number or name)."""
    listed = [{"path": path, "pathType": kind,
               "backend": {"service": {"name": to, "port": {"number" if isinstance(port, int) else "name": port}}}}
              for path, kind, to, port in paths]
    rules = [{**({"host": host} if host else {}), "http": {"paths": listed}}] if listed else []
    made = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name, "namespace": "default"},
            "spec": {"ingressClassName": ingress_class, **({"rules": rules} if rules else {}), **spec}}
    lab.api.create(made)


# --- the fan-out -------------------------------------------------------------------------------------


@FAMILIES
def test_two_services_by_path_behind_one_external_ip(cluster, family):
    configured(cluster)
    for path, to in (("/foo", "service1"), ("/foo/", "service1"), ("/foo/x?y=/bar", "service1"),
                     ("/bar", "service2"), ("/bar/foo", "service2"),
                     ("/", 404), ("/foobar", 404), ("/Foo", 404), ("/x/foo", 404), ("/barx", 404)):
        leads(cluster, path, family=family, to=to)


def test_the_host_decides_too(cluster):
    configured(cluster)
    for host in ("bar.com", "x.foo.bar.com", "other.org"):
        leads(cluster, "/foo", host=host, to=404)
    # Names of hosts know no case.
    leads(cluster, "/foo", host="FOO.bar.com", to="service1")
    by_address = cluster.run("client", ["curl", "-so/dev/null", "-w%{http_code}", url(gate(cluster)) + "foo"])
    assert by_address.stdout == "404"


@FAMILIES
def test_the_client_is_seen_by_nginx_and_told_to_the_pod(cluster, family):
    configured(cluster)
    _, body = ask(cluster, "/bar", family)
    pod, source, forwarded = body.split()
    assert pod.startswith("service2-") and forwarded == CLIENT[family]
    assert source in [pod_ip(node, 4, host) for node, host in ingress.NGINX.values()], "the Pod sees nginx's Pod"


def test_nginx_sends_straight_to_pods_at_their_target_port(cluster):
    """Past the ClusterIP: what it connected to, of which its log tells, is PodIP:targetPort, and every Pod gets some."""
    configured(cluster)
    wanted = {f"{pod_ip(node, 4, host)}:{ingress.TARGET_PORT}" for node, host in ingress.BACKENDS.values()}

    def connected():
        for path in ("/foo", "/bar"):
            ask(cluster, path)
        lines = [line.split() for pod in ingress.NGINX for line in cluster.process(pod).log.splitlines()]
        return {line[-1] for line in lines if line[1].startswith(ingress.HOST) and line[2] == "200"}

    cluster.wait_for(lambda: connected() >= wanted, what=f"requests to all of {wanted}")
    assert connected() == wanted


def test_the_status_of_the_ingress_is_the_external_ips(cluster):
    want = cluster.api.external_ips(GATE, GATE)
    cluster.wait_for(lambda: ingress.addresses(cluster, "fan-out") == want, what=f"{want} in the status")
    make(cluster, "late", ("/", "Prefix", "service1", 4200))
    cluster.wait_for(lambda: ingress.addresses(cluster, "late") == want, what="a later Ingress to be told as well")
    make(cluster, "foreign", ("/", "Prefix", "service1", 4200), host="foreign.example.com", ingress_class="other")
    leads(cluster, "/", "service1", host="other.example.com")
    leads(cluster, "/", 404, host="foreign.example.com")
    assert ingress.addresses(cluster, "foreign") == []


# --- change ------------------------------------------------------------------------------------------


def test_traffic_follows_the_endpoints(cluster):
    configured(cluster)
    only_c = {"endpoints": [{"addresses": [pod_ip("node-c", 4, 3)], "nodeName": "node-c", "conditions": {"ready": True}}]}
    cluster.api.patch("EndpointSlice", "service1-ipv4", only_c)

    def answers():
        return {ask(cluster, "/foo")[1].split()[0] for _ in range(8)}

    cluster.wait_for(lambda: answers() == {"service1-c"}, what="service1-c to answer everything")
    leads(cluster, "/bar", to="service2")
    only_c["endpoints"][0]["conditions"]["ready"] = False
    cluster.api.patch("EndpointSlice", "service1-ipv4", only_c)
    leads(cluster, "/foo", 503)
    back = {"endpoints": [{"addresses": [pod_ip(n, 4, 3)], "nodeName": n} for n in ("node-a", "node-c")]}
    cluster.api.patch("EndpointSlice", "service1-ipv4", back)
    cluster.wait_for(lambda: answers() == {"service1-a", "service1-c"}, what="both Pods again")


def test_a_route_goes_with_its_ingress(cluster):
    make(cluster, "short", ("/", "Prefix", "service2", 8080))
    leads(cluster, "/", "service2", host="other.example.com")
    cluster.api.delete("Ingress", "short")
    leads(cluster, "/", 404, host="other.example.com")
    leads(cluster, "/foo", to="service1")


def test_the_node_of_the_owner_leaves_and_the_other_nginx_takes_over(cluster):
    """Both EXTERNAL-IPs move to the other node with an nginx; it sees the client as well."""
    configured(cluster)
    ips = {f: gate(cluster, f) for f in (4, 6)}
    first = cluster.wait_for(lambda: cluster.resolve("client", ips[4]))
    second = next(n for n in NGINX_ON if n != first)
    assert first in NGINX_ON, "Local: only a node with an nginx announces"
    for f in ips:
        assert ask(cluster, "/foo", f)[0] == 200
    with Steady(cluster.ns("client"), ips[4], host=ingress.HOST, path="/foo") as steady:
        cluster.wait_for(lambda: len(steady.requests) > 20)
        assert steady.failed == []
        cluster.api.exclude(first)
        for f, ip in ips.items():
            cluster.wait_for(lambda i=ip: cluster.neigh("client", i) == node_mac(second), what=f"{ip} to move to {second}")
        moved = time.monotonic()
        cluster.wait_for(lambda: len(steady.answered_since(moved)) > 20)
    assert len(steady.failed) < len(steady.requests) / 4
    for f in ips:
        _, body = ask(cluster, "/foo", f)
        assert body.split()[0].startswith("service1-")
        assert body.split()[1:] == [pod_ip(second, 4, ingress.NGINX[NGINX_ON[second]][1]), CLIENT[f]]
    cluster.api.exclude(first, False)
    cluster.wait_for(lambda: cluster.neigh("client", ips[4]) == node_mac(first), what=f"the return to {first}")


def test_an_nginx_that_is_not_ready_is_neither_announced_nor_used(cluster):
    """externalTrafficPolicy Local: the address goes where an nginx is that can serve."""
    configured(cluster)
    ips = {f: gate(cluster, f) for f in (4, 6)}
    first = cluster.wait_for(lambda: cluster.resolve("client", ips[4]))
    second = next(n for n in NGINX_ON if n != first)
    slices = [o for o in cluster.api.list("EndpointSlice", GATE)]

    def ready(on):
        for s in slices:
            for e in s["endpoints"]:
                e["conditions"]["ready"] = on or e["nodeName"] != first
            cluster.api.patch("EndpointSlice", s["metadata"]["name"], {"endpoints": s["endpoints"]}, GATE)

    ready(False)
    try:
        for f, ip in ips.items():
            cluster.wait_for(lambda i=ip: cluster.resolve("client", i) == second, what=f"{ip} to move to {second}")
            _, body = ask(cluster, "/bar", f)
            assert body.split()[1:] == [pod_ip(second, 4, ingress.NGINX[NGINX_ON[second]][1]), CLIENT[f]]
    finally:
        ready(True)
    cluster.wait_for(lambda: cluster.resolve("client", ips[4]) == first, what=f"the return to {first}")


# --- the rules of Ingresses ----------------------------------------------------------------------------


def test_exact_and_longer_paths_win(cluster):
    make(cluster, "rules", ("/", "Prefix", "service1", 4200), ("/a", "Prefix", "service2", 8080),
         ("/a", "Exact", "service1", 4200), ("/a/b/", "Prefix", "service1", 4200), ("/c/", "Exact", "service2", 8080))
    leads(cluster, "/", "service1", host="other.example.com")
    for path, to in (("/a", "service1"), ("/a/", "service2"), ("/a/x", "service2"), ("/ab", "service1"),
                     ("/a/b", "service1"), ("/a/b/c", "service1"), ("/a/bc", "service2"),
                     ("/c", "service1"), ("/c/", "service2"), ("/c/d", "service1")):
        leads(cluster, path, host="other.example.com", to=to)


def test_a_wildcard_stands_for_one_label(cluster):
    make(cluster, "wild", ("/", "Prefix", "service2", 8080), host="*.wild.example.com")
    leads(cluster, "/", "service2", host="a.wild.example.com")
    for host in ("wild.example.com", "a.b.wild.example.com"):
        leads(cluster, "/", host=host, to=404)


def test_the_default_backend_gets_what_no_rule_takes(cluster):
    make(cluster, "default", defaultBackend={"service": {"name": "service2", "port": {"number": 8080}}})
    leads(cluster, "/anything", "service2", host="unknown.example.com")
    leads(cluster, "/nothing", "service2")
    leads(cluster, "/foo", to="service1")


def test_a_port_by_name_and_backends_that_are_not_there(cluster):
    make(cluster, "named", ("/name", "Prefix", "service1", "http"), ("/none", "Prefix", "nobody", 80),
         ("/port", "Prefix", "service1", 4201), ("/empty", "Prefix", "empty", 80), ("/alias", "Prefix", "alias", 80))
    cluster.api.create(service("empty", type="ClusterIP"), service("alias", type="ExternalName", externalName="example.com"))
    leads(cluster, "/name", "service1", host="other.example.com")
    for path in ("/none", "/port", "/empty", "/alias"):
        leads(cluster, path, host="other.example.com", to=503)


def test_a_service_over_ipv6(cluster):
    cluster.api.create(service("six", ((80, ingress.TARGET_PORT),), type="ClusterIP", ipFamilies=["IPv6"],
                               ipFamilyPolicy="SingleStack"),
                       endpoint_slice("six", [(pod_ip("node-b", 6, 4), "node-b")], ((80, ingress.TARGET_PORT),)))
    make(cluster, "six", ("/", "Prefix", "six", 80))
    cluster.wait_for(lambda: ask(cluster, "/", host="other.example.com")[1].startswith("service2-b fd00:244:"))


def test_a_path_that_is_no_path_is_passed_over_and_harms_nobody():
    bad = {"metadata": {"name": "bad", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"rules": [
        {"host": "a.b; } evil {", "http": {"paths": []}},
        {"host": "a.b", "http": {"paths": [
            {"path": "/x; } location /y { return 200", "pathType": "Exact", "backend": {"service": {}}},
            {"path": "/bucket", "pathType": "Exact", "backend": {"resource": {"kind": "Bucket", "name": "b"}}}]}}]}}
    configuration = Configuration([bad], [], [])
    assert len(configuration.faults) == 3 and "evil" not in configuration.text() and "return 200" not in configuration.text()


def test_the_older_of_two_ingresses_wins():
    def asking(name, created, to):
        return {"metadata": {"name": name, "creationTimestamp": created}, "spec": {"rules": [{"host": "a.b", "http": {
            "paths": [{"path": "/x", "pathType": "Prefix", "backend": {"service": {"name": to, "port": {"number": 1}}}}]}}]}}

    both = [asking("a", "2026-01-02T00:00:00Z", "younger"), asking("b", "2026-01-01T00:00:00Z", "older")]
    assert Configuration(both, [], []).hosts["a.b"] == {("/x", False): "default.older.1"}
