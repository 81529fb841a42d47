# SPDX-License-Identifier: Apache-2.0
"""
A small Kubernetes API client for the lab: what a test says with kubectl, without kubectl.

Talks to the API server from inside a namespace (netns.Connection), one connection a request, with
a bearer token. Objects are plain dicts; builders for the ones the lab uses are at the end.
"""

import json
import socket
import ssl

import netns

MERGE = "application/merge-patch+json"

# kind: (apiVersion, plural, namespaced)
KINDS = {
    "Namespace": ("v1", "namespaces", False),
    "Node": ("v1", "nodes", False),
    "Pod": ("v1", "pods", True),
    "Service": ("v1", "services", True),
    "Secret": ("v1", "secrets", True),
    "Event": ("v1", "events", True),
    "EndpointSlice": ("discovery.k8s.io/v1", "endpointslices", True),
    "Ingress": ("networking.k8s.io/v1", "ingresses", True),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    "IPAddressPool": ("metallb.io/v1beta1", "ipaddresspools", True),
    "L2Advertisement": ("metallb.io/v1beta1", "l2advertisements", True),
    "BGPPeer": ("metallb.io/v1beta2", "bgppeers", True),
    "BGPAdvertisement": ("metallb.io/v1beta1", "bgpadvertisements", True),
    "BFDProfile": ("metallb.io/v1beta1", "bfdprofiles", True),
    "Community": ("metallb.io/v1beta1", "communities", True),
    "ServiceL2Status": ("metallb.io/v1beta1", "servicel2statuses", True),
    "ConfigurationState": ("metallb.io/v1beta1", "configurationstates", True),
}
SYSTEM = "metallb-system"
EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers"


class ApiError(Exception):
    def __init__(self, method, path, status, body):
        super().__init__(f"{method} {path}: {status} {body.get('message', body) if isinstance(body, dict) else body}")
        self.status = status
        self.body = body


