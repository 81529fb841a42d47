# SPDX-License-Identifier: Apache-2.0
"""
Are the simulator's neighbour caches those of Linux? Each script is played twice: to a kernel in a namespace
of its own, frame by frame from the other end of a veth, and to sim/stack.h (tests/sim/neighbours.c).
What the caches hold at each `show`, and the frames that were sent meanwhile, must be the same.

base_reachable_time, delay_first_probe_time and retrans_time are lowered where a script would take
minutes, on both sides. All scripts run at once, as the kernel's caches live in real time. Linux runs timers up to an
eighth late and notices a carrier within a second or two, so that scripts leave room around what is due.
"""

import concurrent.futures
import dataclasses
import errno
import ipaddress
import itertools
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading
import time

import pytest

import hosts
import netns
from lab import BIN

HOST_MAC, A, B = "02:00:00:00:00:01", "02:00:00:00:00:0a", "02:00:00:00:00:0b"
ALL, ZERO = "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"
HOST = {4: "10.9.0.1", 6: "fd09::1"}
VIP = {4: "10.9.0.9", 6: "fd09::9"}
OTHER = {4: "10.9.0.7", 6: "fd09::7"}
ALL_NODES = "ff02::1"
LATE_S, TRIES = 0.15, 3


# --- frames -----------------------------------------------------------------------------

def raw(mac):
    return bytes.fromhex(mac.replace(":", ""))


def packed(ip):
    return ipaddress.ip_address(ip).packed


def group_of(ip):
    """The solicited-node group of an IPv6 address."""
    return str(ipaddress.ip_address(packed("ff02::1:ff00:0")[:13] + packed(ip)[13:]))


def mac_of_group(group):
    return "33:33:" + packed(group)[12:].hex(":")


def arp(op, sender, sender_ip, target, target_ip, to):
    """@op 1: request, 2: reply; as a whole frame to @to."""
    return (raw(to) + raw(sender) + b"\x08\x06\x00\x01\x08\x00\x06\x04" + struct.pack("!H", op)
            + raw(sender) + packed(sender_ip) + raw(target) + packed(target_ip))


def icmpv6(sender, source, to, dest, kind, flags, target, option):
    body = struct.pack("!BBHI", kind, 0, 0, flags) + packed(target) + option
    pseudo = packed(source) + packed(dest) + struct.pack("!II", len(body), 58)
    total = sum(struct.unpack(f"!{len(pseudo + body) // 2}H", pseudo + body))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    body = body[:2] + struct.pack("!H", total ^ 0xffff) + body[4:]
    return (raw(to) + raw(sender) + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(body), 58, 255)
            + packed(source) + packed(dest) + body)


def ns(sender, source, target, to=None, lladdr=True):
    """@to: the hardware address of whom it is for alone; None: to the target's group."""
    dest = target if to else group_of(target)
    return icmpv6(sender, source, to or mac_of_group(dest), dest, 135, 0, target,
                  b"\x01\x01" + raw(sender) if lladdr else b"")


def na(sender, target, solicited, override, dest=None, lladdr=True):
    """To @dest, or the host when solicited and all nodes when not."""
    dest = dest or (HOST[6] if solicited else ALL_NODES)
    to = HOST_MAC if dest == HOST[6] else mac_of_group(dest)
    return icmpv6(sender, target, to, dest, 136, solicited << 30 | override << 29, target,
                  b"\x02\x01" + raw(sender) if lladdr else b"")


def answer(family, mac, ip=None):
    """To the host's question: as a kernel and as Bellman send it."""
    ip = ip or VIP[family]
    return arp(2, mac, ip, HOST_MAC, HOST[4], HOST_MAC) if family == 4 else na(mac, ip, 1, 1)


def announcement(family, mac, ip=None):
    """That Bellman has an address now: a gratuitous request, or an overriding advertisement."""
    ip = ip or VIP[family]
    return arp(1, mac, ip, ZERO, ip, ALL) if family == 4 else na(mac, ip, 0, 1)


def reply_announcement(mac, target=None):
    """The other form that Bellman sends: a reply to all."""
    return arp(2, mac, VIP[4], target or mac, VIP[4], ALL)


