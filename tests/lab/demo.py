#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
`make demo`: the main job, watched. Builds the lab, starts Bellman's daemons on the manifests of
config/samples, shows the addresses, the announcements on the wire and the traffic, moves an
address between nodes under load, and cleans up.

Every step checks what it shows. Exit 0 only if all of it happened; a step that fails says what
was expected and what was seen, and the exit code is 1. Ctrl-C and SIGTERM clean up too.

    demo.py [--bin DIR] [--pcap FILE] [--keep]
    demo.py --stop [--pcap FILE]          end what --keep left running
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import api as kube
import ingress
import netns
from lab import CLIENT4, CLIENT6, NODES, REPO, Lab, node_ip, node_mac, sweep, url, wait_for
from steady import Steady

SAMPLES = REPO / "config/samples"
SERVICES = ("web", "api", "sensors", "audit")  # in the order they are shown
GATE = "ingress-nginx"  # the Service in front of nginx, in a namespace of this name
RATE = 100
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

TOPOLOGY = """
   client                       API server, allocator
   10.0.0.1, fd00:10::1         10.0.0.254
      |                            |
   ===+==========+===========+=====+=====+===   br0: 10.0.0.0/24, fd00:10::/64
                 |           |           |
               node-a      node-b      node-c   .11 .12 .13, ::11 ::12 ::13: a speaker and a proxy each
                 |           |           |
               pod-a       pod-b       pod-c    10.244.N.2, fd00:244:N::2: a web server on port 8080
"""


class Failed(Exception):
    """A step did not show what it promises."""


def expect(condition, expected, seen):
    if not condition:
        raise Failed(f"expected {expected}; seen: {seen}")


def heading(text):
    print(f"\n{text}\n")


def table(columns, rows):
    widths = [max(len(str(r[i])) for r in (columns, *rows)) for i in range(len(columns))]
    for row in (columns, *rows):
        print("   " + "  ".join(str(cell).ljust(w) for cell, w in zip(row, widths)).rstrip())


def family(ip):
    return 6 if ":" in ip else 4


