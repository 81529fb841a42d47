# SPDX-License-Identifier: Apache-2.0
"""`bellman explain NAMESPACE/NAME`: why a Service has its address or waits for one, from files and from a cluster."""

import datetime
import json
import re

import api as kube
import pytest
from ctl import BIN, OWNER, SERVICE_KEYS, SPEAKER, bellman, events_said, live_service, node, service

MORE_KEYS = ["asks", "ports", "verdicts", "condition", "events", "leader", "doubts"]
LEASES = "/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases"
CONDITION = "bellman.io/LoadBalancerReady"


def explain(cwd, name, *words, code=0):
    done = bellman("explain", "-o", "json", name, *words, cwd=cwd)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def answers(explained):
    return [(v["pool"], v["asked"], v["answer"]) for v in explained["verdicts"]]


# --- from files -----------------------------------------------------------------------------------

POOLS = """\
pools = ( { name = "full"; addresses = ( "10.0.0.1/32" ); },
          { name = "labels"; addresses = ( "10.1.0.0/24" ); serviceAllocation = {
              priority = 1; serviceSelectors = ( { matchLabels = ( "tier=front" ); } ); }; },
          { name = "request"; addresses = ( "10.2.0.0/24" ); autoAssign = false; exclude = ( "10.2.0.1" ); },
          { name = "six"; addresses = ( "fd00::/120" ); },
          { name = "space"; addresses = ( "10.3.0.0/24" ); serviceAllocation = { namespaces = ( "team" ); }; } );
l2Advertisements = ( { name = "all"; } );
"""
FIRST = service("first", ip="10.0.0.1")
CASES = {  # a Service: its answer, and what each pool answers, in the order in which they are asked
    "it waits": (service("web"), "", [("labels", "pinned", "otherLabels"), ("space", "pinned", "otherNamespace"),
                                      ("full", "open", "full"), ("six", "open", "noFamily"), ("request", "no", "onRequest")]),
    "it is served": (service("web", ns="team"), "10.3.0.0", [("labels", "pinned", "otherLabels"), ("space", "pinned", "holds"),
                                                             ("full", "open", "full"), ("six", "open", "noFamily"),
                                                             ("request", "no", "onRequest")]),
    "it asks for a pool": (service("web", annotations="metallb.io/address-pool: request"), "10.2.0.0",
                           [("request", "request", "holds"), ("labels", "pinned", "elsewhere"), ("space", "pinned", "elsewhere"),
                            ("full", "open", "elsewhere"), ("six", "open", "elsewhere")]),
    "its address is taken": (service("web", annotations="metallb.io/loadBalancerIPs: 10.0.0.1"), "",
                             [("full", "request", "taken"), ("labels", "pinned", "elsewhere"), ("space", "pinned", "elsewhere"),
                              ("six", "open", "elsewhere"), ("request", "no", "elsewhere")]),
    "its address is excluded": (service("web", annotations="metallb.io/loadBalancerIPs: 10.2.0.1"), "",
                                [("request", "request", "excluded"), ("labels", "pinned", "elsewhere"),
                                 ("space", "pinned", "elsewhere"), ("full", "open", "elsewhere"), ("six", "open", "elsewhere")]),
    "its request is none": (service("web", annotations="metallb.io/loadBalancerIPs: nowhere"), "", []),
    "its pool is none": (service("web", annotations="metallb.io/address-pool: nowhere"), "", []),
}


@pytest.mark.parametrize("case", CASES)
def test_each_pool_says_why_in_the_order_in_which_they_are_asked(files, case):
    text, ip, expected = CASES[case]
    got = explain(files(p_conf=POOLS, s_yaml=FIRST + text), f"{'team' if 'team' in text else 'default'}/web", "p.conf", "s.yaml")
    assert list(got) == [*SERVICE_KEYS, *MORE_KEYS]
    assert answers(got) == expected
    assert got["ips"] == ([ip] if ip else []) and bool(got["reason"]) == (not ip)
    assert all(f'pool "{v["pool"]}"' in v["why"] for v in got["verdicts"] if v["answer"] != "taken")


