# SPDX-License-Identifier: Apache-2.0
"""
The samples of config/scenarios, each played: all is as it expects, with its own seed and with others, and the same seed
gives the same bytes. One of them is told exactly as it stands in planned-move.txt here; a change in the order of random
numbers changes those times, and the file is then written anew and read by somebody.

And what the command says of scenarios that are wrong, or do not hold.
"""

import filecmp
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BELLMAN_BIN", ROOT / "build/bin"))
SCENARIOS = ROOT / "config/scenarios"
SAMPLES = sorted(p.name for p in SCENARIOS.glob("*.conf") if "timeline" in p.read_text())


def simulate(*words, cwd=SCENARIOS):
    env = {k: v for k, v in os.environ.items() if k not in ("KUBECONFIG", "METALLB_NAMESPACE", "METALLB_BGP_TYPE")}
    return subprocess.run([BIN / "bellman", "simulate", *map(str, words)], cwd=cwd, env=env, text=True, capture_output=True,
                          timeout=120)


@pytest.fixture
def folder(tmp_path):
    """A folder with the samples' configuration and Services, and a scenario that is written there."""
    for name in ("bellman.conf", "web.yaml", "late.yaml"):
        shutil.copy(SCENARIOS / name, tmp_path)

    def write(text, **files):
        (tmp_path / "s.conf").write_text('config = "bellman.conf";\nmanifests = ( "web.yaml" );\n' + text)
        for name, content in files.items():
            (tmp_path / name.replace("_", ".")).write_text(content)
        return tmp_path
    return write


# --- the samples ----------------------------------------------------------------------------------


def test_there_are_samples():
    assert len(SAMPLES) >= 8


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_goes_as_it_expects(sample):
    done = simulate(sample)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "Invariants broken: 0 times." in done.stdout
    assert "holds: " in done.stdout  # it expects something


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_goes_so_with_other_seeds_too(sample):
    done = simulate(sample, "--seed", 100, "--runs", 10)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout == f"{sample.removesuffix('.conf')}, seeds 100 to 109: 0 of 10 failed.\n"


def test_a_planned_move_is_told_so():
    assert simulate("planned-move.conf").stdout == (ROOT / "tests/golden/planned-move.txt").read_text()


def test_the_page_of_the_simulator_shows_parts_of_that():
    """docs/simulation.md: each line of its example, in order."""
    page = (ROOT / "docs/simulation.md").read_text()
    shown = next(b for b in page.split("```")[1::2] if "exclude node1" in b and "SERVICE" in b)
    told = iter((ROOT / "tests/golden/planned-move.txt").read_text().splitlines())
    assert [line for line in shown.strip("\n").splitlines() if line not in told] == []


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_same_seed_gives_the_same_bytes(sample, tmp_path):
    def play(n):
        done = simulate(sample, "--seed", 7, "-o", "json", "--pcap", tmp_path / f"{n}.pcapng", "--svg", tmp_path / f"{n}.svg")
        assert done.stderr == ""
        return done.stdout
    assert play(1) == play(2) != simulate(sample, "--seed", 8, "-o", "json").stdout
    for ending in ("pcapng", "svg"):
        assert filecmp.cmp(tmp_path / f"1.{ending}", tmp_path / f"2.{ending}", shallow=False)


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed: make deps")
@pytest.mark.parametrize("sample", SAMPLES)
def test_wireshark_reads_a_capture_without_a_fault(sample, tmp_path):
    capture = tmp_path / "c.pcapng"

    def tshark(*words):
        checked = [word for layer in ("ip", "tcp", "udp") for word in ("-o", f"{layer}.check_checksum:TRUE")]
        done = subprocess.run(["tshark", "-n", "-r", capture, *checked, *words], capture_output=True, text=True, check=True,
                              timeout=60)
        return done.stdout.splitlines()
    assert simulate(sample, "--pcap", capture).returncode == 0
    assert tshark("-Y", "_ws.malformed or _ws.short or ip.checksum.status == 0 or tcp.checksum.status == 0 or "
                        "udp.checksum.status == 0 or icmpv6.checksum.status == 0") == []
    comments = tshark("-Y", "arp.isgratuitous", "-T", "fields", "-e", "frame.comment")
    assert comments and all(comments)  # of Bellman's frames each says why


