# SPDX-License-Identifier: Apache-2.0
"""
Two allocators: one leads, one stands by. The leader leaves, dies, is stopped, or loses its network
while Services are created without a pause; and whatever happens, no address is in two statuses at
any moment of the API server's history, and every Service is served.

The lease is short here (3 s, so that a write may take 1 s) to keep the tests so.
"""

import contextlib
import itertools
import re
import signal
import threading
import time

import pytest
from api import KINDS, namespace, pool, service, SYSTEM
from faulty import Network
from lab import API_HOST, API_PORT, Lab

V4 = {"ipFamilies": ["IPv4"]}
LEASE_S, WRITE_S = 3, 1
TIMES = ("--lease-duration", f"{LEASE_S}s", "--renew-deadline", "2s", "--retry-period", "500ms")
LEASE = "/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases/bellman-allocator"
PROXY = (API_HOST, 6501)


class History:
    """Every status that there was of any Service, in the server's order; faults are what must not be."""

    def __init__(self, lab):
        self.lab = lab
        version = lab.api.call("GET", lab.api.path("Service", ns=None))["metadata"]["resourceVersion"]
        self.now, self.faults = {}, []
        self._events = lab.api.watch("Service", version)
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # the server ends with the lab
            for event in self._events:
                o = event["object"]
                ingress = o.get("status", {}).get("loadBalancer", {}).get("ingress", [])
                self._see(o["metadata"]["name"], [i["ip"] for i in ingress])

    def _see(self, name, ips):
        before = self.now.get(name, [])
        if before and ips != before:
            self.faults.append(f"{name} changed from {before} to {ips}")
        for other, theirs in self.now.items():
            if other != name and set(ips) & set(theirs):
                self.faults.append(f"{name} and {other} both have {set(ips) & set(theirs)}")
        self.now[name] = ips

    def served(self):
        return sum(bool(ips) for ips in self.now.values())


class Creating:
    """Services made one after the other, as fast as the server takes them but at most 50 a second."""

    def __init__(self, lab, every=0.02):
        self.lab, self.every, self.names = lab, every, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        # Names in no order, so that who comes first by name is not who came first.
        for i in itertools.count():
            name = f"s{i * 7919 % 10000:04}"
            self.lab.api.create(service(name, **V4))
            self.names.append(name)
            if self._stop.wait(self.every):
                return

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


@pytest.fixture
def office(can_lab):
    with Lab(nodes=(), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM), pool("a", ["10.64.0.0/16"]))
        yield lab


def start(lab, name, port, *args, **kwargs):
    return lab.start_allocator(*TIMES, *args, name=name, metrics_port=port, **kwargs)


def leads(allocator):
    return allocator.metrics()["bellman_allocator_leader"] == 1


def pair(lab, *first_args):
    """One that leads and one that stands by."""
    a = start(lab, "first", 7473, *first_args)
    lab.wait_for(lambda: leads(a), what="the first to lead")
    b = start(lab, "second", 7483)
    assert not leads(b)
    return a, b


def all_served(lab, history, creating, deadline=20):
    lab.wait_for(lambda: history.served() == len(creating.names), deadline,
                 f"{len(creating.names)} Services to be served, of which {history.served()} are")
    assert history.faults == []


def writes(allocator):
    return allocator.log.count("writing status")