def test_a_pool_whose_turn_did_not_come_could_serve(files):
    cwd = files(p_conf='pools = ( { name = "a"; addresses = ( "10.0.0.0/29" ); }, { name = "b"; addresses = ( "10.1.0.0/29" ); } );',
                s_yaml=service("web"))
    assert answers(explain(cwd, "default/web", "p.conf", "s.yaml")) == [("a", "open", "holds"), ("b", "open", "could")]


def test_pools_that_give_no_more_say_so(files):
    pools = ('pools = ( { name = "drained"; addresses = ( "10.0.0.0/29" ); drain = true; },\n'
             '{ name = "rationed"; addresses = ( "10.1.0.0/29" ); quota = 1; } );')
    got = explain(files(p_conf=pools, s_yaml=service("one") + service("two")), "default/two", "p.conf", "s.yaml")
    assert answers(got) == [("drained", "open", "draining"), ("rationed", "open", "overQuota")]


def test_it_reads_as_a_page(files):
    web = service("web", spec="allocateLoadBalancerNodePorts: false",
                  annotations="metallb.io/allow-shared-ip: key, metallb.io/loadBalancerIPs: '10.0.0.9'")
    done = bellman("explain", "default/web", "p.conf", "s.yaml", "n.yaml",
                   cwd=files(p_conf=POOLS, s_yaml=FIRST + web, n_yaml=node("n1") + node("n2")))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == """\
default/web has no address: 10.0.0.9 is in no pool.

Condition  bellman.io/LoadBalancerReady False, RequestRefused
Asks for   IPv4 (SingleStack), the address 10.0.0.9, sharing by key "key"
Ports      port 80/TCP, targetPort 80, nodePort none

POOL     ASKED   ANSWER     WHY
labels   pinned  elsewhere  pool "labels" does not have the requested address
space    pinned  elsewhere  pool "space" does not have the requested address
full     open    elsewhere  pool "full" does not have the requested address
six      open    elsewhere  pool "six" does not have the requested address
request  no      elsewhere  pool "request" does not have the requested address
"""
    first = bellman("explain", "default/first", "p.conf", "s.yaml", "n.yaml", cwd=files()).stdout
    assert first.startswith('default/first has 10.0.0.1 of pool "full".\n\n')
    assert re.search(r"^Ports      port 80/TCP, targetPort 80, nodePort 3\d{4}$", first, re.M)
    assert re.search(r"^Announced  by n(.): first of 2 eligible nodes, by the hash of n\1#10.0.0.1; next n\d$", first, re.M)


def test_the_condition_is_the_one_that_would_be_written(files):
    """Beside those of others, and with the time of the one that stands there if it does not turn."""
    text = service("web") + """status:
  conditions:
  - {type: example.com/x, status: "True", reason: Kept, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}
  - {type: bellman.io/LoadBalancerReady, status: "%s", reason: Old, message: old, lastTransitionTime: "2026-01-02T00:00:00Z"}
"""
    for before, since in (("False", "2026-01-02T00:00:00Z"), ("True", None)):
        cwd = files(p_conf=POOLS, s_yaml=FIRST + text % before)
        got = explain(cwd, "default/web", "p.conf", "s.yaml")
        assert (got["condition"]["status"], got["condition"].get("lastTransitionTime")) == ("False", since)
        assert got["condition"]["message"] == got["reason"] and got["condition"]["reason"] != "Old"
    served = explain(cwd, "default/first", "p.conf", "s.yaml")
    assert served["ips"] == ["10.0.0.1"] and (served["condition"]["status"], served["condition"]["reason"]) == ("True", "Allocated")


def test_one_that_asks_for_no_address_says_so(files):
    cwd = files(p_conf=POOLS, s_yaml=service("other", spec="loadBalancerClass: x.io/y") +
                service("web").replace("LoadBalancer", "ClusterIP"))
    assert explain(cwd, "default/web", "p.conf", "s.yaml")["reason"] == "it is of type ClusterIP and asks for no EXTERNAL-IP"
    other = explain(cwd, "default/other", "p.conf", "s.yaml")
    assert other["reason"] == "loadBalancerClass x.io/y: another controller serves it" and other["verdicts"] == []


