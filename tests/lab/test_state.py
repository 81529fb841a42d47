# SPDX-License-Identifier: Apache-2.0
"""
What the daemons write beside the status of Services: ConfigurationState, and the Secret of the speakers.
Against the real API server.
"""

import base64
import json
import time

import pytest
from api import namespace, node, pool, service, SYSTEM
from lab import API_HOST, Daemon, Lab, node_ip, pod_nets
from refusing import Rules

CONF = 'pools = ( {{ name = "file"; addresses = ( "{addresses}" ); }} );\n'


@pytest.fixture
def office(can_lab):
    """An API server and one node; each test starts the daemons as it likes."""
    with Lab(nodes=("node-a",), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM), node("node-a", [node_ip("node-a")], pod_nets("node-a")))
        yield lab


def state(lab, name):
    """(result, errorSummary) of a ConfigurationState, or None."""
    status = (lab.api.get("ConfigurationState", name, SYSTEM) or {}).get("status")
    return status and (status.get("result"), status.get("errorSummary"))


def wait_state(lab, name, result, error=None, deadline=15):
    lab.wait_for(lambda: state(lab, name) == (result, error), deadline, f"{name} to be {(result, error)}")


def test_valid_and_invalid_and_valid_again(office):
    office.api.create(pool("a", ["192.0.2.0/29"]))
    office.start_allocator()
    office.start_speaker("node-a")
    wait_state(office, "controller", "Valid")
    wait_state(office, "speaker-node-a", "Valid")
    for name, labels, condition in (
            ("controller", {"metallb.io/component-type": "controller"}, "poolReconcilerValid"),
            ("speaker-node-a", {"metallb.io/component-type": "speaker", "metallb.io/node-name": "node-a"},
             "configReconcilerValid")):
        found = office.api.get("ConfigurationState", name, SYSTEM)
        assert found["metadata"]["labels"] == labels
        assert "ownerReferences" not in found["metadata"]
        (said,) = found["status"]["conditions"]
        assert said.pop("lastTransitionTime")
        assert said == {"type": condition, "status": "True", "reason": "Reconciled", "message": ""}

    assert "l2_advertisements=" in office.process("speaker-node-a").log
    assert "pools=1" in office.process("allocator").log
    assert "l2_advertisements" not in office.process("allocator").log  # it does not know them

    office.api.create(pool("b", ["192.0.2.4-192.0.2.9"]))  # overlaps
    for name in ("controller", "speaker-node-a"):
        office.wait_for(lambda: state(office, name)[0] == "Invalid")
        result, error = state(office, name)
        (said,) = office.api.get("ConfigurationState", name, SYSTEM)["status"]["conditions"]
        assert error.startswith("configuration error: ") and "overlaps" in error
        assert (said["status"], said["reason"], said["message"]) == ("False", "ConfigurationError", error)

    office.api.delete("IPAddressPool", "b", SYSTEM)  # exactly as it was before: valid, and not stale
    for name, daemon in (("controller", "allocator"), ("speaker-node-a", "speaker-node-a")):
        wait_state(office, name, "Valid")
        metrics = office.process(daemon).metrics()
        assert metrics["metallb_k8s_client_config_stale_bool"] == 0
        assert metrics["metallb_k8s_client_config_loaded_bool"] == 1


