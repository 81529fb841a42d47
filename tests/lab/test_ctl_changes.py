# SPDX-License-Identifier: Apache-2.0
"""`bellman plan --from live --config FILE`: what a configuration would change in a running cluster, and its exit code."""

import json
import re

import api as kube
import pytest
from ctl import BIN, OWNER, SPEAKER, bellman, by_name, events_said, live_service, plan, service

CHANGE_KEYS = ["namespace", "name", "change", "from", "to", "why"]
L2 = 'l2Advertisements = ( { name = "l2"; %s } );\n'
HERE = 'pools = ( { name = "a"; addresses = ( "10.0.0.0/29" ); } );\n'
POOLS = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools"
L2S = "/apis/metallb.io/v1beta1/namespaces/metallb-system/l2advertisements"
OTHER = next(f"n{i}" for i in range(1, 6) if f"n{i}" != OWNER)
RUNNER_UP = 'nodeSelectors = ( { matchLabels = ( "here=yes" ); } );'


def changes(api_server, cwd, *words, code=0):
    report = plan(cwd, "--from", "live", "--server", api_server.url, *words, code=code)
    assert all(list(c) == CHANGE_KEYS and all(list(c[end]) == ["ips", "pool", "node"] for end in ("from", "to"))
               for c in report["changes"])
    return {c["name"]: c for c in report["changes"]}


@pytest.fixture
def one(api_server):
    """The API with one Service, `web`, on 10.0.0.3 of pool `a`, announced by OWNER; its spec can be replaced."""
    def have(ips=("10.0.0.3",), annotations=None, **spec):
        web = live_service("web", ips, **spec)
        web["metadata"]["annotations"].update(annotations or {})
        api_server.objects["/api/v1/services"] = ("Service", "v1", [web])
        return api_server
    have()
    for node in api_server.objects["/api/v1/nodes"][2]:
        node["metadata"]["labels"] = {"here": "yes"} if node["metadata"]["name"] == OTHER else {}
    api_server.have = have
    return api_server


CASES = {  # what the configuration says: change, addresses, pool and node afterwards, what `why` tells, exit code
    "renumbered": ('pools = ( { name = "a"; addresses = ( "10.5.0.0/29" ); } );', "renumbered", ["10.5.0.0"], "a", None,
                   "10.0.0.3 is in no pool", 3),
    "to another pool": ('pools = ( { name = "b"; addresses = ( "10.0.0.0/28" ); } );', "moved", ["10.0.0.3"], "b", OWNER,
                        'it lies in pool "b" then', 0),
    "to another node": (L2 % RUNNER_UP, "moved", ["10.0.0.3"], "a", OTHER, "the only eligible node", 0),
    "off the wire": (L2 % 'ipAddressPools = ( "other" );', "unannounced", ["10.0.0.3"], "a", "", "announced by nobody: ", 0),
    "excluded": ('pools = ( { name = "a"; addresses = ( "10.0.0.3/32" ); exclude = ( "10.0.0.3" ); } );', "withdrawn", [], "",
                 "", '10.0.0.3 is excluded from pool "a"', 3),
}


@pytest.mark.parametrize("case", CASES)
def test_a_configuration_changes_a_service(one, files, case):
    text, change, ips, pool, node, why, code = CASES[case]
    got = changes(one, files(new_conf=text), "--config", "new.conf", code=code)["web"]
    assert got["change"] == change and why in got["why"]
    assert got["from"] == {"ips": ["10.0.0.3"], "pool": "a", "node": OWNER}
    assert (got["to"]["ips"], got["to"]["pool"]) == (ips, pool)
    assert node is None or got["to"]["node"] == node


def test_a_service_is_newly_served_and_newly_announced(one, files):
    one.have(ips=())
    one.objects[POOLS][2].clear()
    one.objects[L2S][2].clear()
    served = changes(one, files(new_conf=HERE + L2 % ""), "--config", "new.conf")["web"]
    assert (served["change"], served["from"]["ips"], served["to"]["ips"]) == ("served", [], ["10.0.0.0"])
    assert served["to"]["node"] and "eligible nodes" in served["why"]

    one.have()
    one.objects["/api/v1/events"] = events_said()
    one.objects[POOLS][2].append({"metadata": {"name": "a", "namespace": "metallb-system"}, "spec": {"addresses": ["10.0.0.0/29"]}})
    announced = changes(one, files(l2_conf=L2 % ""), "--config", "l2.conf")["web"]
    assert (announced["change"], announced["from"]["node"], announced["to"]["node"]) == ("announced", "", OWNER)