class Api:
    def __init__(self, ns, host, port, token):
        self.ns, self.host, self.port, self.token = ns, host, port, token
        self.tls = None

    def trust(self, ca_file):
        """From now on speak TLS and believe in this certificate only."""
        self.tls = ssl.create_default_context(cafile=ca_file)

    def request(self, method, path, body=None, content_type="application/json", timeout=5.0):
        """One request; returns (HTTP status, decoded body or text). OSError when nobody answers."""
        c = netns.Connection(self.ns, self.host, self.port, timeout, self.tls)
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = content_type
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        try:
            c.request(method, path, body, headers)
            answer = c.getresponse()
            text = answer.read().decode()
        finally:
            c.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def call(self, method, path, body=None, content_type="application/json"):
        """As request(), but anything other than 2xx is an ApiError."""
        status, answer = self.request(method, path, body, content_type)
        if not 200 <= status < 300:
            raise ApiError(method, path, status, answer)
        return answer

    def watch(self, kind, version, ns=None):
        """The events of a kind after @version as they come, until the server ends the watch; ns=None: in all namespaces."""
        path = f"{self.path(kind, ns=ns)}?watch=true&resourceVersion={version}"
        c = netns.Connection(self.ns, self.host, self.port, None, self.tls)
        try:
            c.request("GET", path, headers={"Accept": "application/json", "Authorization": f"Bearer {self.token}"})
            answer = c.getresponse()
            if answer.status != 200:
                raise ApiError("GET", path, answer.status, answer.read().decode())
            for line in answer:
                yield json.loads(line)
        finally:
            c.close()

    @staticmethod
    def path(kind, name=None, ns="default", sub=None):
        version, plural, namespaced = KINDS[kind]
        path = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        if namespaced and ns is not None:
            path += f"/namespaces/{ns}"
        path += f"/{plural}"
        if name:
            path += f"/{name}"
        return path + (f"/{sub}" if sub else "")

    def get(self, kind, name, ns="default"):
        """The object, or None where there is none."""
        status, answer = self.request("GET", self.path(kind, name, ns))
        if status == 404:
            return None
        if status != 200:
            raise ApiError("GET", self.path(kind, name, ns), status, answer)
        return answer

    def list(self, kind, ns=None):
        """All of a kind; ns=None: in all namespaces."""
        return self.call("GET", self.path(kind, ns=ns))["items"]

    def create(self, *objects):
        for o in objects:
            ns = o["metadata"].get("namespace", "default")
            self.call("POST", self.path(o["kind"], ns=ns), o)

    def patch(self, kind, name, merge, ns="default", sub=None):
        return self.call("PATCH", self.path(kind, name, ns, sub), merge, MERGE)

    def delete(self, kind, name, ns="default"):
        return self.call("DELETE", self.path(kind, name, ns))

    def label(self, kind, name, ns="default", **labels):
        """label("Node", "node-a", zone="x", gone=None); see exclude() for names with dots."""
        return self.patch(kind, name, {"metadata": {"labels": labels}}, ns)

    def exclude(self, node, on=True):
        """Mark a node with node.kubernetes.io/exclude-from-external-load-balancers, or take it away."""
        return self.patch("Node", node, {"metadata": {"labels": {EXCLUDE: "" if on else None}}})

    # --- what tests ask of a Service ------------------------------------------------------

    def external_ips(self, name, ns="default"):
        """EXTERNAL-IPs of a Service in the order of its status; [] while it has none."""
        service = self.get("Service", name, ns) or {}
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        return [i["ip"] for i in ingress]

    def cluster_ips(self, name, ns="default"):
        return self.get("Service", name, ns)["spec"].get("clusterIPs", [])

    def node_ports(self, name, ns="default"):
        ports = self.get("Service", name, ns)["spec"]["ports"]
        return [p["nodePort"] for p in ports if p.get("nodePort")]

    def events(self, name, ns="default"):
        """(reason, message) of the events about an object, oldest first."""
        about = [e for e in self.list("Event", ns) if e.get("involvedObject", {}).get("name") == name]
        return [(e.get("reason"), e.get("message")) for e in about]

    def alive(self):
        try:
            return self.request("GET", "/version", timeout=1.0)[0] == 200
        except (OSError, socket.timeout):
            return False


# --- builders ---------------------------------------------------------------------------------


def namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def node(name, addresses, pod_cidrs):
    return {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {"podCIDR": pod_cidrs[0], "podCIDRs": list(pod_cidrs)},
        "status": {
            "addresses": [{"type": "InternalIP", "address": a} for a in addresses]
            + [{"type": "Hostname", "address": name}],
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "NetworkUnavailable", "status": "False"}],
        },
    }


def service(name, ports=((80, 8080),), ns="default", type="LoadBalancer", annotations=None, protocol="TCP", **spec):
    """@ports: (port, targetPort) pairs. Further fields of spec by their own names."""
    listed = [{"name": f"p{p}", "port": p, "targetPort": t, "protocol": protocol} for p, t in ports]
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": ns, "annotations": annotations or {}},
        "spec": {"type": type, "ports": listed, **spec},
    }


def dual_stack(**spec):
    return {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"], **spec}


def endpoint_slice(service_name, endpoints, ports=((80, 8080),), ns="default", protocol="TCP", ready=True):
    """@endpoints: (address, node) pairs of one family."""
    family = "IPv6" if any(":" in a for a, _ in endpoints) else "IPv4"
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": f"{service_name}-{family.lower()}", "namespace": ns,
                     "labels": {"kubernetes.io/service-name": service_name}},
        "addressType": family,
        "ports": [{"name": f"p{p}", "port": t, "protocol": protocol} for p, t in ports],
        "endpoints": [{"addresses": [a], "nodeName": n, "conditions": {"ready": ready}} for a, n in endpoints],
    }


def pool(name, addresses, **spec):
    return {
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": {"name": name, "namespace": SYSTEM}, "spec": {"addresses": list(addresses), **spec},
    }


def l2_advertisement(name, **spec):
    return {
        "apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
        "metadata": {"name": name, "namespace": SYSTEM}, "spec": spec,
    }