def test_object_that_is_deleted_or_edited_comes_back(office):
    office.start_allocator()
    wait_state(office, "controller", "Valid")
    uid = office.api.get("ConfigurationState", "controller", SYSTEM)["metadata"]["uid"]
    office.api.delete("ConfigurationState", "controller", SYSTEM)
    wait_state(office, "controller", "Valid")
    assert office.api.get("ConfigurationState", "controller", SYSTEM)["metadata"]["uid"] != uid

    office.api.patch("ConfigurationState", "controller", {"status": {"result": "Unknown", "conditions": []}}, SYSTEM, "status")
    wait_state(office, "controller", "Valid")
    office.api.patch("ConfigurationState", "controller",
                     {"metadata": {"labels": {"metallb.io/component-type": "speaker", "mine": "x"}}}, SYSTEM)
    office.wait_for(lambda: office.api.get("ConfigurationState", "controller", SYSTEM)["metadata"]["labels"] ==
                    {"metallb.io/component-type": "controller", "mine": "x"})

    office.api.create(pool("a", ["192.0.2.0/29"]), pool("b", ["192.0.2.0/30"]))
    office.wait_for(lambda: state(office, "controller")[0] == "Invalid")
    office.api.delete("ConfigurationState", "controller", SYSTEM)
    office.wait_for(lambda: (state(office, "controller") or ("",))[0] == "Invalid", 15)


@pytest.fixture
def slow(office):
    """The allocator behind a proxy, which holds back what it is told to."""
    with Rules(office, (API_HOST, 6444)) as rules:
        office.start_allocator("--server", f"https://{API_HOST}:6444")
        wait_state(office, "controller", "Valid")
        yield rules


def test_object_that_is_deleted_while_it_is_written_comes_back(office, slow):
    for stage, events in (("request", 2), ("answer", 3)):
        before = slow.told["configurationstates"]
        with slow.holding(stage, "PATCH", "controller/status") as held:
            office.api.patch("ConfigurationState", "controller", {"status": {"result": "Unknown"}}, SYSTEM, "status")
            assert held.wait(10)
            office.api.delete("ConfigurationState", "controller", SYSTEM)
            office.wait_for(lambda: slow.told["configurationstates"] >= before + events, 10, "the watch to tell of it")
        wait_state(office, "controller", "Valid", deadline=10)


def test_answer_that_is_older_than_the_watch_is_not_believed(office, slow):
    before = slow.told["configurationstates"]
    with slow.holding("answer", "PATCH", "controller/status") as held:
        office.api.patch("ConfigurationState", "controller", {"status": {"result": "Unknown"}}, SYSTEM, "status")
        assert held.wait(10)
        office.api.patch("ConfigurationState", "controller", {"status": {"result": "Unknown"}}, SYSTEM, "status")
        office.wait_for(lambda: slow.told["configurationstates"] >= before + 3, 10, "the watch to tell of it")
    wait_state(office, "controller", "Valid", deadline=10)


def test_who_insists_on_something_else_is_answered_once_a_second(office, slow):
    began, edits = time.monotonic(), 0
    before = slow.seen["PATCH", "configurationstates"]
    while time.monotonic() < began + 3:
        office.api.patch("ConfigurationState", "controller", {"metadata": {"labels": {"metallb.io/component-type": f"x{edits}"}}}, SYSTEM)
        edits += 1
    answers = slow.seen["PATCH", "configurationstates"] - before
    assert edits > answers, "not much of a fight"
    assert answers <= 2 + time.monotonic() - began


def versions_since(lab, name, version):
    """What a watch from @version tells of a ConfigurationState: the result in each version of it."""
    path = f"{lab.api.path('ConfigurationState', ns=SYSTEM)}?watch=true&resourceVersion={version}&timeoutSeconds=1"
    status, text = lab.api.request("GET", path)
    assert status == 200
    events = [json.loads(line) for line in (text if isinstance(text, str) else json.dumps(text)).splitlines()]
    return [e["object"]["status"]["result"] for e in events if e["object"]["metadata"]["name"] == name]