def test_a_service_that_is_not_there_is_exit_1_with_the_nearest_name(files):
    cwd = files(p_conf=POOLS, s_yaml=service("web") + service("api", ns="shop"))
    for name, said in (("default/wev", "bellman: there is no Service default/wev, did you mean default/web?\n"),
                       ("shop/web", "bellman: there is no Service shop/web\n"),
                       ("none/web", "bellman: there is no Service none/web\n")):
        done = bellman("explain", name, "p.conf", "s.yaml", cwd=cwd)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_a_faulty_file_is_exit_1_with_its_line(files):
    cwd = files(p_conf='pools = (\n  { name = "a"; adresses = ( "10.0.0.0/29" ); addresses = ( "10.0.0.0/29" ); } );',
                s_yaml=service("web"))
    done = bellman("explain", "default/web", "p.conf", "s.yaml", cwd=cwd)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "p.conf:2: pools[0].adresses: unknown field, did you mean addresses?\n"


@pytest.mark.parametrize("words", ([], ["web"], ["a/b/c"], ["/web"], ["default/"], ["-o", "xml", "default/web"],
                                   ["--from", "file", "default/web"]))
def test_wrong_usage_is_exit_2(words):
    done = bellman("explain", *words)
    assert (done.returncode, done.stdout) == (2, "") and "--help" in done.stderr


IPAM = 'pools = ( { name = "net"; addresses = ( "10.7.0.0/24" ); ipam = { url = "http+unix:///run/none.sock"; }; } );'
NOT_ASKED = 'the address comes from the IPAM of pool "net" at http+unix:///run/none.sock, which is not asked here'


def test_an_ipam_is_named_and_not_asked(files):
    cwd = files(p_conf=IPAM, s_yaml=service("web"))
    got = explain(cwd, "default/web", "p.conf", "s.yaml")
    assert (got["ips"], got["reason"], answers(got)) == ([], NOT_ASKED, [("net", "open", "ipamWaits")])
    assert got["verdicts"][0]["why"] == NOT_ASKED
    planned, = json.loads(bellman("plan", "-o", "json", "p.conf", "s.yaml", cwd=cwd).stdout)["services"]
    assert planned["reason"] == NOT_ASKED
    kept = json.loads(bellman("plan", "-o", "json", "p.conf", "h.yaml", cwd=files(h_yaml=service("web", ip="10.7.0.9"))).stdout)
    assert kept["services"][0]["ips"] == ["10.7.0.9"] and kept["services"][0]["reason"] == ""


# --- from a cluster -------------------------------------------------------------------------------


def lease(holder="allocator-1", renewed_s_ago=1, duration=15):
    renewed = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=renewed_s_ago)
    return ("Lease", "coordination.k8s.io/v1", [
        {"metadata": {"name": "bellman-allocator", "namespace": "metallb-system"},
         "spec": {"holderIdentity": holder, "leaseDurationSeconds": duration,
                  "renewTime": renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}}])


def live(server, name="default/web", *words, code=0):
    return explain(None, name, "--server", server.url, *words, code=code)


LEADERS = {
    "no lease": (None, False, r"no allocator leads: there is no Lease metallb-system/bellman-allocator, which the first one makes"),
    "given back": (lease(holder="", renewed_s_ago=40), False,
                   r"no allocator leads: the last one gave Lease metallb-system/bellman-allocator back \d+ s ago"),
    "run out": (lease(renewed_s_ago=90), False,
                r"no allocator leads: allocator-1 renewed Lease metallb-system/bellman-allocator last \d+ s ago, for 15 s"),
    "never renewed": (("Lease", "v1", [{"metadata": {"name": "bellman-allocator"}, "spec": {"holderIdentity": "x"}}]), False,
                      r"no allocator leads: Lease metallb-system/bellman-allocator was never renewed"),
}


