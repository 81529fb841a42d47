# SPDX-License-Identifier: Apache-2.0
"""
The speaker against real kernels: who answers, when it moves, what wakes it, how far it goes.

There is no allocator here: a test writes the addresses into the status itself.
"""

import ipaddress
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

import netns
import pytest
from api import l2_advertisement, pool, service
from lab import node_mac

VIP4, VIP6 = "10.0.0.200", "fd00:10::200"
GROUP6 = "ff0200000000000000000001ff000200"  # its solicited-node group, as /proc/net/igmp6 has it
BROADCAST = b"\xff" * 6
CLIENT_MAC = bytes.fromhex("020000000001")


@pytest.fixture
def field(bare_lab):
    """The API with Nodes, a pool and an advertisement; no daemon yet."""
    bare_lab.start_apiserver()
    bare_lab.api.create(*bare_lab.cluster_objects(), pool("lan", ["10.0.0.200-10.0.0.230", "fd00:10::200/120"]),
                        l2_advertisement("lan"))
    return bare_lab


def assign(lab, name, ips, **spec):
    """A Service with endpoints on all nodes that holds @ips."""
    families = sorted({ipaddress.ip_address(ip).version for ip in ips})
    spec.setdefault("ipFamilies", [f"IPv{f}" for f in families])
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if len(families) == 2 else "SingleStack")
    lab.api.create(lab.endpoints(name), service(name, **spec))
    status = {"status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in ips]}}}
    lab.api.patch("Service", name, status, sub="status")


def owner(lab, ip, among=None):
    return lab.wait_for(lambda: (n := lab.resolve("client", ip)) and (not among or n in among) and n,
                        what=f"one of {among or lab.nodes} to answer for {ip}")


class Wire:
    """Every frame that a port of the switch hands out from now on."""

    def __init__(self, lab, interface, ns="sw"):
        self.socket = netns.packet_socket(lab.ns(ns), interface)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.settimeout(0.05)
        self.frames = []

    def read(self):
        while True:
            try:
                self.frames.append((time.monotonic(), self.socket.recv(2048)))
            except TimeoutError:
                return self.frames

    def matching(self, what):
        return [f for _, f in self.read() if what(f)]

    def close(self):
        self.socket.close()


def is_gratuitous_arp(ip):
    packed = socket.inet_aton(ip)
    return lambda f: f[:6] == BROADCAST and f[12:14] == b"\x08\x06" and f[28:32] == packed and f[38:42] == packed


def is_unsolicited_na(ip):
    packed = socket.inet_pton(socket.AF_INET6, ip)
    return lambda f: (f[12:14] == b"\x86\xdd" and f[20] == 58 and f[54] == 136 and f[62:78] == packed
                      and f[38:54] == socket.inet_pton(socket.AF_INET6, "ff02::1") and f[58] == 0x20)


def arp_request(target, sender="10.0.0.1", mac=CLIENT_MAC):
    return (BROADCAST + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + mac + socket.inet_aton(sender)
            + b"\0" * 6 + socket.inet_aton(target))


def groups(lab, node, interface):
    """The solicited-node groups that a node's kernel has joined on @interface."""
    with netns.entered(lab.ns(node)), open("/proc/thread-self/net/igmp6", encoding="ascii") as f:
        return {g for _, name, g, *_ in map(str.split, f) if name == interface and g.startswith("ff0200000000000000000001ff")}


def test_a_name_that_no_node_has_is_told_once(field):
    good, bad = list(field.nodes)[:2]
    wrong = field.start_speaker(bad, "--node-name", "node-typo")
    wrong.wait_log(r"no Node has the name.*node=node-typo")
    right = field.start_speaker(good)
    field.api.patch("Node", good, {"metadata": {"labels": {"a": "b"}}})
    assign(field, "web", [VIP4])
    assert owner(field, VIP4) == good
    assert wrong.log.count("no Node has the name") == 1
    assert "no Node has the name" not in right.log


def test_one_of_three_answers_for_both_families(field):
    for n in field.nodes:
        field.start_speaker(n)
    assign(field, "web", [VIP4, VIP6])
    first = owner(field, VIP4)
    assert owner(field, VIP6) == first
    name = f'metallb_speaker_announced{{service="default/web",protocol="layer2",node="{first}",ip="{VIP6}"}}'
    assert field.process(f"speaker-{first}").metrics()[name] == 1
    field.wait_for(lambda: ("nodeAssigned", f'announcing from node "{first}" with protocol "layer2"')
                   in field.api.events("web"))
    for n in field.nodes:
        metrics = field.process(f"speaker-{n}").metrics()
        assert (f'metallb_layer2_responses_sent{{ip="{VIP4}"}}' in metrics) == (n == first)


def test_label_moves_the_address_and_the_clients_entry(field):
    for n in field.nodes:
        field.start_speaker(n)
    assign(field, "web", [VIP4, VIP6])
    seen = []
    for _ in range(3):
        n = owner(field, VIP4, set(field.nodes) - set(seen))
        assert owner(field, VIP6, [n]) == n
        seen.append(n)
        field.api.exclude(n)
        if len(seen) < 3:
            # No new question: the announcement alone must move the entries.
            for ip in (VIP4, VIP6):
                field.wait_for(lambda: field.neigh("client", ip) not in (None, node_mac(n)),
                               what=f"the client's entry of {ip} to leave {n}")
    field.wait_for(lambda: field.resolve("client", VIP4) is None, what="nobody to answer")
    field.api.exclude(seen[0], False)
    assert owner(field, VIP4) == seen[0]


def test_speaker_that_stops_falls_silent_and_leaves_its_groups(field):
    speaker = field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    before = groups(field, "node-a", "eth0")
    assign(field, "web", [VIP4, VIP6])
    owner(field, VIP6, ["node-a"])
    assert len(groups(field, "node-a", "eth0") - before) == 1
    assert speaker.stop() == 0
    assert groups(field, "node-a", "eth0") == before
    assert field.resolve("client", VIP4) is None


def test_take_over_is_announced_to_the_wire(field):
    speaker = field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    wire = Wire(field, "sw-client")
    assign(field, "web", [VIP4, VIP6])
    # Five rounds in five seconds, of a request and a reply, or of one advertisement.
    arp = field.wait_for(lambda: len(f := wire.matching(is_gratuitous_arp(VIP4))) >= 10 and f, 8, "five rounds of ARP")
    na = field.wait_for(lambda: len(f := wire.matching(is_unsolicited_na(VIP6))) >= 5 and f, 2, "five rounds of NA")
    assert [f[21] for f in arp] == [1, 2] * 5
    mac = bytes.fromhex(node_mac("node-a").replace(":", ""))
    assert {f[6:12] for f in arp + na} == {mac}
    assert {f[80:86] for f in na} == {mac}
    assert speaker.metrics()[f'metallb_layer2_gratuitous_sent{{ip="{VIP4}"}}'] == 10
    wire.close()


def test_interface_that_comes_late_joins_and_announces(field):
    speaker = field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    assign(field, "web", [VIP4, VIP6])
    owner(field, VIP6, ["node-a"])
    field.run("sw", ["ip", "link", "add", "sw-late", "type", "veth", "peer", "name", "eth1", "netns", field.ns("node-a")])
    field.run("sw", ["ip", "link", "set", "sw-late", "master", "br0", "up"])
    wire = Wire(field, "sw-late")
    field.run("node-a", ["ip", "link", "set", "eth1", "up"])
    mac = bytes.fromhex(json.loads(field.run("node-a", ["ip", "-j", "link", "show", "eth1"]).stdout)[0]["address"].replace(":", ""))

    def announced():
        return wire.matching(lambda f: f[6:12] == mac and (is_gratuitous_arp(VIP4)(f) or is_unsolicited_na(VIP6)(f)))

    field.wait_for(lambda: {f[12:14] for f in announced()} == {b"\x08\x06", b"\x86\xdd"}, what="both announced on eth1")
    assert GROUP6 in groups(field, "node-a", "eth1")
    # It answers there too, with its own MAC; carrier lost and back, it announces anew.
    wire.frames.clear()
    wire.socket.send(arp_request(VIP4))
    field.wait_for(lambda: wire.matching(lambda f: f[:6] == CLIENT_MAC and f[6:12] == mac and f[21] == 2))
    field.run("sw", ["ip", "link", "set", "sw-late", "down"])
    field.wait_for(lambda: GROUP6 not in groups(field, "node-a", "eth1"), what="the group left")
    field.run("sw", ["ip", "link", "set", "sw-late", "up"])
    wire.frames.clear()
    field.wait_for(lambda: {f[12:14] for f in announced()} == {b"\x08\x06", b"\x86\xdd"}, what="announced after link-up")
    field.run("node-a", ["ip", "link", "del", "eth1"])
    owner(field, VIP4, ["node-a"])
    assert speaker.running()
    wire.close()


def test_link_events_that_were_lost_are_made_up_for(field):
    """The kernel keeps the oldest events and drops the newest: what it then hands out is stale."""
    speaker = field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    assign(field, "web", [VIP4, VIP6])
    owner(field, VIP6, ["node-a"])
    speaker.signal(signal.SIGSTOP)
    churn = ["link add eth9 type veth peer name eth8", "link set eth0 address 02:00:00:00:77:77"]
    churn += [f"link set eth9 mtu {1300 + i % 100}" for i in range(4000)]
    churn += ["link del eth9", f"link set eth0 address {node_mac('node-a')}"]
    subprocess.run(["ip", "-n", field.ns("node-a"), "-batch", "-"], input="\n".join(churn), text=True, check=True)
    field.run("client", ["ip", "neigh", "flush", "dev", "eth0"])
    speaker.signal(signal.SIGCONT)
    speaker.wait_log("events lost")
    assert owner(field, VIP4) == "node-a"
    assert owner(field, VIP6) == "node-a"
    # And it follows what comes after.
    wire = Wire(field, "sw-node-a")
    field.run("node-a", ["ip", "link", "set", "eth0", "down"])
    field.wait_for(lambda: GROUP6 not in groups(field, "node-a", "eth0"), what="the group left")
    field.run("node-a", ["ip", "link", "set", "eth0", "up"])
    field.wait_for(lambda: wire.matching(is_gratuitous_arp(VIP4)) and wire.matching(is_unsolicited_na(VIP6)),
                   what="both announced after link-up")
    wire.close()


def test_interface_made_again_under_its_index_is_joined_again(field):
    """Both events are read together; the kernel's new interface knows nothing of the old one's groups."""
    speaker = field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    assign(field, "web", [VIP4, VIP6])
    owner(field, VIP6, ["node-a"])
    make = ["ip", "link", "add", "eth1", "index", "777", "address", "02:00:00:00:77:77", "type", "veth",
            "peer", "name", "sw-late", "netns", field.ns("sw")]

    def up():
        field.run("node-a", make), field.run("sw", ["ip", "link", "set", "sw-late", "up"])
        field.run("node-a", ["ip", "link", "set", "eth1", "up"])

    up()
    field.wait_for(lambda: GROUP6 in groups(field, "node-a", "eth1"), what="the group entered")
    speaker.signal(signal.SIGSTOP)
    field.run("node-a", ["ip", "link", "del", "eth1"])
    up()
    field.wait_for(lambda: "state UP" in (shown := field.run("node-a", ["ip", "addr", "show", "dev", "eth1"]).stdout)
                   and "fe80" in shown and "tentative" not in shown, what="the new interface to be up")
    assert GROUP6 not in groups(field, "node-a", "eth1")
    speaker.signal(signal.SIGCONT)
    field.wait_for(lambda: GROUP6 in groups(field, "node-a", "eth1"), what="the group entered again")


def test_foreign_arp_never_wakes_the_process(field):
    speaker = field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    assign(field, "web", [VIP4, VIP6])
    owner(field, VIP4, ["node-a"])

    def switches():
        with open(f"/proc/{speaker.pid}/status", encoding="ascii") as f:
            return sum(map(int, re.findall(r"ctxt_switches:\s*(\d+)", f.read())))

    with netns.entered(field.ns("client")):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind(("eth0", 0))
    received = Wire(field, "eth0", "node-a")
    before = switches()
    for i in range(3000):
        s.send(arp_request(f"10.0.{100 + i // 250}.{i % 250}"))
    asked = field.wait_for(lambda: len(f := received.matching(lambda f: f[12:14] == b"\x08\x06")) >= 3000 and len(f), what="3,000 requests to reach the node")
    woken = switches() - before
    # The rounds of its own burst and the watches are all that it wakes for meanwhile.
    assert asked >= 3000 and woken < 100
    assert not any(name.startswith("bellman_frames_dropped_total") for name in speaker.metrics())
    # As many for the address itself do; what a full socket buffer loses is the kernel's to drop.
    for _ in range(3000):
        s.send(arp_request(VIP4))
    field.wait_for(lambda: speaker.metrics()[f'metallb_layer2_requests_received{{ip="{VIP4}"}}'] > 100)
    s.close(), received.close()


def test_only_sound_requests_are_answered(field):
    """What is not for us, not from one station or of a VLAN that is not here; padding is no fault."""
    field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    assign(field, "web", [VIP4, VIP6])
    owner(field, VIP4, ["node-a"])
    own = bytes.fromhex(node_mac("node-a").replace(":", ""))
    good = arp_request(VIP4, mac=b"\x02\0\0\0\x99\x02")

    def tagged(tag, vlan):
        return good[:12] + struct.pack("!HH", tag, vlan) + good[12:]

    wire = Wire(field, "sw-node-a")
    for bad in (tagged(0x8100, 77), tagged(0x88a8, 77), tagged(0x8100, 77) + b"\0" * 1400,
                arp_request(VIP4, mac=BROADCAST), arp_request(VIP4, mac=b"\0" * 6), arp_request(VIP4, mac=own),
                arp_request(VIP4, mac=b"\x33\x33\0\0\0\1"), b"\x02\0\0\0\0\x55" + good[6:], good[:40],
                good[:14] + b"\0\6" + good[16:]):
        # The Ethernet source is sound, or the kernel would judge the frame by that.
        wire.socket.send(bad[:6] + b"\x02\0\0\0\x99\x01" + bad[12:])
    wire.socket.send(good + b"\xff" * 1400)
    wire.socket.send(tagged(0x8100, 0))  # a priority, no VLAN

    def answers():
        return wire.matching(lambda f: f[6:12] == own and f[12:14] == b"\x08\x06" and f[:6] != BROADCAST and f[21] == 2)

    field.wait_for(lambda: len(answers()) == 2, what="the two sound requests to be answered")
    assert {f[:6] for f in answers()} == {good[6:12]}
    wire.close()


def test_probes_of_both_families_find_the_address_taken(field):
    field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    assign(field, "web", [VIP4, VIP6])
    owner(field, VIP4, ["node-a"])
    # RFC 5227: the sender is 0.0.0.0.
    wire = Wire(field, "eth0", "client")
    wire.socket.send(arp_request(VIP4, sender="0.0.0.0"))
    field.wait_for(lambda: wire.matching(lambda f: f[:6] == CLIENT_MAC and f[12:14] == b"\x08\x06" and f[21] == 2
                                         and f[28:32] == socket.inet_aton(VIP4) and f[38:42] == b"\0\0\0\0"))
    wire.close()
    # RFC 4862: the client's kernel itself tries to take the address.
    netns.sysctl(field.ns("client"), "net/ipv6/conf/eth0/accept_dad", 1)
    field.run("client", ["ip", "addr", "add", f"{VIP6}/128", "dev", "eth0"])

    def failed():
        shown = json.loads(field.run("client", ["ip", "-6", "-j", "addr", "show", "dev", "eth0"]).stdout)
        return any(a["local"] == VIP6 and a.get("dadfailed") for i in shown for a in i["addr_info"])

    field.wait_for(failed, what="the client's duplicate address detection to fail")


def test_unicast_solicitation_keeps_a_neighbour_reachable(field):
    """The kernel asks a neighbour that it knows by unicast; to an address that is on no interface."""
    field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    assign(field, "web", [VIP4, VIP6])
    owner(field, VIP6, ["node-a"])
    wire = Wire(field, "sw-node-a")
    assert field.run("client", ["ndisc6", "-1", "-q", VIP6, "eth0"]).stdout.strip().lower() == node_mac("node-a")
    field.run("client", ["ip", "neigh", "replace", VIP6, "lladdr", node_mac("node-a"), "dev", "eth0", "nud", "probe"])
    mac = bytes.fromhex(node_mac("node-a").replace(":", ""))

    def asked_by_unicast():
        return wire.matching(lambda f: f[:6] == mac and f[12:14] == b"\x86\xdd" and f[20] == 58 and f[54] == 135)

    field.wait_for(asked_by_unicast, what="a unicast solicitation")
    field.wait_for(lambda: "REACHABLE" in field.run("client", ["ip", "neigh", "show", VIP6]).stdout)
    wire.close()


def test_advertisement_for_interfaces_that_are_not_here(field):
    advertisement = field.api.list("L2Advertisement")[0]["metadata"]
    field.api.patch("L2Advertisement", advertisement["name"], {"spec": {"interfaces": ["eth9"]}}, advertisement["namespace"])
    field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    assign(field, "web", [VIP4])
    field.wait_for(lambda: "announceFailed" in [reason for reason, _ in field.api.events("web")])
    assert field.resolve("client", VIP4) is None
    field.api.patch("L2Advertisement", advertisement["name"], {"spec": {"interfaces": ["eth0"]}}, advertisement["namespace"])
    assert owner(field, VIP4) == "node-a"


def test_five_thousand_ipv6_addresses_at_the_default_optmem_max(field):
    netns.sysctl(field.ns("node-a"), "net/core/optmem_max", 20480)
    field.api.create(pool("many", ["fd00:20::/64"]))
    speaker = field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    before = groups(field, "node-a", "eth0")
    wanted = {f"ff0200000000000000000001ff{i:06x}" for i in range(1, 5001)}
    field.run("client", ["ip", "route", "add", "fd00:20::/64", "dev", "eth0"])
    ips = [f"fd00:20::{i:x}" for i in range(1, 5001)]
    for i in range(0, len(ips), 200):  # many to one Service: the speaker takes what the status says
        assign(field, f"s{i}", ips[i:i + 200])
    field.wait_for(lambda: groups(field, "node-a", "eth0") >= wanted, 20, "5,000 groups", every=0.2)
    for ip in ips[::499]:
        assert owner(field, ip) == "node-a"
    assert "cannot" not in speaker.log
    for i in range(0, len(ips), 200):
        field.api.delete("Service", f"s{i}")
    field.wait_for(lambda: groups(field, "node-a", "eth0") == before, 20, "all groups left", every=0.2)


def test_scattered_addresses_with_little_memory_for_sockets(field):
    """The filter for all of them does not fit: a coarser one does, and every address is answered for."""
    netns.sysctl(field.ns("node-a"), "net/core/optmem_max", 4096)
    field.api.create(pool("many", ["fd00:20::/64"]))
    speaker = field.start_speaker("node-a")
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    field.run("client", ["ip", "route", "add", "fd00:20::/64", "dev", "eth0"])
    ips = [str(ipaddress.ip_address("fd00:20::") + 1 + i * 0x0123456789ABCDEF % 2**64) for i in range(120)]
    for ip in ips[:3]:
        assign(field, f"s{ips.index(ip)}", [ip])
        assert owner(field, ip) == "node-a"
    assign(field, "rest", ips[3:])
    for ip in ips:
        assert owner(field, ip) == "node-a", ip
    assert "cannot" not in speaker.log
    assert not any(name.startswith("bellman_frames_dropped_total") for name in speaker.metrics())
    # With memory enough it has more than 50 instructions; the one that lets all through has 17.
    shown = field.run("node-a", ["ss", "-0", "-n", "-b", "-a"]).stdout
    assert 17 < max(map(int, re.findall(r"bpf filter \((\d+)\)", shown))) < 50


def test_without_the_right_it_says_so_and_is_not_ready(field):
    speaker = field.start_speaker("node-a", wait=False)
    speaker.stop()
    argv = speaker.argv
    speaker.argv = ["/usr/bin/setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw", *argv]
    speaker.start()
    speaker.wait_log("layer 2 is off.*CAP_NET_RAW")
    field.wait_for(lambda: speaker.http("/healthz")[0] == 200)
    assert speaker.http("/readyz")[0] == 503


GOOD = """pools = ( { name = "file"; addresses = ( "10.0.0.200-10.0.0.230" ); } );
l2Advertisements = ( { name = "file"; } );
"""


def test_configuration_file_is_followed_and_a_faulty_one_refused(bare_lab):
    """As a mounted ConfigMap: the file is a link into ..data, which is swapped as a whole."""
    lab = bare_lab
    lab.start_apiserver()
    lab.api.create(*lab.cluster_objects())
    lab.api.delete("Node", "node-b"), lab.api.delete("Node", "node-c")
    mount = lab.scratch / "mount"
    mount.mkdir()

    def put(version, text):
        (mount / version).mkdir()
        (mount / version / "bellman.conf").write_text(text, encoding="ascii")
        (mount / "..data.new").symlink_to(version)
        os.rename(mount / "..data.new", mount / "..data")

    put("1", "pools = ( { name = \"file\"; addresses = ( \"10.0.0.300/24\" ); } );\n")
    (mount / "bellman.conf").symlink_to("..data/bellman.conf")
    speaker = lab.start_speaker("node-a", "--config", mount / "bellman.conf")
    speaker.wait_log(r"bellman.conf:1: pools\[0\].addresses\[0\]")
    loaded, stale = "metallb_k8s_client_config_loaded_bool", "metallb_k8s_client_config_stale_bool"
    assert (speaker.metrics()[loaded], speaker.metrics()[stale]) == (0, 1)
    assign(lab, "web", [VIP4])
    assert lab.resolve("client", VIP4) is None

    put("2", GOOD)
    assert owner(lab, VIP4) == "node-a"
    assert (speaker.metrics()[loaded], speaker.metrics()[stale]) == (1, 0)

    put("3", GOOD.replace("addresses", "adresses"))
    speaker.wait_log("adresses")
    lab.wait_for(lambda: speaker.metrics()[stale] == 1)
    assert owner(lab, VIP4) == "node-a"
    # A resource is followed meanwhile, beside the last good file.
    lab.api.create(pool("other", ["10.0.0.240-10.0.0.241"]))
    speaker.wait_log("pools=2")
    assign(lab, "other", ["10.0.0.240"])
    assert owner(lab, "10.0.0.240") == "node-a"

    # One that orphans an announced address waits until the Service is moved.
    put("4", GOOD.replace("10.0.0.200-10.0.0.230", "10.0.0.100-10.0.0.110"))
    speaker.wait_log("has to wait.*default/web")
    assert owner(lab, VIP4) == "node-a" and speaker.metrics()[stale] == 1
    lab.api.patch("Service", "web", {"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.100"}]}}}, sub="status")
    assert owner(lab, "10.0.0.100") == "node-a"
    lab.wait_for(lambda: speaker.metrics()[stale] == 0)
    assert lab.resolve("client", VIP4) is None
    before = speaker.log.count("configuration in force")
    speaker.signal(signal.SIGHUP)  # the same content: read, and nothing changes
    lab.wait_for(lambda: speaker.http("/healthz")[0] == 200)
    assert speaker.log.count("configuration in force") == before


def test_object_that_does_not_decode_is_skipped_said_once_and_counted(field):
    field.api.delete("Node", "node-b"), field.api.delete("Node", "node-c")
    field.api.create(field.endpoints("web"))
    field.spoil("EndpointSlice", "web-ipv4", lambda o: o.update(endpoints=[{"addresses": "10.244.1.2"}]))
    speaker = field.start_speaker("node-a")
    field.wait_for(lambda: speaker.metrics().get('bellman_objects_undecodable_total{kind="EndpointSlice"}') == 1)
    assert len(re.findall("does not decode.*web", speaker.log)) == 1
    assign(field, "fine", [VIP4])
    assert owner(field, VIP4) == "node-a"