def test_each_link_is_an_interface_of_the_capture(tmp_path):
    assert simulate("two-segments.conf", "--pcap", tmp_path / "c.pcapng").returncode == 0
    text = (tmp_path / "c.pcapng").read_bytes()
    assert b"office" in text and b"dmz" in text


# --- what does not hold ---------------------------------------------------------------------------

MOVE = 'timeline = ( { at = "10s"; exclude = "node1"; },\n%s );\n'
WRONG = MOVE % '{ at = "10s"; expect = { service = "web/front"; owner = "node2"; within = "1s"; }; }'


def test_what_does_not_hold_is_told_with_seed_and_moment(folder):
    done = simulate("s.conf", "--seed", 3, cwd=folder(WRONG))
    assert done.returncode == 1
    assert done.stderr == ("seed 3: at 11.000 s: expect web/front to be announced by node2 within 1 s: "
                           "10.0.0.200 is node3's\n")
    assert "DOES NOT HOLD: " in done.stdout
    report = json.loads(simulate("s.conf", "-o", "json", cwd=folder(WRONG)).stdout)
    assert (report["ok"], report["disappointed"], report["broken"]) == (False, 1, 0)


def test_of_many_runs_those_that_fail_are_told(folder):
    done = simulate("s.conf", "--runs", 2, cwd=folder(WRONG))
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["seed 1", "seed 2"]
    assert done.stdout.count("DOES NOT HOLD: ") == 2
    assert done.stdout.endswith("s, seeds 1 to 2: 2 of 2 failed.\n")
    report = json.loads(simulate("s.conf", "--runs", 2, "-o", "json", cwd=folder(WRONG)).stdout)
    assert (report["scenario"], report["seed"], report["runs"]) == ("s", 1, 2)
    assert [run["seed"] for run in report["failed"]] == [1, 2]


def test_a_run_may_be_cut_short(folder):
    done = simulate("s.conf", "--until", "5s", cwd=folder(WRONG))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("s, seed 1, 5.000 s\n") and "exclude" not in done.stdout


def test_seed_0_is_a_seed(folder):
    where = folder(WRONG + "seed = 5;")
    done = simulate("s.conf", "--seed", 0, cwd=where)
    assert done.stdout.startswith("s, seed 0, ")
    assert done.stderr.startswith("seed 0: at ")
    assert simulate("s.conf", cwd=where).stdout.startswith("s, seed 5, ")
    assert json.loads(simulate("s.conf", "--seed", 0, "-o", "json", cwd=where).stdout)["seed"] == 0
    assert simulate("s.conf", "--seed", 0, "--runs", 2, cwd=where).stdout.endswith("s, seeds 0 to 1: 2 of 2 failed.\n")
    assert simulate("s.conf", cwd=folder(WRONG + "seed = 0;")).stdout.startswith("s, seed 0, ")


def test_what_cannot_be_written_is_said(folder):
    done = simulate("s.conf", "--svg", "no/where.svg", cwd=folder(""))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "bellman simulate: no/where.svg: No such file or directory\n")
    for flag in ("--pcap", "--svg"):
        done = simulate("s.conf", flag, "/dev/full", cwd=folder(""))
        assert (done.returncode, done.stderr) == (1, "bellman simulate: /dev/full: No space left on device\n")


def test_nothing_half_written_is_left(folder):
    where = folder("")
    command = [BIN / "bellman", "simulate", "s.conf", "--pcap", "a.pcapng", "--svg", "a.svg"]
    # A file that grows no further, as on a full disk. The signal that would end the process stays ignored.
    done = subprocess.run(command, cwd=where, text=True, capture_output=True, timeout=60, restore_signals=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)))
    assert done.returncode == 1
    assert done.stderr == "bellman simulate: a.pcapng: File too large\nbellman simulate: a.svg: File too large\n"
    assert sorted(p.name for p in where.glob("a.*")) == []


def test_what_is_there_stays_when_nothing_is_played(folder):
    where = folder("")
    for name, content in (("a.pcapng", None), ("old.pcapng", "old")):
        if content:
            (where / name).write_text(content)
        done = simulate("s.conf", "--pcap", name, "--svg", "no/where.svg", cwd=where)
        assert (done.returncode, done.stderr) == (1, "bellman simulate: no/where.svg: No such file or directory\n")
    assert [(p.name, p.read_text()) for p in where.glob("*.pcapng")] == [("old.pcapng", "old")]