def test_a_second_family_is_an_extension_and_no_loss(one, files):
    one.have(ipFamilyPolicy="PreferDualStack", clusterIPs=["10.96.0.9", "fd00:10:96::9"], ipFamilies=["IPv4", "IPv6"])
    got = changes(one, files(new_conf='pools = ( { name = "a"; addresses = ( "10.0.0.0/29", "fd00::/120" ); } );'),
                  "--config", "new.conf")["web"]
    assert (got["change"], got["from"]["ips"], got["to"]["ips"]) == ("extended", ["10.0.0.3"], ["10.0.0.3", "fd00::"])


def test_both_families_are_withdrawn_where_both_are_required(one, files):
    one.objects[POOLS][2][0]["spec"]["addresses"].append("fd00::/120")
    one.have(ips=("10.0.0.3", "fd00::3"), ipFamilyPolicy="RequireDualStack", clusterIPs=["10.96.0.9", "fd00:10:96::9"],
             ipFamilies=["IPv4", "IPv6"])
    got = changes(one, files(new_conf=HERE), "--config", "new.conf", code=3)["web"]
    assert (got["change"], got["from"]["ips"], got["to"]["ips"]) == ("withdrawn", ["10.0.0.3", "fd00::3"], [])
    assert "fd00::3 is in no pool" in got["why"]


def test_a_configuration_that_says_the_same_changes_nothing(one, files):
    cwd = files(new_conf=HERE + L2 % "")
    assert changes(one, cwd, "--config", "new.conf") == {}
    table = bellman("plan", "--from", "live", "--server", one.url, "--config", "new.conf", cwd=cwd)
    assert table.returncode == 0 and table.stdout.endswith("\n\nNo Service would change.\n")


def test_manifests_given_beside_it_are_applied(one, files):
    wants = service("web", spec="ipFamilyPolicy: SingleStack", annotations="metallb.io/loadBalancerIPs: 10.0.0.6")
    got = changes(one, files(new_conf=HERE + L2 % "", s_yaml=wants), "--config", "new.conf", "s.yaml", code=3)["web"]
    assert (got["change"], got["to"]["ips"], got["why"]) == ("renumbered", ["10.0.0.6"], "the Service asks for it")


def test_a_plan_of_the_cluster_as_it_is_tells_what_the_daemons_have_still_to_do(one, files):
    one.have(ips=())
    assert changes(one, files())["web"]["change"] == "served"


def test_what_runs_now_may_be_a_file_that_nobody_sees(one, files):
    """Then the status says what is held, and the speakers' events who announces it."""
    one.objects[POOLS][2].clear()
    one.objects[L2S][2].clear()
    cwd = files(new_conf=HERE + L2 % "")
    assert changes(one, cwd, "--config", "new.conf") == {}
    one.objects["/api/v1/events"] = events_said(("2026-01-03T00:00:00Z", OTHER, SPEAKER))
    got = changes(one, cwd, "--config", "new.conf")["web"]
    assert (got["change"], got["from"]["node"], got["to"]["node"]) == ("moved", OTHER, OWNER)
    one.objects["/api/v1/events"] = events_said()  # nobody knows: a node is no change then
    assert changes(one, cwd, "--config", "new.conf") == {}
    status = json.loads(bellman("status", "-o", "json", "--server", one.url).stdout)
    assert by_name(status)["web"]["pool"] == "a"


def test_the_namespace_of_the_daemons_may_stand_in_the_new_configuration(one, files):
    one.objects[POOLS.replace("metallb-system", "lb")] = ("IPAddressPool", "metallb.io/v1beta1", [
        {"metadata": {"name": "far", "namespace": "lb"}, "spec": {"addresses": ["10.0.0.0/29"]}}])
    got = changes(one, files(new_conf='settings = { namespace = "lb"; };'), "--config", "new.conf")["web"]
    assert got["change"] == "moved" and got["to"]["pool"] == "far"


def test_the_table_of_changes_reads_at_a_glance(one, files):
    done = bellman("plan", "--from", "live", "--server", one.url, "--config", "new.conf",
                   cwd=files(new_conf='pools = ( { name = "a"; addresses = ( "10.5.0.0/29" ); } );'))
    assert done.returncode == 3
    head, row = done.stdout.split("\n\n")[-1].splitlines()
    assert head.split() == ["CHANGE", "SERVICE", "FROM", "TO", "POOL", "NODE", "WHY"]
    cells = re.split(r"\s{2,}", row)
    assert cells[:5] == ["renumbered", "default/web", "10.0.0.3", "10.5.0.0", "a"]
    assert re.fullmatch(rf"{OWNER}( -> n\d)?", cells[5]) and "10.0.0.3 is in no pool" in cells[6]