def question(family, mac, ip=None, about=None):
    """@mac, with @ip, asks all who has @about (the host)."""
    ip, about = ip or VIP[family], about or HOST[family]
    return arp(1, mac, ip, ZERO, about, ALL) if family == 4 else ns(mac, ip, about)


# --- scripts ----------------------------------------------------------------------------

@dataclasses.dataclass
class Script:
    name: str
    steps: list  # (ms, what, on): see tests/sim/neighbours.c; frames are bytes
    accept: bool = False
    reachable_ms: int = 30000
    delay_s: int = 5
    retrans_ms: int = 1000


def show(ms, family):
    return ms, "show", VIP[family]


def known_to_be(family, mac, at=0):
    """The address is asked for, and answered by @mac; over 100 ms later."""
    return [(at, "send", VIP[family]), (at + 100, "frame", answer(family, mac))]


def both(name, steps, **settings):
    """Two scripts: @steps(family)."""
    return [Script(f"{name}, IPv{family}", steps(family), **settings) for family in (4, 6)]


def moved(family, frame, *more, at=300):
    """@frame comes when A is known, and again when that is long since so."""
    return known_to_be(family, A) + [(at, "frame", frame), show(at + 200, family), *more]


SCRIPTS = [
    *both("a question is answered", lambda f: [
        (0, "send", VIP[f]), show(300, f), (600, "frame", answer(f, A)), show(900, f)]),
    *both("nobody answers", lambda f: [
        (0, "send", VIP[f]), show(2500, f), show(4000, f),
        (4100, "send", VIP[f]), show(4400, f), (4600, "frame", answer(f, A)), show(4900, f)]),
    *both("the second question is answered, and what waited is sent", lambda f: [
        (0, "send", VIP[f]), (200, "send", VIP[f]), (400, "send", VIP[f]),
        (1600, "frame", answer(f, A)), show(1900, f)]),
    *both("an announcement makes no entry", lambda f: [
        (0, "frame", announcement(f, A)), show(300, f)]),
    *both("an announcement moves an entry at once", lambda f: moved(f, announcement(f, B))),
    *both("an announcement moves an old entry", lambda f: moved(f, announcement(f, B), at=1800)),
    *both("an announcement of what is known", lambda f: moved(f, announcement(f, A))),
    *both("an announcement answers a question for now", lambda f: [
        (0, "send", VIP[f]), (300, "frame", announcement(f, A)), show(600, f)]),
    *both("an announcement comes when nobody answered", lambda f: [
        (0, "send", VIP[f]), (4000, "frame", announcement(f, A)), show(4300, f)]),
    *both("an announcement of the host's own address", lambda f: [
        (0, "frame", announcement(f, A, HOST[f])), (300, "show", HOST[f])]),
    Script("a reply to all that is gratuitous", moved(4, reply_announcement(B))),
    Script("a reply to all that is not gratuitous, in locktime", moved(4, reply_announcement(B, ALL))),
    Script("a reply to all that is not gratuitous, after it",
           moved(4, reply_announcement(B, ALL), at=1800)),
    *both("another answer at once", lambda f: moved(f, answer(f, B))),
    *both("another answer later", lambda f: moved(f, answer(f, B), at=1800)),
    Script("an answer that waits for locktime's end begins none itself",
           moved(4, answer(4, B), (900, "frame", answer(4, B)), (1500, "frame", answer(4, B)), show(1700, 4))),
    *both("another answer makes a STALE entry REACHABLE", lambda f: moved(
        f, announcement(f, B), (2000, "frame", answer(f, A)), show(2300, f))),
    Script("an advertisement without override", moved(6, na(B, VIP[6], 0, 0), show(900, 6))),
    Script("a solicited one without override", moved(6, na(B, VIP[6], 1, 0), (800, "send", VIP[6]),
                                                     show(1100, 6))),
    Script("one without override, of a STALE entry",
           moved(6, announcement(6, B), (700, "frame", na(A, VIP[6], 1, 0)), show(900, 6))),
    Script("one without override answers a question", [
        (0, "send", VIP[6]), (300, "frame", na(A, VIP[6], 1, 0)), show(600, 6)]),
    Script("one without a link-layer address", moved(
        6, announcement(6, B), (700, "frame", na(B, VIP[6], 1, 0, lladdr=False)), show(900, 6))),
    Script("one without a link-layer address is no answer", [
        (0, "send", VIP[6]), (300, "frame", na(A, VIP[6], 1, 1, lladdr=False)), show(600, 6)]),
    Script("a solicited one to all nodes", moved(6, na(B, VIP[6], 1, 1, dest=ALL_NODES))),
    *both("with arp_accept an announcement makes an entry", lambda f: [
        (0, "frame", announcement(f, A)), show(300, f), (400, "send", VIP[f]), show(700, f)], accept=True),
    *both("with arp_accept an answer that nobody asked for makes one", lambda f: [
        (0, "frame", answer(f, A)), show(300, f)], accept=True),
    Script("with arp_accept a reply to all makes one", [
        (0, "frame", reply_announcement(A, ALL)), show(300, 4)], accept=True),
    Script("with arp_accept a question to others makes none", [
        (0, "frame", question(4, A, about=OTHER[4])), show(300, 4)], accept=True),
    *both("who asks is known", lambda f: [
        (0, "frame", question(f, A)), show(300, f), (600, "frame", question(f, B)), show(900, f)]),
    *both("who asks, and is used", lambda f: [
        (0, "frame", question(f, A)), (400, "send", VIP[f]), show(800, f)]),
    *both("who asks while he is asked for", lambda f: [
        (0, "send", VIP[f]), (300, "frame", question(f, A)), show(600, f)]),
    *both("who asks from a new place is followed", lambda f: moved(f, question(f, B))),
    *both("who asks for others is not known", lambda f: [
        (0, "frame", question(f, A, about=OTHER[f])), show(300, f)]),
    *both("who asks for others from a new place, at once", lambda f: moved(f, question(f, B, about=OTHER[f]))),
    *both("who asks for others from a new place, later", lambda f: moved(
        f, question(f, B, about=OTHER[f]), at=1800)),
    *both("who asks with the host's own address", lambda f: [
        (0, "frame", question(f, A, ip=HOST[f])), (300, "show", HOST[f])]),
    Script("who asks the host alone", [
        (0, "frame", ns(A, VIP[6], HOST[6], to=HOST_MAC)), show(300, 6)]),
    Script("who asks the host alone, and says not where he is", [
        (0, "frame", ns(A, VIP[6], HOST[6], to=HOST_MAC, lladdr=False)), show(300, 6)]),
    Script("who asks all, and says not where he is", [
        (0, "frame", ns(A, VIP[6], HOST[6], lladdr=False)), show(300, 6)]),
    Script("is the host's address free?", [
        (0, "frame", arp(1, A, "0.0.0.0", ZERO, HOST[4], ALL)), (300, "show", "0.0.0.0")]),
    Script("is the host's address free? by NDP", [
        (0, "frame", ns(A, "::", HOST[6], lladdr=False)), (300, "show", "::")]),
    *both("used until nobody answers", lambda f: [
        *known_to_be(f, A), (300, "frame", announcement(f, B)), show(500, f), (800, "send", VIP[f]), show(1000, f),
        (4000, "send", VIP[f]), show(5300, f), show(6500, f), (6600, "send", VIP[f]), show(10300, f)]),
    *both("used until the old place answers", lambda f: [
        *known_to_be(f, A), (300, "frame", announcement(f, B)), (800, "send", VIP[f]), show(1000, f),
        show(6500, f), (6600, "frame", answer(f, B)), show(6900, f)]),
    *both("an announcement ends a doubt", lambda f: [
        *known_to_be(f, A), (300, "frame", announcement(f, B)), (500, "send", VIP[f]), show(800, f),
        (1000, "frame", announcement(f, A)), show(1300, f), (1500, "send", VIP[f]), show(1700, f)]),
    *both("an announcement ends questions", lambda f: [
        *known_to_be(f, A), (300, "frame", announcement(f, B)), (500, "send", VIP[f]),
        (6300, "frame", announcement(f, A)), show(6500, f)]),
    *both("answers without a question put off questions", lambda f: [
        *known_to_be(f, A), (300, "frame", announcement(f, B)), (500, "send", VIP[f]),
        (3000, "frame", answer(f, A)), (3300, "frame", announcement(f, B)), show(3500, f)]),
    *both("unused for long", lambda f: [*known_to_be(f, A), show(1000, f), show(8000, f)],
          reachable_ms=4000, delay_s=1),
    *both("used when it grows old", lambda f: [*known_to_be(f, A), show(350, f), show(2600, f),
                                               (2800, "frame", answer(f, A)), show(3050, f)], reachable_ms=1000),
    *both("confirmed now and then", lambda f: [
        *known_to_be(f, A), *((ms, "frame", answer(f, A)) for ms in range(1000, 9000, 1000)), show(9300, f)],
        reachable_ms=4000, delay_s=1),
    *both("asked faster", lambda f: [(0, "send", VIP[f]), show(400, f), show(1200, f)], retrans_ms=250),
    *both("the cable is pulled", lambda f: [
        *known_to_be(f, A), (300, "carrier", "down"), show(2500, f), (2600, "carrier", "up"), show(4800, f)]),
]


