# SPDX-License-Identifier: Apache-2.0
"""`bellman simulate --from live`: which addresses would move where, and what would be answered to a capture."""

import hashlib
import json
import struct

import pytest
from ctl import OWNER, bellman, live_service, ready_slice

KEYS = ["excluded", "announced", "changes", "doubts", "errors"]
RUNNERS_UP = sorted((f"n{i}" for i in range(1, 6)), key=lambda name: hashlib.sha256(f"{name}#10.0.0.3".encode()).digest())


def simulate(api_server, *words, code=0, cwd=None):
    done = bellman("simulate", "--from", "live", "-o", "json", "--server", api_server.url, *words, cwd=cwd)
    assert done.returncode == code, done.stderr
    report = json.loads(done.stdout)
    assert list(report) == KEYS
    return report


@pytest.fixture
def one(api_server):
    """One Service, `web`, on 10.0.0.3 of pool `a`, announced by OWNER."""
    api_server.objects["/api/v1/services"] = ("Service", "v1", [live_service("web", ["10.0.0.3"])])
    return api_server


def test_an_address_moves_to_the_next_in_the_election(one):
    report = simulate(one, "--exclude", OWNER)
    assert (report["excluded"], report["announced"]) == ([OWNER], 1)
    (web,) = report["changes"]
    assert (web["namespace"], web["name"], web["change"]) == ("default", "web", "moved")
    assert web["from"] == {"ips": ["10.0.0.3"], "pool": "a", "node": RUNNERS_UP[0]}
    assert web["to"] == {"ips": ["10.0.0.3"], "pool": "a", "node": RUNNERS_UP[1]}


def test_several_nodes_are_excluded_at_once(one):
    report = simulate(one, "--exclude", ",".join(RUNNERS_UP[:3]))
    assert report["excluded"] == RUNNERS_UP[:3]
    assert report["changes"][0]["to"]["node"] == RUNNERS_UP[3]


def test_nothing_moves_without_a_node_that_announces_nothing(one):
    assert simulate(one, "--exclude", RUNNERS_UP[4])["changes"] == []
    done = bellman("simulate", "--from", "live", "--server", one.url, "--exclude", RUNNERS_UP[4])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (f"Without {RUNNERS_UP[4]}: of 1 Services that are announced 0 would move, and 0 would be announced by "
                           "nobody.\n\nNo Service would change.\n")


def test_an_address_that_nobody_would_announce_is_a_loss(one):
    # The one endpoint is on n1, and the policy is Local.
    web = live_service("web", ["10.0.0.3"], externalTrafficPolicy="Local")
    one.objects["/api/v1/services"] = ("Service", "v1", [web])
    (change,) = simulate(one, "--exclude", "n1", code=3)["changes"]
    assert (change["change"], change["from"]["node"], change["to"]["node"]) == ("unannounced", "n1", "")
    assert change["why"].startswith("announced by nobody: ")
    done = bellman("simulate", "--from", "live", "--server", one.url, "--exclude", "n1")
    assert done.returncode == 3
    assert "0 would move, and 1 would be announced by nobody" in done.stdout
    assert "n1 -> -" in done.stdout


def test_a_service_that_nobody_announces_anyway_is_no_loss(one):
    one.objects["/apis/discovery.k8s.io/v1/endpointslices"] = ("EndpointSlice", "discovery.k8s.io/v1", [])
    report = simulate(one, "--exclude", OWNER)
    assert (report["announced"], report["changes"]) == (0, [])


def test_what_the_daemons_own_file_says_counts_for_both_sides(one, files):
    one.objects["/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools"][2].clear()
    conf = 'pools = ( { name = "a"; addresses = ( "10.0.0.0/29" ); } );\n'
    assert "not seen here" in simulate(one, "--exclude", OWNER)["doubts"][0]
    report = simulate(one, "--exclude", OWNER, "--config", "own.conf", cwd=files(own_conf=conf))
    assert (report["changes"][0]["change"], report["doubts"]) == ("moved", [])
    # With it the speakers do not look at the label.
    deaf = conf + "settings = { ignoreExcludeLB = true; };\n"
    assert simulate(one, "--exclude", OWNER, "--config", "own.conf", cwd=files(own_conf=deaf))["changes"] == []


def test_a_node_that_is_not_there_is_said(one):
    done = bellman("simulate", "--from", "live", "--server", one.url, "--exclude", "n1,n6")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'bellman simulate: there is no node "n6", did you mean n1?\n'


