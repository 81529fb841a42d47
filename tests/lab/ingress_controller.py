#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
An Ingress controller as small as one can be and still be one. It watches Ingresses, Services and
EndpointSlices through the API, writes what they ask for as nginx's configuration, has nginx read it
again when it has changed, and tells in each Ingress's status at which addresses it is reached: those
of the Service in front of nginx.

Upstreams are Pod addresses, past the ClusterIP: the port of an Ingress names a port of a Service,
that port's name names a port of the Service's slices. Served are rules by host (also *.example.com)
and path, Prefix and Exact; the default backend; anything else is 404, and 503 where a Service has no
endpoint. Not served: TLS, and resources as backends.

    ingress_controller.py --ns NAMESPACE --api HOST:PORT --ca FILE --token-file FILE
                          --class NAME --publish NAMESPACE/NAME FOLDER...

Each FOLDER is where one nginx runs: ingress.conf is written there, nginx.pid read. nginx itself
keeps what it has where it cannot take a new configuration, and says why.
"""

import argparse
import contextlib
import http.client
import os
import pathlib
import re
import signal
import sys
import threading

import api as kube

PORT = 8080  # where nginx listens
RETRY = 0.2  # seconds after the API could not be read
KINDS = ("Ingress", "Service", "EndpointSlice")

# What may stand in nginx's configuration; anything else in an Ingress is passed over and told.
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
PATH = re.compile(r"/[A-Za-z0-9._~@:+=,%/-]*")

PROXY = """proxy_pass http://{upstream};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_connect_timeout 1s;"""


def say(text):
    print(text, flush=True)


def key(o):
    return o["metadata"].get("namespace", "default"), o["metadata"]["name"]


# --- from objects to configuration: nothing here touches the outside -----------------------------------


class Configuration:
    """nginx's configuration for the objects of a cluster; `faults` tells what was passed over and why."""

    def __init__(self, ingresses, services, slices):
        self.services = {key(s): s for s in services}
        self.slices = slices
        self.upstreams = {}  # name: ["address:port"]
        self.hosts = {"": {}}  # host or "" for any: {(path, exact): upstream's name}
        self.default = None
        self.faults = []
        # The oldest wins where two ask for the same.
        for i in sorted(ingresses, key=lambda i: (i["metadata"].get("creationTimestamp", ""), key(i))):
            self._add(i)

    def _add(self, ingress):
        (ns, name), spec = key(ingress), ingress.get("spec", {})
        if "service" in spec.get("defaultBackend", {}) and self.default is None:
            self.default = self._upstream(ns, spec["defaultBackend"])
        for rule in spec.get("rules", []):
            host = rule.get("host", "")
            if host and not HOST.fullmatch(host):
                self.faults.append(f"{ns}/{name}: host {host!r} passed over")
                continue
            routes = self.hosts.setdefault(host, {})
            for p in rule.get("http", {}).get("paths", []):
                path, exact = p.get("path", "/"), p["pathType"] == "Exact"
                if not PATH.fullmatch(path) or "service" not in p["backend"]:
                    self.faults.append(f"{ns}/{name}: path {path!r} passed over")
                    continue
                # A prefix is made of whole elements: /foo/ means what /foo does.
                routes.setdefault((path if exact else path.rstrip("/"), exact), self._upstream(ns, p["backend"]))

    def _upstream(self, ns, backend):
        """The name of the upstream for a backend, with the addresses that can serve it now."""
        name, wanted = backend["service"]["name"], backend["service"]["port"]
        upstream = f"{ns}.{name}.{wanted.get('number', wanted.get('name'))}"
        if upstream not in self.upstreams:
            self.upstreams[upstream] = self._endpoints(self.services.get((ns, name)), wanted)
        return upstream

    def _endpoints(self, service, wanted):
        spec = service["spec"] if service else {}
        port = next((p for p in spec.get("ports", []) if wanted in ({"number": p["port"]}, {"name": p.get("name")})), None)
        if port is None:
            return []
        found = []
        for s in self.slices:
            mine = s["metadata"].get("labels", {}).get("kubernetes.io/service-name") == service["metadata"]["name"]
            # An ExternalName has no family, and no Pods.
            if not mine or key(s)[0] != key(service)[0] or s["addressType"] not in spec.get("ipFamilies", [])[:1]:
                continue
            target = next((p["port"] for p in s.get("ports", []) if p.get("name", "") == port.get("name", "")), None)
            for e in s.get("endpoints", []) if target else []:
                if e.get("conditions", {}).get("ready", True):
                    ip = e["addresses"][0]
                    found.append(f"[{ip}]:{target}" if ":" in ip else f"{ip}:{target}")
        return sorted(set(found))

    def text(self):
        lines = []
        for name, servers in sorted(self.upstreams.items()):
            if servers:
                lines += [f"upstream {name} {{", *(f"  server {s};" for s in servers), "}"]
        for host, routes in sorted(self.hosts.items()):
            listen = " default_server" if host == "" else ""
            lines += ["server {", f"  listen {PORT}{listen};", f"  listen [::]:{PORT}{listen};"]
            if host:  # *.example.com stands for one label, where nginx's own would take more
                lines.append("  server_name " + (rf'"~^[^.]+{re.escape(host[1:])}$"' if host[0] == "*" else host) + ";")
            places = {"/": self.default}
            for (path, exact), upstream in sorted(routes.items()):  # Exact last: it wins over a Prefix of the same path
                if exact:
                    places[f"= {path}"] = upstream
                    if path != "/" and path.endswith("/"):  # else nginx redirects /foo to /foo/
                        places.setdefault(f"= {path[:-1]}", self._by_prefix(routes, path[:-1]))
                elif path == "":
                    places["/"] = upstream
                else:  # /foo and /foo/bar, not /foobar
                    places[f"= {path}"] = places[f"^~ {path}/"] = upstream
            lines += [line for place, upstream in places.items() for line in self._location(place, upstream)]
            lines.append("}")
        return "\n".join(lines) + "\n"

    def _by_prefix(self, routes, path):
        prefixes = [p for p, exact in routes if not exact and f"{path}/".startswith(f"{p}/")]
        return routes[max(prefixes, key=len), False] if prefixes else self.default

    def _location(self, place, upstream):
        if upstream is None:
            does = "return 404;"
        else:
            does = PROXY.format(upstream=upstream) if self.upstreams[upstream] else "return 503;"
        return [f"  location {place} {{", f"      {does}", "  }"]


