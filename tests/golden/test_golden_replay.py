# SPDX-License-Identifier: Apache-2.0
"""
`bellman simulate --replay`: what a speaker would have answered to a capture. The golden captures hold what a speaker
did answer, so a replay of them must give the same; others are made here, hostile ones among them.
"""

import itertools
import json
import os
import pathlib
import random
import struct
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ.get("BELLMAN_BIN", HERE.parents[1] / "build/bin"))

NODE, CLIENT, OTHER = "02:00:00:00:00:aa", "02:00:00:00:00:01", "02:00:00:00:00:99"
BROADCAST = "ff:ff:ff:ff:ff:ff"
T0 = 1_700_000_000 * 10**9

CONFIG = """\
pools = ( { name = "a"; addresses = ( "192.0.2.10-192.0.2.12", "2001:db8:1::10/124" ); } );
l2Advertisements = ( { name = "all"; } );
"""


def service(name, *ips):
    ingress = ", ".join(f"{{ip: '{ip}'}}" for ip in ips)
    return (f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: web}}\n"
            f"spec: {{type: LoadBalancer, ipFamilyPolicy: PreferDualStack, ports: [{{port: 80}}]}}\n"
            f"status: {{loadBalancer: {{ingress: [{ingress}]}}}}\n")


def nodes(*names):
    return "".join(f"---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\n" for name in names)


@pytest.fixture
def replay(tmp_path):
    """Replay a capture to node1, which is alone and has both addresses unless @manifests say otherwise."""
    def run(capture, *words, node="node1", interface=f"eth0={NODE}",
            manifests=service("front", "192.0.2.10", "2001:db8:1::10") + nodes("node1"), config=CONFIG):
        (tmp_path / "bellman.conf").write_text(config)
        (tmp_path / "cluster.yaml").write_text(manifests)
        interface = ["--interface", interface] if interface else []
        return subprocess.run([BIN / "bellman", "simulate", "--replay", str(capture), "--node", node, *interface, *words,
                               "bellman.conf", "cluster.yaml"], cwd=tmp_path, text=True, capture_output=True, timeout=60)
    return run


@pytest.fixture
def replay_json(replay):
    def run(*args, **kwargs):
        done = replay(*args, "-o", "json", **kwargs)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)
    return run


# --- frames ---------------------------------------------------------------------------------------------------------

def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ip4(text):
    return bytes(map(int, text.split(".")))


def arp(op, sender, target, src=CLIENT, dst=BROADCAST):
    return (mac(dst) + mac(src) + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, op) + mac(src) + ip4(sender)
            + mac(dst if op == 2 else "00:00:00:00:00:00") + ip4(target))


def who_has(target, sender="10.0.0.1", **more):
    return arp(1, sender, target, **more)


