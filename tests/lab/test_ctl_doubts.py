# SPDX-License-Identifier: Apache-2.0
"""`bellman status` and `explain` where the daemons see another configuration than `bellman`: facts first, doubts before them."""

import json
import re

import pytest
from ctl import OWNER, SPEAKER, bellman, by_name, events_said, live_service

CONDITION = "bellman.io/LoadBalancerReady"
SYSTEM = "/apis/metallb.io/v1beta1/namespaces/metallb-system"
POOLS, STATES = f"{SYSTEM}/ipaddresspools", f"{SYSTEM}/configurationstates"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases"
PODS, POD_EVENTS = "/api/v1/namespaces/metallb-system/pods", "/api/v1/namespaces/metallb-system/events"
FROM_POOL = "metallb.io/ip-allocated-from-pool"


def pool(name, addresses, ns="metallb-system"):
    return {"metadata": {"name": name, "namespace": ns}, "spec": {"addresses": addresses}}


def told(service, message, reason="NoAddressAvailable", status="False"):
    """The Service with what the allocator has written on it."""
    service["status"]["conditions"] = [{"type": CONDITION, "status": status, "reason": reason, "message": message,
                                        "lastTransitionTime": "2026-01-02T00:00:00Z"}]
    return service


@pytest.fixture
def api(api_server):
    """An API with pool `a`, 10.0.0.0/29; `api.have()` sets its Services, and a Lease that is held."""
    def have(*services):
        api_server.objects["/api/v1/services"] = ("Service", "v1", list(services))
    api_server.have = have
    api_server.objects[LEASES] = ("Lease", "coordination.k8s.io/v1", [
        {"metadata": {"name": "bellman-allocator", "namespace": "metallb-system"},
         "spec": {"holderIdentity": "a1", "leaseDurationSeconds": 3600, "renewTime": "2099-01-01T00:00:00.000000Z"}}])
    return api_server


def status(api, *words, code=0):
    done = bellman("status", "-o", "json", "--server", api.url, *words)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def explain(api, name, *words, code=0):
    done = bellman("explain", "-o", "json", "--server", api.url, f"default/{name}", *words)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def page(api, *words, code=0):
    done = bellman(*words, "--server", api.url)
    assert done.returncode == code, done.stderr
    return done.stdout


# --- a configuration file that is not given ------------------------------------------------------


def of_a_file():
    """What an allocator leaves that has pools `front` and `old` in its file."""
    held = told(live_service("held", ["10.1.0.2"]), 'the addresses are from pool "front"', "Allocated", "True")
    held["metadata"]["annotations"][FROM_POOL] = "front"
    return held, told(live_service("late"), 'pool "old" is drained and gives out nothing new')


def test_a_pool_that_is_not_seen_is_told_first_and_the_allocator_believed(api, files):
    held, late = of_a_file()
    api.have(held, late)
    doubt = ('The allocator has spoken of pool "front" to default/held, which is not seen here: if the daemons run with a '
             "configuration file, give it with --config.")
    report = status(api)
    got = by_name(report)
    assert report["doubts"] == [doubt]
    assert (got["held"]["pool"], got["held"]["reason"]) == ("front", 'pool "front" is not seen here')
    assert got["late"]["reason"] == 'pool "old" is drained and gives out nothing new'
    assert got["late"]["notes"] == ["that is what the allocator says; by what is seen here: 10.0.0.1 of pool a is chosen, but "
                                    "not written: does the allocator that leads see the same pools?"]
    assert page(api, "status").startswith(doubt + "\n\nSERVICE ")
    assert page(api, "explain", "default/late").startswith(
        f'{doubt}\n\ndefault/late has no address: pool "old" is drained and gives out nothing new.\n')
    planned = bellman("plan", "-o", "json", "--from", "live", "--server", api.url)
    assert json.loads(planned.stdout)["doubts"] == [doubt] and planned.returncode == 3
    # With the file all is seen, and nothing is doubtful.
    file = files(f_conf='pools = ( { name = "front"; addresses = ( "10.1.0.0/29" ); },\n'
                        '{ name = "old"; addresses = ( "10.3.0.0/30" ); drain = true; } );') / "f.conf"
    seen = status(api, "--config", file)
    assert seen["doubts"] == [] and by_name(seen)["held"]["reason"].startswith("announced by nobody")
    # Another file is told by its name; a plan with a new one is about what is not there yet.
    other = files(o_conf="") / "o.conf"
    assert status(api, "--config", other)["doubts"][0].endswith(f"neither in the API nor in {other}: the daemons may run with "
                                                                "another file.")
    planned = bellman("plan", "-o", "json", "--from", "live", "--config", other, "--server", api.url)
    assert json.loads(planned.stdout)["doubts"] == []