@pytest.mark.parametrize("stream", [1, 2])
def test_a_stream_that_is_closed_is_not_a_file(stream, folder):
    where = folder(WRONG)
    simulate("s.conf", "--pcap", "whole.pcapng", cwd=where)
    subprocess.run(f"exec {BIN}/bellman simulate s.conf --pcap other.pcapng {stream}>&-", shell=True, cwd=where, capture_output=True,
                   timeout=60)
    assert filecmp.cmp(where / "whole.pcapng", where / "other.pcapng", shallow=False)


@pytest.mark.parametrize("words", ["--version", "--help", "plan web.yaml bellman.conf", "check bellman.conf", "simulate planned-move.conf"])
def test_what_cannot_be_said_was_not_done(words):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([BIN / "bellman", *words.split()], cwd=SCENARIOS, stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("bellman: standard output: ")


# --- objects as an API server takes them ------------------------------------------------------------


def test_a_step_takes_the_cluster_ip_that_nobody_has(folder):
    """Two Services without one: the second of them comes with a step. Both are there, and none is in the other's way."""
    text = ('serviceCIDR = "10.96.0.0/29";\nclients = ( { service = "web/late"; } );\n'
            'timeline = ( { at = "10s"; create = "late.yaml"; },\n'
            '  { at = "10s"; expect = { service = "web/late"; address = "10.0.0.202"; within = "1s"; failedBelow = 1; }; } );')
    done = simulate("s.conf", cwd=folder(text))
    assert (done.returncode, done.stderr) == (0, "")
    # 10.96.0.0/29 has six, the API server's among them: not all of eight Services fit.
    many = "---\n".join(f"apiVersion: v1\nkind: Service\nmetadata: {{name: s{n}}}\nspec: {{type: LoadBalancer, ports: [{{port: 80}}]}}\n"
                        for n in range(8))
    done = simulate("s.conf", cwd=folder(text, late_yaml=many))
    assert done.returncode == 1 and done.stderr.startswith("late.yaml:")


def test_a_service_that_is_applied_keeps_its_address(folder):
    again = (SCENARIOS / "web.yaml").read_text().replace("port: 80}", "port: 81}")
    text = ('timeline = ( { at = "10s"; apply = "again.yaml"; },\n'
            '  { at = "10s"; expect = { service = "web/front"; address = "10.0.0.200"; owner = "node1"; within = "1s";\n'
            '      darkBelow = "1ms"; }; } );')
    done = simulate("s.conf", cwd=folder(text, again_yaml=again))
    assert (done.returncode, done.stderr) == (0, "")
    assert "taken back" not in done.stdout and done.stdout.count("given out: web/front 10.0.0.200") == 1


def test_names_may_be_of_any_length_and_bytes(folder):
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n" * 20_000}}
    web = json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "caf?", "namespace": "web"},
                      "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}})
    where = folder("")
    (where / "s.conf").write_text('config = "bellman.conf";\nmanifests = ( "node.json", "caf.json" );\n')
    (where / "node.json").write_text(json.dumps(node))
    (where / "caf.json").write_bytes(web.replace("?", "\xe9").encode("latin-1"))
    done = simulate("s.conf", "-o", "json", cwd=where)
    assert (done.returncode, done.stderr) == (0, "")
    assert {(a["service"], a["owner"]) for a in json.loads(done.stdout)["addresses"]} == {("web/caf\ufffd", "n" * 20_000)}


def test_a_pool_that_is_applied_counts_from_then_on(folder):
    pool = ("apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: more, namespace: metallb-system}\n"
            "spec: {addresses: [10.0.0.230/32], serviceAllocation: {priority: 1}}\n")
    late = (SCENARIOS / "late.yaml").read_text()
    text = ('timeline = ( { at = "10s"; apply = "pool.yaml"; }, { at = "20s"; create = "late.yaml"; },\n'
            '  { at = "20s"; expect = { service = "web/late"; address = "10.0.0.230"; within = "1s"; }; } );')
    done = simulate("s.conf", cwd=folder(text, pool_yaml=pool, late_yaml=late))
    assert (done.returncode, done.stderr) == (0, "")