def pcap(*frames, linktype=1, step_ns=10**6, times=None):
    """A classic capture with nanoseconds."""
    out = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, linktype)
    for at, frame in zip(times or itertools.count(T0, step_ns), frames):
        out += struct.pack("<IIII", at // 10**9 % 2**32, at % 10**9, len(frame), len(frame)) + frame
    return out


def pcapng_block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def pcapng(*frames, step_us=1000, first_us=T0 // 1000):
    out = pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += pcapng_block(1, struct.pack("<HHI", 1, 0, 262144))
    for n, frame in enumerate(frames):
        at = first_us + n * step_us
        out += pcapng_block(6, struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(frame), len(frame)) + frame)
    return out


@pytest.fixture
def written(tmp_path):
    def write(content, name="made.pcap"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name
    return write


# --- what was answered once is answered again -----------------------------------------------------------------------

@pytest.mark.parametrize("name, answers", [("arp-answers", 3), ("ndp-answers", 3)])
def test_recorded_answers_are_given_again(replay_json, name, answers):
    told = replay_json(HERE / f"{name}.pcap")
    assert len(told["answers"]) == answers
    assert told["own"] == {"frames": answers, "asAnswered": answers, "otherAnswers": 0, "unasked": 0}
    assert told["conflicts"] == []


@pytest.mark.parametrize("name, frames", [("arp-take-over", 11), ("ndp-take-over", 6)])
def test_announcements_of_our_own_are_no_answers(replay_json, name, frames):
    told = replay_json(HERE / f"{name}.pcap")
    assert told["answers"] == []
    assert told["own"]["unasked"] == told["own"]["frames"] == told["frames"] >= frames


def test_the_answer_is_told_with_its_question_and_why(replay):
    done = replay(HERE / "arp-answers.pcap")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"""\
{HERE}/arp-answers.pcap as node1 hears it on eth0 ({NODE}): of 2 addresses it announces 2 there

    0.000 s  ARP request: who has 192.0.2.10? tell 10.0.0.1
             ARP reply to {CLIENT}: 192.0.2.10 is at {NODE}
             answers who-has 192.0.2.10 from 10.0.0.1: web/front is announced here
    0.001 s  ARP probe: who has 192.0.2.10?
             ARP reply to {CLIENT}: 192.0.2.10 is at {NODE}
             answers a probe for 192.0.2.10 from {CLIENT}: it is taken, by web/front
    0.002 s  ARP request: who has 192.0.2.10? tell 10.0.0.1
             ARP reply to {CLIENT}: 192.0.2.10 is at {NODE}
             answers who-has 192.0.2.10 from 10.0.0.1: web/front is announced here

Frames: 7 in 3 ms. Answers: 3.

ADDRESS     SERVICE    ANNOUNCED-BY  ASKED  ANSWERED
192.0.2.10  web/front  node1         3      3
and 1 that nobody asked for

NOT-ANSWERED   FRAMES  BECAUSE
not_announced  1       asks for an address that this node does not announce here

From eth0 itself: 3 frames, which it does not hear.
  that say what an answer above says, within a second: 3 of 3
  that nobody asked for: 0
  other answers for addresses that are announced: 0
"""


def test_the_page_of_the_simulator_shows_parts_of_that(replay):
    """docs/simulation.md: each line of its example, in order."""
    page = (HERE.parents[1] / "docs/simulation.md").read_text()
    shown = next(b for b in page.split("```")[1::2] if "From eth0 itself" in b)
    told = iter(replay(HERE / "arp-answers.pcap").stdout.splitlines())
    assert [line for line in shown.strip("\n").splitlines() if line not in told] == []


def test_pcapng_is_read_too(replay_json, written):
    told = replay_json(written(pcapng(who_has("192.0.2.10"), who_has("192.0.2.10"))))
    assert [a["at"] for a in told["answers"]] == [0, 0.001]
    assert told["took"] == 0.001


# --- who is asked, who answers --------------------------------------------------------------------------------------

TWO = (service("front", "192.0.2.10") + service("back", "192.0.2.11")).replace("PreferDualStack", "SingleStack") + \
    nodes("node1", "node2")


def test_each_node_answers_for_its_own(replay_json, written):
    capture = written(pcap(who_has("192.0.2.10"), who_has("192.0.2.11"), who_has("192.0.2.12")))
    told = [replay_json(capture, node=n, manifests=TWO) for n in ("node1", "node2")]
    owner = {a["address"]: a["node"] for a in told[0]["addresses"]}
    assert set(owner) == {"192.0.2.10", "192.0.2.11"}
    answered = {a["address"]: n for n, t in zip(("node1", "node2"), told) for a in t["answers"]}
    assert answered == owner
    for t, n in zip(told, ("node1", "node2")):
        assert {a["address"] for a in t["addresses"] if a["here"]} == {ip for ip, o in owner.items() if o == n}
        assert all(a["asked"] == 1 and a["answered"] == a["here"] for a in t["addresses"])
        assert t["dropped"]["not_announced"] == 3 - len(t["answers"])


def test_an_advertisement_for_other_interfaces_is_not_heard_here(replay_json, written):
    config = CONFIG.replace('name = "all";', 'name = "all"; interfaces = ( "eth1" );')
    capture = written(pcap(who_has("192.0.2.10")))
    here = replay_json(capture, config=config, interface=f"eth1={NODE}")
    there = replay_json(capture, config=config)
    assert (len(here["answers"]), here["addresses"][0]["here"]) == (1, True)
    assert (len(there["answers"]), there["addresses"][0]["here"]) == (0, False)


def test_another_mac_for_an_announced_address_is_a_conflict(replay, replay_json, written):
    thief = [arp(2, "192.0.2.10", "10.0.0.1", src=OTHER, dst=CLIENT), who_has("192.0.2.10", "192.0.2.10", src=OTHER)]
    capture = written(pcap(who_has("192.0.2.10"), *thief, arp(2, "192.0.2.12", "10.0.0.1", src=OTHER, dst=CLIENT)))
    told = replay_json(capture)
    assert told["conflicts"] == [{"address": "192.0.2.10", "service": "web/front", "mac": OTHER, "frames": 2, "first": 0.001}]
    table = replay(capture).stdout
    assert (f"    0.001 s  CONFLICT: ARP reply to {CLIENT}: 192.0.2.10 is at {OTHER}\n"
            "             but node1 announces it here for web/front\n") in table
    assert f"192.0.2.10  web/front  {OTHER}  2       0.001 s\n" in table


def test_without_a_mac_the_real_speaker_is_somebody_else(replay, replay_json):
    told = replay_json(HERE / "arp-answers.pcap", interface=None)
    assert (told["interface"], told["mac"], told["own"]["frames"]) == ("eth0", None, 0)
    assert [c["mac"] for c in told["conflicts"]] == [NODE]
    assert "One of these may be node1 itself: --interface eth9=MAC tells which." in \
        replay(HERE / "arp-answers.pcap", interface="eth9").stdout


def test_what_is_sent_to_another_station_is_not_answered(replay_json, written):
    told = replay_json(written(pcap(who_has("192.0.2.10", dst=OTHER), who_has("192.0.2.10", dst=NODE))))
    assert [a["at"] for a in told["answers"]] == [0.001]
    assert told["dropped"] == {"other_host": 1}


def test_an_answer_that_would_not_be_given_is_counted(replay_json, written):
    told = replay_json(written(pcap(arp(2, "192.0.2.10", "10.0.0.1", src=NODE, dst=CLIENT))))
    assert told["own"] == {"frames": 1, "asAnswered": 0, "otherAnswers": 1, "unasked": 0}


# --- hostile captures -----------------------------------------------------------------------------------------------

def test_garbage_is_counted_and_nothing_else(replay_json, written):
    rng = random.Random(5)
    question = who_has("192.0.2.10")
    garbage = [rng.randbytes(rng.randrange(0, 200)) for _ in range(500)]
    for kind in (0x0806, 0x86DD):
        garbage += [mac(BROADCAST) + mac(CLIENT) + struct.pack("!H", kind) + rng.randbytes(rng.randrange(0, 100))
                    for _ in range(500)]
    garbage += [question[:n] for n in range(len(question))]
    garbage += [bytes(262144), question + bytes(200_000)]
    told = replay_json(written(pcap(*garbage)))
    assert told["frames"] == len(garbage)
    # The last one is a question with a long tail.
    assert len(told["answers"]) == 1
    assert sum(told["dropped"].values()) == len(garbage) - 1
    assert told["dropped"]["short"] > 0


def test_times_that_go_back_or_far_ahead(replay, replay_json, written):
    question = who_has("192.0.2.10")
    capture = written(pcap(*[question] * 4, times=[T0, T0 - 5 * 10**9, T0 + 10**9, 2**31 * 10**9 - 1]))
    told = replay_json(capture)
    ats = [a["at"] for a in told["answers"]]
    assert ats[:3] == [0, 0, 1] and ats[3] > 4 * 10**8
    assert told["backwards"] == 1
    assert "1 frames are older than one before them" in replay(capture).stdout


def test_times_that_no_clock_has(replay_json, written):
    """pcapng has 64 bits of them."""
    question = who_has("192.0.2.10")
    for first_us in (2**64 - 3000, 0, 2**62):
        told = replay_json(written(pcapng(question, question, first_us=first_us)))
        assert len(told["answers"]) == 2


def test_a_forger_of_many_macs_does_not_fill_the_memory(replay, written):
    forged = [who_has("192.0.2.10", "192.0.2.10", src=f"02:11:00:00:{n >> 8:02x}:{n & 255:02x}") for n in range(1500)]
    done = replay(written(pcap(*forged)))
    assert done.returncode == 0
    assert "and 500 frames of others\n" in done.stdout


def test_a_capture_that_is_cut_off_is_told_up_to_there(replay, written):
    whole = pcap(who_has("192.0.2.10"), who_has("192.0.2.10"))
    done = replay(written(whole[:-7]), "-o", "json")
    assert done.returncode == 1
    assert "made.pcap: frame 2: truncated dump file" in done.stderr
    told = json.loads(done.stdout)
    assert len(told["answers"]) == 1 and "truncated" in told["error"]


@pytest.mark.parametrize("content, why", [
    (b"", "truncated dump file"),
    (b"not a capture at all, but long enough to be one", "unknown file format"),
    (pcap(), "there is no frame in it"),
    (pcap(bytes(60), linktype=113), "its frames are not Ethernet but LINUX_SLL"),
    (pcap(bytes(60), linktype=4242), "its frames are not Ethernet but"),
], ids=["empty", "text", "no-frame", "cooked", "unknown-link"])
def test_what_is_no_capture_of_a_link_is_refused(replay, written, content, why):
    done = replay(written(content))
    assert done.returncode == 1
    assert why in done.stderr
    assert done.stderr.startswith("bellman simulate: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("name, why", [
    ("gone.pcap", "gone.pcap: No such file or directory"),
    (".", "."),
    ("x" * 300, "File name too long"),
    ("y" * 100_000, "...: File name too long"),
], ids=["missing", "folder", "long", "huge"])
def test_files_that_cannot_be_read(replay, name, why):
    done = replay(name)
    assert done.returncode == 1
    assert why in done.stderr and len(done.stderr) < 5000


# --- wrong usage ----------------------------------------------------------------------------------------------------

def test_the_node_must_be_there(replay):
    done = replay(HERE / "arp-answers.pcap", node="node9")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "bellman simulate: --node: there is no Node 'node9' in what was read\n"


@pytest.mark.parametrize("interface", ["", "=02:00:00:00:00:aa", "eth0=", "eth0=02:00", f"eth0={BROADCAST}",
                                       "eth0=00:00:00:00:00:00", "a-name-of-16-chars"])
def test_the_interface_must_be_one(replay, interface):
    done = replay(HERE / "arp-answers.pcap", f"--interface={interface}", interface=None)
    assert done.returncode == 2
    assert done.stderr.startswith("bellman simulate: --interface: '")


def test_faults_of_the_files_are_told(replay):
    done = replay(HERE / "arp-answers.pcap", config="pools = ( { name = 5; } );\n")
    assert done.returncode == 1
    assert "bellman.conf:1" in done.stderr