def test_a_planned_change_takes_no_time(office):
    a, b = pair(office)
    history = History(office)
    with Creating(office) as creating:
        office.wait_for(lambda: history.served() > 20)
        began = time.monotonic()
        a.signal(signal.SIGTERM)
        office.wait_for(lambda: leads(b), 10, "the standby to lead")
        took = time.monotonic() - began
        before = len(creating.names)
        office.wait_for(lambda: len(creating.names) > before + 20)
    assert a.reap() == 0
    all_served(office, history, creating)
    print(f"a planned change took {took * 1000:.0f} ms")
    assert took < LEASE_S / 2  # and not until it expires; 10 to 30 ms on a quiet machine
    spec = office.api.call("GET", LEASE)["spec"]
    assert spec["leaseTransitions"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", spec["renewTime"])


def test_last_one_gives_the_lease_back(office):
    a = start(office, "first", 7473)
    office.wait_for(lambda: leads(a))
    assert a.stop() == 0
    spec = office.api.call("GET", LEASE)["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == ("", 1)


def test_a_killed_leader_is_followed_when_its_lease_and_its_writes_are_over(office):
    a, b = pair(office)
    history = History(office)
    with Creating(office) as creating:
        office.wait_for(lambda: history.served() > 20)
        killed = time.monotonic()
        a.kill()
        office.wait_for(lambda: leads(b), 20, "the standby to lead")
        took = time.monotonic() - killed
    assert took > LEASE_S - 0.5 + WRITE_S - 0.1  # it was renewed half a second ago at most
    all_served(office, history, creating)
    # The other way round it does not wait for the lease: the holder can be seen to be dead.
    b.kill()
    killed = time.monotonic()
    a.start().wait_ready()
    office.wait_for(lambda: leads(a), 20)
    took = time.monotonic() - killed
    print(f"a restart after kill -9 took {took:.1f} s")
    assert WRITE_S <= took < LEASE_S + WRITE_S


def test_a_leader_that_was_stopped_writes_nothing_late(office):
    a, b = pair(office)
    history = History(office)
    with Creating(office, every=0.005) as creating:
        office.wait_for(lambda: history.served() > 20)
        a.signal(signal.SIGSTOP)
        stopped_with, last_words = writes(a), len(a.log)
        office.wait_for(lambda: leads(b), 20, "the standby to lead")
        taken = len(creating.names)
        office.wait_for(lambda: len(creating.names) > taken + 20)
        a.signal(signal.SIGCONT)
        office.wait_for(lambda: "leading no more" in a.log[last_words:], 10, "the old leader to notice")
        before = len(creating.names)
        office.wait_for(lambda: len(creating.names) > before + 20)
    all_served(office, history, creating)
    assert not leads(a) and leads(b)
    assert writes(a) == stopped_with, "it decided something when it went on"
    assert a.ready()


def test_a_leader_whose_network_stands_still_is_followed_and_comes_back_as_standby(office):
    with Network(office.ns("sw"), PROXY, (API_HOST, API_PORT)) as network:
        a, b = pair(office, "--server", f"https://{PROXY[0]}:{PROXY[1]}")
        history = History(office)
        with Creating(office) as creating:
            office.wait_for(lambda: history.served() > 20)
            with network.held():
                office.wait_for(lambda: not leads(a), 20, "the leader to give up")
                assert not leads(b), "two at one time"
                office.wait_for(lambda: leads(b), 20, "the standby to lead")
                taken = len(creating.names)
                office.wait_for(lambda: history.served() > taken)
            # What was held arrives now: renewals and statuses of a lead that is over.
            before = len(creating.names)
            office.wait_for(lambda: len(creating.names) > before + 50)
        all_served(office, history, creating)
        assert leads(b) and not leads(a)
        a.wait_ready()


@pytest.mark.parametrize("delay", [LEASE_S + WRITE_S + 1.0])
def test_requests_that_are_under_way_for_longer_than_the_lease(office, delay):
    with Network(office.ns("sw"), PROXY, (API_HOST, API_PORT)) as network:
        a, b = pair(office, "--server", f"https://{PROXY[0]}:{PROXY[1]}")
        history = History(office)
        with Creating(office) as creating:
            office.wait_for(lambda: history.served() > 20)
            network.delay = delay
            slow, sent = time.monotonic(), writes(a)
            office.wait_for(lambda: leads(b), 20, "the standby to lead")
            # Until the last thing that the old leader sent has arrived, and for some more.
            office.wait_for(lambda: time.monotonic() > slow + delay + 2.5, 20)
            network.delay = 0
        assert writes(a) > sent, "nothing was under way"
        all_served(office, history, creating)
        assert leads(b) and not leads(a)


def controller(ready="True", image="quay.io/metallb/controller:v0.15.2"):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "controller-1", "namespace": SYSTEM,
                         "labels": {"app": "metallb", "component": "controller"}},
            "spec": {"containers": [{"name": "controller", "image": image}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def test_it_does_not_lead_beside_metallbs_controller(office, monkeypatch):
    monkeypatch.setitem(KINDS, "Pod", ("v1", "pods", True))
    office.api.create(controller(), service("web", **V4))
    uid = office.api.get("Pod", "controller-1", SYSTEM)["metadata"]["uid"]
    a = start(office, "first", 7473)
    a.wait_log("MetalLB's controller is at work")
    assert a.ready() and not leads(a)
    assert a.metrics()["bellman_allocator_metallb_controller"] == 1
    office.api.patch("Pod", "controller-1", {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, SYSTEM, "status")
    office.wait_for(lambda: leads(a) and office.api.external_ips("web"), 10)
    # It comes back: the lead is given up in order.
    office.api.patch("Pod", "controller-1", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, SYSTEM, "status")
    office.wait_for(lambda: not leads(a), 10)
    office.wait_for(lambda: office.api.call("GET", LEASE)["spec"]["holderIdentity"] == "", 10)
    b = start(office, "second", 7483, "--ignore-metallb")
    office.wait_for(lambda: leads(b), 10)
    b.stop()
    office.api.delete("Pod", "controller-1", SYSTEM)
    office.wait_for(lambda: leads(a), 10)
    assert a.log.count("MetalLB's controller is at work") == 2
    assert [r for r, _ in office.api.events("controller-1", SYSTEM)] == ["MetalLBController"]
    told, = (e for e in office.api.list("Event", SYSTEM) if e["reason"] == "MetalLBController")
    assert told["involvedObject"]["uid"] == uid  # without which `kubectl describe` does not show it


def test_wrong_times_are_wrong_usage(office):
    for args, why in ((("--renew-deadline", "15s"), "must be greater than the renew deadline"),
                      (("--retry-period", "9s"), "1.2 times the retry period"),
                      (("--lease-duration", "900ms"), "1s at least")):
        done = office.run("sw", [office.bin / "bellman-allocator", *args], check=False)
        assert done.returncode == 2 and why in done.stderr, done.stderr