# --- what was seen ----------------------------------------------------------------------

def told(frame):
    """What is compared of a frame that the host sent: every byte of ARP and NDP; None: nothing (MLD, RS)."""
    ethertype = frame[12:14]
    if ethertype == b"\x08\x06":
        return f"arp {frame[:42].hex()}"
    if ethertype == b"\x08\x00":
        return f"datagram to {ipaddress.ip_address(frame[30:34])} at {frame[:6].hex(':')}"
    if ethertype == b"\x86\xdd" and frame[20] == 17:
        return f"datagram to {ipaddress.ip_address(frame[38:54])} at {frame[:6].hex(':')}"
    if ethertype == b"\x86\xdd" and frame[20] == 58 and frame[54] in (135, 136):
        return f"ndp {frame.hex()}"
    return None


def in_simulator(program, script):
    """Returns [(ms, what was shown, frames sent since the last show)]."""
    argv = [program, str(int(script.accept)), str(script.reachable_ms), str(script.delay_s * 1000),
            str(script.retrans_ms), HOST_MAC.replace(":", ""), f"{HOST[4]}/24", f"{HOST[6]}/64"]
    text = "".join(f"{ms} {what} {on.hex() if isinstance(on, bytes) else on}\n"
                   for ms, what, on in script.steps)
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    seen, sent = [], []
    for line in done.stdout.splitlines():
        ms, what, *rest = line.split()
        if what == "sent":
            sent.append(told(bytes.fromhex(rest[0])))
        else:
            seen.append((int(ms), " ".join(rest), [s for s in sent if s]))
            sent = []
    return seen


