# SPDX-License-Identifier: Apache-2.0
"""
The golden captures as tshark reads them: nothing malformed, no checksum wrong, no warning, and
they hold what their names say. tests/unit/test_golden_frames.c compares them byte for byte with
what the speaker sends, tests/unit/test_sim_capture.c with what the simulator writes.
"""

import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
CAPTURES = sorted(HERE.glob("*.pcap*"))
WARNING = 0x600000  # PI_WARN; errors are above it
FAULTY = f"_ws.malformed or _ws.short or _ws.expert.severity >= {WARNING} or icmpv6.checksum.status == 0"

pytestmark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed: make deps")


def tshark(path, *args):
    """The lines that tshark prints about a capture."""
    done = subprocess.run(["tshark", "-n", "-r", str(path), *args], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def fields(path, *names):
    return [tuple(line.split("\t")) for line in tshark(path, "-T", "fields", *(x for n in names for x in ("-e", n)))]


def test_there_are_captures():
    assert [p.stem for p in CAPTURES] == ["arp-answers", "arp-take-over", "ndp-answers", "ndp-take-over", "sim-capture"]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda p: p.stem)
def test_tshark_finds_no_fault(path):
    assert tshark(path, "-Y", FAULTY) == []
    assert len(tshark(path)) > 0


def test_tshark_would_find_one(tmp_path):
    """The same question about a capture with one bit of a target address turned."""
    bytes_ = bytearray((HERE / "ndp-answers.pcap").read_bytes())
    bytes_[24 + 16 + 14 + 40 + 8] ^= 1
    damaged = tmp_path / "damaged.pcap"
    damaged.write_bytes(bytes_)
    assert len(tshark(damaged, "-Y", FAULTY)) == 1


def test_arp_take_over():
    rows = fields(HERE / "arp-take-over.pcap", "frame.time_relative", "eth.dst", "arp.opcode", "arp.isgratuitous",
                  "arp.src.proto_ipv4", "arp.dst.proto_ipv4", "arp.dst.hw_mac")
    rounds, refreshes = rows[:10], rows[10:]
    assert [r[2] for r in rounds] == ["1", "2"] * 5 and {r[2] for r in refreshes} == {"1"}
    assert {r[1] for r in rows} == {r[6] for r in rows} == {"ff:ff:ff:ff:ff:ff"}
    assert {r[4:6] for r in rows} == {("192.0.2.10", "192.0.2.10")}
    assert {r[3] for r in rows} <= {"1", "True"}
    times = [float(r[0]) for r in rows]
    assert [round(t, 1) for t in times[:10:2]] == [0.0, 1.1, 2.2, 3.3, 4.4]
    assert 135 <= times[10] - times[9] <= 165


def test_arp_answers():
    rows = fields(HERE / "arp-answers.pcap", "eth.src", "eth.dst", "arp.opcode", "arp.src.proto_ipv4", "arp.dst.proto_ipv4")
    node, client = "02:00:00:00:00:aa", "02:00:00:00:00:01"
    assert [r for r in rows if r[0] == node] == [(node, client, "2", "192.0.2.10", asker)
                                                 for asker in ("10.0.0.1", "0.0.0.0", "10.0.0.1")]


def na_rows(name):
    return fields(HERE / f"{name}.pcap", "icmpv6.type", "ipv6.dst", "icmpv6.nd.na.flag.s", "icmpv6.nd.na.flag.o",
                  "icmpv6.nd.na.flag.r", "icmpv6.nd.na.target_address", "icmpv6.opt.linkaddr", "ipv6.hlim")


def flags(row):
    return tuple(v in ("1", "True") for v in row[2:5])


def test_ndp_take_over():
    rows = na_rows("ndp-take-over")
    assert len(rows) >= 6
    for row in rows:
        assert row[0:2] == ("136", "ff02::1") and row[5:] == ("2001:db8:1::10", "02:00:00:00:00:aa", "255")
        assert flags(row) == (False, True, False)


def test_ndp_answers():
    answers = [r for r in na_rows("ndp-answers") if r[0] == "136"]
    assert [(r[1], flags(r)) for r in answers] == [("fe80::1", (True, False, False)), ("fe80::1", (True, False, False)),
                                                   ("ff02::1", (False, True, False))]


def test_sim_capture():
    """Segments by name, to the nanosecond, and a comment where there was something to say."""
    rows = fields(HERE / "sim-capture.pcapng", "frame.interface_id", "frame.interface_name", "frame.interface_description",
                  "frame.time_epoch", "frame.comment")
    assert rows == [
        ("0", "front", "simulated segment", "1700000000.000000000", ""),
        ("1", "büro", "simulated segment", "1700000001.000000001", "node1: takes 192.0.2.10: node2 is excluded"),
        ("0", "front", "simulated segment", "1700003600.000000000", ""),
    ]
