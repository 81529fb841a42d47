# SPDX-License-Identifier: Apache-2.0
"""
The lab: a cluster's network in namespaces on one machine, with Bellman's real daemons in it.

                        client 10.0.0.1
                           |
    API server 10.0.0.254  |
              sw ----------+--------------------- br0, a switch; 10.0.0.0/24 and fd00:10::/64
              |                |                |
        node-a .11       node-b .12       node-c .13        eth0; a speaker and a proxy each
              |                |                |
         pod-a .1.2       pod-b .2.2       pod-c .3.2       10.244.N.0/24, fd00:244:N::/64; HTTP and UDP echo on 8080

Each Lab has its own prefix for the names of its namespaces, so many may run at once, and nothing
of it outlives the `with` block: processes are ended by pid, namespaces deleted. No packet leaves
the namespaces. Building it takes some 0.2 s; daemons are started one by one by the caller:

    with Lab() as lab:
        lab.start_apiserver()
        lab.start_allocator()
        lab.start_speaker("node-a")
        lab.api.create(pool("p", ["10.0.0.200-10.0.0.230"]), service("web"))
        ip = lab.wait_for(lambda: lab.api.external_ips("web"))[0]

Programs come from $BELLMAN_BIN (build/san/bin). `wait_for` polls a condition up to a deadline;
there are no sleeps that stand for "it should have happened by now".
"""

import contextlib
import http.client
import ipaddress
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

import api as kube
import netns

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent.parent
CRDS = REPO / "config/crds"
BIN = pathlib.Path(os.environ.get("BELLMAN_BIN", REPO / "build/san/bin"))

NODES = ("node-a", "node-b", "node-c")
CLIENT4, CLIENT6 = "10.0.0.1", "fd00:10::1"
API_HOST, API_PORT = "10.0.0.254", 6443
TOKEN = "lab-token-not-a-secret"

_counter = itertools.count()


def node_number(node):
    """node-a is 1, and so on: the third octet of its pod network."""
    return ord(node[-1]) - ord("a") + 1


def node_ip(node, family=4):
    n = node_number(node)
    return f"10.0.0.{10 + n}" if family == 4 else f"fd00:10::{10 + n}"


def pod_ip(node, family=4, host=2):
    """Of the pod whose number on @node is @host: pod-a and its like are 2, others from 3 on (Lab.add_pod)."""
    n = node_number(node)
    return f"10.244.{n}.{host}" if family == 4 else f"fd00:244:{n}::{host}"


def pod_nets(node):
    """The pod network of @node, of each family."""
    n = node_number(node)
    return f"10.244.{n}.0/24", f"fd00:244:{n}::/64"


def node_mac(node):
    """Chosen so that a MAC in a capture tells the node: node-a is 02:00:00:00:00:0a."""
    return f"02:00:00:00:00:{9 + node_number(node):02x}"


def url(ip, port=80):
    host = f"[{ip}]" if ":" in str(ip) else str(ip)
    return f"http://{host}/" if port == 80 else f"http://{host}:{port}/"


def wait_for(condition, deadline=5.0, what=None, every=0.02):
    """
    Poll until condition() is true and return what it returned. After @deadline seconds an
    AssertionError says what was waited for and the last value or exception seen.
    """
    end = time.monotonic() + deadline
    while True:
        try:
            last = condition()
            if last:
                return last
        except (kube.ApiError, OSError, http.client.HTTPException) as e:
            last = e
        if time.monotonic() >= end:
            raise AssertionError(f"not within {deadline:g} s: {what or 'the condition'}; last seen: {last!r}")
        time.sleep(every)