class Kernel:
    """A host in a namespace, with the other end of its cable in another one, where nobody lives."""

    _numbers = itertools.count()

    def __init__(self, script):
        self.script = script
        prefix = f"bl{os.getpid()}x{next(self._numbers)}-"
        self.host, self.wire = prefix + "kernel", prefix + "wire"

    def __enter__(self):
        try:
            for name in (self.host, self.wire):
                subprocess.run(["ip", "netns", "add", name], check=True)
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in (self.host, self.wire):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def _ip(self, ns_name, text):
        return subprocess.run(["ip", "-n", ns_name, *text.split()], check=True, capture_output=True, text=True).stdout

    def _build(self):
        s = self.script
        self._ip(self.host, f"link add eth0 address {HOST_MAC} type veth peer name wire netns {self.wire}")
        netns.sysctl(self.wire, "net/ipv6/conf/wire/disable_ipv6", 1)
        netns.sysctl(self.host, "net/ipv6/conf/eth0/accept_dad", 0)
        netns.sysctl(self.host, "net/ipv6/conf/eth0/router_solicitations", 0)
        netns.sysctl(self.host, "net/ipv4/conf/eth0/arp_accept", int(s.accept))
        netns.sysctl(self.host, "net/ipv6/conf/eth0/accept_untracked_na", int(s.accept))
        netns.sysctl(self.host, "net/ipv6/conf/all/forwarding", int(s.accept))  # else that says nothing
        for family in ("ipv4", "ipv6"):
            for name, value in (("base_reachable_time_ms", s.reachable_ms), ("delay_first_probe_time", s.delay_s),
                                ("retrans_time_ms", s.retrans_ms)):
                netns.sysctl(self.host, f"net/{family}/neigh/eth0/{name}", value)
        self._ip(self.host, f"addr add {HOST[4]}/24 dev eth0")
        self._ip(self.host, f"addr add {HOST[6]}/64 dev eth0 nodad")
        self._ip(self.wire, "link set wire up")
        self._ip(self.host, "link set eth0 up")
        self.socket = netns.packet_socket(self.wire, "wire")
        self.socket.settimeout(0)
        with netns.entered(self.host):
            self.udp = {4: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
                        6: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)}

    def wait(self):
        """Linux takes a second at times until IPv6 hears of the carrier and joins its groups."""
        end = time.monotonic() + 10
        while not self._is_up():
            assert time.monotonic() < end, "the interface does not come up"
            time.sleep(0.1)

    def _is_up(self):
        groups = self._ip(self.host, "-6 -o maddr show dev eth0")
        return str(ipaddress.ip_address(group_of(HOST[6]))) in groups and "LOWER_UP" in self._ip(
            self.host, "-o link show dev eth0 up")

    def _sent(self):
        frames = []
        while True:
            try:
                frame, (_, _, kind, _, _) = self.socket.recvfrom(2048)
            except BlockingIOError:
                return [t for t in map(told, frames) if t]
            except OSError as e:
                if e.errno != errno.ENETDOWN:  # said once when the cable was pulled
                    raise
                continue
            if kind != socket.PACKET_OUTGOING:
                frames.append(frame)

    def _state(self, ip):
        for n in json.loads(self._ip(self.host, f"-j neigh show {ip} nud all dev eth0") or "[]"):
            if n["dst"] == ip:
                return f"{ip} {n['state'][0]} {n.get('lladdr', '-')}"
        return f"{ip} NONE -"

    def _step(self, what, on):
        if what == "frame":
            self.socket.send(on)
        elif what == "send":
            self.udp[ipaddress.ip_address(on).version].sendto(b"x", (on, 9))
        elif what == "carrier":
            self._ip(self.wire, f"link set wire {on}")

    def play(self):
        """Returns what in_simulator() does, and how late the latest step was, in seconds."""
        seen, late = [], 0.0
        time.sleep(0.3)  # what an interface says when it comes up
        self._sent()
        began = time.monotonic()
        with self.socket, self.udp[4], self.udp[6]:
            for ms, what, on in self.script.steps:
                time.sleep(max(0.0, began + ms / 1000 - time.monotonic()))
                if what == "show":
                    seen.append((ms, self._state(on), self._sent()))
                else:
                    self._step(what, on)
                late = max(late, time.monotonic() - began - ms / 1000)
        return seen, late