def test_nothing_is_written_while_the_verdict_stays(office):
    office.api.create(pool("a", ["192.0.2.0/29"]))
    allocator = office.start_allocator()
    wait_state(office, "controller", "Valid")
    before = office.api.get("ConfigurationState", "controller", SYSTEM)
    office.api.create(pool("c", ["198.51.100.0/29"]))
    allocator.wait_log("pools=2")
    allocator.stop()
    allocator.start().wait_ready()
    office.api.create(pool("d", ["203.0.113.0/30"]))
    allocator.wait_log("pools=3")
    office.api.create(pool("e", ["203.0.113.0/29"]))  # the one change
    office.wait_for(lambda: state(office, "controller")[0] == "Invalid")
    invalid_since = office.api.get("ConfigurationState", "controller", SYSTEM)["status"]["conditions"][0]["lastTransitionTime"]
    office.api.patch("IPAddressPool", "e", {"spec": {"addresses": ["198.51.100.0/30"]}}, SYSTEM)  # another fault
    office.wait_for(lambda: "198.51.100" in state(office, "controller")[1])
    after = office.api.get("ConfigurationState", "controller", SYSTEM)
    assert after["status"]["conditions"][0]["lastTransitionTime"] == invalid_since, "the status of the condition is the same"
    assert versions_since(office, "controller", before["metadata"]["resourceVersion"]) == ["Invalid", "Invalid"]


def test_a_faulty_file_is_invalid_from_the_start(office):
    conf = office.scratch / "bellman.conf"
    conf.write_text("pools = (\n")
    allocator = office.start_allocator("--config", conf, wait=False)
    speaker = office.start_speaker("node-a", "--config", conf, wait=False)
    for name, daemon in (("controller", allocator), ("speaker-node-a", speaker)):
        office.wait_for(lambda: (state(office, name) or ("",))[0] == "Invalid", 15)
        assert "bellman.conf:2" in state(office, name)[1]
        assert daemon.metrics()["metallb_k8s_client_config_loaded_bool"] == 0
    conf.write_text(CONF.format(addresses="192.0.2.0/31"))
    for name, daemon in (("controller", allocator), ("speaker-node-a", speaker)):
        wait_state(office, name, "Valid")
        assert daemon.metrics()["metallb_k8s_client_config_loaded_bool"] == 1
        assert daemon.metrics()["metallb_k8s_client_config_stale_bool"] == 0

    conf.write_text(CONF.format(addresses="192.0.2.0/33"))
    for name in ("controller", "speaker-node-a"):
        office.wait_for(lambda: state(office, name)[0] == "Invalid", 15)
    conf.write_text(CONF.format(addresses="192.0.2.0/31"))  # what is in force already
    for name, daemon in (("controller", allocator), ("speaker-node-a", speaker)):
        wait_state(office, name, "Valid")
        assert daemon.metrics()["metallb_k8s_client_config_stale_bool"] == 0


def test_own_pod_owns_it(office):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "controller-1", "namespace": SYSTEM},
           "spec": {"containers": [{"name": "c", "image": "i"}]}}
    office.api.create(pod)
    uid = office.api.get("Pod", "controller-1", SYSTEM)["metadata"]["uid"]
    allocator = office.start_allocator("--pod-name", "controller-0")  # which there is not
    wait_state(office, "controller", "Valid")
    assert "ownerReferences" not in office.api.get("ConfigurationState", "controller", SYSTEM)["metadata"]
    allocator.wait_log("own pod cannot be read")
    allocator.stop()

    office.start_allocator("--pod-name", "controller-1")
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "controller-1", "uid": uid}
    office.wait_for(lambda: office.api.get("ConfigurationState", "controller", SYSTEM)["metadata"].get("ownerReferences") == [owner])


def test_without_the_definition_it_is_quiet(office):
    office.api.delete("CustomResourceDefinition", "configurationstates.metallb.io", None)
    office.api.create(pool("a", ["192.0.2.0/29"]))
    allocator = office.start_allocator()
    allocator.wait_log("pools=1")
    office.api.create(pool("b", ["192.0.2.0/30"]))
    allocator.wait_log("refused")
    assert "onfigurationState" not in allocator.log


def secrets(lab):
    return {s["metadata"]["name"]: s for s in lab.api.list("Secret", SYSTEM)}


