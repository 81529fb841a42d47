# SPDX-License-Identifier: Apache-2.0
"""
The simulator against the lab: one course of events, by the real daemons between real kernels and by
`bellman simulate`, from the same objects. Who owns what must agree; times are compared as far as
they follow from what the programs do, and not from what a machine is busy with.
docs/simulation.md has figures of a quiet machine.
"""
import json
import subprocess
import time

import pytest
from api import namespace, pool, service, SYSTEM
from lab import BIN, Lab
from steady import Steady

V4 = {"ipFamilies": ["IPv4"]}
RATE = 100
LEASE_S, WRITE_S, RETRY_S = 3, 1, 0.5


def simulate(folder, objects, scenario):
    """The report of the run of a scenario in a cluster of these objects."""
    (folder / "cluster.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    path = folder / "scenario.conf"
    path.write_text(f'manifests = ( "cluster.json" );\n{scenario}')
    done = subprocess.run([BIN / "bellman", "simulate", path, "-o", "json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def first(report, kind, after=0, **fields):
    return next(e for e in report["timeline"] if e["type"] == kind and e["at"] >= after
                and all(e.get(k) == v for k, v in fields.items()))


def test_a_planned_move_goes_to_the_same_node_and_costs_the_same(cluster, tmp_path):
    objects = [cluster.endpoints("web"), service("web", **V4)]
    cluster.api.create(*objects)
    ip = cluster.wait_for(lambda: cluster.api.external_ips("web"))[0]
    cluster.wait_for(lambda: cluster.http_get("client", f"http://{ip}/"), 10)
    old = cluster.resolve("client", ip)
    with Steady(cluster.ns("client"), ip, rate=RATE) as steady:
        cluster.wait_for(lambda: len(steady.requests) > 50)
        moved = time.monotonic()
        cluster.api.exclude(old)
        new = cluster.wait_for(lambda: (n := cluster.node_of_mac(cluster.neigh("client", ip))) != old and n)
        lab_moved = time.monotonic() - moved
        cluster.wait_for(lambda: len(steady.answered_since(moved)) > 100)
    lab_gap = max(0, steady.gap() - 1 / RATE)

    configuration = [pool("lan", ["10.0.0.200-10.0.0.230", "fd00:10::200/120"]), cluster.api.get("L2Advertisement", "lan", SYSTEM)]
    report = simulate(tmp_path, [*cluster.cluster_objects(), *configuration, *objects], f"""
        clients = ( {{ service = "default/web"; every = "{1000 // RATE}ms"; timeout = "500ms"; }} );
        timeline = ( {{ at = "5s"; exclude = "{old}"; }} );
        until = "10s";
    """)
    before, after = first(report, "announces"), first(report, "announces", after=5)
    client = report["clients"][0]
    print(f"\nplanned move: lab {lab_moved * 1000:.0f} ms until the client knows, gap {lab_gap * 1000:.0f} ms, "
          f"{len(steady.failed)} of {len(steady.requests)} failed; "
          f"simulator {(after['at'] - 5) * 1000:.1f} ms until announced, gap {client['longestGap'] * 1000:.1f} ms, "
          f"{client['failed']} of {client['attempts']} failed")
    assert (before["address"], before["node"], after["node"]) == (ip, old, new)
    assert report["addresses"][0]["owner"] == new
    assert after["at"] - 5 < 0.1 and lab_moved < 2
    assert client["failed"] <= 2 and len(steady.failed) <= 20


@pytest.fixture
def office(can_lab):
    with Lab(nodes=(), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM), pool("a", ["10.64.0.0/16"]))
        yield lab


def test_a_killed_leader_is_followed_after_the_same_time(office, tmp_path):
    times = ("--lease-duration", f"{LEASE_S}s", "--renew-deadline", "2s", "--retry-period", f"{RETRY_S * 1000:.0f}ms")
    a = office.start_allocator(*times, name="first", metrics_port=7473)
    office.wait_for(lambda: a.metrics()["bellman_allocator_leader"] == 1)
    office.start_allocator(*times, name="second", metrics_port=7483)
    a.kill()
    killed = time.monotonic()
    late = service("late", **V4)
    office.api.create(late)
    ip = office.wait_for(lambda: office.api.external_ips("late"), 20)[0]
    lab_took = time.monotonic() - killed

    (tmp_path / "late.json").write_text(json.dumps(late))
    report = simulate(tmp_path, [namespace(SYSTEM), pool("a", ["10.64.0.0/16"])], f"""
        nodes = ( {{ name = "node"; }} );
        allocators = 2;
        leaseDuration = "{LEASE_S}s"; renewDeadline = "2s"; retryPeriod = "{RETRY_S * 1000:.0f}ms";
        timeline = ( {{ at = "20s"; kill = "allocator leader"; }}, {{ at = "20s"; apply = "late.json"; }} );
        until = "40s";
    """)
    given = first(report, "assigned", service="default/late")
    took = given["at"] - 20
    print(f"\nkilled leader: the late Service has its address after {lab_took:.2f} s in the lab, {took:.2f} s in the simulator")
    assert given["address"] == ip
    # It was renewed a retry period ago at most; a standby that only follows the watch tries in turns.
    for seconds in (lab_took, took):
        assert LEASE_S + WRITE_S - RETRY_S - 0.2 < seconds < LEASE_S + WRITE_S + 2 * RETRY_S + 2
    assert abs(lab_took - took) < 2
