# SPDX-License-Identifier: Apache-2.0
"""
`make bench`: the figures of docs/benchmarks.md, measured again on this machine.

Each figure stands beside a reference that ran in the same run, alternating with it, because a
figure of a noisy machine means little by itself: the kernel's own ARP responder for the speaker,
a plain HTTP client sending the same patches for the allocator, an idle speaker for a full one, the
same writes without watchers and SQLite alone for the API server, the core's own time for the simulator's.
Prints a Markdown table, and under it what docs/benchmarks.md draws; --json FILE keeps the numbers; --only NAME runs one part.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lab"))
import api as kube  # noqa: E402
import netns  # noqa: E402
import scale  # noqa: E402
from lab import wait_for  # noqa: E402

RUNS = 5
PORT, TICKS = 6480, os.sysconf("SC_CLK_TCK")


class Host:
    """One namespace that plays a node; programs in it end with it."""

    def __init__(self, name):
        self.ns = f"bench{os.getpid()}-{name}"
        self.children = []
        subprocess.run(["ip", "netns", "add", self.ns], check=True)
        self.ip("link", "set", "lo", "up")

    def ip(self, *args):
        subprocess.run(["ip", "-n", self.ns, *args], check=True)

    def run(self, *argv):
        done = subprocess.run(["ip", "netns", "exec", self.ns, *map(str, argv)], check=True, capture_output=True, text=True)
        return done.stdout

    def start(self, *argv):
        child = subprocess.Popen(["ip", "netns", "exec", self.ns, *map(str, argv), "--log-level", "warn"],
                                 stdin=subprocess.DEVNULL)
        self.children.append(child)
        return child

    def stop(self, child):
        child.terminate()
        child.wait(10)
        self.children.remove(child)

    def http(self, port, path):
        c = netns.Connection(self.ns, "127.0.0.1", port)
        try:
            c.request("GET", path)
            answer = c.getresponse()
            return answer.status, answer.read().decode()
        finally:
            c.close()

    def wait_ready(self, port, path="/readyz", deadline=60):
        wait_for(lambda: self.http(port, path)[0] == 200, deadline, f"port {port} to be ready")

    def metric(self, port, name):
        lines = self.http(port, "/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name) and line[len(name)] in " {")

    def close(self):
        for child in self.children:
            child.kill()
            child.wait()
        subprocess.run(["ip", "netns", "del", self.ns])


class Api(kube.Api):
    """Many requests over one connection: the bench's own cost must stay small."""

    def __init__(self, host):
        super().__init__(host.ns, "127.0.0.1", PORT, "")
        self.connection = netns.Connection(host.ns, "127.0.0.1", PORT, 30)

    def request(self, method, path, body=None, content_type="application/json", timeout=30):
        self.connection.request(method, path, json.dumps(body) if body is not None else None,
                                {"Content-Type": content_type})
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None


def memory_kib(pid, field="RssAnon"):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(field + ":"))


def available_kib():
    return int(re.search(r"MemAvailable: *([0-9]+)", pathlib.Path("/proc/meminfo").read_text(encoding="ascii"))[1])


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def wait_idle(pid, quiet_s=1.0):
    """Until the process has used no CPU for @quiet_s: what it had to do is done."""
    seen, since = cpu_s(pid), time.monotonic()

    def idle():
        nonlocal seen, since
        if cpu_s(pid) != seen:
            seen, since = cpu_s(pid), time.monotonic()
        return time.monotonic() - since >= quiet_s

    wait_for(idle, 60, "the process to become idle", 0.1)