def test_two_services_each_go_their_way(one):
    one.objects["/api/v1/services"] = ("Service", "v1", [live_service("web", ["10.0.0.3"]), live_service("db", ["10.0.0.4"])])
    one.objects["/apis/discovery.k8s.io/v1/endpointslices"][2].append(ready_slice("db"))
    order = sorted((f"n{i}" for i in range(1, 6)), key=lambda name: hashlib.sha256(f"{name}#10.0.0.4".encode()).digest())
    report = simulate(one, "--exclude", ",".join({RUNNERS_UP[0], order[0]}))
    left = [[n for n in ranks if n not in (RUNNERS_UP[0], order[0])][0] for ranks in (order, RUNNERS_UP)]
    assert [c["to"]["node"] for c in report["changes"]] == left  # by name: db, web


def test_an_api_that_cannot_be_asked_is_exit_4():
    done = bellman("simulate", "--from", "live", "--server", "http://127.0.0.1:9", "--exclude", "n1")
    assert done.returncode == 4
    assert done.stderr.startswith("bellman: ")


def test_a_faulty_configuration_elects_nobody(one):
    one.objects["/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools"][2][0]["spec"] = {"addresses": ["x"]}
    done = bellman("simulate", "--from", "live", "--server", one.url, "--exclude", "n1")
    assert done.returncode == 1
    assert "nobody can be elected by a faulty configuration" in done.stderr


WRONG = {
    "--from live": "--from live needs --exclude",
    "--from dead --exclude n1": "--from: 'dead' is not live",
    "--from live --exclude n1 a.conf": "--from live takes no scenario",
    "--from live --exclude n1 --seed 3": "--seed: only with a scenario",
    "--from live --exclude n1 --pcap f": "--pcap: only with a scenario",
    "--from live --fail n1": "--fail comes with gossip",
    "a.conf --exclude n1": "--exclude: only with --from live",
    "a.conf --config f": "--config: only with --from live",
    "a.conf --runs 0": "--runs: there is nothing to play 0 times",
    "a.conf --seed 18446744073709551615 --runs 2": "--runs: there are not so many seeds from that one on",
    "a.conf --pcap f --svg f": "--pcap and --svg: 'f' cannot be both",
    "a.conf --until 0s": "--until: nothing happens in no time",
    "--from live --exclude n1 --seed 0": "--seed: only with a scenario",
    "a.conf b.conf": "one scenario at a time",
    "": "a scenario is needed",
    "a.conf --runs 2 --svg f": "--svg: only with one run",
    "a.conf --service-cidr x": "--service-cidr: 'x' is not a prefix",
    "a.conf -o yaml": "-o: 'yaml' is neither table nor json",
    "--replay a.pcap f.yaml": "--replay needs --node",
    "--replay a.pcap --node n1": "--replay needs the files of a cluster, or --from live",
    "--replay a.pcap --node n1 --seed 3 f.yaml": "--seed: only with a scenario",
    "--replay a.pcap --node n1 --exclude n1 --from live": "--exclude: only with --from live, without --replay",
    "--replay a.pcap --node n1 --from dead": "--from: 'dead' is not live",
    "--replay a.pcap --node n1 --service-cidr x f.yaml": "--service-cidr: 'x' is not a prefix",
    "--node n1 x.conf": "--node: only with --replay",
    "--interface eth0 x.conf": "--interface: only with --replay",
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_usage(words):
    done = bellman("simulate", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert WRONG[words] in done.stderr


# --- --replay --------------------------------------------------------------------------------------------------------

def test_a_capture_is_replayed_to_the_cluster_as_it_is(one, tmp_path):
    asker = bytes.fromhex("020000000001")
    question = b"\xff" * 6 + asker + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + asker + bytes([10, 0, 0, 1]) \
        + bytes(6) + bytes([10, 0, 0, 3])
    (tmp_path / "a.pcap").write_bytes(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
                                      + struct.pack("<IIII", 1, 0, len(question), len(question)) + question)
    for node, answers in ((OWNER, 1), (RUNNERS_UP[1], 0)):
        done = bellman("simulate", "--replay", tmp_path / "a.pcap", "--node", node, "--from", "live", "-o", "json", "--server",
                       one.url)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(json.loads(done.stdout)["answers"]) == answers