class Process:
    """A program running in a namespace, with its output in a log file."""

    def __init__(self, lab, name, ns, argv, env=None):
        self.lab, self.name, self.ns, self.argv, self.env = lab, name, ns, [str(a) for a in argv], env
        self.log_path = lab.scratch / f"{name}.log"
        self.popen = None
        self.forced = False  # ended with SIGKILL: its exit code says nothing
        lab.processes.append(self)  # first, so that an interrupt cannot lose it
        self.start()

    def start(self):
        """Start it (again, with the same arguments; the log goes on)."""
        env = {"UBSAN_OPTIONS": "print_stacktrace=1", **os.environ, **(self.env or {})}
        with open(self.log_path, "ab") as log:
            # A session of its own: Ctrl-C on the terminal is for us, who then end it in order.
            self.popen = subprocess.Popen(["ip", "netns", "exec", self.lab.ns(self.ns), *self.argv],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                                          start_new_session=True)
        self.forced = False
        return self

    @property
    def pid(self):
        return self.popen.pid  # `ip netns exec` execs the program: same pid

    @property
    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def last_words(self):
        """What the log says at the end; of a sanitizer's report its beginning."""
        report = re.search(r".*(ERROR: \w+Sanitizer|runtime error:).*(?:\n.*){0,25}", self.log)
        return report[0] if report else self.log[-2000:]

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def signal(self, number):
        if self.running():
            self.popen.send_signal(number)

    def kill(self):
        """As a crash: SIGKILL, and wait until it is gone."""
        self.forced = True
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self, deadline=5.0):
        """SIGTERM and wait. Returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.reap(deadline)

    def reap(self, deadline=5.0):
        try:
            return self.popen.wait(deadline)
        except subprocess.TimeoutExpired:
            self.lab.complaints.append(f"{self.name} did not end within {deadline:g} s of SIGTERM")
            self.kill()
            return self.popen.returncode

    def wait_log(self, pattern, deadline=5.0):
        """Wait for a line of the log that matches; returns the match."""
        return wait_for(lambda: re.search(pattern, self.log), deadline, f"/{pattern}/ in the log of {self.name}")


class Daemon(Process):
    """One of Bellman's daemons, with its health and metrics endpoint."""

    def __init__(self, lab, name, ns, argv, metrics_port=None, env=None):
        self.metrics_port = metrics_port
        super().__init__(lab, name, ns, argv, env)

    def http(self, path):
        """GET from the metrics listener, from inside its namespace: (status, text)."""
        c = netns.Connection(self.lab.ns(self.ns), "127.0.0.1", self.metrics_port)
        try:
            c.request("GET", path)
            answer = c.getresponse()
            return answer.status, answer.read().decode()
        finally:
            c.close()

    def ready(self):
        if not self.running():
            raise AssertionError(f"{self.name} ended with {self.popen.returncode}:\n{self.last_words()}")
        return self.http("/readyz")[0] == 200

    def wait_ready(self, deadline=10.0):
        try:
            wait_for(self.ready, deadline, f"{self.name} to be ready")
        except AssertionError as e:
            raise e if not self.running() else AssertionError(f"{e}\n{self.last_words()}") from None
        return self

    def metrics(self):
        """{'name{label="x"}': value} of /metrics now."""
        values = {}
        for line in self.http("/metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values


class Lab:
    """
    @nodes: how many of NODES. @backends: start the workloads in pod-a, pod-b, pod-c.
    @prefix: of the namespaces' names; by default one of its own. @bin: where the programs are.
    """

    def __init__(self, nodes=NODES, backends=True, prefix=None, bin=None):
        self.nodes = tuple(nodes)
        self.pods = tuple(n.replace("node", "pod") for n in self.nodes)
        self.more_pods = []
        self.prefix = prefix or f"bl{os.getpid()}x{next(_counter)}-"
        self.bin = pathlib.Path(bin or BIN)
        self.backends = backends
        self.scratch = None
        self.processes = []
        self.complaints = []  # what went wrong in a daemon and no assertion saw
        self.kept = False
        self.api = kube.Api(self.ns("sw"), API_HOST, API_PORT, TOKEN)

    # --- up and down ------------------------------------------------------------------------

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if self.kept:
            return
        self.close()
        if kind is None and self.complaints:
            raise AssertionError("\n".join(self.complaints))

    def ns(self, host):
        """The namespace of "client", "sw", "node-a", "pod-a"…"""
        return self.prefix + host

    def names(self):
        return ("sw", "client", *self.nodes, *self.pods, *self.more_pods)

    def _build(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix=f"bellman-lab-{self.prefix}"))
        self._add_namespaces(self.names())
        for n in ("sw", *self.nodes):
            netns.sysctl(self.ns(n), "net/ipv4/ip_forward", 1)
            netns.sysctl(self.ns(n), "net/ipv6/conf/all/forwarding", 1)

        hosts = {"client": (CLIENT4, CLIENT6, "02:00:00:00:00:01")}
        hosts |= {n: (node_ip(n), node_ip(n, 6), node_mac(n)) for n in self.nodes}
        switch = ["link set lo up",
                  "link add br0 address 02:00:00:00:00:fe type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
                  f"addr add {API_HOST}/24 dev br0", "addr add fd00:10::254/64 dev br0 nodad", "link set br0 up"]
        for h, (_, _, mac) in hosts.items():
            switch += [f"link add sw-{h} type veth peer name eth0 address {mac} netns {self.ns(h)}",
                       f"link set sw-{h} master br0 up"]
        self._ip("sw", switch)
        for h, (v4, v6, _) in hosts.items():
            self._ip(h, ["link set lo up", f"addr add {v4}/24 dev eth0", f"addr add {v6}/64 dev eth0 nodad",
                         "link set eth0 up", f"route add default via {API_HOST}",
                         "route add default via fd00:10::254"])
        for node in self.nodes:
            self._ip(node, [f"route add {net} via {node_ip(other, f)}" for other in self.nodes if other != node
                            for f, net in zip((4, 6), pod_nets(other))])
        for node, pod in zip(self.nodes, self.pods):
            self._build_pod(node, pod, 2)
        if self.backends:
            for pod in self.pods:
                self._start_backend(pod)
            for pod in self.pods:
                self.process(f"backend-{pod}").wait_log("ready")

    def _add_namespaces(self, names):
        self._ip(None, [f"netns add {self.ns(n)}" for n in names])
        for n in names:
            # No duplicate address detection: link-local addresses are usable at once.
            netns.sysctl(self.ns(n), "net/ipv6/conf/default/accept_dad", 0)
            if n != "client":
                netns.sysctl(self.ns(n), "net/ipv6/conf/default/accept_ra", 0)

    def _build_pod(self, node, pod, host):
        """
        One pod's network as the CNI plugin "ptp" lays it: a cable of its own, the gateway's address on
        every cable, and a route for the pod alone. So pods of one node meet in the node, whose service
        proxy then sees both ways of what they say to each other.
        """
        cable, cmds, inside = f"cni{host - 2}", [], ["link set lo up", "link set eth0 up"]
        for f, bits in ((4, 32), (6, 128)):
            ip, gateway, nodad = pod_ip(node, f, host), pod_ip(node, f, 1), " nodad" if f == 6 else ""
            cmds += [f"addr add {gateway}/{bits} dev {cable}{nodad}", f"route add {ip}/{bits} dev {cable}"]
            inside += [f"addr add {ip}/{bits} dev eth0{nodad}", f"route add {gateway}/{bits} dev eth0",
                       f"route add default via {gateway}"]
        self._ip(node, [f"link add {cable} type veth peer name eth0 netns {self.ns(pod)}", f"link set {cable} up", *cmds])
        self._ip(pod, inside)

    def _start_backend(self, pod, port=8080):
        return self.popen(pod, ["/usr/bin/python3", "-IS", HERE / "backend.py", pod, port], f"backend-{pod}")

    def add_pod(self, node, pod, host):
        """One more pod on @node: its namespace, with the addresses pod_ip(node, 4 or 6, host)."""
        self.more_pods.append(pod)
        self._add_namespaces([pod])
        self._build_pod(node, pod, host)

    def add_backends(self, port, pods):
        """More pods with the workload on @port: {name: (node, host)}. Back when all of them listen."""
        for pod, (node, host) in pods.items():
            self.add_pod(node, pod, host)
        for backend in [self._start_backend(pod, port) for pod in pods]:
            backend.wait_log("ready")

    def _ip(self, host, commands):
        argv = ["ip", *(["-n", self.ns(host)] if host else []), "-batch", "-"]
        done = subprocess.run(argv, input="\n".join(commands) + "\n", text=True, capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")

    def close(self):
        """End every process, newest first, delete the namespaces and the scratch folder. Twice is fine."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            stopping = [p for p in reversed(self.processes) if p.running()]
            for p in stopping:
                p.signal(signal.SIGTERM)
            for p in stopping:
                p.reap()
            self._look_for_faults(stopping)
            existing = set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()
            doomed = [self.ns(n) for n in self.names() if self.ns(n) in existing]
            for ns in doomed:  # what an interrupt between fork and bookkeeping may have left
                kill_all_in(ns)
            if doomed:
                subprocess.run(["ip", "-force", "-batch", "-"], input="".join(f"netns del {n}\n" for n in doomed),
                               text=True, capture_output=True)
            if self.scratch and self.scratch.exists() and not os.environ.get("BELLMAN_LAB_LOGS"):
                shutil.rmtree(self.scratch, ignore_errors=True)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _look_for_faults(self, stopped):
        """Sanitizer reports and ugly ends are faults even if every assertion held."""
        for p in self.processes:
            if re.search(r"ERROR: \w+Sanitizer|runtime error:", p.log):
                self.complaints.append(f"{p.name}: {p.last_words()}")
            elif isinstance(p, Daemon) and p in stopped and not p.forced and p.popen.returncode != 0:
                self.complaints.append(f"{p.name} ended with {p.popen.returncode} on SIGTERM:\n{p.last_words()}")

    # --- running things ----------------------------------------------------------------------

    def run(self, ns, argv, check=True, timeout=10, **kwargs):
        """Run to the end in a namespace; returns CompletedProcess with text output."""
        kwargs = {"capture_output": True, "text": True, **kwargs}
        done = subprocess.run(["ip", "netns", "exec", self.ns(ns), *map(str, argv)], timeout=timeout, **kwargs)
        if check and done.returncode != 0:
            raise AssertionError(f"{ns}: {' '.join(map(str, argv))}: exit {done.returncode}: {done.stderr or done.stdout}")
        return done

    def popen(self, ns, argv, name=None, env=None):
        """Start something that runs until the lab ends; its output goes to scratch/NAME.log."""
        return Process(self, name or f"{pathlib.Path(str(argv[0])).name}-{len(self.processes)}", ns, argv, env)

    def process(self, name):
        return next(p for p in self.processes if p.name == name)

    wait_for = staticmethod(wait_for)

    # --- the daemons --------------------------------------------------------------------------

    @property
    def kubeconfig(self):
        """A kubeconfig with the lab's server and token; works from every namespace on the switch."""
        path = self.scratch / "kubeconfig"
        if not path.exists():
            path.write_text(f"""apiVersion: v1
kind: Config
current-context: lab
clusters: [{{name: lab, cluster: {{server: "https://{API_HOST}:{API_PORT}", certificate-authority: {self.certificate()[0]}}}}}]
users: [{{name: lab, user: {{token: {TOKEN}}}}}]
contexts: [{{name: lab, context: {{cluster: lab, user: lab}}}}]
""", encoding="ascii")
            path.chmod(0o600)
        return path

    def certificate(self):
        """(certificate, key) of the API server, made when first asked for. kubectl sends no token without TLS."""
        cert, key = self.scratch / "api.crt", self.scratch / "api.key"
        if not cert.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-days", "2", "-subj", "/CN=bellman-lab", "-addext", f"subjectAltName=IP:{API_HOST}",
                            "-keyout", key, "-out", cert], check=True, capture_output=True)
        return cert, key

    def start_apiserver(self, *args, manifests=(), data=True, wait=True):
        """
        bellman-apiserver on the switch's own address, with the CustomResourceDefinitions of config/crds
        and the folders @manifests. @data: keep state in scratch/state.db (survives kill and start()).
        With TLS and a token, as every server off loopback; so credentials are always exercised.
        """
        token_file = self.scratch / "tokens"
        token_file.write_text(f'{TOKEN},lab-admin,1,"system:masters"\n', encoding="ascii")
        token_file.chmod(0o600)
        cert, key = self.certificate()
        self.api.trust(cert)
        argv = [self.bin / "bellman-apiserver", "--listen", f"{API_HOST}:{API_PORT}", "--token-file", token_file,
                "--tls-cert", cert, "--tls-key", key, "--manifests", ",".join(map(str, (CRDS, *manifests)))]
        if data:
            argv += ["--data", self.scratch / "state.db"]
        p = Daemon(self, "apiserver", "sw", [*argv, *args])
        if wait:
            self.wait_api()
        return p

    def spoil(self, kind, name, change, ns="default"):
        """
        Have the API server tell of an object in a form that it would not store itself, as another
        server might: stop it, change(object) in the state file, start it again. Who watches goes on
        from the version he knows and hears nothing; who lists sees it.
        """
        p = self.process("apiserver")
        p.stop()
        with contextlib.closing(sqlite3.connect(self.scratch / "state.db")) as db, db:
            where = ("resource LIKE ? AND ns = ? AND name = ?", (f"{kube.KINDS[kind][1]}%", ns, name))
            ((body,),) = db.execute(f"SELECT body FROM objects WHERE {where[0]}", where[1])
            spoiled = json.loads(body)
            change(spoiled)
            db.execute(f"UPDATE objects SET body = ? WHERE {where[0]}", (json.dumps(spoiled, separators=(",", ":")), *where[1]))
        p.start()
        self.wait_api()

    def wait_api(self, deadline=10.0):
        p = self.process("apiserver")

        def up():
            if not p.running():
                raise AssertionError(f"apiserver ended with {p.popen.returncode}:\n{p.last_words()}")
            return self.api.alive()

        wait_for(up, deadline, "the API server to answer")

    def start_allocator(self, *args, wait=True, name="allocator", metrics_port=7473, env=None):
        """After a kill one that is started again waits as long as a write may take: of this lease, 2 s."""
        lease = ("--lease-duration", "6s", "--renew-deadline", "4s", "--retry-period", "1s")
        argv = [self.bin / "bellman-allocator", "--kubeconfig", self.kubeconfig, "--metrics", f"127.0.0.1:{metrics_port}"]
        p = Daemon(self, name, "sw", [*argv, *lease, *args], metrics_port, env)
        return p.wait_ready() if wait else p

    def start_speaker(self, node, *args, wait=True):
        argv = [self.bin / "bellman-speaker", "--kubeconfig", self.kubeconfig, "--node-name", node, *args]
        p = Daemon(self, f"speaker-{node}", node, argv, 7472)
        return p.wait_ready() if wait else p

    def start_proxy(self, node, *args, wait=True):
        argv = [self.bin / "bellman-proxy", "--kubeconfig", self.kubeconfig, "--node-name", node, *args]
        p = Daemon(self, f"proxy-{node}", node, argv, 7474)
        return p.wait_ready() if wait else p

    def start_all(self, manifests=(), objects=()):
        """The whole cast: API server with @manifests and @objects, allocator, a speaker and a proxy on each node."""
        self.start_apiserver(manifests=manifests)
        self.api.create(*objects)
        daemons = [self.start_allocator(wait=False)]
        for n in self.nodes:
            daemons += [self.start_speaker(n, wait=False), self.start_proxy(n, wait=False)]
        for d in daemons:
            d.wait_ready()
        return self

    # --- objects of the lab's cluster ------------------------------------------------------------

    def cluster_objects(self):
        """The Nodes (and the namespace of the configuration) that this network stands for."""
        objects = [kube.namespace(kube.SYSTEM)]
        for n in self.nodes:
            objects.append(kube.node(n, [node_ip(n), node_ip(n, 6)], pod_nets(n)))
        return objects

    def endpoints(self, service, nodes=None, family=4, ports=((80, 8080),), **kwargs):
        """An EndpointSlice of the backends on @nodes (all)."""
        return kube.endpoint_slice(service, [(pod_ip(n, family), n) for n in nodes or self.nodes], ports, **kwargs)

    # --- what a client sees -----------------------------------------------------------------------

    def http_get(self, ns, url, timeout=2.0):
        """The body that curl gets in @ns, or None."""
        done = self.run(ns, ["curl", "-gsf", "--connect-timeout", f"{timeout:g}", "--max-time", f"{timeout:g}", url],
                        check=False, timeout=timeout + 5)
        return done.stdout.strip() if done.returncode == 0 else None

    def udp_ask(self, ns, ip, port, payload=b"ping", timeout=2.0):
        """One datagram out, the answer's text back, or None."""
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        with netns.entered(self.ns(ns)):
            s = socket.socket(family, socket.SOCK_DGRAM)
        with s:
            s.settimeout(timeout)
            s.connect((ip, port))
            try:
                s.send(payload)
                return s.recv(2048).decode()
            except OSError:
                return None

    def neigh(self, ns, ip):
        """The MAC that @ns's kernel holds for @ip, or None."""
        out = self.run(ns, ["ip", "-j", "neigh", "show", "to", ip]).stdout
        return next((e["lladdr"] for e in json.loads(out or "[]") if "lladdr" in e), None)

    def forget_neigh(self, ns, ip):
        self.run(ns, ["ip", "neigh", "flush", "to", ip])

    def node_of_mac(self, mac):
        return next((n for n in self.nodes if node_mac(n) == mac), None)

    def resolve(self, ns, ip):
        """Make @ns's kernel ask for @ip (a datagram to the discard port) and return the node that answered, or None."""
        family = socket.AF_INET6 if ipaddress.ip_address(ip).version == 6 else socket.AF_INET
        self.forget_neigh(ns, ip)
        with netns.entered(self.ns(ns)):
            s = socket.socket(family, socket.SOCK_DGRAM)
        with s:
            s.connect((ip, 9))
            s.send(b"?")
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            mac = self.neigh(ns, ip)
            if mac:
                return self.node_of_mac(mac)
            time.sleep(0.01)
        return None


def kill_all_in(ns):
    """SIGKILL to every process in one of our namespaces."""
    for pid in subprocess.run(["ip", "netns", "pids", ns], capture_output=True, text=True).stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def sweep():
    """Remove what labs of dead test processes left behind (their pid is in the names)."""
    def abandoned(name):
        owner = re.match(r"(?:bellman-lab-)?bl(\d+)x\d+-", name)
        return owner and not os.path.exists(f"/proc/{owner[1]}")

    for name in filter(abandoned, os.listdir("/run/netns") if os.path.isdir("/run/netns") else ()):
        kill_all_in(name)
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    for name in filter(abandoned, os.listdir(tempfile.gettempdir())):
        shutil.rmtree(pathlib.Path(tempfile.gettempdir()) / name, ignore_errors=True)