def test_a_condition_alone_tells_of_an_unseen_pool_but_not_one_that_is_not_there(api):
    api.have(of_a_file()[1])
    assert 'has spoken of pool "old" to default/late' in status(api)["doubts"][0]
    api.have(told(live_service("late"), 'there is no pool "nowhere"'))
    assert status(api)["doubts"] == []


def test_a_class_that_is_served_elsewhere_is_doubted(api):
    api.have(told(live_service("cl", ["10.0.0.2"], loadBalancerClass="x.io/y"), "", "Allocated", "True"))
    got = status(api)
    assert "whose loadBalancerClass is x.io/y" in got["doubts"][0] and "--lb-class" in got["doubts"][0]
    assert by_name(got)["cl"]["reason"] == ("loadBalancerClass x.io/y: it is not served by what is seen here, but Bellman's "
                                            "allocator has written a condition on it")
    assert status(api, "--lb-class", "x.io/y")["doubts"] == []


def test_conditions_without_a_lease_are_of_an_allocator_elsewhere(api):
    api.have(told(live_service("web"), "there is no address pool"))
    assert status(api)["doubts"] == []
    del api.objects[LEASES]
    assert "give that with --namespace" in status(api)["doubts"][0]


def test_pools_of_other_namespaces_are_named(api):
    api.objects["/apis/metallb.io/v1beta1/ipaddresspools"] = (
        "IPAddressPool", "metallb.io/v1beta1",
        [pool("a", ["10.0.0.0/29"]), *(pool(f"p{i}", [f"10.9.{i}.0/29"], "default") for i in range(5))])
    got = status(api)
    assert got["doubts"] == ["IPAddressPool default/p0, default/p1, default/p2 and 2 more is not in namespace metallb-system, the "
                             "only one that the daemons read; if they run in another one, give that with --namespace."]
    assert [p["name"] for p in got["pools"]] == ["a"]
    assert explain(api, "web")["doubts"] == got["doubts"]
    api.forbidden = "/apis/metallb.io/v1beta1/ipaddresspools"  # who may not look there is told the rest
    assert status(api)["doubts"] == []


# --- what is, and what would be ------------------------------------------------------------------


def test_what_a_service_shows_is_what_it_has(api):
    """The pool was changed while no allocator ran: what the engine makes of it is told as that."""
    del api.objects[LEASES]
    api.objects[POOLS][2][:] = [pool("a", ["10.8.0.0/29"])]
    api.have(live_service("web", ["10.0.0.3"]), live_service("new"))
    report = status(api)
    web = by_name(report)["web"]
    assert (web["ips"], web["pool"]) == (["10.0.0.3"], "a")
    assert re.fullmatch(r'10\.0\.0\.3 is in no pool: the allocator would give 10\.8\.0\.\d of pool "a" instead', web["reason"])
    assert report["pools"] == [{"name": "a", "total": "8", "used": "0", "available": "8"}]  # nobody has one of these
    assert explain(api, "web")["reason"] == web["reason"]
    # What is shown counts once, and only where it can be given out.
    api.objects[POOLS][2][:] = [pool("a", ["10.0.0.0/29", "fd00::/126"])]
    api.have(live_service("web", ["10.0.0.3", "fd00::1"]), live_service("twin", ["10.0.0.3"]), live_service("new"))
    assert status(api)["pools"] == [{"name": "a", "total": "12", "used": "2", "available": "10"}]