# --- the API ------------------------------------------------------------------------------------------


class Cache(threading.Thread):
    """All objects of a kind: a list, then what a watch tells, and again from the start when that ends."""

    def __init__(self, api, kind, changed):
        super().__init__(daemon=True)
        self.api, self.kind, self.changed = api, kind, changed
        self.objects = {}
        self.synced = threading.Event()

    def run(self):
        pause = threading.Event()
        while True:
            try:
                self._follow()
            except (kube.ApiError, OSError, http.client.HTTPException, ValueError) as e:
                say(f"{self.kind}: {e}; once more in {RETRY} s")
                pause.wait(RETRY)

    def _follow(self):
        listed = self.api.call("GET", self.api.path(self.kind, ns=None))
        # A new dict each time: the main thread may be reading the old one.
        self.objects = {key(o): {"kind": self.kind, **o} for o in listed["items"]}
        self.synced.set()
        self.changed.set()
        for event in self.api.watch(self.kind, listed["metadata"]["resourceVersion"]):
            o = event["object"]
            if event["type"] == "ERROR":
                return
            if event["type"] != "BOOKMARK":
                rest = {k: v for k, v in self.objects.items() if k != key(o)}
                self.objects = rest if event["type"] == "DELETED" else {**rest, key(o): o}
                self.changed.set()


class Controller:
    def __init__(self, api, ingress_class, publish, folders):
        self.api, self.ingress_class, self.publish, self.folders = api, ingress_class, publish, folders
        self.changed = threading.Event()
        self.caches = {kind: Cache(api, kind, self.changed) for kind in KINDS}
        self.written = None

    def run(self):
        for c in self.caches.values():
            c.start()
        for c in self.caches.values():
            c.synced.wait()
        while True:
            self.changed.wait()
            self.changed.clear()
            all_of = {kind: list(c.objects.values()) for kind, c in self.caches.items()}
            ours = [i for i in all_of["Ingress"] if i["spec"].get("ingressClassName") == self.ingress_class]
            self.configure(Configuration(ours, all_of["Service"], all_of["EndpointSlice"]))
            for ingress in ours:
                self.tell(ingress)

    def configure(self, configuration):
        text = configuration.text()
        if text == self.written:
            return
        for fault in configuration.faults:
            say(fault)
        for folder in self.folders:
            fresh = folder / "ingress.conf.new"
            fresh.write_text(text, encoding="ascii")
            fresh.rename(folder / "ingress.conf")
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # one that is down reads it when it starts
                os.kill(int((folder / "nginx.pid").read_text(encoding="ascii")), signal.SIGHUP)
        self.written = text
        say(f"configured: {' '.join(f'{name}={len(s)}' for name, s in sorted(configuration.upstreams.items()))}")

    def tell(self, ingress):
        """Write the addresses of the Service in front of nginx into the status, where it says others."""
        service = self.caches["Service"].objects.get(self.publish, {})
        addresses = [{"ip": i["ip"]} for i in service.get("status", {}).get("loadBalancer", {}).get("ingress", [])]
        told = ingress.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        if [t.get("ip") for t in told] == [a["ip"] for a in addresses]:
            return
        ns, name = key(ingress)
        try:
            self.api.patch("Ingress", name, {"status": {"loadBalancer": {"ingress": addresses}}}, ns, "status")
        except (kube.ApiError, OSError, http.client.HTTPException) as e:
            say(f"status of {ns}/{name}: {e}")  # the next change, ours or a new list, tries again


def main():
    p = argparse.ArgumentParser(description="A small Ingress controller on nginx.")
    p.add_argument("--ns", required=True, help="network namespace to reach the API from")
    p.add_argument("--api", required=True, metavar="HOST:PORT")
    p.add_argument("--ca", required=True, type=pathlib.Path)
    p.add_argument("--token-file", required=True, type=pathlib.Path)
    p.add_argument("--class", required=True, dest="ingress_class", metavar="NAME")
    p.add_argument("--publish", required=True, metavar="NAMESPACE/NAME", help="the Service in front of nginx")
    p.add_argument("folders", nargs="+", type=pathlib.Path, metavar="FOLDER")
    o = p.parse_args()
    host, _, port = o.api.rpartition(":")
    token = o.token_file.read_text(encoding="ascii").split(",")[0].strip()
    api = kube.Api(o.ns, host, int(port), token)
    api.trust(o.ca)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Controller(api, o.ingress_class, tuple(o.publish.split("/", 1)), o.folders).run()


if __name__ == "__main__":
    main()