@pytest.mark.parametrize("case", LEADERS)
def test_that_no_allocator_leads_is_said_first(api_server, case):
    found, leads, text = LEADERS[case]
    if found is not None:
        api_server.objects[LEASES] = found
    got = live(api_server, "default/new")["leader"]
    assert list(got) == ["lease", "holder", "renewed", "leads", "text"]
    assert got["leads"] is leads and re.fullmatch(text, got["text"])
    for command in (["explain", "default/new"], ["status"]):
        lines = bellman(*command, "--server", api_server.url).stdout.splitlines()
        assert re.fullmatch(f"Nothing is given out now, for {text}.", lines[0 if command[0] == "explain" else -1])


def test_who_leads_is_told(api_server):
    api_server.objects[LEASES] = lease(duration=3600)
    text = r"allocator-1 leads: it renewed Lease metallb-system/bellman-allocator \d+ s ago, for 3600 s"
    got = live(api_server)["leader"]
    assert (got["leads"], got["holder"]) == (True, "allocator-1") and re.fullmatch(text, got["text"])
    assert re.search(f"^Allocator  {text}$", bellman("explain", "default/web", "--server", api_server.url).stdout, re.M)
    assert json.loads(bellman("status", "-o", "json", "--server", api_server.url).stdout)["leader"]["leads"] is True


def test_leases_that_may_not_be_read_hide_nothing_else(api_server):
    api_server.forbidden = LEASES
    got = live(api_server)
    assert got["ips"] == ["10.0.0.3"] and got["leader"]["leads"] is None
    assert "it is not known whether an allocator leads: " in got["leader"]["text"] and "403" in got["leader"]["text"]


def test_the_condition_and_the_events_are_shown_the_oldest_first(api_server):
    web = live_service("new")
    web["status"]["conditions"] = [
        {"type": "other.io/x", "status": "True", "reason": "No", "message": "", "lastTransitionTime": "2026-01-09T00:00:00Z"},
        {"type": CONDITION, "status": "False", "reason": "PoolExhausted", "message": "all is taken",
         "lastTransitionTime": "2026-01-02T00:00:00Z"}]
    api_server.objects["/api/v1/services"][2][2] = web
    about = {"kind": "Service", "namespace": "default", "name": "new"}
    api_server.objects["/api/v1/events"][2].extend([
        {"metadata": {"name": "b", "namespace": "default"}, "type": "Warning", "reason": "AllocationFailed", "count": 7,
         "lastTimestamp": "2026-01-03T00:00:00Z", "source": {"component": "metallb-controller"}, "message": "later",
         "involvedObject": about},
        {"metadata": {"name": "a", "namespace": "default"}, "type": "Normal", "reason": "ClearAssignment",
         "eventTime": "2026-01-02T00:00:00.5Z", "reportingComponent": "metallb-controller", "message": "first",
         "involvedObject": about},
        {"metadata": {"name": "c", "namespace": "shop"}, "type": "Normal", "reason": "No", "message": "of a namesake",
         "lastTimestamp": "2026-01-03T00:00:00Z", "involvedObject": {**about, "namespace": "shop"}}])
    got = live(api_server, "default/new")
    assert (got["condition"]["reason"], got["state"], got["since"]) == ("PoolExhausted", "pending", "2026-01-02T00:00:00Z")
    assert [(e["time"], e["reason"], e["from"], e["count"]) for e in got["events"]] == [
        ("2026-01-02T00:00:00.5Z", "ClearAssignment", "metallb-controller", 1),
        ("2026-01-03T00:00:00Z", "AllocationFailed", "metallb-controller", 7)]
    page = bellman("explain", "default/new", "--server", api_server.url).stdout
    assert "\n\ndefault/new has no address: all is taken.\n\nState      pending since 2026-01-02T00:00:00Z\n" \
           f"Condition  {CONDITION} False, PoolExhausted since 2026-01-02T00:00:00Z\n" in page
    assert re.search(r"\n\nTIME +TYPE +REASON +FROM +COUNT +MESSAGE\n2026-01-02T\S+ +Normal +ClearAssignment +\S+ +1 +first\n", page)