def in_kernel(script, building):
    """What a kernel made of it. A machine that is too busy to keep the times gets another try."""
    for _ in range(TRIES):
        kernel = Kernel(script)
        try:
            with building:
                kernel.__enter__()
            kernel.wait()
            seen, late = kernel.play()
        finally:
            kernel.__exit__()
        if late < LATE_S:
            return seen
    raise TimeoutError(f"{script.name}: a step came {late:.2f} s late, {TRIES} times")


@pytest.fixture(scope="module")
def simulator():
    build = hosts.build_folder(BIN)
    program = build / "san/sim/neighbours"
    if not program.exists():
        subprocess.run(["make", "-s", f"BUILD={build}", str(program)], cwd=pathlib.Path(__file__).parents[2], check=True)
    return program


@pytest.fixture(scope="module")
def kernel(can_lab):
    """What a kernel makes of each script, by name: futures."""
    building = threading.Lock()
    with concurrent.futures.ThreadPoolExecutor(len(SCRIPTS)) as pool:
        yield {s.name: pool.submit(in_kernel, s, building) for s in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: re.sub(r"[^A-Za-z0-9]+", "-", s.name))
def test_the_simulator_does_what_the_kernel_does(script, kernel, simulator):
    assert in_simulator(simulator, script) == kernel[script.name].result()