def test_the_secret_of_the_speakers_is_created_once(office):
    allocator = office.start_allocator()
    made = office.wait_for(lambda: secrets(office).get("memberlist"))
    assert made["type"] == "Opaque" and list(made["data"]) == ["secretkey"]
    key = base64.b64decode(made["data"]["secretkey"])
    assert len(key) == 22 and len(base64.b64decode(key + b"==")) == 16  # as MetalLB's: no padding
    assert "ownerReferences" not in made["metadata"]
    assert key.decode() not in allocator.log and made["data"]["secretkey"] not in allocator.log
    allocator.stop()

    # What is there is left alone, whatever it is.
    office.api.patch("Secret", "memberlist", {"data": {"secretkey": None, "other": "eA=="}}, SYSTEM)
    before = secrets(office)["memberlist"]
    office.start_allocator()
    wait_state(office, "controller", "Valid")
    office.api.create(pool("a", ["192.0.2.0/29"]))
    office.process("allocator").wait_log("pools=1")
    assert secrets(office) == {"memberlist": before}


def test_the_secret_has_the_name_that_is_given(office):
    allocator = office.start_allocator("--ml-secret-name", "")
    wait_state(office, "controller", "Valid")
    assert secrets(office) == {}
    allocator.stop()
    office.start_allocator("--ml-secret-name", "ring")
    office.wait_for(lambda: list(secrets(office)) == ["ring"])


# --- compatibility page 7.8: the texts are compared byte for byte by MetalLB's users ------------


def custom(kind, name, version="v1beta1", **spec):
    return {"apiVersion": f"metallb.io/{version}", "kind": kind, "metadata": {"name": name, "namespace": SYSTEM}, "spec": spec}


def peer(name, **spec):
    return custom("BGPPeer", name, "v1beta2", **{"myASN": 64512, "peerASN": 64513, "peerAddress": "192.168.1.1", **spec})


def basic_auth(name, type="kubernetes.io/basic-auth"):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": SYSTEM}, "type": type,
            "stringData": {"password": "hush-hush"}}


SPEAKERS = ("speaker-node-a", "speaker-node-b")


@pytest.fixture
def pair(can_lab):
    """An API server, an allocator, and two nodes with a speaker each."""
    with Lab(nodes=("node-a", "node-b"), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM), *(node(n, [node_ip(n)], pod_nets(n)) for n in lab.nodes))
        lab.start_allocator()
        for n in lab.nodes:
            lab.start_speaker(n)
        for name in ("controller", *SPEAKERS):
            wait_state(lab, name, "Valid")
        yield lab


def wait_states(lab, result, error=None, names=SPEAKERS):
    for name in names:
        wait_state(lab, name, result, error)
    wait_state(lab, "controller", "Valid")


def test_a_secret_of_the_wrong_type_concerns_the_speakers_of_the_peer(pair):  # 111, 116
    pair.api.create(basic_auth("bgp-password", "Opaque"),
                    peer("peer1", passwordSecret={"name": "bgp-password"},
                         nodeSelectors=[{"matchLabels": {"kubernetes.io/hostname": "node-a"}}]))
    wait_state(pair, "speaker-node-a", "Invalid",
               'configuration error: parsing peer peer1 secret type mismatch on "metallb-system"/"bgp-password", '
               'type "kubernetes.io/basic-auth" is expected \nfailed to parse peer peer1 password secret')
    wait_states(pair, "Valid", names=["speaker-node-b"])

    pair.api.delete("Secret", "bgp-password", SYSTEM)
    wait_state(pair, "speaker-node-a", "Invalid",
               'configuration error: parsing peer peer1 secret ref not found for peer config "metallb-system"/"peer1"\n'
               'failed to parse peer peer1 password secret')
    pair.api.create(basic_auth("bgp-password"))
    wait_states(pair, "Valid")

    # The peer moves to the other node by its label, and its error with it.
    pair.api.patch("BGPPeer", "peer1", {"spec": {"passwordSecret": {"name": "other"}}}, SYSTEM)
    pair.wait_for(lambda: state(pair, "speaker-node-a")[0] == "Invalid")
    pair.api.patch("Node", "node-a", {"metadata": {"labels": {"kubernetes.io/hostname": "x"}}}, None)
    wait_states(pair, "Valid")
    for daemon in ("speaker-node-a", "speaker-node-b", "allocator"):
        assert "hush" not in pair.process(daemon).log


