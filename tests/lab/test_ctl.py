# SPDX-License-Identifier: Apache-2.0
"""`bellman check`, `plan` and `status`: what they print, byte for byte where scripts rely on it, and exit codes."""

import json
import re

import api as kube
import pytest
from ctl import (ANNOUNCEMENT_KEYS, BIN, OWNER, POOL, ROOT, SAMPLES, SERVICE_KEYS, SPEAKER, bellman, by_name, events_said,
                 live_service, node, plan, service, why_column)

# --- check ----------------------------------------------------------------------------------


def test_check_takes_every_sample_and_says_what_is_in_it():
    samples = [*sorted(SAMPLES.glob("*.yaml")), SAMPLES / "bellman.conf"]
    done = bellman("check", *samples)
    assert done.returncode == 0, done.stderr
    *lines, note = done.stdout.splitlines()
    assert note.startswith("note: the speaker does not speak BGP yet")
    assert [line.split(": ")[0] for line in lines] == [str(s) for s in samples]
    assert all(": ok: " in line for line in lines)
    assert any("1 Service" in line for line in lines)


WRONG = {
    "yaml syntax": ("f_yaml", "a: [1\n", ["f.yaml:2: syntax error: did not find expected ',' or ']'"]),
    "json syntax": ("f_json", '{\n"a": }', ["f.json:2: syntax error, this is not JSON"]),
    "libconfig syntax": ("f_conf", 'pools = (\n  { name = "a" };;\n', ["f.conf:2: syntax error"]),
    "unknown list": ("f_conf", "\npool = ( );\n", ['f.conf:2: pool: unknown list, did you mean pools?']),
    "unknown field": ("f_conf", 'pools = ( { name = "a"; addresses = ( "10.0.0.0/24" );\n autoassign = true; } );',
                      ["f.conf:2: pools[0].autoassign: unknown field, did you mean autoAssign?"]),
    "bad range": ("f_conf", 'pools = ( { name = "a";\n addresses = ( "10.0.0.9-10.0.0.1",\n "10.0.0.300/24" ); } );',
                  ['f.conf:2: pools[0].addresses[0]: "10.0.0.9-10.0.0.1" starts above its end',
                   'f.conf:3: pools[0].addresses[1]: "10.0.0.300/24" is neither ADDRESS/LENGTH nor FIRST-LAST']),
    "fields that only Bellman has": (
        "f_conf", 'pools = ( { name = "a"; addresses = ( "10.0.0.0/24" );\nstrategy = "best";\nquota = ( "a" );\nreserve = "soon";\n'
        'drain = 1;\nperRange = "yes";\nexclude = ( "x" );\nipMode = "vip";\nipam = { url = "ftp://x"; }; } );\n',
        ['f.conf:2: pools[0].strategy: "best" is none of firstFit, leastUsedRange, random',
         'f.conf:3: pools[0].quota[0]: "a" is not of the form NAMESPACE=NUMBER',
         'f.conf:4: pools[0].reserve: "soon" is no duration such as "90s" or "1m30s"',
         "f.conf:5: pools[0].drain: must be true or false, not a number",
         "f.conf:6: pools[0].perRange: must be true or false, not a string",
         'f.conf:7: pools[0].exclude[0]: "x" is neither ADDRESS/LENGTH nor FIRST-LAST nor an address',
         'f.conf:8: pools[0].ipMode: "vip" is none of VIP, Proxy',
         'f.conf:9: pools[0].ipam.url: "ftp://x" begins with none of http+unix://, https://, http://']),
    "mistaken kind": ("f_yaml", "apiVersion: metallb.io/v1beta1\nkind: IPAdressPool\nmetadata: {name: a}\n",
                      ['f.yaml:2: kind: unknown kind "IPAdressPool", did you mean IPAddressPool?']),
    "port out of range": ("f_yaml", "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  type: LoadBalancer\n"
                          "  ports:\n  - port: 80\n  - port: 70000\n",
                          ["f.yaml:8: spec.ports[0].name: Required value",
                           "f.yaml:9: spec.ports[1].port: 70000 is not in 1..65535",
                           "f.yaml:9: spec.ports[1].name: Required value"]),
    "the API would refuse it": ("f_yaml", "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n"
                                "  type: LoadBalancer\n  clusterIP: None\n  ports: [{port: 80}]\n",
                                ["f.yaml:7: spec.clusterIPs[0]: Invalid value: \"None\": "
                                 "may not be set to 'None' for LoadBalancer services"]),
    "an address that is none": ("f_yaml", service("a", annotations="\n metallb.io/loadBalancerIPs: 10.0.0.300") +
                                service("b", annotations="\n metallb.universe.tf/loadBalancerIPs: '10.0.0.1, x'") +
                                service("c", spec="\n loadBalancerIP: nowhere") +
                                service("d", annotations="metallb.io/loadBalancerIPs: 10.0.0.1", spec="\n loadBalancerIP: 10.0.0.1"),
                                ['f.yaml:5: metadata.annotations[metallb.io/loadBalancerIPs]: invalid requested address "10.0.0.300"',
                                 'f.yaml:11: metadata.annotations[metallb.universe.tf/loadBalancerIPs]: invalid requested address "x"',
                                 'f.yaml:18: spec.loadBalancerIP: invalid requested address "nowhere"',
                                 "f.yaml:24: spec.loadBalancerIP: both spec.loadBalancerIP and annotation "
                                 "metallb.io/loadBalancerIPs are set"]),
    "decoding, the API and the allocator object at once": (
        "f_yaml", "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations:\n    metallb.io/loadBalancerIPs: x\n"
        "spec:\n  type: LoadBalancer\n  sessionAffinity: Sticky\n  clusterIP: 10.96.0\n  ports:\n  - {port: 80, name: Web}\n"
        "  - port: 70000\n    name: b\n",
        ['f.yaml:6: metadata.annotations[metallb.io/loadBalancerIPs]: invalid requested address "x"',
         'f.yaml:9: spec.sessionAffinity: "Sticky" is none of None, ClientIP',
         'f.yaml:10: spec.clusterIP: "10.96.0" is no address',
         'f.yaml:12: spec.ports[0].name: Invalid value: "Web": a lowercase RFC 1123 label must consist of lower case '
         "alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or "
         "'123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
         "f.yaml:13: spec.ports[1].port: 70000 is not in 1..65535"]),
    "the same Service twice": ("f_yaml", service("a") + service("a"),
                               ["f.yaml:7: metadata.name: Service a is there already, at f.yaml:2"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_check_tells_every_fault_at_its_line(files, case):
    name, text, faults = WRONG[case]
    cwd = files(**{name: text})
    done = bellman("check", name.replace("_", "."), cwd=cwd)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == faults


def test_check_goes_on_to_the_next_file_and_keeps_their_order(files):
    cwd = files(b_conf='pools = ( { name = "b"; } );\n', a_yaml="a: [\n", good_conf=POOL)
    done = bellman("check", "b.conf", "good.conf", "none.yaml", "a.yaml", cwd=cwd)
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["b.conf", "none.yaml", "a.yaml"]
    assert "none.yaml: cannot be read: No such file or directory" in done.stderr


NETWORK = (
    'pools = ( { name = "p";\n addresses = ( "192.0.2.0/24",\n "10.96.1.0/24" ); } );\n'
    'bgpAdvertisements = ( { name = "a";\n communities = ( "no-transit" ); } );\n',
    "apiVersion: v1\nkind: Node\nmetadata: {name: node-a}\nspec: {podCIDRs: [10.244.0.0/24]}\n"
    "status: {addresses: [{type: InternalIP, address: 192.0.2.7}]}\n---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: dns, namespace: kube-system}\n"
    "spec: {clusterIP: 10.96.1.10, ports: [{port: 53}]}\n")


def test_check_warns_of_pools_that_hold_what_the_cluster_uses(files):
    cwd = files(f_conf=NETWORK[0], f_yaml=NETWORK[1])
    done = bellman("check", "f.conf", "f.yaml", "--gateway", "192.0.2.1", "--service-cidr", "10.96.0.0/16", cwd=cwd)
    assert done.returncode == 0 and "f.conf: ok: " in done.stdout
    first, second = "f.conf:2: pools[0].addresses[0]: warning: ", "f.conf:3: pools[0].addresses[1]: warning: "
    assert done.stderr.splitlines() == [
        first + "192.0.2.1 is the gateway: exclude it",
        first + '192.0.2.7 is an address of node "node-a": exclude it',
        second + "10.96.1.0 is in 10.96.0.0/16, the Service CIDR: exclude it",
        second + '10.96.1.10 is the cluster IP of Service "kube-system/dns": exclude it',
        'f.conf:5: bgpAdvertisements[0].communities[0]: warning: no Community in these files names "no-transit"']
    done = bellman("check", "f.conf", "f.yaml", cwd=cwd)
    assert "gateway" not in done.stderr and "Service CIDR" not in done.stderr and "node-a" in done.stderr
    for wrong in (("--gateway", "192.0.2.1,"), ("--service-cidr", "10.96.0.0")):
        done = bellman("check", "f.conf", *wrong, cwd=cwd)
        assert done.returncode == 2 and wrong[0] in done.stderr


TWO_ASNS = """apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: one, namespace: metallb-system}
spec: {myASN: 64512, peerASN: 64500, peerAddress: 192.0.2.1}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: two, namespace: metallb-system}
spec: {myASN: 64513, peerASN: 64500, peerAddress: 192.0.2.2}
"""


@pytest.mark.parametrize("words", (["check"], ["plan"]))
def test_what_frr_alone_cannot_do_is_refused_where_frr_runs(files, words):
    cwd = files(f_yaml=TWO_ASNS)
    why = 'is not that of BGPPeer "one", which is on the same node and in the same VRF'
    for env in ({}, {"METALLB_BGP_TYPE": "native"}):
        done = bellman(*words, "f.yaml", cwd=cwd, env=env)
        assert done.returncode == 0
        assert done.stderr.splitlines() == [f"f.yaml:9: spec.myASN: warning: {why}; MetalLB with FRR refuses that"]
    for kind in ("frr", "frr-k8s"):
        done = bellman(*words, "f.yaml", cwd=cwd, env={"METALLB_BGP_TYPE": kind})
        assert done.returncode == 1 and done.stderr.splitlines() == [f"f.yaml:9: spec.myASN: {why}"]


def test_kinds_of_others_are_no_fault(files):
    text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 3}\n"
    done = bellman("check", "f.yaml", cwd=files(f_yaml=text))
    assert (done.returncode, done.stdout) == (0, "f.yaml: ok: 1 of no concern to Bellman\n")


ADVICE = {
    "annotations": ("f_yaml", service("a", annotations="\n metallb.io/loadbalancerIP: 10.0.0.1,\n metallb.io/adress-pool: a,"
                                      "\n metallb.io/colour: red,\n metallb.io/allow-shared-ip: k,\n example.com/x: y"),
                    ["f.yaml:5: metadata.annotations[metallb.io/loadbalancerIP]: warning: unknown annotation, did you mean "
                     "metallb.io/loadBalancerIPs?",
                     "f.yaml:6: metadata.annotations[metallb.io/adress-pool]: warning: unknown annotation, did you mean "
                     "metallb.io/address-pool?",
                     "f.yaml:7: metadata.annotations[metallb.io/colour]: warning: unknown annotation"]),
    "annotations of Bellman": (
        "f_yaml", service("a", annotations="\n bellman.io/ownr: x,\n bellman.io/drain: 'true',\n bellman.io/owner: n1") +
        "---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: a\n  annotations:\n"
        "    bellman.io/exlude: '[]'\n    bellman.io/colour: '1'\nspec: {addresses: [10.0.0.0/29]}\n",
        ["f.yaml:5: metadata.annotations[bellman.io/ownr]: warning: unknown annotation, did you mean bellman.io/owner?",
         "f.yaml:6: metadata.annotations[bellman.io/drain]: warning: unknown annotation",
         "f.yaml:15: metadata.annotations[bellman.io/exlude]: warning: unknown annotation, ignored, did you mean "
         "bellman.io/exclude?",
         "f.yaml:16: metadata.annotations[bellman.io/colour]: warning: unknown annotation, ignored"]),
    "resources": ("f_yaml", "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l}\nspec:\n"
                  "  ipAddressPools:\n  - a\n  - none\n---\n"
                  "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a}\nspec: {addresses: [10.0.0.0/29]}\n",
                  ['f.yaml:7: spec.ipAddressPools[1]: warning: IPAddressPool "none" is in none of these files']),
    "configuration file": ("f_conf", 'bgpPeers = ( { name = "p"; myASN = 64512; peerASN = 64513; peerAddress = "10.0.0.2";\n'
                           'bfdProfile = "fast"; } );\nbgpAdvertisements = ( { name = "b"; peers = ( "p",\n"q" );\n'
                           'ipAddressPools = ( "c" ); } );\n',
                           ['f.conf:2: bgpPeers[0].bfdProfile: warning: BFDProfile "fast" is in none of these files',
                            'f.conf:4: bgpAdvertisements[0].peers[1]: warning: BGPPeer "q" is in none of these files',
                            'f.conf:5: bgpAdvertisements[0].ipAddressPools[0]: warning: IPAddressPool "c" is in none of these files']),
}


@pytest.mark.parametrize("case", ADVICE)
def test_check_warns_of_what_does_not_do_what_was_meant(files, case):
    name, text, warned = ADVICE[case]
    done = bellman("check", name.replace("_", "."), cwd=files(**{name: text}))
    assert done.returncode == 0 and ": ok: " in done.stdout
    assert done.stderr.splitlines() == warned


def test_check_names_the_fields_that_no_service_has(files):
    text = service("web", spec="loadbalancerClass: x, sessionAffinityConfig: {clientIP: {timeout: 3}}, later: 1")
    done = bellman("check", "s.yaml", cwd=files(s_yaml=text.replace("{port: 80}", "{port: 80, targetport: 80}")))
    assert done.returncode == 0 and done.stdout == "s.yaml: ok: 1 Service\n"
    assert done.stderr.splitlines() == [
        f"s.yaml:5: spec.{field}: warning: unknown field{nearest}"
        for field, nearest in (("ports[0].targetport", ", did you mean targetPort?"),
                               ("loadbalancerClass", ", did you mean loadBalancerClass?"),
                               ("sessionAffinityConfig.clientIP.timeout", ""), ("later", ""))]


def test_check_and_plan_say_once_that_bgp_is_not_spoken(files):
    bgp = 'bgpPeers = ( { name = "p"; myASN = 65000; peerASN = 65001; peerAddress = "10.9.0.1"; } );\n' \
          'bgpAdvertisements = ( { name = "b"; } );\n'
    cwd = files(p_conf='pools = ( { name = "a"; addresses = ( "10.0.0.0/29" ); } );\n' + bgp, s_yaml=service("web"), n_yaml=node("n1"))
    done = bellman("check", "p.conf", "s.yaml", cwd=cwd)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.splitlines()[-1].startswith("note: the speaker does not speak BGP yet") and done.stdout.count("BGP yet") == 1
    web, = plan(cwd, "p.conf", "s.yaml", "n.yaml")["services"]
    assert web["reason"].startswith("announced by nobody") and any("does not speak BGP yet" in n for n in web["notes"])
    files(b_conf=POOL)
    assert "BGP" not in bellman("check", "b.conf", cwd=cwd).stdout
    assert "BGP" not in bellman("plan", "b.conf", "s.yaml", "n.yaml", cwd=cwd).stdout


@pytest.mark.parametrize("samples", ("*.yaml", *(conf.name for conf in sorted(SAMPLES.glob("*.conf")))))
def test_the_samples_need_no_advice(samples):
    done = bellman("check", *sorted(SAMPLES.glob(samples)))
    assert (done.returncode, done.stderr) == (0, "")


def test_names_are_looked_for_in_all_files(files):
    cwd = files(a_conf='l2Advertisements = ( { name = "l"; ipAddressPools = ( "a" ); } );', b_conf=POOL)
    assert bellman("check", "a.conf", cwd=cwd).stderr != "" and bellman("check", "a.conf", "b.conf", cwd=cwd).stderr == ""


STRAY = """\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: far
  namespace: default
spec: {addresses: [10.9.0.0/29]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: near}
spec: {addresses: [10.0.0.0/29]}
"""


@pytest.mark.parametrize("words, env, pools, warned", (
    ([], {}, ["near"], ["f.yaml:5: metadata.namespace: warning: not metallb-system: no daemon reads it"]),
    (["--namespace", "lb"], {}, ["near"], ["f.yaml:5: metadata.namespace: warning: not lb: no daemon reads it"]),
    ([], {"METALLB_NAMESPACE": "default"}, ["far", "near"], [])))
def test_resources_of_another_namespace_are_left_out(files, words, env, pools, warned):
    cwd = files(f_yaml=STRAY)
    check = bellman("check", *words, "f.yaml", cwd=cwd, env=env)
    assert check.returncode == 0 and check.stderr.splitlines() == warned
    assert check.stdout == (f"f.yaml: ok: {len(pools)} IPAddressPool" +
                            (", 1 of no concern to Bellman" if warned else "") + "\n")
    planned = bellman("plan", "-o", "json", *words, "f.yaml", cwd=cwd, env=env)
    assert [p["name"] for p in json.loads(planned.stdout)["pools"]] == pools and planned.stderr.splitlines() == warned


def test_the_settings_say_which_namespace_counts(files):
    cwd = files(f_yaml=STRAY, set_conf='settings = { namespace = "default"; };')
    assert [p["name"] for p in plan(cwd, "f.yaml", "set.conf")["pools"]] == ["far", "near"]
    assert [p["name"] for p in plan(cwd, "--namespace", "lb", "f.yaml", "set.conf")["pools"]] == ["near"]


@pytest.mark.parametrize("words", (["check"], ["plan"], ["plan", "-o", "xml", "f.yaml"], ["plan", "--form", "live"],
                                   ["plan", "--from", "file"], ["plan", "--service-cidr", "10.0.0.0", "f.yaml"],
                                   ["status", "word"], ["capture"], ["capture", "-i", "a", "-r", "b"], ["bogus"], []))
def test_wrong_usage_exits_2_and_points_to_help(words):
    done = bellman(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--help" in done.stderr


# --- plan -----------------------------------------------------------------------------------


def test_plan_has_the_shape_of_the_contract(files):
    cwd = files(pool_conf=POOL, n_yaml=node("n1") + node("n2"),
                s_yaml=service("web", spec="ipFamilyPolicy: RequireDualStack") +
                service("api", spec="allocateLoadBalancerNodePorts: false"))
    report = plan(cwd, "pool.conf", "n.yaml", "s.yaml")
    assert list(report) == ["services", "pools", "errors"] and report["errors"] == []
    assert report["pools"] == [{"name": "a", "total": str(8 + 2**64), "used": "3", "available": str(5 + 2**64)}]
    assert all(list(s) == SERVICE_KEYS for s in report["services"])
    assert all(list(a) == ANNOUNCEMENT_KEYS for s in report["services"] for a in s["announcements"])

    web, api = by_name(report)["web"], by_name(report)["api"]
    assert len(web["ips"]) == 2 and web["pool"] == "a" and web["reason"] == ""
    assert api["nodePorts"] == [] and len(web["nodePorts"]) == 1 and 30000 <= web["nodePorts"][0] <= 32767
    assert [a["ip"] for a in web["announcements"]] == web["ips"]
    owners = {a["node"] for a in web["announcements"]}
    assert len(owners) == 1
    assert web["announcements"][0]["runnersUp"] == sorted({"n1", "n2"} - owners)
    assert any("EndpointSlice" in n for n in web["notes"])


def test_the_samples_are_planned_whole():
    report = plan(None, *sorted(SAMPLES.glob("*.yaml")))
    assert report["services"] and all(s["reason"] == "" and s["announcements"] for s in report["services"])


def test_the_readme_shows_the_plan_of_the_samples():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert bellman("plan", *sorted(SAMPLES.glob("*.yaml"))).stdout in readme


def test_without_nodes_a_note_stands_for_the_announcements(files):
    s = by_name(plan(files(pool_conf=POOL, s_yaml=service("web")), "pool.conf", "s.yaml"))["web"]
    assert s["ips"] and s["announcements"] == [] and any("Node" in n for n in s["notes"])


def test_what_a_service_holds_it_keeps(files):
    cwd = files(pool_conf=POOL, s_yaml=service("new") + service("old", ip="10.0.0.0"))
    got = by_name(plan(cwd, "pool.conf", "s.yaml"))
    assert (got["old"]["ips"], got["new"]["ips"]) == (["10.0.0.0"], ["10.0.0.1"])


def test_a_loss_is_exit_3_and_noted(files):
    cwd = files(pool_conf=POOL, s_yaml=service("web", ip="192.168.0.1"))
    s = by_name(plan(cwd, "pool.conf", "s.yaml", code=3))["web"]
    assert s["ips"] == ["10.0.0.0"] and "would lose 192.168.0.1, which it holds now" in s["notes"]


def test_pending_is_exit_0_with_the_reason(files):
    cwd = files(pool_conf='pools = ( { name = "a"; addresses = ( "10.0.0.1/32" ); } );',
                s_yaml=service("one") + service("two") + service("far", annotations="metallb.io/loadBalancerIPs: 10.9.9.9"))
    got = by_name(plan(cwd, "pool.conf", "s.yaml"))
    assert got["one"]["ips"] == ["10.0.0.1"] and got["one"]["reason"] == ""
    assert got["two"]["ips"] == [] and got["two"]["reason"]
    assert "10.9.9.9" in got["far"]["reason"]


def test_the_class_decides_whose_a_service_is(files):
    cwd = files(pool_conf=POOL, s_yaml=service("plain") + service("classy", spec="loadBalancerClass: x.io/y"),
                set_conf='settings = { loadBalancerClass = "x.io/y"; };')
    for words, ours in (([], "plain"), (["--lb-class", "x.io/y"], "classy"), (["set.conf"], "classy")):
        got = by_name(plan(cwd, "pool.conf", "s.yaml", *words))
        assert {name for name, s in got.items() if s["ips"]} == {ours}
        assert all(s["reason"] for name, s in got.items() if name != ours)


def test_endpoints_and_exclusion_decide_who_announces(files):
    slice_ = ("---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n"
              "metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}\n"
              "ports: [{port: 80}]\nendpoints: [{addresses: [10.1.0.1], nodeName: n2, conditions: {ready: %s}}]\n")
    excluded = node("n3").replace("name: n3", 'name: n3, labels: {node.kubernetes.io/exclude-from-external-load-balancers: ""}')
    local = service("web", spec="externalTrafficPolicy: Local")
    cwd = files(pool_conf=POOL, n_yaml=node("n1") + node("n2") + excluded, s_yaml=local + slice_ % "true",
                dead_yaml=local + slice_ % "false")
    a, = by_name(plan(cwd, "pool.conf", "n.yaml", "s.yaml"))["web"]["announcements"]
    assert (a["node"], a["runnersUp"]) == ("n2", [])
    dead = by_name(plan(cwd, "pool.conf", "n.yaml", "dead.yaml"))["web"]
    assert dead["announcements"] == [] and dead["reason"].startswith("announced by nobody: ")
    assert why_column(bellman("plan", "pool.conf", "n.yaml", "dead.yaml", cwd=cwd)) == {"default/web": dead["reason"]}


def test_why_no_node_announces_is_in_the_table(files, api_server):
    no_nodes = bellman("plan", "pool.conf", "s.yaml", cwd=files(pool_conf=POOL, s_yaml=service("web")))
    assert why_column(no_nodes) == {"default/web": "announced by nobody: there is no node"}
    idle = why_column(bellman("status", "--server", api_server.url))["default/idle"]
    assert idle.startswith("announced by nobody: ") and len(idle) > len("announced by nobody: ")


def test_faults_are_the_answer_in_json_too(files):
    cwd = files(bad_conf='pools = ( { name = "a"; addresses = ( "x" ); } );')
    report = plan(cwd, "bad.conf", code=1)
    assert (report["services"], report["pools"]) == ([], [])
    assert report["errors"] == [{"file": "bad.conf", "line": 1, "field": "pools[0].addresses[0]",
                                 "message": '"x" is neither ADDRESS/LENGTH nor FIRST-LAST'}]


def test_the_table_reads_at_a_glance(files):
    cwd = files(pool_conf=POOL, n_yaml=node("n1"), s_yaml=service("web", ns="shop"))
    done = bellman("plan", "pool.conf", "n.yaml", "s.yaml", cwd=cwd)
    head, row, blank, pools, pool, *_ = done.stdout.splitlines()
    assert head.split() == ["SERVICE", "EXTERNAL-IP", "POOL", "NODE-PORTS", "NODE", "WHY"]
    cells = re.split(r"\s{2,}", row)
    assert cells[0:3] == ["shop/web", "10.0.0.0", "a"] and cells[4] == "n1"
    assert row.index("10.0.0.0") == head.index("EXTERNAL-IP") and blank == ""
    assert pools.split() == ["POOL", "TOTAL", "USED", "AVAILABLE"]
    assert pool.split() == ["a", str(8 + 2**64), "1", str(7 + 2**64)]


def test_the_table_says_who_holds_no_node_port(files, api_server):
    cwd = files(pool_conf=POOL, s_yaml=service("api", spec="allocateLoadBalancerNodePorts: false") + service("web"))
    head, api, web = (re.split(r"\s{2,}", line) for line in bellman("plan", "pool.conf", "s.yaml", cwd=cwd).stdout.splitlines()[:3])
    assert head[3] == "NODE-PORTS" and api[3] == "none" and re.fullmatch(r"3\d{4}", web[3])

    api_server.objects["/api/v1/services"] = ("Service", "v1", [live_service("api", ["10.0.0.3"], ports=[{"port": 80}])])
    _, row, *_ = bellman("status", "--server", api_server.url).stdout.splitlines()
    assert re.split(r"\s{2,}", row)[:4] == ["default/api", "10.0.0.3", "a", "none"]


def reservations(**held):
    data = {f"default.{name}": json.dumps({"addresses": [ip], "until": "2099-01-01T00:00:00Z"}) for name, ip in held.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bellman-reservations", "namespace": "metallb-system"},
            "data": data}


RESERVE = 'pools = ( { name = "a"; addresses = ( "10.0.0.0/29" ); reserve = "1h"; } );'


def test_what_is_reserved_is_given_to_nobody_else(files):
    cwd = files(pool_conf=RESERVE, s_yaml=service("other") + service("web"), kept_json=json.dumps(reservations(web="10.0.0.0")),
                gone_json=json.dumps(reservations(gone="10.0.0.0")))

    def planned(*more):
        return {name: s["ips"] for name, s in by_name(plan(cwd, "pool.conf", "s.yaml", *more)).items()}

    assert planned() == {"other": ["10.0.0.0"], "web": ["10.0.0.1"]}
    assert planned("kept.json") == {"other": ["10.0.0.1"], "web": ["10.0.0.0"]}
    assert planned("gone.json") == {"other": ["10.0.0.1"], "web": ["10.0.0.2"]}


def test_reservations_of_a_cluster_count_and_may_be_refused(files, api_server):
    path = "/api/v1/namespaces/metallb-system/configmaps"
    api_server.objects[path] = ("ConfigMap", "v1", [reservations(gone="10.0.0.0")])
    words = ("--from", "live", "--server", api_server.url, "--config", "pool.conf")
    cwd = files(pool_conf=RESERVE)
    assert by_name(plan(cwd, *words))["new"]["ips"] == ["10.0.0.1"]
    api_server.forbidden = path
    done = bellman("plan", "-o", "json", *words, cwd=cwd)
    assert done.returncode == 0 and by_name(json.loads(done.stdout))["new"]["ips"] == ["10.0.0.0"]
    assert "bellman: addresses that are reserved are not known: " in done.stderr and "403" in done.stderr


def test_an_address_that_is_given_at_random_is_said_to_be(files):
    cwd = files(pool_conf='pools = ( { name = "a"; addresses = ( "10.0.0.0/24" ); strategy = "random"; } );',
                s_yaml=service("kept", ip="10.0.0.9") + service("new"))
    got = by_name(plan(cwd, "pool.conf", "s.yaml"))
    random = 'pool "a" gives any free address: it may be another one'
    assert random in got["new"]["notes"] and random not in got["kept"]["notes"] and got["kept"]["ips"] == ["10.0.0.9"]


def test_what_is_noted_of_several_services_is_said_once(files):
    def notes(*services):
        done = bellman("plan", "pool.conf", "s.yaml", cwd=files(pool_conf=POOL, s_yaml="".join(services)))
        return done.stdout.split("\n\n")[2].splitlines()

    noted = "no Node given: who announces it is left out"
    assert notes(service("one")) == [f"default/one: {noted}"]
    assert notes(service("one"), service("two")) == [f"every Service: {noted}"]
    names = [f"s{i}" for i in range(8)]
    assert notes(*map(service, names), service("x", annotations="metallb.io/loadBalancerIPs: 10.9.9.9")) == \
        [f"default/s0, default/s1, default/s2 and 5 more: {noted}"]
    held = [service("one", ip="10.8.0.1"), service("two")]
    assert notes(*held)[0] == "default/one: would lose 10.8.0.1, which it holds now"
    assert notes(*held)[-1] == f"every Service: {noted}"


# --- from the API ------------------------------------------------------------------------------


def test_status_has_the_shape_of_plan_with_since_and_state(api_server):
    done = bellman("status", "-o", "json", "--server", api_server.url)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert all(list(s) == [*SERVICE_KEYS, "state", "since"] for s in report["services"])
    got = by_name(report)

    assert (got["web"]["state"], got["web"]["ips"], got["web"]["pool"]) == ("announced", ["10.0.0.3"], "a")
    assert got["web"]["since"] == "2026-01-03T00:00:00Z"  # its last election
    assert len({got["web"]["announcements"][0]["node"], *got["web"]["announcements"][0]["runnersUp"]}) == 5  # every page
    # In the API, no slice is no endpoint: nothing is taken for granted.
    assert (got["idle"]["state"], got["idle"]["announcements"]) == ("allocated", [])
    # It would get an address, but status tells what is.
    assert (got["new"]["state"], got["new"]["ips"], got["new"]["since"]) == ("pending", [], "2026-01-01T00:00:00Z")
    assert "does an allocator run?" in got["new"]["reason"]


@pytest.mark.parametrize("said, note", (
    ([], f"{OWNER} is elected, but no event in the API says that it announces (they last an hour): "
         "does a speaker run there?"),
    ([("2026-01-02T00:00:00Z", OWNER, SPEAKER), ("2026-01-03T00:00:00Z", "n9", SPEAKER)],
     f"{OWNER} is elected, but the last to say that it announces was n9, at 2026-01-03T00:00:00Z"),
    ([("2026-01-02T00:00:00Z", OWNER, "another-controller")], "does a speaker run there?")))
def test_announced_is_what_the_speaker_of_the_elected_node_said_last(api_server, said, note):
    api_server.objects["/api/v1/events"] = events_said(*said)
    web = by_name(json.loads(bellman("status", "-o", "json", "--server", api_server.url).stdout))["web"]
    assert (web["state"], web["since"]) == ("elected", "2026-01-01T00:00:00Z")
    assert web["announcements"][0]["node"] == OWNER and any(note in n for n in web["notes"])


def test_of_two_events_in_one_second_the_one_written_last_counts(api_server):
    """As when an address moves twice: the order in which a list comes, by name, says nothing."""
    for said, state in (((OWNER, "n9"), "announced"), (("n9", OWNER), "elected")):
        api_server.objects["/api/v1/events"] = events_said(*(("2026-01-02T00:00:00Z", node, SPEAKER) for node in said))
        web = by_name(json.loads(bellman("status", "-o", "json", "--server", api_server.url).stdout))["web"]
        assert web["state"] == state


def test_the_help_of_status_tells_elected_from_announced():
    done = bellman("status", "--help")
    assert done.returncode == 0 and re.search(r"^  elected +the node should", done.stdout, re.M)


def test_status_tells_it_at_a_glance(api_server):
    done = bellman("status", "--server", api_server.url)
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["SERVICE", "EXTERNAL-IP", "POOL", "NODE-PORTS", "NODE", "STATE", "SINCE", "WHY"]
    assert [re.split(r"\s{2,}", row)[5] for row in rows[:3]] == ["allocated", "pending", "announced"]


def test_a_cluster_without_the_definitions_has_no_pools(api_server, files):
    for path in [p for p in api_server.objects if "metallb" in p]:
        del api_server.objects[path]
    done = bellman("status", "-o", "json", "--server", api_server.url)
    assert done.returncode == 0 and json.loads(done.stdout)["pools"] == []
    with_file = bellman("status", "-o", "json", "--server", api_server.url, "--config", files(p_conf=POOL) / "p.conf")
    assert [p["name"] for p in json.loads(with_file.stdout)["pools"]] == ["a"]


def test_a_plan_from_live_puts_files_over_what_is_there(api_server, files):
    cwd = files(s_yaml=service("web", spec="ipFamilyPolicy: SingleStack") + service("more"))
    got = by_name(plan(cwd, "--from", "live", "--server", api_server.url, "s.yaml"))
    assert got["web"]["ips"] == ["10.0.0.3"]  # the status is the API's
    assert got["web"]["nodePorts"] == [30080]  # and so is what the API gave it
    assert {*got} == {"web", "idle", "new", "more"} and got["new"]["ips"] and got["more"]["ips"]
    assert any("EndpointSlice" in n for n in got["more"]["notes"]) and got["more"]["announcements"]
    assert not any("EndpointSlice" in n for n in got["web"]["notes"])


@pytest.mark.parametrize("namespace", (", namespace: metallb-system", ""))
def test_a_plan_from_live_tells_the_loss_of_an_edited_pool(api_server, files, namespace):
    pool = ("apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a%s}\n"
            "spec: {addresses: [10.5.0.0/29]}\n") % namespace
    got = by_name(plan(files(pool_yaml=pool), "--from", "live", "--server", api_server.url, "pool.yaml", code=3))
    assert got["web"]["ips"][0].startswith("10.5.0.")
    assert "would lose 10.0.0.3, which it holds now" in got["web"]["notes"]


def test_an_api_that_does_not_answer_is_exit_4(api_server):
    api_server.refuse = True
    refused = bellman("status", "--server", api_server.url)
    assert refused.returncode == 4 and "403" in refused.stderr
    nobody = bellman("status", "--server", "http://127.0.0.1:1")
    assert nobody.returncode == 4 and len(nobody.stderr.splitlines()) == 1
    nowhere = bellman("status", env={"KUBERNETES_SERVICE_HOST": "", "HOME": "/nonexistent"})
    assert nowhere.returncode == 4 and "--kubeconfig" in nowhere.stderr


def test_on_a_laptop_the_kubeconfig_of_kubectl_and_its_credential_plugin_are_used(api_server, files):
    home = files(login="""#!/bin/sh
echo please wait >&2
printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"s3cret"}}'
""")
    (home / "login").chmod(0o755)
    (home / ".kube").mkdir()
    (home / ".kube/config").write_text(f"""
current-context: work
contexts: [{{name: work, context: {{cluster: c, user: me, namespace: elsewhere}}}}]
clusters: [{{name: c, cluster: {{server: "{api_server.url}"}}}}]
users: [{{name: me, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: ../login, interactiveMode: Never}}}}}}]
""")
    env = {"HOME": str(home), "KUBERNETES_SERVICE_HOST": ""}
    done = bellman("status", env=env)
    assert done.returncode == 0 and "web" in done.stdout and done.stderr == "please wait\n"
    (home / "login").unlink()
    done = bellman("status", env=env)
    assert done.returncode == 4 and len(done.stderr.splitlines()) == 1
    assert f"GET {api_server.url}/" in done.stderr and '/login": no such program' in done.stderr


# --- with everything real -----------------------------------------------------------------------


def test_what_plan_foretells_the_daemons_do_and_status_tells(cluster, files):
    cwd = files(s_yaml="".join(service(name, spec="ipFamilyPolicy: SingleStack") for name in ("one", "two", "three")))
    flags = ("--kubeconfig", cluster.kubeconfig)

    def ask(command, *words):
        done = cluster.run("client", [BIN / "bellman", command, "-o", "json", *flags, *words], timeout=30)
        return by_name(json.loads(done.stdout))

    foretold = ask("plan", "--from", "live", cwd / "s.yaml")
    slices = [cluster.endpoints(name) for name in foretold]
    cluster.api.create(*slices, *[kube.service(name, ((80, 8080),)) for name in foretold])
    for name, s in foretold.items():
        cluster.wait_for(lambda: cluster.api.external_ips(name) == s["ips"], what=f"{name} to get {s['ips']}")
        announcement, = s["announcements"]
        cluster.wait_for(lambda: cluster.resolve("client", s["ips"][0]) == announcement["node"],
                         what=f"{announcement['node']} to answer for {s['ips'][0]}")
    cluster.wait_for(lambda: {s["state"] for s in ask("status").values()} == {"announced"},
                     what="the speakers' events to be in the API")
    now = ask("status")
    for name, s in foretold.items():
        assert (now[name]["ips"], now[name]["state"], now[name]["pool"]) == (s["ips"], "announced", "lan")
        assert now[name]["announcements"][0]["node"] == s["announcements"][0]["node"]


# --- capture ------------------------------------------------------------------------------------


def test_capture_tells_frames_in_words_and_keeps_them(tmp_path):
    scapy = pytest.importorskip("scapy.all")
    a, everyone = "02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff"
    frames = [
        scapy.Ether(src=a, dst=everyone) / scapy.ARP(op=1, hwsrc=a, psrc="10.0.0.200", pdst="10.0.0.200"),
        scapy.Ether(src=a, dst=everyone) / scapy.ARP(op=2, hwsrc=a, psrc="10.0.0.200", pdst="10.0.0.200", hwdst=everyone),
        scapy.Ether(src=a, dst=everyone) / scapy.ARP(op=1, hwsrc=a, psrc="0.0.0.0", pdst="10.0.0.200"),
        scapy.Ether(src=a, dst=everyone) / scapy.ARP(op=1, hwsrc=a, psrc="10.0.0.1", pdst="10.0.0.200"),
        scapy.Ether(src=a, dst="02:00:00:00:00:09") / scapy.ARP(op=2, hwsrc=a, psrc="10.0.0.200", pdst="10.0.0.9"),
        scapy.Ether(src=a, dst=everyone, type=0x0806) / b"short",
        scapy.Ether(src=a, dst="33:33:ff:00:00:01") / scapy.IPv6(src="fe80::1", dst="ff02::1:ff00:1") /
        scapy.ICMPv6ND_NS(tgt="2001:db8::1") / scapy.ICMPv6NDOptSrcLLAddr(lladdr=a),
        scapy.Ether(src=a, dst="33:33:ff:00:00:01") / scapy.IPv6(src="::", dst="ff02::1:ff00:1") /
        scapy.ICMPv6ND_NS(tgt="2001:db8::1"),
        scapy.Ether(src=a, dst="33:33:00:00:00:01") / scapy.IPv6(src="fe80::1", dst="ff02::1") /
        scapy.ICMPv6ND_NA(tgt="2001:db8::1", R=0, S=0, O=1) / scapy.ICMPv6NDOptDstLLAddr(lladdr=a),
        scapy.Ether(src=a, dst="02:00:00:00:00:09") / scapy.IPv6(src="fe80::1", dst="fe80::9") /
        scapy.ICMPv6ND_NA(tgt="2001:db8::1", R=0, S=1, O=0),
        scapy.Ether(src=a, dst="02:00:00:00:00:09") / scapy.IPv6(src="fe80::1", dst="fe80::9") /
        scapy.ICMPv6ND_NA(tgt="2001:db8::1", R=0, S=1, O=0, cksum=1),
        scapy.Ether(src=a, dst="02:00:00:00:00:09") / scapy.IPv6(src="fe80::1", dst="fe80::9") / scapy.UDP(),
    ]
    for i, frame in enumerate(frames):
        frame.time = 1000 + i / 10
    scapy.wrpcap(str(tmp_path / "in.pcap"), frames)
    (tmp_path / "names").write_text(f"# who is who\n\n{a} node-a\n")

    done = bellman("capture", "-r", "in.pcap", "-w", "out.pcap", "--names", "names", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    words = [line.split("  ") for line in done.stdout.splitlines()]
    assert [w[0] for w in words[:3]] == ["0.000", "0.100", "0.200"]
    assert {w[1] for w in words} == {f"node-a ({a})"}
    assert [w[2] for w in words] == [
        f"gratuitous ARP request: 10.0.0.200 is at {a}",
        f"gratuitous ARP reply: 10.0.0.200 is at {a}",
        "ARP probe: who has 10.0.0.200?",
        "ARP request: who has 10.0.0.200? tell 10.0.0.1",
        f"ARP reply to 02:00:00:00:00:09: 10.0.0.200 is at {a}",
        "malformed ARP (short)",
        "neighbour solicitation: who has 2001:db8::1? tell fe80::1",
        "duplicate address detection: who has 2001:db8::1?",
        f"unsolicited neighbour advertisement: 2001:db8::1 is at {a} (override)",
        f"neighbour advertisement to fe80::9: 2001:db8::1 is at {a}",
        "malformed neighbour advertisement (checksum)",
    ]
    kept = scapy.rdpcap(str(tmp_path / "out.pcap"))
    assert [bytes(f) for f in kept] == [bytes(f) for f in frames[:-1]]  # the UDP frame is not about addresses
    assert (tmp_path / "out.pcap").read_bytes()[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")  # nanoseconds

    few = bellman("capture", "-r", "in.pcap", "--count", "2", cwd=tmp_path)
    assert len(few.stdout.splitlines()) == 2


def test_capture_says_what_it_cannot_open(tmp_path):
    (tmp_path / "names").write_text("02:00:00:00:00:01\n")
    (tmp_path / "junk").write_bytes(b"no capture at all, but long enough for a header")
    for words, said in ((["-r", "none"], "none: No such file"), (["-r", "junk"], "junk: "), (["-i", "no-such-if"], "no-such-if: "),
                        (["-r", "junk", "--names", "names"], "names:1: not of the form 'MAC name'")):
        done = bellman("capture", *words, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
