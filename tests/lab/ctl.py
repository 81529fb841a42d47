# SPDX-License-Identifier: Apache-2.0
"""
What tests of `bellman` have in common: running it on files, manifests in a few words, and a server that lists objects.

The server is no Kubernetes: it hands out what a test put in, two objects to a page. Where the daemons matter, tests
use the real one.
"""

import hashlib
import http.server
import json
import os
import pathlib
import re
import subprocess
import threading
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "config/samples"
BIN = pathlib.Path(os.environ.get("BELLMAN_BIN", ROOT / "build/bin"))

POOL = """\
pools = ( { name = "a"; addresses = ( "10.0.0.0/29", "fd00::/64" ); } );
l2Advertisements = ( { name = "all"; } );
"""
SERVICE_KEYS = ["namespace", "name", "ips", "pool", "nodePorts", "reason", "notes", "announcements"]
ANNOUNCEMENT_KEYS = ["protocol", "ip", "node", "interfaces", "peers", "why", "runnersUp"]


def bellman(*words, cwd=None, env=None):
    clean = {k: v for k, v in os.environ.items() if k not in ("KUBECONFIG", "METALLB_NAMESPACE", "METALLB_BGP_TYPE")}
    return subprocess.run([BIN / "bellman", *map(str, words)], cwd=cwd, env={**clean, **(env or {})}, text=True,
                          capture_output=True, timeout=60)


def service(name, ns="default", spec="", annotations="", ip=None):
    """A Service manifest in flow style, one line a part, so that lines are easy to count."""
    status = f"\nstatus: {{loadBalancer: {{ingress: [{{ip: {ip}}}]}}}}" if ip else ""
    return (f"---\napiVersion: v1\nkind: Service\n"
            f"metadata: {{name: {name}, namespace: {ns}, annotations: {{{annotations}}}}}\n"
            f"spec: {{type: LoadBalancer, ports: [{{port: 80}}], {spec}}}{status}\n")


def node(name):
    return f"---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\n"


@pytest.fixture
def files(tmp_path):
    """Write files and run in their folder: `files(pool_conf=text)` makes pool.conf."""
    def write(**texts):
        for name, text in texts.items():
            (tmp_path / name.replace("_", ".")).write_text(text)
        return tmp_path
    return write


def plan(cwd, *words, code=0, env=None):
    done = bellman("plan", "-o", "json", *words, cwd=cwd, env=env)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def why_column(done):
    """{SERVICE: WHY} of a table that was printed."""
    rows = [re.split(r"\s{2,}", line) for line in done.stdout.split("\n\n")[0].splitlines()]
    assert rows[0][-1] == "WHY"
    return {row[0]: row[-1] for row in rows[1:]}


def by_name(report):
    return {s["name"]: s for s in report["services"]}


# --- an API that only lists -----------------------------------------------------------------------


class Api(http.server.BaseHTTPRequestHandler):
    """Lists of objects, two to a page whatever is asked for, as a server under load may do."""

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        code, body = 404, {"kind": "Status", "message": "not found"}
        if self.server.refuse or url.path == self.server.forbidden:
            code, body = 403, {"kind": "Status", "message": "forbidden: no"}
        elif url.path in self.server.objects:
            kind, version, items = self.server.objects[url.path]
            at = int(query.get("continue", "0/+").split("/")[0])
            # Something that must be escaped on its way back.
            more = {"continue": f"{at + 2}/+"} if at + 2 < len(items) else {}
            code, body = 200, {"kind": kind + "List", "apiVersion": version, "metadata": {"resourceVersion": "1", **more},
                               "items": items[at:at + 2]}
        self.server.asked.append(self.path)
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def live_service(name, ips=(), **spec):
    return {"metadata": {"name": name, "namespace": "default", "uid": name, "resourceVersion": "7",
                         "creationTimestamp": "2026-01-01T00:00:00Z",
                         "annotations": {"metallb.io/ip-allocated-from-pool": "a"} if ips else {}},
            "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "ipFamilies": ["IPv4"],
                     "ipFamilyPolicy": "SingleStack", "externalTrafficPolicy": "Cluster",
                     "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": 30080}], **spec},
            "status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in ips]}}}


def ready_slice(name):
    return {"metadata": {"name": name + "-1", "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4", "ports": [{"port": 80}],
            "endpoints": [{"addresses": ["10.1.0.1"], "nodeName": "n1", "conditions": {"ready": True}}]}


# The one of n1 to n5 that election gives 10.0.0.3, as MetalLB reckons it.
OWNER = min((f"n{i}" for i in range(1, 6)), key=lambda name: hashlib.sha256(f"{name}#10.0.0.3".encode()).digest())
SPEAKER = "metallb-speaker"


def events_said(*said):
    """The events on `web`, the last written first: (when, which node announces it, who says so)."""
    return ("Event", "v1", [
        {"metadata": {"name": f"e{i}", "namespace": "default", "resourceVersion": str(100 - i)}, "reason": "nodeAssigned", "lastTimestamp": when,
         "source": {"component": component}, "message": f'announcing from node "{node}" with protocol "layer2"',
         "involvedObject": {"kind": "Service", "namespace": "default", "name": "web"}}
        for i, (when, node, component) in enumerate(said)])


@pytest.fixture
def api_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.asked, server.refuse, server.forbidden = [], False, None
    server.objects = {
        "/api/v1/services": ("Service", "v1", [live_service("web", ["10.0.0.3"]), live_service("idle", ["10.0.0.4"]),
                                               live_service("new")]),
        "/apis/discovery.k8s.io/v1/endpointslices": ("EndpointSlice", "discovery.k8s.io/v1", [ready_slice("web")]),
        "/api/v1/nodes": ("Node", "v1", [{"metadata": {"name": f"n{i}"}} for i in range(1, 6)]),
        "/api/v1/namespaces": ("Namespace", "v1", [{"metadata": {"name": "default"}}]),
        "/api/v1/events": events_said(("2026-01-02T00:00:00Z", "n9", SPEAKER), ("2026-01-03T00:00:00Z", OWNER, SPEAKER),
                                      ("2026-01-04T00:00:00Z", "n9", "another-controller")),
        "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools": (
            "IPAddressPool", "metallb.io/v1beta1",
            [{"metadata": {"name": "a", "namespace": "metallb-system"}, "spec": {"addresses": ["10.0.0.0/29"]}}]),
        "/apis/metallb.io/v1beta1/namespaces/metallb-system/l2advertisements": (
            "L2Advertisement", "metallb.io/v1beta1", [{"metadata": {"name": "l2", "namespace": "metallb-system"}, "spec": {}}]),
    }
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