def test_an_address_that_was_excluded_is_said_to_go(api):
    excluded = pool("a", ["10.0.0.3/32"])
    excluded["metadata"]["annotations"] = {"bellman.io/exclude": '["10.0.0.3"]'}
    api.objects[POOLS][2][:] = [excluded]
    api.have(live_service("web", ["10.0.0.3"]))
    assert by_name(status(api))["web"]["reason"].startswith(
        '10.0.0.3 is excluded from pool "a": the allocator would take 10.0.0.3 away, for ')


# --- faulty resources ----------------------------------------------------------------------------


def test_a_faulty_resource_hides_nothing_but_what_follows_from_it(api):
    api.objects[POOLS][2].append(pool("b", ["10.0.0.1/32"]))
    api.objects[STATES] = ("ConfigurationState", "metallb.io/v1beta1", [
        {"metadata": {"name": "controller", "namespace": "metallb-system"},
         "status": {"result": "Invalid", "errorSummary": "configuration error: b\noverlaps"}},
        {"metadata": {"name": "speaker-n1", "namespace": "metallb-system"}, "status": {"result": "Valid"}}])
    api.objects["/api/v1/events"] = events_said(("2026-01-03T00:00:00Z", OWNER, SPEAKER))
    api.have(live_service("web", ["10.0.0.3"]), live_service("idle", ["10.0.0.4"]), live_service("new"),
             told(live_service("late"), "all is taken"))
    report = status(api, code=1)
    got = by_name(report)
    assert ["overlaps" in e["message"] for e in report["errors"]] == [True] and report["pools"] == []
    assert "the daemons keep the last one that was good" in report["doubts"][0]
    assert report["doubts"][1:] == ["ConfigurationState metallb-system/controller: configuration error: b overlaps (the daemon "
                                    "keeps its last good configuration)."]
    assert (got["web"]["ips"], got["web"]["pool"], got["web"]["state"], got["web"]["reason"]) == (["10.0.0.3"], "a", "announced", "")
    assert [(a["ip"], a["node"]) for a in got["web"]["announcements"]] == [("10.0.0.3", OWNER)]
    assert got["idle"]["state"] == "allocated" and got["idle"]["reason"].startswith("no event in the API says which node")
    assert (got["new"]["reason"], got["late"]["reason"]) == ("no condition on it says why", "all is taken")
    late = explain(api, "late", code=1)
    assert (late["reason"], late["notes"], late["verdicts"], late["doubts"]) == ("all is taken", [], [], report["doubts"])
    assert "default/web has 10.0.0.3 of pool \"a\".\n" in page(api, "explain", "default/web", code=1)
    # What would come of files cannot be told.
    assert bellman("plan", "--from", "live", "--server", api.url).returncode == 1


def test_a_fault_of_the_file_that_was_given_is_the_only_answer(api, files):
    done = bellman("status", "--server", api.url, "--config", "f.conf", cwd=files(f_conf="pools = 1;"))
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.startswith("f.conf:1: ")


# --- MetalLB's controller ------------------------------------------------------------------------


def controller(ready="True", image="quay.io/metallb/controller"):
    return {"metadata": {"name": "controller-1", "namespace": "metallb-system"}, "spec": {"containers": [{"image": image}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def test_metallbs_controller_is_why_nobody_leads(api):
    def leader():
        return explain(api, "web")["leader"]["text"]

    del api.objects[LEASES]
    api.objects[PODS] = ("Pod", "v1", [controller()])
    assert leader().endswith("; MetalLB's controller is at work, pod metallb-system/controller-1, and Bellman's allocator does not "
                             "lead beside it")
    for pod in (controller("False"), controller(image="registry/bellman-allocator:1")):
        api.objects[PODS] = ("Pod", "v1", [pod])
        assert "MetalLB" not in leader()
    # Who may not see pods still sees what the allocator has said.
    api.objects[POD_EVENTS] = ("Event", "v1", [
        {"metadata": {"name": "e", "namespace": "metallb-system"}, "reason": "MetalLBController", "lastTimestamp": "2026-01-03T00:00:00Z",
         "involvedObject": {"kind": "Pod", "namespace": "metallb-system", "name": "controller-1"}, "message": "no"}])
    api.forbidden = PODS
    assert leader().endswith("; Bellman's allocator does not lead beside MetalLB's controller, pod metallb-system/controller-1, which "
                             "was at work at 2026-01-03T00:00:00Z")