class Peak(threading.Thread):
    """The highest RssAnon of a process, sampled until stopped."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.kib, self.done = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.01):
            try:
                self.kib = max(self.kib, memory_kib(self.pid))
            except (OSError, StopIteration):
                return

    def stop(self):
        self.done.set()
        self.join()
        return self.kib


def fill(api, services, pending, ballast=0):
    """Nodes, a pool, an advertisement, @services Services, and slices when they are not pending. @ballast: bytes in each Service."""
    api.create(kube.namespace(kube.SYSTEM))
    api.create(kube.node("node-a", ["10.9.0.2"], ["10.244.1.0/24"]))
    for i in range(services):
        name = f"service-{i:05d}"
        s = kube.service(name, allocateLoadBalancerNodePorts=False)
        s["metadata"]["labels"] = {"app": name, "team": f"team-{i % 20}"}
        s["spec"]["selector"] = {"app": name}
        if ballast:
            s["metadata"]["annotations"] = {"example.com/ballast": "x" * ballast}
        api.create(s)
        if not pending:
            api.create(kube.endpoint_slice(name, [(f"10.244.1.{2 + i % 250}", "node-a")]))
            api.patch("Service", name, {"status": {"loadBalancer": {"ingress": [{"ip": address(i)}]}}}, sub="status")


def address(i):
    return f"10.200.{i // 250}.{1 + i % 250}"


CONFIG = 'pools = ( { name = "bench"; addresses = ( "10.200.0.0/16", "10.9.0.200-10.9.0.210" ); } );\n' \
         'l2Advertisements = ( { name = "bench"; } );\n'


def write_config(build):
    path = pathlib.Path(build) / "bench.conf"
    path.write_text(CONFIG, encoding="ascii")
    return path.resolve()


def bench_arp(build, row):
    """Reply latency and rate: the kernel for an address of its own, the speaker for a VIP, in turn."""
    node, asker = Host("node"), Host("asker")
    try:
        node.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", asker.ns)
        node.ip("addr", "add", "10.9.0.2/24", "dev", "eth0")
        asker.ip("addr", "add", "10.9.0.1/24", "dev", "eth0")
        node.ip("link", "set", "eth0", "up")
        asker.ip("link", "set", "eth0", "up")
        node.start(f"{build}/bin/bellman-apiserver", "--listen", f"127.0.0.1:{PORT}")
        node.wait_ready(PORT)
        api = Api(node)
        fill(api, 0, True)
        api.create(kube.service("vip"), kube.endpoint_slice("vip", [("10.244.1.2", "node-a")]))
        api.patch("Service", "vip", {"status": {"loadBalancer": {"ingress": [{"ip": "10.9.0.200"}]}}}, sub="status")
        node.start(f"{build}/bin/bellman-speaker", "--server", f"http://127.0.0.1:{PORT}", "--node-name", "node-a",
                   "--config", write_config(build))
        node.wait_ready(7472)

        def ask(target, count, mode):
            return json.loads(asker.run(f"{build}/bench/bench_arp", "eth0", "10.9.0.1", target, count, mode))

        wait_for(lambda: ask_once(ask), 10, "the speaker to answer")
        rtt = {who: [] for who in ("kernel", "speaker")}
        rate = {who: [] for who in ("kernel", "speaker")}
        for _ in range(RUNS):
            for who, target in (("kernel", "10.9.0.2"), ("speaker", "10.9.0.200")):
                rtt[who].append(ask(target, 5000, "rtt"))
                rate[who].append(ask(target, 200000, "rate"))

        def median(samples, key):
            return statistics.median(s[key] for s in samples)

        for key, label in (("p50_us", "ARP reply, p50, µs"), ("p99_us", "ARP reply, p99, µs")):
            row(label, median(rtt["speaker"], key), median(rtt["kernel"], key), "kernel's own responder")
        row("ARP replies/s, 64 outstanding", median(rate["speaker"], "per_s"), median(rate["kernel"], "per_s"),
            "kernel's own responder")
    finally:
        node.close()
        asker.close()


def ask_once(ask):
    try:
        return ask("10.9.0.200", 1, "rtt")["replies"]
    except subprocess.CalledProcessError:
        return 0


def webhook_flags(folder):
    """With the webhook the allocator watches Nodes too. It needs a certificate, whose is no matter here."""
    cert, key = f"{folder}/webhook.crt", f"{folder}/webhook.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=bench",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return "--webhook", "127.0.0.1:9443", "--webhook-tls-cert", cert, "--webhook-tls-key", key


def plot(points):
    """Bars of the same scale, for docs/benchmarks.md: @points is {label: number}."""
    labels = [f"{label:,}" if isinstance(label, int) else label for label in points]
    width = max(map(len, labels))
    scale = 30 / max(points.values())
    return "\n".join(f"{label:<{width}} {'#' * round(value * scale)} {value:,.0f}" for label, value in zip(labels, points.values()))


def bench_allocate(build, row, count=10000, nodes=5000):
    """All Services pending, then the allocator starts: until every status is written. Then again, with all of them served."""
    def engine_alone(*args):
        out = subprocess.run([f"{build}/bench/bench_allocator", *args], check=True, capture_output=True, text=True).stdout
        return [json.loads(line) for line in out.splitlines()]

    engine = engine_alone()[0]
    host = Host("allocate")
    try:
        server = host.start(f"{build}/bin/bellman-apiserver", "--listen", f"127.0.0.1:{PORT}")
        host.wait_ready(PORT)
        api = Api(host)
        fill(api, count, True)

        # The reference: the same number of the same patches, one after the other on one connection.
        start = time.monotonic()
        for i in range(count):
            api.patch("Service", f"service-{i:05d}", {"metadata": {"annotations": {"bench": "1"}}, "status": {}}, sub="status")
        plain_s = time.monotonic() - start

        before = cpu_s(server.pid)
        start = time.monotonic()
        allocator = host.start(f"{build}/bin/bellman-allocator", "--server", f"http://127.0.0.1:{PORT}", "--config", write_config(build))
        peak = Peak(allocator.pid)
        wait_for(lambda: host.metric(7473, "metallb_k8s_client_updates_total") >= count, 120, "all Services to be written", 0.05)
        wall_s = time.monotonic() - start
        server_cpu = cpu_s(server.pid) - before
        own_cpu = cpu_s(allocator.pid)
        kib, end_kib = peak.stop(), memory_kib(allocator.pid, "VmRSS")
        written = sum(1 for s in api.list("Service") if s["status"].get("loadBalancer", {}).get("ingress"))
        if written != count:
            raise SystemExit(f"bench: {written} of {count} Services have an address")

        row(f"{count} pending Services, pure engine, ms of CPU", engine["cpu_ms"], None, "")
        row("  RssAnon of the pure engine, MiB", engine["rss_anon_kb"] / 1024, None, "")
        row(f"{count} pending Services through the API, s", wall_s, plain_s, "same patches, one plain HTTP client")
        row("  CPU of the allocator, s", own_cpu, server_cpu, "CPU of bellman-apiserver meanwhile")
        row("  peak RssAnon of the allocator, MiB", kib / 1024, end_kib / 1024, "its VmRSS at the end")

        host.stop(allocator)
        for i in range(nodes):
            api.create(kube.node(f"node-{i:05d}", [f"10.8.{i // 250}.{1 + i % 250}"], [f"10.{100 + i // 256}.{i % 256}.0/24"]))
        with tempfile.TemporaryDirectory() as folder:
            allocator = host.start(f"{build}/bin/bellman-allocator", "--server", f"http://127.0.0.1:{PORT}", "--config", write_config(build),
                                   *webhook_flags(folder))
            peak = Peak(allocator.pid)
            host.wait_ready(7473)
            wait_idle(allocator.pid)
        row(f"  started again with the webhook, all served, {nodes} Nodes: peak RssAnon, MiB", peak.stop() / 1024, memory_kib(allocator.pid) / 1024,
            "its RssAnon at the end")
    finally:
        host.close()

    growth = {g["held"]: g["ns"] for g in engine_alone("growth")}
    for held, ns in growth.items():
        row(f"one allocation beside {held:,} held addresses, ns of CPU", ns, growth[10], "beside 10")
    if available_kib() < 5 << 20:
        print("bench: a /8 that is nine tenths full takes 3 GiB of memory, skipped", file=sys.stderr)
        return "ns of one allocation by what is held:\n\n" + plot(growth)
    full = engine_alone("full")
    for f in full:
        row(f"allocations/s in a /8 with {f['held']:,} held, {f['strategy']}, {f['batch']:,} at once", f["per_s"], 1e9 / growth[10],
            "beside 10, firstFit, 100 at once")
    return "ns of one allocation by what is held:\n\n" + plot(growth | {full[0]["held"]: full[0]["ns"]})


def speaker_memory(build, count, ballast=0):
    """MiB of a speaker that knows @count Services and EndpointSlices: RssAnon, VmRSS, peak RssAnon."""
    host = Host("memory")
    try:
        host.start(f"{build}/bin/bellman-apiserver", "--listen", f"127.0.0.1:{PORT}")
        host.wait_ready(PORT)
        fill(Api(host), count, False, ballast)
        speaker = host.start(f"{build}/bin/bellman-speaker", "--server", f"http://127.0.0.1:{PORT}", "--node-name", "node-a",
                             "--config", write_config(build))
        peak = Peak(speaker.pid)
        host.wait_ready(7472)
        wait_for(lambda: host.metric(7472, "metallb_speaker_announced") == count, 60, f"{count} announcements", 0.05)
        wait_idle(speaker.pid)
        return memory_kib(speaker.pid) / 1024, memory_kib(speaker.pid, "VmRSS") / 1024, peak.stop() / 1024
    finally:
        host.close()


def bench_speaker_memory(build, row, count=10000):
    """A speaker that knows @count Services and EndpointSlices, against one that knows none; and what large objects cost."""
    idle, full = speaker_memory(build, 0), speaker_memory(build, count)
    for i, label in enumerate(("RssAnon", "VmRSS", "peak RssAnon")):
        row(f"speaker with {count} Services and slices, {label}, MiB", full[i], idle[i], "idle speaker")
    large = speaker_memory(build, 2000, 8192)
    row("speaker with 2,000 Services of 8 KiB and slices, peak RssAnon, MiB", large[2], large[0], "its RssAnon at the end")


class Load:
    """An API server, and bench_api to ask it from the same namespace."""

    def __init__(self, build, *flags):
        self.build, self.host = build, Host("apiserver")
        self.server = self.host.start(f"{build}/bin/bellman-apiserver", "--listen", f"127.0.0.1:{PORT}", *flags)
        self.host.wait_ready(PORT)

    def ask(self, *args):
        return json.loads(self.host.run(f"{self.build}/bench/bench_api", PORT, *args))

    def write(self, services, writes, writers, watchers, per_second=0):
        return self.ask("write", services, writes, writers, watchers, per_second)

    def cpu_us(self, times, *args):
        """CPU of the server for each of @times requests: unlike a latency, it tells nothing of who else runs here."""
        def used_ns():
            with open(f"/proc/{self.server.pid}/schedstat", encoding="ascii") as f:
                return int(f.read().split()[0])

        before = used_ns()
        self.ask(*args)
        return (used_ns() - before) / times / 1e3

    def single(self, services, times=4000):
        """CPU of a GET and of a status patch of one Service, one after the other, in microseconds."""
        return (self.cpu_us(times, "get", "/api/v1/namespaces/default/services/service-00005", times),
                self.cpu_us(times, "write", services, times, 1, 0, 0))

    def memory_mib(self):
        return memory_kib(self.server.pid) / 1024

    def close(self):
        self.host.close()


def sqlite_commits(folder, count=500):
    """Transactions a second of SQLite alone, with one row of a Service's size each, durable as the server's are."""
    with contextlib.closing(sqlite3.connect(f"{folder}/alone.db", isolation_level=None)) as db:
        db.executescript("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                         "CREATE TABLE IF NOT EXISTS objects (name TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;")

        def put(n):
            for i in range(n):
                db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?)", (f"service-{i % 100}", "x" * 900))

        put(3 * count)  # until the log is as long as it gets, and is written over
        start = time.monotonic()
        put(count)
        return count / (time.monotonic() - start)


def bench_apiserver(build, row, count=10000, watchers=100):
    """Writes, events, lists and memory of the embedded API server with @count Services."""
    load = Load(build)
    try:
        empty = load.memory_mib()
        load.ask("fill", 10)
        few_get, few_patch = load.single(10)
    finally:
        load.close()

    load = Load(build)
    try:
        load.ask("fill", count)
        full = load.memory_mib()
        runs = {n: [] for n in (0, watchers)}
        for _ in range(RUNS):
            for n, seen in runs.items():
                seen.append(load.write(count, 4000, 16, n))
        alone, watched = (statistics.median(r["per_second"] for r in runs[n]) for n in runs)
        row(f"status patches a second, 16 writers, {watchers} watchers of {count} Services", watched, alone, "the same without watchers")
        row(f"  event latency meanwhile, p99, ms, of {4000 * watchers} events", statistics.median(r["event_p99_ms"] for r in runs[watchers]),
            statistics.median(r["answer_p99_ms"] for r in runs[watchers]), "answer to the writer, p99")
        paced = load.write(count, 2000, 16, watchers, 200)
        for q in ("p50", "p99"):
            row(f"event latency at 200 writes a second, {watchers} watchers, {q}, ms", paced[f"event_{q}_ms"],
                paced[f"answer_{q}_ms"], f"answer to the writer, {q}")
        row(f"RssAnon with {count} Services, MiB", full, empty, "empty server")
        row("  after 44,000 changes, of which the history keeps 16,384, MiB", load.memory_mib(), full, "before")
        whole = load.ask("get", "/api/v1/services", 20)
        some = load.ask("get", "/api/v1/services?labelSelector=team=team-3", 20)
        row(f"list of {count} Services, ms", whole["p50_ms"], whole["bytes"] / 2**20, "its MiB")
        row("  with a label selector that 1 in 20 matches, ms", some["p50_ms"], whole["p50_ms"], "the whole list")
        get, patch = load.single(count)
        row(f"CPU of a GET of one Service among {count}, µs", get, few_get, "among 10")
        row(f"CPU of a status patch of one Service among {count}, µs", patch, few_patch, "among 10")
    finally:
        load.close()

    with tempfile.TemporaryDirectory(dir=build) as folder:
        load = Load(build, "--data", f"{folder}/state.db")
        try:
            load.ask("fill", count)
            runs = [(load.write(count, 4000, 16, 0)["per_second"], sqlite_commits(folder)) for _ in range(RUNS)]
            row("status patches a second with a state file, 16 writers", statistics.median(r[0] for r in runs),
                statistics.median(r[1] for r in runs), "commits of SQLite alone")
        finally:
            load.close()


class PeakOfChildren(Peak):
    """The highest RssAnon that any child of a process had."""

    def run(self):
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
        while not self.done.wait(0.005):
            try:
                for child in children.read_text(encoding="ascii").split():
                    self.kib = max(self.kib, memory_kib(child))
            except (OSError, StopIteration):
                continue


class Forwarding:
    """A node with bellman-proxy between a client and two pods, and @count Services beside the one under test."""

    IP, PORT, PODS = "10.96.255.1", 53, ("10.244.1.2", "10.244.1.3")

    def __init__(self, build, count):
        self.build, self.count = build, count
        self.node, self.client, self.pod = Host(f"node{count}"), Host(f"client{count}"), Host(f"pod{count}")
        self.runs = 0

    def start(self):
        node, client, pod = self.node, self.client, self.pod
        for peer, net in ((client, "10.9.0"), (pod, "10.244.1")):
            name = peer.ns[-8:]
            node.ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", peer.ns)
            node.ip("addr", "add", f"{net}.254/24", "dev", name)
            node.ip("link", "set", name, "up")
            peer.ip("addr", "add", f"{net}.1/24", "dev", "eth0")
            peer.ip("link", "set", "eth0", "up")
            peer.ip("route", "add", "default", "via", f"{net}.254")
        for i in range(RUNS + 1):  # each run asks from an address of its own: all flows are new
            client.ip("addr", "add", f"10.9.0.{10 + i}/24", "dev", "eth0")
        netns.sysctl(node.ns, "net/ipv4/ip_forward", 1)
        netns.sysctl(node.ns, "net/ipv6/conf/all/forwarding", 1)  # the proxy would warn
        for address in self.PODS:
            pod.ip("addr", "add", f"{address}/24", "dev", "eth0")
            pod.children.append(subprocess.Popen(["ip", "netns", "exec", pod.ns, f"{self.build}/bench/bench_flows",
                                                  "serve", address, "5353", address]))
        node.start(f"{self.build}/bin/bellman-apiserver", "--listen", f"127.0.0.1:{PORT}")
        node.wait_ready(PORT)
        self.api = Api(node)
        self.api.create(kube.service("probe", [(self.PORT, 5353)], protocol="UDP", type="ClusterIP", clusterIP=self.IP, clusterIPs=[self.IP]),
                        kube.endpoint_slice("probe", [(self.PODS[0], "node-a")], [(self.PORT, 5353)], protocol="UDP"))
        fill(self.api, self.count, False)

    def start_proxy(self):
        """Returns (seconds until it has all rules in the kernel, peak KiB of the proxy, of nft)."""
        began = time.monotonic()
        self.proxy = self.node.start(f"{self.build}/bin/bellman-proxy", "--server", f"http://127.0.0.1:{PORT}", "--node-name", "node-a")
        peaks = Peak(self.proxy.pid), PeakOfChildren(self.proxy.pid)
        wait_for(lambda: self.node.http(7474, "/readyz")[0] == 200, 120, "the proxy to be ready", 0.01)
        took = time.monotonic() - began
        return took, *(p.stop() for p in peaks)

    def ask(self, count):
        self.runs = (self.runs + 1) % (RUNS + 1)
        seen = json.loads(self.client.run(f"{self.build}/bench/bench_flows", "ask", self.IP, self.PORT, f"10.9.0.{10 + self.runs}", count))
        if seen["answers"] < 0.99 * count:
            raise SystemExit(f"bench: {seen['answers']} of {count} flows were answered")
        return seen

    def change(self, to):
        """Put the one endpoint elsewhere; seconds until new flows go there."""
        waiting = subprocess.Popen(["ip", "netns", "exec", self.client.ns, f"{self.build}/bench/bench_flows", "until",
                                    self.IP, str(self.PORT), "10.9.0.1", to], stdout=subprocess.PIPE, text=True)
        began = time.monotonic()
        self.api.patch("EndpointSlice", "probe-ipv4", {"endpoints": [{"addresses": [to], "nodeName": "node-a", "conditions": {"ready": True}}]})
        return float(waiting.communicate(timeout=60)[0]) - began

    def close(self):
        for host in (self.node, self.client, self.pod):
            host.close()


def bench_proxy(build, row, few=10, many=10000):
    """A node with @many Services beside one with @few, each with an EXTERNAL-IP and an endpoint."""
    small, large = Forwarding(build, few), Forwarding(build, many)
    try:
        for f in (small, large):
            f.start()
        first = [f.start_proxy() for f in (large, small)]
        for f in (large, small):
            f.ask(500)
        seen = {small: [], large: []}
        changes = {small: [], large: []}
        for i in range(RUNS):
            for f in (large, small):
                seen[f].append(f.ask(5000))
            for f in (large, small):
                changes[f] += [f.change(f.PODS[1]), f.change(f.PODS[0])]
        again = []
        for f in (large, small):
            f.proxy.kill()
            f.proxy.wait(10)
            f.node.children.remove(f.proxy)
            again.append(f.start_proxy())

        of = f"{few} Services"
        for key, label in (("p50_us", "new UDP flow through a Service, p50, µs"), ("p99_us", "new UDP flow through a Service, p99, µs")):
            row(f"{label}, at {many}", statistics.median(s[key] for s in seen[large]), statistics.median(s[key] for s in seen[small]), of)
        row(f"endpoint changed until new flows go there, ms, at {many}", 1000 * statistics.median(changes[large]),
            1000 * statistics.median(changes[small]), of)
        for runs, what in ((first, "first load"), (again, "take-over after kill -9")):
            for i, (label, unit) in enumerate((("s", 1), ("peak RssAnon of bellman-proxy, MiB", 1024), ("peak RssAnon of nft, MiB", 1024))):
                row(f"{what} of {many} Services, {label}", runs[0][i] / unit, runs[1][i] / unit, of)
    finally:
        small.close()
        large.close()


def bench_simulate(build, row):
    """Simulated time against a core's: the one is the figure, the other its reference. Expectations and invariants must hold."""
    for nodes, services, seconds in ((100, 1000, 600), (1000, 10000, 60)):
        if available_kib() < nodes * services // 2:
            print(f"bench: {nodes} simulated nodes with {services} Services take {nodes * services >> 21} GiB of memory, skipped", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = scale.write(folder, nodes, services, seconds)
            playing = subprocess.Popen([f"{build}/bin/bellman", "simulate", path], stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(playing.pid, 0)
            playing.returncode = os.waitstatus_to_exitcode(status)
        if playing.returncode != 0:
            raise SystemExit(f"bench: {nodes} nodes with {services} Services: bellman simulate ended with status {playing.returncode}")
        of = f"{nodes:,} nodes with {services:,} Services"
        row(f"simulator, {of}, simulated s", seconds, used.ru_utime + used.ru_stime, "s of CPU")
        row("  peak VmRSS, MiB", used.ru_maxrss / 1024, None, "")


PARTS = {"arp": bench_arp, "allocate": bench_allocate, "speaker-memory": bench_speaker_memory, "apiserver": bench_apiserver,
         "proxy": bench_proxy, "simulate": bench_simulate}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--json")
    parser.add_argument("--only", choices=PARTS)
    args = parser.parse_args()
    reason = netns.why_not()
    if reason:
        sys.exit(f"bench: {reason}")
    rows = []

    def row(what, value, reference, of):
        ratio = f"{value / reference:.2f}" if reference else ""
        rows.append({"what": what, "value": value, "reference": reference, "of": of})
        shown = f"{reference:,.1f} ({of})" if reference is not None else ""
        print(f"| {what} | {value:,.1f} | {shown} | {ratio} |", flush=True)

    print("| figure | Bellman | reference in the same run | ratio |\n|---|---|---|---|")
    drawn = [part(args.build, row) for name, part in PARTS.items() if args.only in (None, name)]
    for text in filter(None, drawn):
        print(f"\n{text}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