class Demo:
    def __init__(self, lab, pcap):
        self.lab, self.pcap = lab, pcap
        self.announcer = {}  # EXTERNAL-IP: node
        self.external = {}  # Service: EXTERNAL-IPs
        self.capture = None

    def run(self):
        heading("The network: seven hosts and a switch, each in a network namespace")
        print(TOPOLOGY.strip("\n"))
        self.start()
        self.show_services()
        self.show_announcements()
        self.show_requests()
        self.show_ingress()
        self.show_move()
        self.stop_capture()

    # --- steps ------------------------------------------------------------------------------

    def start(self):
        lab = self.lab
        self.pcap.parent.mkdir(parents=True, exist_ok=True)
        self.pcap.unlink(missing_ok=True)
        names = lab.scratch / "names"
        names.write_text("".join(f"{node_mac(n)} {n}\n" for n in NODES), encoding="ascii")
        argv = [lab.bin / "bellman", "capture", "-i", "br0", "-w", self.pcap, "--names", names]
        self.capture = lab.popen("sw", argv, "capture")
        wait_for(lambda: self.capture.running() and self.pcap.exists() and self.pcap.stat().st_size >= 24,
                 what=f"`bellman capture` to listen ({self.capture.log.strip() or 'it said nothing'})")
        lab.start_all(manifests=[SAMPLES])

    def show_services(self):
        heading("Services of type LoadBalancer, as applied from config/samples")
        rows = []
        for name, ns in (*((s, "default") for s in SERVICES), (GATE, GATE)):
            spec = wait_for(lambda: self.lab.api.get("Service", name, ns), what=f"Service {name} in the API")["spec"]
            count = len(spec["ipFamilies"])
            wait_for(lambda: len(self.lab.api.external_ips(name, ns)) == count, 10, f"{count} EXTERNAL-IP of {name}")
            service = self.lab.api.get("Service", name, ns)
            pool = service["metadata"].get("annotations", {}).get("metallb.io/ip-allocated-from-pool")
            expect(pool == "lan", f"{name} to name its pool in an annotation", pool)
            self.external[name] = self.lab.api.external_ips(name, ns)
            for i, ip in enumerate(self.external[name]):
                node = wait_for(lambda: self.lab.resolve("client", ip), 10, f"a node to answer for {ip}")
                self.announcer[ip] = node
                ports = ",".join(map(str, self.lab.api.node_ports(name, ns))) or "none"
                policy = spec.get("externalTrafficPolicy", "Cluster")
                rows.append((name if i == 0 else "", ip, pool, ports, policy, service["spec"]["clusterIPs"][i], node))
        table(("NAME", "EXTERNAL-IP", "POOL", "NODE PORT", "POLICY", "CLUSTER-IP", "ANNOUNCED BY"), rows)

    def frames(self):
        """Announcements on the wire so far: (seconds, node, address, words), as `bellman capture` told them."""
        line = re.compile(r"(\d+\.\d+)  (\S+) \(\S+\)  ((?:gratuitous ARP|unsolicited neighbour).*: (\S+) is at .*)")
        told = (line.match(text) for text in self.capture.log.splitlines())
        return [(float(m[1]), m[2], m[4], m[3]) for m in told if m and m[4] in self.announcer]

    def show_frames(self, frames):
        """One row for each kind of frame; those sent again share it."""
        kinds = {}
        for at, node, ip, words in frames:
            kinds.setdefault((node, words), []).append(at)
        table(("FROM", "FRAME", "AT SECOND"),
              [(node, words, " ".join(f"{t:.2f}" for t in at)) for (node, words), at in kinds.items()])

    def show_announcements(self):
        heading("Announcements on the wire, told by `bellman capture` (libpcap on br0)")
        for ip, node in self.announcer.items():
            wait_for(lambda: any(f[1] == node and f[2] == ip for f in self.frames()),
                     what=f"an announcement of {ip} by {node} on the wire")
        self.show_frames(self.frames())
        strangers = [f for f in self.frames() if self.announcer[f[2]] != f[1]]
        expect(not strangers, "each address announced by one node only", strangers)

    def show_requests(self):
        heading("Requests with curl: the answer names the pod and the address that it saw")
        rows = []

        def ask(name, ns, through, ip, port=80, source=None):
            where = url(ip, port)
            body = wait_for(lambda: self.lab.http_get(ns, where), what=f"curl {where} in {ns} to be answered")
            pod, saw = body.split()
            expect(pod in self.lab.pods, f"an answer of one of {self.lab.pods} from {where}", body)
            expect(source in (None, saw), f"{name} to see the client's own address {source}", saw)
            rows.append((name, ns, through, where, pod, saw))

        api = self.lab.api
        for name in SERVICES:
            kept = api.get("Service", name)["spec"].get("externalTrafficPolicy") == "Local"
            for ip in self.external[name]:
                source = {4: CLIENT4, 6: CLIENT6}[family(ip)] if kept else None
                ask(name, "client", "EXTERNAL-IP", ip, source=source)
            for port in api.node_ports(name) if not kept else []:
                for ip in self.external[name]:
                    ask(name, "client", "NodePort", node_ip("node-a", family(ip)), port)
            for ip in api.cluster_ips(name):
                ask(name, "node-a", "ClusterIP", ip)
        expect(api.node_ports("api") == [], "no node port for the Service api", api.node_ports("api"))
        expect(api.node_ports("web") != [], "a node port for the Service web", api.node_ports("web"))
        table(("SERVICE", "FROM", "THROUGH", "URL", "ANSWERED BY", "WHICH SAW"), rows)

    def show_ingress(self):
        lab = self.lab
        heading("Ingress: two Services by path behind one EXTERNAL-IP (config/samples/ingress.yaml)")
        missing = ingress.why_not(lab)
        if missing:
            print(f"   left out: {missing}")
            return
        ingress.start(lab)

        wait_for(lambda: ingress.addresses(lab, "fan-out") == self.external[GATE],
                 what=f"the controller to write {self.external[GATE]} into the Ingress")
        spec = lab.api.get("Ingress", "fan-out")["spec"]
        table(("INGRESS", "CLASS", "HOST", "ADDRESS", "PATH", "SERVICE:PORT"),
              [("fan-out" if i == 0 else "", *((spec["ingressClassName"], ingress.HOST, ",".join(self.external[GATE]))
                                               if i == 0 else ("", "", "")), p["path"],
                "{name}:{port[number]}".format(**p["backend"]["service"]))
               for i, p in enumerate(spec["rules"][0]["http"]["paths"])])
        print()
        rows = []
        for service, path, ips in (("service1", "/foo", self.external[GATE]), ("service2", "/bar/x", self.external[GATE]),
                                   (None, "/foobar", self.external[GATE][:1])):
            for ip in ips:
                client = {4: CLIENT4, 6: CLIENT6}[family(ip)]
                status, body = wait_for(lambda: (a := ingress.ask(lab, "client", ip, path)) and a[0] in (200, 404) and a,
                                        what=f"http://{ingress.HOST}{path} at {ip} to be answered")
                if service is None:
                    expect(status == 404, f"404 for {path}", status)
                    pod, saw, forwarded = f"nginx: {status}", "", ""
                else:
                    expect(status == 200 and body.startswith(f"{service}-"), f"{path} to lead to {service}", body)
                    pod, saw, forwarded = body.split()
                    expect(forwarded == client, f"{client} in X-Forwarded-For", forwarded)
                rows.append((f"http://{ingress.HOST}{path}", ip, service or "", pod, saw, forwarded))
        table(("URL", "AT", "SERVICE", "ANSWERED BY", "WHICH SAW", "X-FORWARDED-FOR"), rows)

    def show_move(self):
        lab, ips = self.lab, self.external["web"]
        old = self.announcer[ips[0]]
        heading(f"Taking {old} out of service: kubectl label node {old} {kube.EXCLUDE}=")
        for ip in ips:  # an entry that is in use, as on any busy client
            expect(lab.http_get("client", url(ip)), f"an answer from {ip}", "none")
        before = {ip: lab.neigh("client", ip) for ip in ips}
        expect(set(before.values()) == {node_mac(old)}, f"the client to hold {node_mac(old)} for {ips}", before)

        client = lab.ns("client")
        with Steady(client, ips[0], rate=RATE) as v4, Steady(client, ips[1], rate=RATE) as v6:
            streams = dict(zip(ips, (v4, v6)))
            wait_for(lambda: all(len(s.requests) >= RATE // 2 for s in streams.values()), what="a steady client")
            marked = time.monotonic()
            lab.api.exclude(old)
            moved = {}
            while len(moved) < len(ips):
                for ip in ips:
                    mac = lab.neigh("client", ip)
                    if ip not in moved and mac and mac != before[ip]:
                        moved[ip] = (mac, time.monotonic() - marked)
                expect(time.monotonic() - marked < 10, f"the client's entries to leave {old} within 10 s", moved)
            settled = time.monotonic()
            wait_for(lambda: all(len(s.answered_since(settled)) >= RATE for s in streams.values()),
                     what="a second's worth of answers after the move")

        rows = []
        for ip in ips:
            mac, took = moved[ip]
            new = lab.node_of_mac(mac)
            expect(new not in (None, old), f"another node behind {ip}", mac)
            self.announcer[ip] = new
            s = streams[ip]
            lost = [r for r in s.failed if r.sent > settled + 1]
            expect(not lost, f"no failure a second after {ip} has moved", f"{len(lost)} failed")
            rows.append((ip, f"{old} {before[ip]}", f"{new} {mac}", f"{took * 1000:.0f} ms", len(s.requests), len(s.failed)))
        expect(len({self.announcer[ip] for ip in ips}) == 1, "both addresses of web on one node", rows)
        table(("EXTERNAL-IP", "NEIGHBOUR ENTRY BEFORE", "AFTER", "WITHIN", "REQUESTS", "FAILED"), rows)
        print()
        self.show_frames([f for f in self.frames() if f[2] in ips and f[1] == self.announcer[f[2]]])
        now = wait_for(lambda: lab.resolve("client", ips[0]), what=f"a node to answer for {ips[0]}")
        expect(now == self.announcer[ips[0]], f"{self.announcer[ips[0]]} to answer for {ips[0]}", now)

    def stop_capture(self):
        code = self.capture.stop()
        expect(code == 0, "`bellman capture` to end well", f"exit {code}: {self.capture.log[-500:]}")
        expect(self.pcap.stat().st_size > 24, f"frames in {self.pcap}", "an empty file")

    # --- KEEP=1 -------------------------------------------------------------------------------

    def keep(self, state):
        lab = self.lab
        state.write_text(json.dumps({
            "namespaces": [lab.ns(n) for n in lab.names()],
            "scratch": str(lab.scratch),
            "processes": [(p.pid, start_time(p.pid)) for p in lab.processes if p.running()],
        }), encoding="ascii")
        lab.kept = True
        sw, client = f"ip netns exec {lab.ns('sw')}", f"ip netns exec {lab.ns('client')}"
        web = self.external["web"]
        heading("Still running. To look around:")
        for command in (
                f"{sw} kubectl --kubeconfig {lab.kubeconfig} get services -A",
                f"{sw} {lab.bin}/bellman status --kubeconfig {lab.kubeconfig}",
                f"{sw} {lab.bin}/bellman capture -i br0",
                f"{client} curl {url(web[0])}",
                f"{client} curl -g '{url(web[1])}'",
                *([] if ingress.why_not(lab) else [
                    f"{sw} kubectl --kubeconfig {lab.kubeconfig} get ingress",
                    f"{client} curl -H 'Host: {ingress.HOST}' {url(self.external[GATE][0])}foo"]),
                f"{client} ip neigh",
                f"ip netns exec {lab.ns(self.announcer[web[0]])} nft list ruleset",
                f"tail -f {lab.scratch}/*.log"):
            print("   " + command)
        print(f"\n   {sys.executable} {sys.argv[0]} --stop --pcap {self.pcap}     ends it")


def start_time(pid):
    """Of a process in kernel ticks: together with the pid it never names another one. None: gone."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def stop_kept(state):
    if not state.exists():
        print(f"demo: nothing was kept ({state} is not there)", file=sys.stderr)
        return 1
    kept = json.loads(state.read_text(encoding="ascii"))
    alive = lambda: [pid for pid, start in kept["processes"] if start_time(pid) == start]  # noqa: E731
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in alive():
            os.kill(pid, number)
        try:
            wait_for(lambda: not alive(), 5)
            break
        except AssertionError:
            continue
    for ns in kept["namespaces"]:
        subprocess.run(["ip", "netns", "del", ns], capture_output=True)
    shutil.rmtree(kept["scratch"], ignore_errors=True)
    state.unlink()
    return 0


class Stopped(BaseException):
    """SIGINT, SIGTERM or SIGHUP: unwinds through every `with`."""


def on_signal(number, _frame):
    for n in STOPPING:  # once is enough: what follows is the clean-up
        signal.signal(n, signal.SIG_IGN)
    raise Stopped(number)


def main():
    p = argparse.ArgumentParser(description="Show Bellman's main job in network namespaces.")
    p.add_argument("--bin", type=pathlib.Path, default=REPO / "build/bin", help="folder of the programs")
    p.add_argument("--pcap", type=pathlib.Path, default=REPO / "build/demo.pcap", help="capture to leave behind")
    p.add_argument("--keep", action="store_true", help="leave everything running at the end")
    p.add_argument("--stop", action="store_true", help="end what --keep left running")
    o = p.parse_args()
    state = o.pcap.with_suffix(".state")
    sys.stdout.reconfigure(line_buffering=True)
    if o.stop:
        return stop_kept(state)
    if o.keep and os.path.exists("/run/netns/demo-sw"):
        print(f"demo: one is running already; end it with {sys.argv[0]} --stop", file=sys.stderr)
        return 1

    for number in STOPPING:
        signal.signal(number, on_signal)
    began = time.monotonic()
    try:
        reason = netns.why_not()
        if reason:
            raise Failed(reason)
        sweep()
        with Lab(prefix="demo-" if o.keep else None, bin=o.bin) as lab:
            demo = Demo(lab, o.pcap)
            demo.run()
            if o.keep:
                demo.keep(state)
    except Stopped as stopped:
        print("\ndemo: interrupted; everything is cleaned up", file=sys.stderr)
        return 128 + stopped.args[0]
    except (Failed, AssertionError, RuntimeError, OSError, kube.ApiError) as e:
        print(f"\ndemo FAILED: {e}", file=sys.stderr)
        return 1
    heading(f"All of it happened, in {time.monotonic() - began:.1f} s. The frames are in {o.pcap}: open it with Wireshark.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