def test_a_bfd_profile_that_is_missing(pair):  # 112, 113
    pair.api.create(peer("peer1", bfdProfile="my-bfd-profile"))
    wait_states(pair, "Invalid", "configuration error: peer peer1 referencing non existing bfd profile my-bfd-profile")
    pair.api.create(custom("BFDProfile", "my-bfd-profile"))
    wait_states(pair, "Valid")
    pair.api.patch("BGPPeer", "peer1", {"spec": {"bfdProfile": "new-bfd-profile"}}, SYSTEM)
    wait_states(pair, "Invalid", "configuration error: peer peer1 referencing non existing bfd profile new-bfd-profile")


def test_an_alias_of_a_community_that_is_missing(pair):  # 114
    pair.api.create(pool("pool-community-test", ["192.0.2.0/29"]),
                    custom("BGPAdvertisement", "advert", ipAddressPools=["pool-community-test"], communities=["my-valid-alias"]))
    wait_states(pair, "Invalid", "configuration error: invalid community format: my-valid-alias\n"
                                 'invalid community "my-valid-alias" in BGP advertisement')
    pair.api.create(custom("Community", "community-valid", communities=[{"name": "my-valid-alias", "value": "64512:100"}]))
    wait_states(pair, "Valid")


def test_invalid_stays_invalid_and_valid_valid_when_deleted(pair):  # 118, 120
    pair.api.create(peer("peer1", bfdProfile="none"))
    wait_states(pair, "Invalid", "configuration error: peer peer1 referencing non existing bfd profile none")

    def delete_all():
        for name in ("controller", *SPEAKERS):
            pair.api.delete("ConfigurationState", name, SYSTEM)

    delete_all()
    wait_states(pair, "Invalid", "configuration error: peer peer1 referencing non existing bfd profile none")
    pair.api.delete("BGPPeer", "peer1", SYSTEM)
    wait_states(pair, "Valid")
    delete_all()
    wait_states(pair, "Valid")


def test_of_two_allocators_the_leader_writes(office):
    uids = {}
    for name in ("controller-1", "controller-2"):
        office.api.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": SYSTEM},
                           "spec": {"containers": [{"name": "c", "image": "i"}]}})
        uids[name] = office.api.get("Pod", name, SYSTEM)["metadata"]["uid"]
    office.api.create(pool("a", ["192.0.2.0/29"]))

    def owner():
        found = office.api.get("ConfigurationState", "controller", SYSTEM) or {"metadata": {}}
        return [o["uid"] for o in found["metadata"].get("ownerReferences", [])]

    def gauges(daemon):
        return [k for k in daemon.metrics() if k.endswith('{pool="a"}')]

    leader = office.start_allocator("--pod-name", "controller-1")
    office.wait_for(lambda: owner() == [uids["controller-1"]], 15)
    argv = [office.bin / "bellman-allocator", "--kubeconfig", office.kubeconfig, "--pod-name", "controller-2",
            "--metrics", "127.0.0.1:7483"]
    standby = Daemon(office, "standby", "sw", argv, 7483).wait_ready()
    office.api.create(pool("b", ["192.0.2.0/30"]))  # the standby sees it, too, and keeps still
    office.wait_for(lambda: state(office, "controller")[0] == "Invalid")
    standby.wait_log("refused")
    assert owner() == [uids["controller-1"]]
    assert gauges(leader) and not gauges(standby)
    office.api.delete("ConfigurationState", "controller", SYSTEM)
    office.wait_for(lambda: owner() == [uids["controller-1"]])

    assert leader.stop() == 0
    office.wait_for(lambda: owner() == [uids["controller-2"]], 20)
    assert state(office, "controller")[0] == "Invalid"
    office.wait_for(lambda: gauges(standby))
    office.api.patch("IPAddressPool", "a", {"status": {"assignedIPv4": 9}}, SYSTEM, "status")
    office.wait_for(lambda: office.api.get("IPAddressPool", "a", SYSTEM)["status"]["assignedIPv4"] == 0, 15)