def test_what_an_ipam_said_to_the_allocator_is_in_the_condition(api_server, files):
    api_server.objects.pop("/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools")
    cwd = files(p_conf=IPAM)
    new = api_server.objects["/api/v1/services"][2][2]

    def reason():
        return explain(cwd, "default/new", "--server", api_server.url, "--config", "p.conf")["reason"]

    assert reason() == NOT_ASKED
    new["status"]["conditions"] = [{"type": CONDITION, "status": "False", "reason": "NoAddressAvailable", "message": "the IPAM is away",
                                    "lastTransitionTime": "2026-01-02T00:00:00Z"}]
    assert reason() == "the IPAM is away"


def test_what_is_chosen_and_not_written_is_not_called_given(api_server):
    got = live(api_server, "default/new")
    assert "does an allocator run?" in got["reason"] and answers(got) == [("a", "open", "could")]
    served = live(api_server)
    assert answers(served) == [("a", "open", "holds")] and served["announcements"][0]["node"] == OWNER
    assert served["state"] == "announced"


def test_files_can_be_put_over_the_cluster_and_the_daemons_file_added(api_server, files):
    cwd = files(s_yaml=service("more"), f_conf='pools = ( { name = "b"; addresses = ( "10.7.0.0/29" ); } );')
    more = explain(cwd, "default/more", "--from", "live", "--server", api_server.url, "s.yaml")
    assert more["ips"] and more["leader"]["leads"] is False and "state" not in more
    both = explain(cwd, "default/web", "--server", api_server.url, "--config", "f.conf")
    assert answers(both) == [("a", "open", "holds"), ("b", "open", "could")] and both["state"] == "announced"


def test_an_api_that_does_not_answer_is_exit_4(api_server):
    away = bellman("explain", "default/web", "--server", "http://127.0.0.1:1")
    assert (away.returncode, away.stdout) == (4, "") and len(away.stderr.splitlines()) == 1
    missing = bellman("explain", "default/webb", "--server", api_server.url)
    assert missing.returncode == 1 and "did you mean default/web?" in missing.stderr


# --- with everything real -----------------------------------------------------------------------


def test_a_full_pool_is_explained_in_a_running_cluster(cluster):
    lab = cluster
    lab.api.delete("IPAddressPool", "lan", kube.SYSTEM)
    lab.api.create(kube.pool("one", ["10.0.0.200/32"]))
    v4 = {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}
    lab.api.create(kube.service("first", **v4), lab.endpoints("first"))
    lab.wait_for(lambda: lab.api.external_ips("first") == ["10.0.0.200"], what="first to be served")
    lab.api.create(kube.service("late", **v4))
    lab.wait_for(lambda: "AllocationFailed" in dict(lab.api.events("late")), what="late to be told")

    def ask(name):
        done = lab.run("client", [BIN / "bellman", "explain", "-o", "json", "--kubeconfig", lab.kubeconfig, name], timeout=30)
        return json.loads(done.stdout)

    late = ask("default/late")
    assert late["leader"]["leads"] is True and late["leader"]["holder"], late["leader"]
    assert answers(late) == [("one", "open", "full")] and late["state"] == "pending"
    assert late["reason"] in dict((e["reason"], e["message"]) for e in late["events"])["AllocationFailed"]
    assert [(p["port"], p["targetPort"]) for p in late["ports"]] == [(80, 8080)]
    lab.wait_for(lambda: ask("default/first")["state"] == "announced", what="the speaker's event")
    first = ask("default/first")
    assert answers(first) == [("one", "open", "holds")]
    assert lab.resolve("client", "10.0.0.200") == first["announcements"][0]["node"]
    lab.process("allocator").stop()  # it gives the Lease back
    stopped = ask("default/late")["leader"]
    assert stopped["leads"] is False and "the last one gave Lease metallb-system/bellman-allocator back" in stopped["text"]