def test_another_configuration_file_takes_over(folder):
    other = 'pools = ( { name = "public"; addresses = ( "10.0.0.100-10.0.0.110" ); } );\n'
    text = ('timeline = ( { at = "10s"; config = "other.conf"; },\n'
            '  { at = "10s"; expect = { service = "web/local"; address = "10.0.0.100"; owner = ""; within = "10s"; }; } );')
    done = simulate("s.conf", cwd=folder(text, other_conf=other))
    assert "the configuration is now other.conf" in done.stdout
    assert "given out: web/local 10.0.0.10" in done.stdout


def test_settings_of_the_configuration_count(folder):
    conf = (SCENARIOS / "bellman.conf").read_text()
    text = MOVE % '{ at = "10s"; expect = { service = "web/front"; owner = "node1"; within = "1s"; darkBelow = "1ms"; }; }'
    assert simulate("s.conf", cwd=folder(text)).returncode == 1
    deaf = conf + "settings = { ignoreExcludeLB = true; };\n"
    done = simulate("s.conf", cwd=folder(text, bellman_conf=deaf))
    assert (done.returncode, done.stderr) == (0, "")
    other = conf + 'settings = { loadBalancerClass = "example.com/other"; };\n'
    assert "given out" not in simulate("s.conf", cwd=folder("", bellman_conf=other)).stdout
    slow = 'allocators = 2;\ntimeline = ( { at = "1s"; kill = "allocator leader"; } );\nuntil = "100s";\n'
    for settings, leaders in (("", 2), ('settings = { leaseDuration = "200s"; };\n', 1)):
        told = simulate("s.conf", cwd=folder(slow, bellman_conf=conf + settings)).stdout
        assert len(re.findall(r" a[12] leads$", told, re.M)) == leaders


# --- scenarios that are wrong -----------------------------------------------------------------------

REFUSED = {  # what follows the config and the manifests: what is said
    "seeds = 1;": "s.conf:3: seeds: unknown field, did you mean seed?\n",
    "seed = ;": "s.conf:3: syntax error\n",
    'serviceCIDR = "10.96";': 's.conf:3: serviceCIDR: "10.96" is not a prefix, nor one of each family\n',
    'clients = ( { service = "web/frnt"; } );': 's.conf:3: clients: there is no Service "web/frnt", did you mean web/front?\n',
    'clients = ( { service = "web/front"; protocol = "udp"; } );': "s.conf:3: clients: web/front has no port of protocol UDP\n",
    'timeline = ( { at = "1s"; exclude = "nod1"; } );': 's.conf:3: timeline: there is no node "nod1", did you mean node1?\n',
    'timeline = ( { at = "1s"; create = "no.yaml"; } );': "no.yaml: cannot be read: No such file or directory\n",
    'timeline = ( { at = "1s"; config = "no.conf"; } );': "no.conf: cannot be read: No such file or directory\n",
    'timeline = ( { at = "1s"; create = "bad.yaml"; } );': "bad.yaml:4: spec.ports[0].port: ",
    'timeline = ( { at = "1s"; config = "bad.conf"; } );': 'bad.conf:1: pools[0].addresses[0]: "x" is neither ',
    'timeline = ( { at = "1s"; exclude = "node1"; },\n { at = "2s"; delete = "node node4"; } );':
        's.conf:4: timeline: there is no node "node4", did you mean node1?\n',
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_scenario_that_is_wrong_is_not_played(text, folder):
    bad = "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {type: LoadBalancer, ports: [{port: 0}]}\n"
    cwd = folder(text, bad_yaml=bad, bad_conf='pools = ( { name = "p"; addresses = ( "x" ); } );\n')
    done = simulate("s.conf", cwd=cwd)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == REFUSED[text] if REFUSED[text].endswith("\n") else done.stderr.startswith(REFUSED[text])
    report = json.loads(simulate("s.conf", "-o", "json", cwd=cwd).stdout)
    assert list(report) == ["errors"]
    assert list(report["errors"][0]) == ["file", "line", "field", "message"]


def test_a_scenario_that_is_not_there_is_said(tmp_path):
    done = simulate("none.conf", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "none.conf: cannot be read: No such file or directory\n")


def test_files_are_looked_for_beside_the_scenario(folder):
    path = folder(WRONG.replace("node2", "node3"))
    assert simulate(path / "s.conf", cwd="/").returncode == 0
