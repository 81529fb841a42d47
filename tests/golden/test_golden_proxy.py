# SPDX-License-Identifier: Apache-2.0
"""
The proxy's rule sets as nft and the kernel take them: each tests/golden/proxy/NAME.nft.json loads,
and lists as NAME.nft says. tests/unit/test_proxy_golden.c compares the former with what the proxy
makes of NAME.objects.json. The random Services of kube-proxy.objects.json lead where kube-proxy sends them, which
is in kube-proxy.json.

Run with GOLDEN_WRITE=1 to write NAME.nft anew, and read the difference before committing it.
"""

import ipaddress
import json
import os
import pathlib
import shutil
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent / "proxy"
RULE_SETS = sorted(FOLDER.glob("*.nft.json"))
# In a namespace of its own; twice, since the second time there is something to replace.
LOAD = 'nft -j -f "$0" && nft -j -f "$0" && nft -s list table inet bellman'


def nft_version():
    return subprocess.run(["nft", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


@pytest.fixture(scope="module")
def can_load():
    if not shutil.which("nft"):
        pytest.skip("nft is not installed: make deps")
    if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode != 0:
        pytest.skip("network namespaces need root")


def listing(path):
    done = subprocess.run(["unshare", "-n", "sh", "-c", LOAD, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_rule_sets():
    objects = {p.name.removesuffix(".objects.json") for p in FOLDER.glob("*.objects.json")}
    assert {p.name.removesuffix(".nft.json") for p in RULE_SETS} == objects


@pytest.mark.parametrize("path", RULE_SETS, ids=lambda p: p.name.removesuffix(".nft.json"))
def test_the_kernel_takes_it_and_lists_it(can_load, path):
    golden = path.with_name(path.name.removesuffix(".json"))
    head = f"# as listed by nft {nft_version()}\n"
    listed = listing(path)
    if os.environ.get("GOLDEN_WRITE"):
        golden.write_text(head + listed, encoding="ascii")
    text = golden.read_text(encoding="ascii")
    if not text.startswith(head):
        pytest.skip(f"it loads, but each nft words its lists in its own way: {head.strip()} is not that of {golden.name}")
    assert head + listed == text


def test_a_list_would_tell_a_difference(can_load, tmp_path):
    text = (FOLDER / "ways-in.nft.json").read_text(encoding="ascii")
    other = tmp_path / "other.nft.json"
    other.write_text(text.replace('"10.244.2.2"', '"10.244.2.3"'), encoding="ascii")
    assert listing(other) != listing(FOLDER / "ways-in.nft.json")


# --- as kube-proxy decides ------------------------------------------------------------------------

# decide.go has kube-proxy 1.32.4 write kube-proxy.json. The objects are random: every type, policy and family,
# conditions of endpoints that are there, absent or null, hints for zones, endpoints in two slices, source ranges.


class Rules:
    """What an nft transaction has for Services."""

    def __init__(self, path):
        self.chains, self.ways = {}, {}
        for command in json.loads(path.read_text(encoding="ascii"))["nftables"]:
            kind, what = next(iter(command["add"].items())) if "add" in command else (None, None)
            if kind == "rule":
                self.chains.setdefault(what["chain"], []).append(what["expr"])
            elif kind == "element" and what["name"][:-1] in ("services", "node_ports"):
                self.ways |= {(what["name"], *e[0]["concat"]): e[1]["goto"]["target"] for e in what["elem"]}

    def endpoints(self, chain):
        """Where a chain translates to: "ADDRESS:PORT" texts, or "drop" or "refuse"."""
        found = set()
        for statement in (s for rule in self.chains[chain] for s in rule):
            if "drop" in statement:
                return "drop"
            if "goto" in statement:
                return statement["goto"]["target"]
            if "dnat" in statement:
                ip, port = statement["dnat"]["addr"], statement["dnat"]["port"]
                found.add(f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}")
        return sorted(found)

    def timeout(self, chain):
        """For how long a chain remembers a client, or 0."""
        return next((s["set"]["elem"]["elem"]["timeout"] for rule in self.chains[chain] for s in rule if "set" in s), 0)

    def sources(self, chain):
        prefixes = [s["match"]["right"]["prefix"] for rule in self.chains[chain] for s in rule if "match" in s]
        return {ipaddress.ip_network(f"{p['addr']}/{p['len']}") for p in prefixes}


def expected_ways(name, family, d):
    """The elements that lead to a port of a Service, by kube-proxy's decision @d."""
    chain = lambda kind: f"{kind}{family}/{name}/{d['Protocol']}/{d['Port']}"  # noqa: E731
    ranges = {ipaddress.ip_network(r) for r in d["SourceRanges"]}
    restricted = ranges and not any(r.prefixlen == 0 for r in ranges)
    services = {d["ClusterIP"]: chain("own" if d["InternalLocal"] else "svc")}
    services |= {ip: chain("ext") for ip in d["ExternalIPs"]}
    services |= {ip: chain("lb" if restricted else "ext") for ip in d["Ingress"]}
    ways = {(f"services{family}", ip, d["Protocol"], d["Port"]): to for ip, to in services.items()}
    if d["NodePort"]:
        ways[f"node_ports{family}", d["Protocol"], d["NodePort"]] = chain("ext")
    return ways, chain, ranges if restricted and d["Ingress"] else None


def test_services_lead_where_kube_proxy_sends_them():
    rules = Rules(FOLDER / "kube-proxy.nft.json")
    decisions = json.loads((FOLDER / "kube-proxy.json").read_text(encoding="ascii"))
    node = json.loads((FOLDER / "kube-proxy.objects.json").read_text(encoding="ascii"))[0]
    own = [ipaddress.ip_address(a["address"]) for a in node["status"]["addresses"]]
    all_ways = {}
    for key, d in decisions.items():
        name, _, family = key.split()
        ways, chain, ranges = expected_ways(name.split(":")[0], family[-1], d)
        all_ways |= ways
        nowhere = "drop" if d["AnyEndpoints"] else "refuse"
        for kind, endpoints in (("svc", d["Cluster"]), ("own", d["Local"])):
            if endpoints is None:
                continue
            assert rules.endpoints(chain(kind)) == (endpoints or nowhere), f"{key}: {kind}"
            if endpoints:
                assert rules.timeout(chain(kind)) == d["AffinitySeconds"], key
        if ranges:
            if any(ip in r for ip in own for r in ranges):
                ranges |= {ipaddress.ip_network(ip) for ip in d["Ingress"]}
            assert rules.sources(chain("lb")) == set(ipaddress.collapse_addresses(ranges)), key
    assert rules.ways == all_ways
    # The sample has what it is for.
    assert sum(bool(d["Cluster"]) for d in decisions.values()) > 40 and sum(bool(d["Local"]) for d in decisions.values()) > 5
    assert any(d["Local"] == [] and d["AnyEndpoints"] for d in decisions.values())
