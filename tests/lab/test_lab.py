# SPDX-License-Identifier: Apache-2.0
"""The lab itself: its network carries traffic before any daemon runs, and nothing is left of it."""

import os
import pathlib
import subprocess
import tempfile
import time

import hosts
import lab as labs
import pytest
from lab import Lab, node_ip, pod_ip, url
from steady import Steady


def namespaces(prefix):
    return [n for n in os.listdir("/run/netns") if n.startswith(prefix)]


def test_hosts_build_where_bellman_was_built_or_nowhere(tmp_path):
    for kind, programs in (("san", "san/bin"), ("release", "bin")):
        build = tmp_path / kind
        (build / programs).mkdir(parents=True)
        with pytest.raises(ValueError, match="not the bin or san/bin"):
            hosts.build_folder(build / programs)
        (build / kind).mkdir(exist_ok=True)
        (build / kind / "libbellman.a").touch()
        assert hosts.build_folder(build / programs) == build
        with pytest.raises(ValueError, match="not the bin or san/bin"):
            hosts.build_folder(build / kind)
    with pytest.raises(ValueError, match="not the bin or san/bin"):
        hosts.build_folder("/tmp/x")


@pytest.mark.parametrize("family", (4, 6))
def test_pods_reach_each_other_over_their_nodes(lab, family):
    assert lab.http_get("pod-a", url(pod_ip("node-c", family), 8080)) == f"pod-c {pod_ip('node-a', family)}"
    assert lab.udp_ask("node-b", pod_ip("node-c", family), 8080) == f"pod-c {node_ip('node-b', family)} ping"


def test_client_and_nodes_are_neighbours_with_telling_macs(lab):
    assert lab.resolve("client", node_ip("node-b")) == "node-b"
    assert lab.resolve("client", node_ip("node-c", 6)) == "node-c"
    assert lab.resolve("client", "10.0.0.200") is None


def test_nothing_is_left_after_an_exception(can_lab):
    with pytest.raises(ZeroDivisionError):
        with Lab() as lab:
            pids = [p.pid for p in lab.processes]
            scratch = lab.scratch
            assert namespaces(lab.prefix) and pids
            1 / 0
    assert namespaces(lab.prefix) == []
    assert [p for p in pids if os.path.exists(f"/proc/{p}")] == []
    assert not scratch.exists()


def test_a_lab_of_a_dead_owner_is_swept(can_lab):
    child = os.fork()
    if child == 0:  # builds a lab and dies without a chance to clean up
        Lab(prefix=f"bl{os.getpid()}x0-").__enter__()
        os._exit(0)
    os.waitpid(child, 0)
    scratch = list(pathlib.Path(tempfile.gettempdir()).glob(f"bellman-lab-bl{child}x0-*"))
    assert namespaces(f"bl{child}x0-") and len(scratch) == 1
    labs.sweep()
    assert namespaces(f"bl{child}x0-") == [] and not scratch[0].exists()


def test_wait_for_says_what_it_saw():
    with pytest.raises(AssertionError, match="not within 0.05 s: a pig to fly; last seen: 0"):
        labs.wait_for(lambda: 0, 0.05, "a pig to fly")


def test_two_labs_at_once_do_not_meet(can_lab):
    with Lab(backends=False) as one, Lab(backends=False) as two:
        assert one.resolve("client", node_ip("node-a")) == "node-a"
        assert two.neigh("client", node_ip("node-a")) is None


def test_a_steady_client_counts_what_a_pulled_cable_costs(lab):
    def pull(pulled):
        subprocess.run(["ip", "-n", lab.ns("sw"), "link", "set", "sw-node-b",
                                   *(["nomaster"] if pulled else ["master", "br0"])], check=True)

    lab.run("node-b", ["nft", "add table ip t; add chain ip t c { type nat hook prerouting priority -100; }; "
                       f"add rule ip t c tcp dport 80 dnat to {pod_ip('node-b')}:8080"])
    with Steady(lab.ns("client"), node_ip("node-b"), rate=50, timeout=0.2) as steady:
        lab.wait_for(lambda: len(steady.requests) >= 10)
        assert steady.failed == [] and steady.requests[0].answer == "pod-b 10.0.0.1"
        pull(True)
        lab.wait_for(lambda: steady.failed, what="a request to fail")
        pull(False)
        back = time.monotonic()
        lab.wait_for(lambda: steady.answered_since(back))
    assert steady.gap() > 0.1
