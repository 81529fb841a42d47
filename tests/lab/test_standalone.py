# SPDX-License-Identifier: Apache-2.0
"""
docs/standalone.md, run: its blocks of commands are taken from the page as they stand and run on the hosts
that their first lines name (hosts.py). A block that follows is what they print; then the commands are a
question, asked again until that is the answer. "poweroff" alone pulls the plug of a host.
"""

import collections
import re
import shutil
import sys

import pytest
from conftest import _lab as open_lab
from hosts import Host
from lab import HERE, REPO

sys.path.insert(0, str(HERE.parent / "requests"))

import kubectls  # noqa: E402

PAGE = REPO / "docs/standalone.md"
HOSTS = ("host-a", "host-b", "host-c")
PLACE = re.compile(r"# on (every host|your host|the host|host-[abc](?: and host-[abc])*)\b.*")
DEADLINE = 20.0  # of an answer; most take some 0.3 s

Block = collections.namedtuple("Block", "line part place commands answer")


def read_page():
    """The blocks of commands in order: where they stand, where they run, what they print (None: nothing is said)."""
    blocks, part, fence = [], None, None
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if fence is None and line.startswith("## "):
            part = line[3:]
        elif fence is None and line.startswith("```"):
            fence, inside, start = line[3:], [], number
        elif line == "```":
            if fence == "sh":
                place = PLACE.fullmatch(inside[0])
                assert place, f"{PAGE.name}:{start}: the block does not say where to run it"
                blocks.append(Block(start, part, place[1], "\n".join(inside[1:]), None))
            elif fence == "" and lines[start - 3:start - 1] == ["```", ""]:
                blocks[-1] = blocks[-1]._replace(answer="\n".join(inside))
            fence = None
        elif fence is not None:
            inside.append(line)
    assert fence is None
    return blocks


BLOCKS = read_page()
ALONE = "One host alone"
SYSTEMD = "Let systemd start it"


def plain(text):
    """Without what differs from run to run: times."""
    return [re.sub(r"\b\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", line).rstrip() for line in text.strip().splitlines()]


class Page:
    """The hosts of the page, and "your host", which is the lab's client."""

    def __init__(self, lab, hosts, kubectl):
        self.lab = lab
        self.hosts = {h: Host(lab, h, kubectl) for h in hosts}

    def close(self):
        for h in self.hosts.values():
            h.process.kill()

    def _run(self, place, commands):
        if place == "your host":
            done = self.lab.run("client", ["bash", "-c", commands], check=False, timeout=60)
            return [("your host", done.returncode, done.stdout + done.stderr)]
        names = self.hosts if place in ("every host", "the host") else place.split(" and ")
        on = [self.hosts[n] for n in names if self.hosts[n].process.running()]
        return [(h.name, *h.run(commands)) for h in on]

    def follow(self, block):
        where = f"{PAGE.name}:{block.line}"
        if block.commands.strip() == "poweroff":
            self.hosts[block.place].power_off()
        elif block.answer is None:
            for name, code, output in self._run(block.place, block.commands):
                assert code == 0, f"{where}: on {name}: exit {code}:\n{output}"
        else:
            last = []

            def answered():
                last[:] = self._run(block.place, block.commands)
                return all(code == 0 and plain(output) == plain(block.answer) for _, code, output in last)

            try:
                self.lab.wait_for(answered, DEADLINE, every=0.1)
            except AssertionError:
                told = "\n".join(f"on {name}: exit {code}:\n{output}" for name, code, output in last)
                logs = "\n".join(f"--- {f}\n{f.read_text()[-1500:]}" for h in self.hosts.values()
                                 for f in sorted((h.folder / "var/log").glob("bellman-*")))
                raise AssertionError(f"{where}: the page says\n{block.answer}\nbut\n{told}\n{logs}") from None


@pytest.fixture
def hosts(can_lab):
    kubectl = kubectls.debian_kubectl() or kubectls.path_kubectl()
    if kubectl is None:
        pytest.skip("no kubectl on PATH, and Debian's kubernetes-client cannot be fetched")
    opened = []
    for lab in open_lab(backends=False):
        def open_page(names):
            opened.append(Page(lab, names, kubectl))
            return opened[-1]

        yield open_page
        for page in opened:
            page.close()


def test_every_block_that_is_not_run_is_for_systemd():
    text = PAGE.read_text(encoding="utf-8")
    kinds = set(re.findall(r"^```(\w+)$", text, re.M))
    assert kinds == {"sh", "console"}
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S):
        assert all(line.startswith("$ systemctl ") for line in block.splitlines()), block
    assert sum(b.answer is not None for b in BLOCKS) >= 6


def test_three_hosts(hosts):
    """From the first command to the last, the death of a host included."""
    page = hosts(HOSTS)
    for block in BLOCKS:
        if block.part not in (ALONE, SYSTEMD):
            page.follow(block)
    for host in page.hosts.values():
        secrets = [f for f in (host.folder / "etc/bellman").glob("*") if f.name in ("tokens", "api.key", "kubeconfig")]
        assert secrets and all(f.stat().st_mode & 0o077 == 0 for f in secrets), "nobody else may read them"


def test_units(hosts):
    """
    As systemd starts them: the command of each unit with the flags of /etc/default and, of all capabilities, with
    those that the unit leaves it. systemd itself is not here; systemd-analyze looks at the units where it is installed.
    """
    page = hosts(HOSTS)
    parts = [b.part for b in BLOCKS]
    before, after = parts.index("Start"), parts.index("An address for your servers")
    for block in BLOCKS[:before]:
        page.follow(block)
    for block in BLOCKS:
        if block.part == SYSTEMD and block.place == "host-a":
            page.follow(block)
    for name, host in page.hosts.items():
        if shutil.which("systemd-analyze"):
            code, output = host.run("systemd-analyze verify --man=no /usr/local/lib/systemd/system/bellman-*.service")
            assert (code, output) == (0, "")
        for daemon in (("apiserver", "allocator") if name == "host-a" else ()) + ("speaker", "proxy"):
            start_unit(host, f"bellman-{daemon}")
    for block in (b for b in BLOCKS[after:] if b.part == BLOCKS[after].part):
        page.follow(block)


def start_unit(host, name):
    unit = (host.folder / f"usr/local/lib/systemd/system/{name}.service").read_text(encoding="utf-8")
    command = re.search(r"^ExecStart=(.*)$", unit, re.M)[1].replace("%H", host.name)
    kept = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)[1].lower().replace("cap_", "").split()
    flags = re.search(r"^EnvironmentFile=-(.*)$", unit, re.M)[1]
    bounding = ",".join(["-all", *(f"+{k}" for k in kept)])
    code, output = host.run(f"[ ! -f {flags} ] || . {flags}\n"
                            f"setpriv --bounding-set={bounding} --inh-caps=-all --no-new-privs {command} 2> /var/log/{name}.log &")
    assert code == 0, output


def test_one_host_alone(hosts):
    page = hosts(HOSTS[:1])
    for block in BLOCKS:
        if block.part == ALONE:
            page.follow(block)
