# SPDX-License-Identifier: Apache-2.0
"""
The embedded API with few cluster IPs and node ports: what it says when they have run out, what gives
them back, and that a restart remembers. The answers are those of a kube-apiserver 1.32.4 with the same
ranges, where the Service `kubernetes` holds the first address.
"""
import signal

import pytest

from test_apiserver import MERGE, SERVICES, Server, service

NO_ADDRESS = "failed to allocate a serviceIP: range is full"
NO_PORT = "failed to allocate a nodePort: range is full"


@pytest.fixture
def server(tmp_path):
    s = Server(tmp_path, "--data", str(tmp_path / "state.db"), "--service-cidr", "10.96.0.0/29,fd00:10:96::/125",
               "--node-port-range", "30000-30001")
    yield s
    assert s.stop() == 0, s.log.read_text()


def refused(server, why, *request):
    code, answer = server.ask(*request)
    assert (code, answer["reason"]) == (500, "InternalError"), answer
    assert answer["message"] == f"Internal error occurred: {why}"
    assert answer["details"] == {"causes": [{"message": why}]}


def fill(server, prefix, count, **spec):
    made = [server.create(SERVICES, service(f"{prefix}{i}", **spec)) for i in range(count)]
    return {m["spec"]["clusterIP"] for m in made}


def test_all_addresses_of_each_family_are_given_once(server):
    assert fill(server, "a", 6) == {f"10.96.0.{i}" for i in range(1, 7)}
    refused(server, NO_ADDRESS, "POST", SERVICES, service("more"))
    assert fill(server, "b", 7, ipFamilies=["IPv6"]) == {f"fd00:10:96::{i}" for i in range(1, 8)}
    refused(server, NO_ADDRESS, "POST", SERVICES, service("more", ipFamilies=["IPv6"]))
    # What needs none is made all the same, and a dual-stack one takes no half.
    server.create(SERVICES, service("headless", clusterIP="None"))
    server.create(SERVICES, {"metadata": {"name": "name"}, "spec": {"type": "ExternalName", "externalName": "a.example"}})
    assert server.ask("DELETE", f"{SERVICES}/b0")[0] == 200
    refused(server, NO_ADDRESS, "POST", SERVICES, service("more", ipFamilyPolicy="RequireDualStack"))
    refused(server, NO_ADDRESS, "PATCH", f"{SERVICES}/b1", {"spec": {"ipFamilyPolicy": "PreferDualStack"}}, MERGE)
    server.create(SERVICES, service("more", ipFamilies=["IPv6"]))


def test_addresses_come_back_by_deletion_and_by_change(server):
    fill(server, "a", 6)
    gone = server.ask("DELETE", f"{SERVICES}/a3")[1]["spec"]["clusterIP"]
    assert server.create(SERVICES, service("b"))["spec"]["clusterIP"] == gone
    held = server.get(f"{SERVICES}/a1")["spec"]["clusterIP"]
    server.patch(f"{SERVICES}/a1", {"spec": {"type": "ExternalName", "externalName": "a.example"}})
    assert server.create(SERVICES, service("c"))["spec"]["clusterIP"] == held
    refused(server, NO_ADDRESS, "PATCH", f"{SERVICES}/a1", {"spec": {"type": "ClusterIP"}}, MERGE)
    # Kept by a finalizer, it keeps its address.
    server.patch(f"{SERVICES}/c", {"metadata": {"finalizers": ["example.com/wait"]}})
    assert server.ask("DELETE", f"{SERVICES}/c")[0] == 200
    refused(server, NO_ADDRESS, "POST", SERVICES, service("d"))
    server.patch(f"{SERVICES}/c", {"metadata": {"finalizers": None}})
    assert server.create(SERVICES, service("d"))["spec"]["clusterIP"] == held


def test_node_ports_run_out(server):
    two = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]
    server.create(SERVICES, service("plain"))
    server.create(SERVICES, service("n", type="NodePort"))
    refused(server, NO_PORT, "POST", SERVICES, service("more", type="NodePort", ports=two))
    refused(server, NO_PORT, "PATCH", f"{SERVICES}/plain", {"spec": {"type": "NodePort", "ports": two}}, MERGE)
    local = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    refused(server, "failed to allocate a HealthCheck NodePort 0: range is full",
            "POST", SERVICES, service("more", **local))
    refused(server, "failed to allocate a HealthCheck NodePort 0: range is full",
            "PATCH", f"{SERVICES}/plain", {"spec": local}, MERGE)
    server.create(SERVICES, service("lb", type="LoadBalancer", allocateLoadBalancerNodePorts=False))
    server.create(SERVICES, service("last", type="NodePort"))
    server.patch(f"{SERVICES}/n", {"spec": {"type": "ClusterIP"}})
    server.patch(f"{SERVICES}/lb", {"spec": {"allocateLoadBalancerNodePorts": True}})
    refused(server, NO_PORT, "PATCH", f"{SERVICES}/n", {"spec": {"type": "NodePort"}}, MERGE)


def test_a_restart_remembers_what_is_taken(server):
    fill(server, "a", 5)
    server.create(SERVICES, service("n", type="LoadBalancer", externalTrafficPolicy="Local"))
    server.restart(signal.SIGKILL)
    refused(server, NO_ADDRESS, "POST", SERVICES, service("more"))
    assert server.ask("DELETE", f"{SERVICES}/a0")[0] == 200
    refused(server, NO_PORT, "POST", SERVICES, service("more", type="NodePort"))
    server.patch(f"{SERVICES}/n", {"spec": {"externalTrafficPolicy": "Cluster"}})
    server.create(SERVICES, service("more", type="NodePort"))


def test_a_dry_run_takes_and_gives_back_nothing(server):
    asked = service("a", type="NodePort", clusterIP="10.96.0.3", ports=[{"port": 80, "nodePort": 30001}])
    assert server.ask("POST", f"{SERVICES}?dryRun=All", asked)[0] == 201
    assert server.ask("GET", f"{SERVICES}/a")[0] == 404
    server.create(SERVICES, asked)
    for body in ({"spec": {"type": "ExternalName", "externalName": "a.example"}}, {"spec": {"type": "ClusterIP"}}):
        assert server.ask("PATCH", f"{SERVICES}/a?dryRun=All", body, MERGE)[0] == 200
    assert server.ask("DELETE", f"{SERVICES}/a?dryRun=All")[0] == 200
    fill(server, "b", 5)
    refused(server, NO_ADDRESS, "POST", SERVICES, service("more"))
    server.create(SERVICES, service("n", clusterIP="None"))
    server.patch(f"{SERVICES}/b0", {"spec": {"type": "NodePort"}})
    refused(server, NO_PORT, "PATCH", f"{SERVICES}/b1", {"spec": {"type": "NodePort"}}, MERGE)
