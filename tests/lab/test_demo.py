# SPDX-License-Identifier: Apache-2.0
"""`make demo`'s script as a user runs it: it succeeds, it fails when it should, it leaves nothing behind."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import ingress
import pytest
from lab import BIN, HERE, REPO, wait_for

PROGRAMS = ("bellman", "bellman-allocator", "bellman-apiserver", "bellman-proxy", "bellman-speaker")


class Run:
    """demo.py as a child, its output in a file; `marker` is in the environment of everything it starts."""

    def __init__(self, tmp, *args, bin=BIN):
        self.marker = f"BELLMAN_DEMO_RUN={tmp}"
        self.bin, self.pcap, self.out = pathlib.Path(bin), tmp / "demo.pcap", tmp / "out"
        argv = [sys.executable, HERE / "demo.py", "--bin", bin, "--pcap", self.pcap, *args]
        name, _, value = self.marker.partition("=")
        with open(self.out, "w", encoding="utf-8") as out:
            self.popen = subprocess.Popen(list(map(str, argv)), stdout=out, stderr=out, start_new_session=True,
                                          env={**os.environ, name: value})

    def text(self):
        return self.out.read_text(encoding="utf-8")

    def wait(self, deadline=60):
        return self.popen.wait(deadline)

    def namespaces(self):
        return [n for n in os.listdir("/run/netns") if n.startswith(f"bl{self.popen.pid}x")]

    def left(self):
        """Namespaces and processes of this run that are still there."""
        pids = []
        for p in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if self.marker.encode() in (p / "environ").read_bytes().split(b"\0"):
                    pids.append(((p / "comm").read_text().strip(), p.name))
            except OSError:
                continue
        return self.namespaces() + pids


@pytest.fixture
def start(can_lab, tmp_path):
    runs = []

    def _start(*args, folder=tmp_path, **kwargs):
        runs.append(Run(folder, *args, **kwargs))
        return runs[-1]

    yield _start
    for r in runs:
        if r.popen.poll() is None:
            r.popen.terminate()
            r.popen.wait(30)


INGRESS_ROWS = (r"fan-out +nginx +foo\.bar\.com +10\.0\.0\.2\d\d,fd00:10::2\w* +/foo +service1:4200$",
                r"http://foo\.bar\.com/foo +10\.0\.0\.2\d\d +service1 +service1-[ac] +10\.244\.[12]\.5 +10\.0\.0\.1$",
                r"http://foo\.bar\.com/bar/x +fd00:10::2\w* +service2 +service2-[bc] +10\.244\.[12]\.5 +fd00:10::1$",
                r"http://foo\.bar\.com/foobar +10\.0\.0\.2\d\d +nginx: 404$")


def test_demo_succeeds_and_leaves_only_the_capture(start):
    run = start()
    assert run.wait() == 0, run.text()
    text = run.text()
    assert "All of it happened" in text
    shown = {shape(line) for line in text.splitlines()}
    for document in ("README.md", "docs/service-exposure.md"):
        for line in quoted(document) if ingress.why_not(run) is None else []:
            assert shape(line) in shown, f"{document} quotes what the demo does not print: {line}\n{text}"
    for shown in (r"web +10\.0\.0\.2\d\d +lan +3\d{4}", r"api +10\.0\.0\.2\d\d +lan +none", r"sensors +fd00:10::2",
                  r"gratuitous ARP.*10\.0\.0\.2\d\d", r"http://\[fd00:10::2\w*\]/ +pod-[abc]", r"NodePort", r"ClusterIP",
                  r"pod-[bc] +10\.0\.0\.1$", r"ingress-nginx +10\.0\.0\.2\d\d +lan", r"node-\w 02:00:00:00:00:0[abc] +node-\w 02:00:00:00:00:0[abc] +\d+ ms"):
        assert re.search(shown, text, re.M), f"{shown} is not in\n{text}"
    for shown in INGRESS_ROWS if ingress.why_not(run) is None else [r"left out: nginx is not there"]:
        assert re.search(shown, text, re.M), f"{shown} is not in\n{text}"
    assert run.left() == []
    frames = subprocess.run(["tcpdump", "-nr", run.pcap], capture_output=True, text=True).stdout
    assert "ARP, Reply 10.0.0.2" in frames and "neighbor advertisement" in frames


def shape(line):
    """A line of the demo without what differs from run to run: pods, addresses, figures, the width of columns."""
    line = re.sub(r"\b(pod|service[12])-[abc]\b", r"\1-?", line)
    line = re.sub(r"\[?(\d+\.){3}\d+|\[?[0-9a-f]+(:[0-9a-f]*){2,}\]?", "ADDRESS", line)
    return re.sub(r"(\b\d[\d.]*\b ?)+", "N ", " ".join(line.split())).strip()


def quoted(document):
    """Lines of the blocks of a document that are marked as the demo's output."""
    text = (REPO / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```demo\n(.*?)^```$", text, re.M | re.S)
    assert blocks, f"{document} quotes the demo nowhere"
    return [line for b in blocks for line in b.splitlines() if line.strip()]


def programs(folder, without):
    """A folder of all programs but one."""
    folder.mkdir(parents=True)
    for p in PROGRAMS:
        if p != without:
            (folder / p).symlink_to(BIN.resolve() / p)
    return folder


@pytest.mark.parametrize("missing", ("bellman-speaker", "bellman-proxy", "bellman-allocator"))
def test_demo_without_a_program_fails_and_cleans_up(start, tmp_path, missing):
    run = start(bin=programs(tmp_path / "bin", without=missing))
    assert run.wait() == 1
    assert "demo FAILED" in run.text() and missing in run.text()
    assert run.left() == []


LEFT_OUT = (
    ("bellman-speaker", "--ignore-exclude-lb", "expected the client's entries to leave node-"),
    ("bellman-allocator", "--lb-class=other.example/class", "2 EXTERNAL-IP of web"),
    ("bellman-speaker", "--lb-class=other.example/class", "a node to answer for "),
)


def test_demo_fails_when_a_daemon_does_not_do_its_part(start, tmp_path):
    """Every daemon is there and ready, one of them has been told to leave out what the demo shows."""
    runs = []
    for i, (program, flag, expected) in enumerate(LEFT_OUT):
        bin = programs(tmp_path / str(i) / "bin", without=program)
        (bin / program).write_text(f"#!/bin/sh\nexec {BIN.resolve() / program} \"$@\" {flag}\n", encoding="utf-8")
        (bin / program).chmod(0o755)
        runs.append((start(folder=bin.parent, bin=bin), expected))
    for run, expected in runs:  # side by side: each waits up to its deadline for what never comes
        assert run.wait() == 1
        assert "demo FAILED" in run.text() and expected in run.text()
        assert "All of it happened" not in run.text()
        assert run.left() == []


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
def test_interrupted_demo_cleans_up(start, number):
    run = start()
    wait_for(lambda: "Services of type" in run.text(), 30, "the demo to get going")
    assert run.left() != []
    run.popen.send_signal(number)
    assert run.wait(20) == 128 + number, run.text()
    assert "Traceback" not in run.text()
    assert run.left() == []


def test_demo_interrupted_while_building_cleans_up(start):
    run = start()
    wait_for(lambda: any(n.endswith("-client") for n in run.namespaces()), 10, "the first namespace")
    run.popen.send_signal(signal.SIGINT)
    assert run.wait(20) == 128 + signal.SIGINT, run.text()
    assert run.left() == []


def test_kept_demo_runs_on_until_it_is_stopped(start):
    if os.path.exists("/run/netns/demo-sw"):
        pytest.skip("somebody keeps a demo running here")
    run = start("--keep")
    try:
        assert run.wait() == 0, run.text()
        commands = re.findall(r"^   (ip netns exec .*)", run.text(), re.M)
        ends = [c for c in commands if " capture " not in c and (" kubectl " not in c or shutil.which("kubectl"))]
        assert len(ends) >= 5
        for command in ends:
            done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=20, cwd=REPO)
            assert done.returncode == 0 and done.stdout, f"{command}: {done.stderr}"
            if "curl" in command:
                assert done.stdout.startswith("service1-" if "Host: " in command else "pod-")
            elif "get ingress" in command:
                assert re.search(r"fan-out +nginx +foo\.bar\.com +10\.0\.0\.2\d\d,", done.stdout), done.stdout
            elif "kubectl" in command or "status" in command:
                assert re.search(r"web\b.* 10\.0\.0\.2\d\d", done.stdout), done.stdout
        again = start("--keep")
        assert again.wait() == 1 and "running already" in again.text()
    finally:
        stopped = subprocess.run([sys.executable, HERE / "demo.py", "--stop", "--pcap", run.pcap])
    assert stopped.returncode == 0
    assert run.left() == [] and not os.path.exists("/run/netns/demo-sw")