WRONG = {
    "a fault": ('pools = (\n  { name = "a"; adresses = ( "10.0.0.0/29" ); } );', "new.conf:2: pools[0].adresses: unknown field, did you mean addresses?"),
    "a syntax error": ("pools = (\n", "new.conf:2: syntax error"),
    "an overlap": ('pools = ( { name = "a"; addresses = ( "10.0.0.0/29" ); },\n  { name = "b"; addresses = ( "10.0.0.4/32" ); } );',
                   'new.conf:2: pools[1].addresses[0]: "10.0.0.4/32" of pool "b" overlaps with already defined CIDR "10.0.0.0/29" of pool "a"'),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_faulty_configuration_is_told_with_its_line_and_nothing_is_planned(one, files, case):
    text, fault = WRONG[case]
    cwd = files(new_conf=text)
    done = bellman("plan", "--from", "live", "--server", one.url, "--config", "new.conf", cwd=cwd)
    assert (done.returncode, done.stdout) == (1, "") and fault in done.stderr.splitlines()
    report = plan(cwd, "--from", "live", "--server", one.url, "--config", "new.conf", code=1)
    assert "changes" not in report and report["services"] == [] and report["errors"][0]["line"] == 2


def test_a_configuration_that_is_not_there_is_exit_1_and_an_api_that_is_not_is_exit_4(one, files):
    cwd = files(new_conf=HERE)
    gone = bellman("plan", "--from", "live", "--server", one.url, "--config", "none.conf", cwd=cwd)
    assert gone.returncode == 1 and gone.stderr == "none.conf: cannot be read: No such file or directory\n"
    away = bellman("plan", "--from", "live", "--server", "http://127.0.0.1:1", "--config", "new.conf", cwd=cwd)
    assert (away.returncode, away.stdout) == (4, "") and len(away.stderr.splitlines()) == 1


def test_without_a_cluster_a_configuration_is_a_file_like_others_and_nothing_is_compared(files):
    cwd = files(new_conf=HERE, s_yaml=service("web", ip="10.0.0.3"))
    assert plan(cwd, "--config", "new.conf", "s.yaml") == plan(cwd, "new.conf", "s.yaml")
    assert "changes" not in plan(cwd, "--config", "new.conf", "s.yaml")


# --- with everything real -----------------------------------------------------------------------


def test_what_is_foretold_of_a_new_configuration_the_allocator_does(bare_lab):
    """The daemons run on a file; the plan sees the file that is to come, and then it comes."""
    lab = bare_lab
    lab.start_apiserver()
    lab.api.create(kube.namespace(kube.SYSTEM))
    conf, new = lab.scratch / "bellman.conf", lab.scratch / "new.conf"
    conf.write_text('pools = ( { name = "old"; addresses = ( "192.0.2.0/30" ); } );')
    new.write_text('pools = ( { name = "new"; addresses = ( "192.0.2.2/31", "198.51.100.0/31" ); } );')
    allocator = lab.start_allocator("--config", conf)
    for name in ("a", "b", "c", "d", "e"):
        lab.api.create(kube.service(name, ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack"))
        if name != "e":
            lab.wait_for(lambda: lab.api.external_ips(name), what=f"{name} to be served")
    lab.wait_for(lambda: "AllocationFailed" in dict(lab.api.events("e")), what="e to be told that the pool is full")

    done = lab.run("client", [BIN / "bellman", "plan", "-o", "json", "--kubeconfig", lab.kubeconfig, "--from", "live",
                              "--config", new], check=False, timeout=30)
    assert done.returncode == 3, done.stderr
    report = json.loads(done.stdout)
    assert {c["name"]: c["change"] for c in report["changes"]} == \
        {"a": "renumbered", "b": "renumbered", "c": "moved", "d": "moved"}
    assert {c["name"]: c["from"]["ips"] for c in report["changes"]} == \
        {name: lab.api.external_ips(name) for name in ("a", "b", "c", "d")}

    new.rename(conf)
    allocator.signal(1)
    for name, s in by_name(report).items():
        lab.wait_for(lambda: lab.api.external_ips(name) == s["ips"], what=f"{name} to have {s['ips']}")
    pools = {name: lab.api.get("Service", name)["metadata"].get("annotations", {}).get("metallb.io/ip-allocated-from-pool", "")
             for name in by_name(report)}
    assert pools == {name: s["pool"] for name, s in by_name(report).items()}