def leads(allocator):
    return allocator.metrics()["bellman_allocator_leader"] == 1


def test_who_never_had_a_configuration_does_not_lead(office):
    good, bad = office.scratch / "good.conf", office.scratch / "bad.conf"
    good.write_text(CONF.format(addresses="192.0.2.0/29"))
    first = office.start_allocator("--config", good, name="first")
    office.wait_for(lambda: leads(first))
    wait_state(office, "controller", "Valid")
    second = office.start_allocator("--config", bad, name="second", metrics_port=7483, wait=False)
    second.wait_log("cannot be used, and there is no configuration yet")
    office.wait_for(lambda: "does not stand for leader" in second.http("/readyz")[1])
    assert str(bad) in second.http("/readyz")[1] and second.http("/readyz")[0] == 503
    assert state(office, "controller") == ("Valid", None)  # as the leader sees it

    first.stop()
    office.wait_for(lambda: state(office, "controller")[0] == "Invalid", 20)  # there is no leader to say it
    assert str(bad) in state(office, "controller")[1]
    office.api.create(service("web", ipFamilies=["IPv4"]))
    third = office.start_allocator("--config", good, name="third")
    office.wait_for(lambda: office.api.external_ips("web") == ["192.0.2.0"], 10)  # beside the second, not after it
    wait_state(office, "controller", "Valid")
    assert not leads(second)
    bad.write_text(CONF.format(addresses="192.0.2.0/29"))
    office.wait_for(second.ready)
    third.stop()
    office.wait_for(lambda: leads(second))


def test_two_without_a_configuration_do_not_correct_each_other(office):
    for name, port in (("first", 7473), ("second", 7483)):
        office.start_allocator("--config", office.scratch / f"{name}.conf", name=name, metrics_port=port, wait=False)
    office.wait_for(lambda: state(office, "controller"))

    def quiet():
        version = office.api.get("ConfigurationState", "controller", SYSTEM)["metadata"]["resourceVersion"]
        return not any(versions_since(office, "controller", version) for _ in range(3))  # a second each

    office.wait_for(quiet, 20)
    assert ".conf: cannot be read" in state(office, "controller")[1]


@pytest.mark.parametrize("from_start", (False, True))
def test_a_pool_at_fault_has_an_event_of_its_own(office, from_start):
    office.api.create(pool("a", ["192.0.2.0/29"]))
    if not from_start:
        office.wait_for(lambda o=office.start_allocator(): leads(o))
    office.api.create(pool("b.x", ["192.0.2.4-192.0.2.9"]))  # overlaps
    if from_start:
        office.start_allocator(wait=False)
    office.wait_for(lambda: state(office, "controller") and state(office, "controller")[0] == "Invalid")
    office.wait_for(lambda: office.api.events("b.x", SYSTEM))
    told, = (e for e in office.api.list("Event", SYSTEM) if e["involvedObject"]["kind"] == "IPAddressPool")
    assert told["type"] == "Warning" and told["reason"] == "ConfigurationError"
    assert told["message"].startswith('spec.addresses[0]: "192.0.2.4-192.0.2.9" of pool "b.x" overlaps')
    assert told["involvedObject"]["uid"] == office.api.get("IPAddressPool", "b.x", SYSTEM)["metadata"]["uid"]
