# SPDX-License-Identifier: Apache-2.0
"""
bellman-apiserver as its clients see it: over HTTP on loopback, and by the real kubectl.

Needs no network namespaces. kubectl is the one on PATH and Debian's 1.20, which is
unpacked into the build folder, never installed; without either those tests are skipped.
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import types
import urllib.error
import urllib.request

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/requests"))

import kubectls  # noqa: E402

BIN = kubectls.BIN
SERVICES = "/api/v1/namespaces/default/services"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
ANY = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}  # of a definition


def wait_for(what, deadline_s=10.0):
    """Poll @what until it is true; its last value is returned."""
    end = time.monotonic() + deadline_s
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.02)


class Server:
    binary = BIN / "bellman-apiserver"

    def __init__(self, folder, *flags):
        self.folder = folder
        self.flags = flags
        self.log = folder / "apiserver.log"
        self.start()

    def start(self):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([self.binary, "--listen", "127.0.0.1:0", *self.flags],
                                            stderr=log, stdin=subprocess.DEVNULL)
        found = wait_for(self._listening)
        self.port = int(found.group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    def _listening(self):
        assert self.process.poll() is None, self.log.read_text()
        return re.search(r"listening.*address=127\.0\.0\.1:(\d+)", self.log.read_text())

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        return self.process.wait(timeout=20)

    def restart(self, sig=signal.SIGKILL):
        self.stop(sig)
        self.start()

    def ask(self, method, path, body=None, content_type="application/json", headers=()):
        """(code, decoded body)"""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        if data is not None:
            request.add_header("Content-Type", content_type)
        for name, value in headers:
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, self._decoded(answer)
        except urllib.error.HTTPError as e:
            return e.code, self._decoded(e)

    @staticmethod
    def _decoded(answer):
        text = answer.read()
        return json.loads(text) if "json" in answer.headers["Content-Type"] else text.decode()

    def get(self, path):
        code, body = self.ask("GET", path)
        assert code == 200, body
        return body

    def create(self, path, body):
        code, answer = self.ask("POST", path, body)
        assert code == 201, answer
        return answer

    def patch(self, path, body, content_type=MERGE):
        code, answer = self.ask("PATCH", path, body, content_type)
        assert code == 200, answer
        return answer


class Watch:
    """Events of one watch, read by a thread as they come."""

    def __init__(self, server, path):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.connection.request("GET", path)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        self.events = []
        self.ended = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for line in self.answer:
                self.events.append(json.loads(line))
        except (OSError, http.client.HTTPException, ValueError):
            pass
        self.ended = True

    def told(self):
        return [(e["type"], e["object"].get("metadata", {}).get("name")) for e in list(self.events)]

    def close(self):
        if self.connection.sock:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.connection.close()


@pytest.fixture
def server(tmp_path):
    s = Server(tmp_path, "--data", str(tmp_path / "state.db"), "--manifests", str(REPO / "config/crds"))
    yield s
    assert s.stop() == 0, s.log.read_text()


def service(name, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"ports": [{"port": 80}], **spec}}


def config_map(name, **data):
    return {"metadata": {"name": name}, "data": data}


def causes(answer):
    return {c["field"]: c["message"] for c in answer["details"]["causes"]}


# --- objects -------------------------------------------------------------------------------------


def test_a_service_lives_from_create_to_delete(server):
    made = server.create(SERVICES, service("web", type="LoadBalancer"))
    assert made["kind"] == "Service" and made["apiVersion"] == "v1"
    assert made["spec"]["clusterIP"].startswith("10.96.")
    assert 30000 <= made["spec"]["ports"][0]["nodePort"] <= 32767
    assert made["metadata"]["uid"] and made["metadata"]["creationTimestamp"]
    assert server.get(f"{SERVICES}/web") == made
    made["metadata"]["labels"] = {"a": "b"}
    code, updated = server.ask("PUT", f"{SERVICES}/web", made)
    assert code == 200 and updated["metadata"]["labels"] == {"a": "b"}
    assert int(updated["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    code, gone = server.ask("DELETE", f"{SERVICES}/web")
    assert code == 200 and gone["spec"] == updated["spec"]
    assert int(gone["metadata"]["resourceVersion"]) > int(updated["metadata"]["resourceVersion"])
    assert server.ask("GET", f"{SERVICES}/web")[0] == 404


def test_refusals_are_those_of_kubernetes(server):
    server.create(SERVICES, service("web"))
    code, body = server.ask("POST", SERVICES, service("web"))
    assert (code, body["reason"], body["message"]) == (409, "AlreadyExists", 'services "web" already exists')
    code, body = server.ask("GET", f"{SERVICES}/none")
    assert (code, body["reason"], body["message"]) == (404, "NotFound", 'services "none" not found')
    assert body["details"] == {"name": "none", "kind": "services"}
    code, body = server.ask("POST", "/api/v1/namespaces/none/services", service("web"))
    assert (code, body["message"]) == (404, 'namespaces "none" not found')
    code, body = server.ask("POST", SERVICES, service("bad", ports=[{"port": 0}]))
    assert (code, body["reason"]) == (422, "Invalid")
    assert body["message"] == ('Service "bad" is invalid: [spec.ports[0].port: Invalid value: 0: '
                               "must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: "
                               "must be between 1 and 65535, inclusive]")
    code, body = server.ask("POST", SERVICES, service("headless", type="LoadBalancer", clusterIP="None"))
    assert code == 422 and causes(body) == {
        "spec.clusterIPs[0]": 'Invalid value: "None": may not be set to \'None\' for LoadBalancer services'}
    code, body = server.ask("POST", SERVICES, service("Web"))
    assert code == 422 and "DNS-1035" in causes(body)["metadata.name"]
    for path in ("/api/v1/frobs", "/apis/none/v1/frobs", "/api/v2/services", "/", f"{SERVICES}/web/scale"):
        assert server.ask("GET", path)[0] == 404
    code, body = server.ask("POST", f"{SERVICES}/web", service("web"))
    assert (code, body["reason"]) == (405, "MethodNotAllowed")


def test_a_stale_version_conflicts(server):
    made = server.create(SERVICES, service("web"))
    server.patch(f"{SERVICES}/web", {"metadata": {"labels": {"a": "1"}}})
    code, body = server.ask("PUT", f"{SERVICES}/web", made)
    assert (code, body["reason"]) == (409, "Conflict")
    assert body["message"].startswith('Operation cannot be fulfilled on services "web": the object has been modified')
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"], "labels": {"a": "2"}}}
    assert server.ask("PATCH", f"{SERVICES}/web", stale, MERGE)[0] == 409
    assert server.ask("DELETE", f"{SERVICES}/web", {"preconditions": {"uid": "other"}})[0] == 409


def test_a_write_that_changes_nothing_makes_no_version(server):
    made = server.create(SERVICES, service("web"))
    assert server.patch(f"{SERVICES}/web", {"spec": {"type": "ClusterIP"}}) == made


def test_status_and_spec_are_written_apart(server):
    ingress = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    made = server.create(SERVICES, {**service("web", type="LoadBalancer"), "status": ingress})
    assert made["status"] == {"loadBalancer": {}}
    assert server.patch(f"{SERVICES}/web", {"status": ingress})["status"] == {"loadBalancer": {}}
    both = {"metadata": {"annotations": {"metallb.io/ip-allocated-from-pool": "lan"}}, "status": ingress,
            "spec": {"selector": {"x": "y"}}}
    written = server.patch(f"{SERVICES}/web/status", both)
    assert written["status"]["loadBalancer"]["ingress"] == [{"ip": "192.0.2.1", "ipMode": "VIP"}]
    assert written["metadata"]["annotations"] == {"metallb.io/ip-allocated-from-pool": "lan"}
    assert written["spec"] == made["spec"]
    code, body = server.ask("PATCH", f"{SERVICES}/web/status",
                            {"status": {"loadBalancer": {"ingress": [{"ip": "here"}]}}}, MERGE)
    assert code == 422 and "status.loadBalancer.ingress[0].ip" in causes(body)
    # It goes when the type does, and so do the node ports.
    plain = server.patch(f"{SERVICES}/web", {"spec": {"type": "ClusterIP"}})
    assert plain["status"] == {"loadBalancer": {}} and "nodePort" not in plain["spec"]["ports"][0]
    node = {"metadata": {"name": "n"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}
    assert server.create("/api/v1/nodes", node)["status"]["addresses"] == node["status"]["addresses"]


def test_generation_counts_changes_of_the_spec(server):
    pools = "/apis/metallb.io/v1beta1/namespaces/default/ipaddresspools"
    pool = {"metadata": {"name": "p"}, "spec": {"addresses": ["10.0.0.0/24"]}}
    assert server.create(pools, pool)["metadata"]["generation"] == 1
    assert server.patch(f"{pools}/p", {"metadata": {"labels": {"a": "b"}}})["metadata"]["generation"] == 1
    assert server.patch(f"{pools}/p/status", {"status": {"availableIPv4": 1}})["metadata"]["generation"] == 1
    assert server.patch(f"{pools}/p", {"spec": {"autoAssign": False}})["metadata"]["generation"] == 2
    # Kubernetes counts none for Services.
    assert "generation" not in server.create(SERVICES, service("web"))["metadata"]


def test_long_integers_are_kept(server):
    pools = "/apis/metallb.io/v1beta1/namespaces/default/ipaddresspools"
    server.create(pools, {"metadata": {"name": "p"}, "spec": {"addresses": ["fd00::/64"]}})
    server.patch(f"{pools}/p/status", b'{"status":{"availableIPv6":9223372036854775807}}')
    assert server.get(f"{pools}/p")["status"]["availableIPv6"] == 9223372036854775807


def test_generated_names_differ(server):
    names = {server.create(CONFIG_MAPS, {"metadata": {"generateName": "l2-"}})["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20 and all(re.fullmatch(r"l2-[a-z0-9]{5}", n) for n in names)


def test_dry_run_stores_and_takes_nothing(server):
    wanted = service("a", type="NodePort", ports=[{"port": 80, "nodePort": 30099}])
    assert server.create(f"{SERVICES}?dryRun=All", wanted)["spec"]["ports"][0]["nodePort"] == 30099
    assert server.ask("GET", f"{SERVICES}/a")[0] == 404
    server.create(SERVICES, {**wanted, "metadata": {"name": "b"}})


def test_wrong_input_is_refused_and_harms_nothing(server):
    for body in (b"", b"{", b"[]", b"null", b"{} {}", b'{"metadata":1}', b'{"metadata":{"name":5}}', b"\xff\xfe",
                 b'{"metadata":{"name":"a","labels":[1]}}', b'{"spec":{"ports":{"port":1}},"metadata":{"name":"a"}}',
                 b"[" * 100000):
        code, answer = server.ask("POST", SERVICES, body)
        assert code in (400, 422) and answer["kind"] == "Status", (body[:40], code)
    assert server.ask("POST", SERVICES, b"{}", "text/plain")[0] == 415
    assert server.ask("PATCH", f"{SERVICES}/x", {}, "application/json")[0] == 415
    assert server.ask("GET", f"{SERVICES}?labelSelector=a%20in%20(")[0] == 400
    assert server.ask("GET", f"{SERVICES}?fieldSelector=spec.frob=1")[0] == 400
    assert server.ask("GET", f"{SERVICES}?limit=x")[0] == 400
    assert server.ask("GET", f"{SERVICES}?continue=x")[0] == 400
    assert server.get(SERVICES)["items"] == []


def test_no_body_makes_what_the_server_cannot_read_again(server):
    pools = "/apis/metallb.io/v1beta1/namespaces/default/ipaddresspools"  # of no type: fields are kept as they come

    def post(text):
        return server.ask("POST", pools, text.encode())[0]

    # A long integer beside texts that look like the server's own marks; what is no integer is no JSON.
    assert post(r'{"metadata":{"name":"a"},"data":{"x":"\u0001#garbage","y":"#0#}"},"n":12345678901234567890}') == 201
    assert post('{"metadata":{"name":"b"},"n":00000000000000000012}') == 400
    assert post('{"metadata":{"name":"b"},12345678901234567:1}') == 400
    listed = server.get(pools)["items"]
    assert [(o["metadata"]["name"], o["n"]) for o in listed] == [("a", 12345678901234567890)]
    # Nesting, all at once and by copies into itself.
    assert post('{"metadata":{"name":"c"},"x":' + '{"a":' * 600 + "1" + "}" * 600 + "}") == 413
    assert post('{"metadata":{"name":"c"},"x":' + '{"a":' * 400 + "1" + "}" * 400 + "}") == 201
    copy = [{"op": "copy", "from": "/x", "path": "/x" + "/a" * 399}]
    assert server.ask("PATCH", f"{pools}/c", copy, "application/json-patch+json")[0] == 413
    # Comparing such a tree with itself takes no time worth telling.
    before = server.get(f"{pools}/c")["metadata"]["resourceVersion"]
    assert server.patch(f"{pools}/c", {})["metadata"]["resourceVersion"] == before
    assert server.ask("POST", CONFIG_MAPS, config_map("d", **{f"k{i}": "" for i in range(10000)}))[0] == 413


@pytest.mark.parametrize("path", ['.spec["a', '.spec.a[?(@.b=="c', "." * 100000])
def test_printer_columns_of_any_form_harm_nothing(server, path):
    version = {"name": "v1", "served": True, "storage": True, "schema": ANY,
               "additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": path}]}
    server.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
        "metadata": {"name": "foos.x.io"},
        "spec": {"group": "x.io", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"}, "versions": [version]}})
    foos = "/apis/x.io/v1/namespaces/default/foos"
    server.create(foos, {"metadata": {"name": "a"}, "spec": {"a": [{"b": "c"}]}})
    table = server.ask("GET", foos, headers=[("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")])[1]
    assert [row["cells"][0] for row in table["rows"]] == ["a"]


def test_a_body_that_is_too_large_is_told_so(server):
    big = config_map("big", x="x" * (3 << 20))
    code, answer = server.ask("POST", CONFIG_MAPS, big)
    assert (code, answer["reason"]) == (413, "RequestEntityTooLarge")
    code, answer = server.ask("POST", CONFIG_MAPS, config_map("big", x="x" * (2 << 20)))
    assert (code, answer["details"]["causes"][0]["reason"]) == (422, "FieldValueTooLong")
    assert server.ask("POST", CONFIG_MAPS, config_map("fits", x="x" * (1 << 20)))[0] == 201


def test_versions_without_a_file_go_on_over_a_restart(server):
    """They count from the time in steps of 10 us, faster than anybody writes: none is given twice."""
    def version():
        return int(server.get("/api/v1/namespaces")["metadata"]["resourceVersion"])

    server.flags = ()
    for _ in range(2):
        before = time.time()
        server.restart()
        assert before * 100_000 <= version() <= time.time() * 100_000


def test_objects_do_not_grow_without_end(server):
    """Each patch is small enough, what they make is not: a cluster's etcd has 1.5 MiB, and says so."""
    server.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
        "metadata": {"name": "foos.x.io"},
        "spec": {"group": "x.io", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"},
                 "versions": [{"name": "v1", "served": True, "storage": True, "schema": ANY}]}})
    foo = "/apis/x.io/v1/namespaces/default/foos/a"
    server.create(foo.rpartition("/")[0], {"metadata": {"name": "a"}})
    answers = [server.ask("PATCH", foo, {"spec": {f"p{i}": "x" * 700_000}}, "application/merge-patch+json")
               for i in range(3)]
    assert [code for code, _ in answers] == [200, 200, 500]
    assert answers[2][1]["message"] == "etcdserver: request is too large"
    assert set(server.get(foo)["spec"]) == {"p0", "p1"}


# --- lists ---------------------------------------------------------------------------------------


def test_a_list_in_pages_is_the_whole_list(server):
    for i in range(25):
        server.create(CONFIG_MAPS, config_map(f"c{i:02}"))
    seen, more, versions = [], "", set()
    while True:
        page = server.get(f"/api/v1/configmaps?limit=10{more}")
        seen += [i["metadata"]["name"] for i in page["items"]]
        versions.add(page["metadata"]["resourceVersion"])
        if "continue" not in page["metadata"]:
            break
        assert page["metadata"]["remainingItemCount"] == 25 - len(seen)
        more = "&continue=" + urllib.request.quote(page["metadata"]["continue"])
    assert seen == [f"c{i:02}" for i in range(25)] and len(versions) == 1


def test_pages_show_the_moment_of_the_first(server):
    for name in ("a", "b", "c", "d"):
        server.create(CONFIG_MAPS, config_map(name, v="1"))
    first = server.get(f"{CONFIG_MAPS}?limit=2")
    server.patch(f"{CONFIG_MAPS}/c", {"data": {"v": "2"}})
    server.patch(f"{CONFIG_MAPS}/c", {"data": {"v": "3"}})
    server.ask("DELETE", f"{CONFIG_MAPS}/d")
    server.create(CONFIG_MAPS, config_map("e"))
    rest = server.get(f"{CONFIG_MAPS}?limit=9&continue=" + urllib.request.quote(first["metadata"]["continue"]))
    assert [(i["metadata"]["name"], i["data"]["v"]) for i in rest["items"]] == [("c", "1"), ("d", "1")]
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_selectors_narrow_lists(server):
    for name, tier in (("a", "front"), ("b", "back")):
        server.create(SERVICES, {**service(name), "metadata": {"name": name, "labels": {"tier": tier}}})
    server.create(SERVICES, service("c", type="LoadBalancer"))

    def names(query):
        return [i["metadata"]["name"] for i in server.get(f"/api/v1/services?{query}")["items"]]

    assert names("labelSelector=tier%20in%20(front,side)") == ["a"]
    assert names("labelSelector=!tier") == ["c"]
    assert names("fieldSelector=metadata.name=b") == ["b"]
    assert names("fieldSelector=spec.type=LoadBalancer") == ["c"]
    assert names("labelSelector=tier&fieldSelector=metadata.name!=a") == ["b"]


# --- watches -------------------------------------------------------------------------------------


def test_a_watch_tells_each_change_once(server):
    rv = server.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    w = Watch(server, f"{CONFIG_MAPS}?watch=true&resourceVersion={rv}")
    elsewhere = Watch(server, f"/api/v1/namespaces/kube-system/configmaps?watch=true&resourceVersion={rv}")
    server.create(CONFIG_MAPS, config_map("a"))
    server.patch(f"{CONFIG_MAPS}/a", {"data": {"x": "1"}})
    server.ask("DELETE", f"{CONFIG_MAPS}/a")
    wait_for(lambda: len(w.events) >= 3)
    assert w.told() == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in w.events]
    assert versions == sorted(set(versions)) and versions[0] > int(rv)
    assert elsewhere.events == []
    w.close()
    elsewhere.close()


def test_a_watch_without_version_begins_with_all(server):
    server.create(CONFIG_MAPS, config_map("a"))
    w = Watch(server, f"{CONFIG_MAPS}?watch=1&fieldSelector=metadata.name=a")
    server.create(CONFIG_MAPS, config_map("b"))
    server.patch(f"{CONFIG_MAPS}/a", {"data": {"x": "1"}})
    wait_for(lambda: len(w.events) >= 2)
    assert w.told() == [("ADDED", "a"), ("MODIFIED", "a")]
    w.close()


def test_a_watch_ends_in_time_with_a_bookmark(server):
    rv = server.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    w = Watch(server, f"{CONFIG_MAPS}?watch=true&resourceVersion={rv}&timeoutSeconds=1&allowWatchBookmarks=true")
    wait_for(lambda: w.ended)
    assert [e["type"] for e in w.events] == ["BOOKMARK"]
    assert w.events[0]["object"]["metadata"]["resourceVersion"] == rv
    w.close()


def test_a_watch_resumes_after_a_restart_when_nothing_was_missed(server):
    server.create(CONFIG_MAPS, config_map("a"))
    rv = server.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    server.restart()
    w = Watch(server, f"{CONFIG_MAPS}?watch=true&resourceVersion={rv}")
    server.create(CONFIG_MAPS, config_map("b"))
    wait_for(lambda: w.events)
    assert w.told() == [("ADDED", "b")]
    w.close()


def test_a_version_from_before_the_history_is_expired(server):
    rv = server.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    server.create(CONFIG_MAPS, config_map("a"))
    server.restart()
    w = Watch(server, f"{CONFIG_MAPS}?watch=true&resourceVersion={rv}")
    wait_for(lambda: w.ended)
    assert [(e["type"], e["object"]["code"], e["object"]["reason"]) for e in w.events] == [("ERROR", 410, "Expired")]
    w.close()


def test_many_watchers_all_hear(server):
    rv = server.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    watches = [Watch(server, f"{CONFIG_MAPS}?watch=true&resourceVersion={rv}") for _ in range(60)]
    for i in range(20):
        server.create(CONFIG_MAPS, config_map(f"c{i:02}", x="y" * 5000))
    for w in watches:
        wait_for(lambda: len(w.events) >= 20)
        assert w.told() == [("ADDED", f"c{i:02}") for i in range(20)]
        w.close()


# --- what follows from a delete ------------------------------------------------------------------


def test_finalizers_hold_an_object(server):
    made = server.create(CONFIG_MAPS, {"metadata": {"name": "a", "finalizers": ["x.io/hold"]}})
    code, held = server.ask("DELETE", f"{CONFIG_MAPS}/a")
    assert code == 200 and held["metadata"]["deletionTimestamp"]
    assert held["metadata"]["uid"] == made["metadata"]["uid"]
    code, body = server.ask("PATCH", f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": ["x.io/hold", "x.io/b"]}}, MERGE)
    assert code == 422 and "no new finalizers" in causes(body)["metadata.finalizers"]
    server.patch(f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": None}})
    assert server.ask("GET", f"{CONFIG_MAPS}/a")[0] == 404


def owned(name, *owners):
    return {"metadata": {"name": name, "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": o["metadata"]["name"], "uid": o["metadata"]["uid"]}
        for o in owners]}}


def test_what_is_owned_goes_with_its_last_owner(server):
    a, b = (server.create(CONFIG_MAPS, config_map(n)) for n in "ab")
    child = server.create(CONFIG_MAPS, owned("child", a))
    server.create(CONFIG_MAPS, owned("grandchild", child))
    server.create(CONFIG_MAPS, owned("shared", a, b))
    server.ask("DELETE", f"{CONFIG_MAPS}/a")
    left = {i["metadata"]["name"]: i for i in server.get(CONFIG_MAPS)["items"]}
    assert sorted(left) == ["b", "shared"]
    assert [o["name"] for o in left["shared"]["metadata"]["ownerReferences"]] == ["b"]
    server.ask("DELETE", f"{CONFIG_MAPS}/b?propagationPolicy=Orphan")
    left = server.get(CONFIG_MAPS)["items"]
    assert [i["metadata"]["name"] for i in left] == ["shared"] and "ownerReferences" not in left[0]["metadata"]


def test_a_namespace_takes_its_content_along(server):
    server.create("/api/v1/namespaces", {"metadata": {"name": "ns"}})
    server.create("/api/v1/namespaces/ns/services", service("a", type="NodePort", ports=[{"port": 1, "nodePort": 30001}]))
    server.create("/api/v1/namespaces/ns/configmaps", {"metadata": {"name": "held", "finalizers": ["x.io/hold"]}})
    code, body = server.ask("DELETE", "/api/v1/namespaces/ns")
    assert code == 200 and body["status"]["phase"] == "Terminating"
    assert server.get("/api/v1/namespaces/ns/services")["items"] == []
    code, body = server.ask("POST", "/api/v1/namespaces/ns/configmaps", config_map("late"))
    assert code == 403 and body["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    server.restart()
    server.patch("/api/v1/namespaces/ns/configmaps/held", {"metadata": {"finalizers": None}})
    assert server.ask("GET", "/api/v1/namespaces/ns")[0] == 404
    # What the Services held is free again.
    server.create(SERVICES, service("b", type="NodePort", ports=[{"port": 1, "nodePort": 30001}]))
    assert server.ask("DELETE", "/api/v1/namespaces/default")[0] == 403


def test_a_definition_makes_and_ends_a_kind(server):
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
           "metadata": {"name": "frobs.x.io"},
           "spec": {"group": "x.io", "scope": "Cluster", "names": {"plural": "frobs", "kind": "Frob"},
                    "versions": [{"name": "v1", "served": True, "storage": True, "schema": ANY,
                                  "additionalPrinterColumns": [
                                      {"name": "Level", "type": "integer", "jsonPath": ".spec.level"},
                                      {"name": "Ready", "type": "string",
                                       "jsonPath": '.status.conditions[?(@.type=="Ready")].status'}]},
                                 {"name": "v2", "served": True, "storage": False, "schema": ANY}]}}
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert server.ask("GET", "/apis/x.io/v1/frobs")[0] == 404
    made = server.create(crds, crd)
    assert {c["type"]: c["status"] for c in made["status"]["conditions"]}["Established"] == "True"
    server.create("/apis/x.io/v1/frobs", {"metadata": {"name": "a"}, "spec": {"level": 7},
                                          "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    assert server.get("/apis/x.io/v2/frobs/a")["apiVersion"] == "x.io/v2"
    assert server.get("/apis/x.io/v1/frobs")["items"][0]["apiVersion"] == "x.io/v1"
    code, table = server.ask("GET", "/apis/x.io/v1/frobs", headers=[("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")])
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Level", "Ready"]
    assert table["rows"][0]["cells"] == ["a", 7, "True"]
    assert server.ask("PUT", "/apis/x.io/v1/frobs/a", {"metadata": {"name": "a"}})[0] == 422  # needs a version
    assert server.ask("PATCH", "/apis/x.io/v1/frobs/a", {}, STRATEGIC)[0] == 415
    server.restart()
    assert server.get("/apis/x.io/v1/frobs/a")["spec"] == {"level": 7}
    assert server.ask("DELETE", f"{crds}/frobs.x.io")[0] == 200
    assert server.ask("GET", "/apis/x.io/v1/frobs")[0] == 404
    bad = {**crd, "spec": {**crd["spec"], "names": {"plural": "other", "kind": "Frob"}}}
    assert server.ask("POST", crds, bad)[0] == 422


# --- the server ----------------------------------------------------------------------------------


def test_what_was_answered_survives_kill_9(tmp_path):
    """Kill the server in the middle of writes, five times over: no answered write is lost or goes back."""
    server = Server(tmp_path, "--data", str(tmp_path / "state.db"))
    answered = {}
    for life in range(5):
        done = threading.Event()

        def write(worker):
            n = 0
            while not done.is_set():
                name, value = f"w{worker}-{n % 7}", f"{life}-{n}"
                body = config_map(name, v=value)
                try:
                    code, made = server.ask("PUT", f"{CONFIG_MAPS}/{name}", body)
                    if code == 404:
                        code, made = server.ask("POST", CONFIG_MAPS, body)
                except (OSError, http.client.HTTPException):
                    return
                assert code in (200, 201), made
                answered[name] = (int(made["metadata"]["resourceVersion"]), value)
                n += 1

        writers = [threading.Thread(target=write, args=(i,)) for i in range(4)]
        before = len(answered)
        for w in writers:
            w.start()
        wait_for(lambda: sum(v.startswith(f"{life}-") for _, v in list(answered.values())) > 10, 20)
        server.stop(signal.SIGKILL)
        done.set()
        for w in writers:
            w.join(20)
        server.start()
        assert len(answered) >= before
        stored = {i["metadata"]["name"]: (int(i["metadata"]["resourceVersion"]), i["data"]["v"])
                  for i in server.get(CONFIG_MAPS)["items"]}
        for name, (rv, value) in answered.items():
            # A write that was under way and not answered may have been stored too.
            assert stored[name][0] > rv or stored[name] == (rv, value), name
    assert server.stop() == 0


def test_cluster_ips_and_node_ports_are_unique_after_a_kill(server):
    first = server.create(SERVICES, service("a", type="NodePort"))
    server.restart()
    taken = {**service("b", type="NodePort", clusterIP=first["spec"]["clusterIP"])}
    assert server.ask("POST", SERVICES, taken)[0] == 422
    taken = service("b", type="NodePort", ports=[{"port": 1, "nodePort": first["spec"]["ports"][0]["nodePort"]}])
    assert server.ask("POST", SERVICES, taken)[0] == 422


def test_the_state_file_is_private_and_not_shared(server):
    path = server.folder / "state.db"
    assert path.stat().st_mode & 0o777 == 0o600
    second = subprocess.run([BIN / "bellman-apiserver", "--listen", "127.0.0.1:0", "--data", path],
                            capture_output=True, text=True, timeout=20)
    assert second.returncode == 1 and "another bellman-apiserver has it" in second.stderr


def test_off_loopback_needs_tokens(tmp_path):
    done = subprocess.run([BIN / "bellman-apiserver", "--listen", "0.0.0.0:0"], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 2 and "--token-file" in done.stderr
    tokens = tmp_path / "tokens"
    tokens.write_text("secret,admin\n")
    server = Server(tmp_path, "--token-file", str(tokens))
    assert server.ask("GET", SERVICES)[0] == 401
    assert server.ask("GET", SERVICES, headers=[("Authorization", "Bearer secre")])[0] == 401
    assert server.ask("GET", SERVICES, headers=[("Authorization", "Bearer secret")])[0] == 200
    # Who has none is told so whatever the body, which is not kept.
    assert server.ask("POST", SERVICES, b"x" * (4 << 20))[0] == 401
    with urllib.request.urlopen(server.url + "/readyz") as answer:
        assert answer.read() == b"ok"
    assert server.stop() == 0


@pytest.mark.parametrize("text", ["", "# none\n", "a" * 5000 + "\n", "good\n" + "a" * 2500 + "\n"])
def test_a_token_file_is_taken_whole_or_not_at_all(tmp_path, text):
    tokens = tmp_path / "tokens"
    tokens.write_text(text)
    done = subprocess.run([BIN / "bellman-apiserver", "--listen", "127.0.0.1:0", "--token-file", tokens],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "no tokens" in done.stderr


def test_pages_of_other_sites_are_kept_out(server):
    def asked(method, *headers):
        return server.ask(method, SERVICES, {"metadata": {"name": "x"}} if method == "POST" else None, headers=headers)[0]

    assert asked("POST", ("Origin", "http://evil.example")) == 403
    assert asked("GET", ("Host", f"evil.example:{server.port}")) == 403
    assert asked("GET", ("Host", f"localhost:{server.port}")) == 200
    assert asked("GET", ("Host", "127.0.0.1")) == 200
    assert asked("GET", ("Host", "[::1]:80")) == 200


def test_deprecated_versions_warn(server):
    for version, want in (("v1beta1", '299 - "v1beta1 is deprecated, please use v1beta2"'), ("v1beta2", None)):
        with urllib.request.urlopen(f"{server.url}/apis/metallb.io/{version}/bgppeers") as answer:
            assert answer.headers["Warning"] == want


def watch_from(server, address):
    s = socket.create_connection(("127.0.0.1", server.port), timeout=20, source_address=(address, 0))
    s.sendall(b"GET /api/v1/configmaps?watch=true HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return s


def test_watches_leave_room_for_others(server):
    """
    More watches than there may be, of one client and of all: the last ones are told to come again,
    everybody else is served.
    """
    sockets = []
    try:
        for address, count, admitted in (("127.0.0.2", 260, 256), ("127.0.0.3", 130, 128)):
            more = [watch_from(server, address) for _ in range(count)]
            sockets += more
            codes = [s.recv(64).split()[1] for s in more]
            assert (codes.count(b"200"), codes.count(b"429")) == (admitted, count - admitted)
        assert server.create(CONFIG_MAPS, config_map("a"))
    finally:
        for s in sockets:
            s.close()


def test_watches_of_clients_that_have_gone_make_room(server):
    """They asked for no bookmarks, so nothing is written that would fail."""
    for _ in range(256):
        with watch_from(server, "127.0.0.1") as s:
            assert s.recv(64).split()[1] == b"200"

    def admitted():
        with watch_from(server, "127.0.0.1") as s:
            return s.recv(64).split()[1] == b"200"

    wait_for(admitted)


def test_tls(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    server = Server(tmp_path, "--tls-cert", str(cert), "--tls-key", str(key))
    trust = ssl.create_default_context(cafile=cert)
    with urllib.request.urlopen(f"https://127.0.0.1:{server.port}/api", context=trust) as answer:
        assert json.loads(answer.read())["versions"] == ["v1"]
    assert server.stop() == 0


@pytest.mark.parametrize("flags, why", [
    (["--manifests", "/nonexistent"], "--manifests: /nonexistent: No such file or directory"),
    (["--manifests", "/,/etc/passwd"], "--manifests: /etc/passwd: Not a directory"),
    (["--manifests", "/" + ",/" * 16], "too many folders"),
    (["--tls-cert", "/nonexistent", "--tls-key", "/etc/passwd"], "--tls-cert: /nonexistent: No such file"),
    (["--tls-cert", "/etc/passwd", "--tls-key", "/nonexistent"], "--tls-key: /nonexistent: No such file"),
    (["--tls-cert", "/etc/passwd"], "--tls-cert and --tls-key go together"),
    (["--tls-key", "/etc/passwd"], "--tls-cert and --tls-key go together"),
    (["--service-cidr", "10.0.0.0/99"], "--service-cidr: '10.0.0.0/99' is not"),
    (["--node-port-range", "9-1"], "--node-port-range: '9-1' is not"),
    (["--listen", "127.0.0.1:99999"], "--listen: '127.0.0.1:99999' is not"),
])
def test_wrong_usage_is_told_at_the_start(tmp_path, flags, why):
    done = subprocess.run([BIN / "bellman-apiserver", "--listen", "127.0.0.1:0", *flags], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == 2 and why in done.stderr
    assert ("--service-cidr" in done.stderr) == ("--service-cidr" in flags)


def test_a_certificate_that_is_none_is_named(tmp_path):
    pem = tmp_path / "a.pem"
    pem.write_text("no certificate")
    done = subprocess.run([BIN / "bellman-apiserver", "--listen", "127.0.0.1:0", "--tls-cert", pem, "--tls-key", pem],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "not usable" in done.stderr and f"cert={pem}" in done.stderr


def test_a_fifo_among_the_manifests_holds_nobody_up(tmp_path):
    os.mkfifo(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}")
    server = Server(tmp_path, "--manifests", str(tmp_path))
    server.get("/api/v1/namespaces/default/configmaps/b")
    assert "a.yaml: cannot be read: not a regular file" in server.log.read_text()
    assert server.stop() == 0
    done = subprocess.run([BIN / "bellman-apiserver", "--listen", "127.0.0.1:0", "--token-file", tmp_path / "a.yaml"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "not a regular file" in done.stderr


def test_manifests_are_loaded_and_followed(tmp_path):
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "z.yaml").write_text(
        "kind: Namespace\napiVersion: v1\nmetadata: {name: town}\n---\n"
        "kind: Node\napiVersion: v1\nmetadata: {name: node-a}\n"
        "status: {addresses: [{type: InternalIP, address: 10.0.0.1}]}\n")
    web = folder / "a.yaml"
    text = ("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: town\n  labels: {a: b, c: d}\n"
            "spec:\n  type: LoadBalancer\n  ports: [{port: 80}]\n")
    web.write_text(text)
    server = Server(tmp_path, "--manifests", str(folder))
    path = "/api/v1/namespaces/town/services/web"
    made = server.get(path)
    assert made["metadata"]["labels"] == {"a": "b", "c": "d"}
    assert server.get("/api/v1/nodes/node-a")["status"]["addresses"][0]["address"] == "10.0.0.1"
    web.write_text(text.replace("c: d", "e: f").replace("80", "81"))
    changed = wait_for(lambda: (s := server.get(path))["spec"]["ports"][0]["port"] == 81 and s)
    assert changed["metadata"]["labels"] == {"a": "b", "e": "f"}
    assert changed["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    web.write_text("kind: [")  # a file in the making changes nothing
    wait_for(lambda: "a.yaml" in server.log.read_text())
    assert server.get(path)["spec"]["ports"][0]["port"] == 81
    web.unlink()
    wait_for(lambda: server.ask("GET", path)[0] == 404)
    assert server.stop() == 0


def test_a_namespace_that_is_named_or_left_out_is_the_same(tmp_path):
    folder = tmp_path / "manifests"
    folder.mkdir()
    file = folder / "a.yaml"
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}, data: {x: '1'}}"
    file.write_text(text)
    server = Server(tmp_path, "--manifests", str(folder))
    path = "/api/v1/namespaces/default/configmaps/a"
    made = server.get(path)
    file.write_text(text.replace(", namespace: default", "").replace("'1'", "'2'"))
    wait_for(lambda: server.get(path)["data"] == {"x": "2"})
    assert server.get(path)["metadata"]["uid"] == made["metadata"]["uid"]
    assert server.stop() == 0


def test_of_two_files_with_one_object_the_first_holds(tmp_path):
    folder = tmp_path / "manifests"
    folder.mkdir()
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: '%s'}}"
    (folder / "a.yaml").write_text(text % 1)
    (folder / "b.yaml").write_text(text % 2)
    server = Server(tmp_path, "--manifests", str(folder))
    path = "/api/v1/namespaces/default/configmaps/a"
    assert server.get(path)["data"] == {"x": "1"}
    assert "stands in two places" in server.log.read_text()
    (folder / "a.yaml").unlink()
    wait_for(lambda: server.get(path)["data"] == {"x": "2"})
    (folder / "b.yaml").unlink()
    wait_for(lambda: server.ask("GET", path)[0] == 404)
    assert server.stop() == 0


def test_what_was_refused_in_between_leaves_nothing_behind(tmp_path):
    folder = tmp_path / "manifests"
    folder.mkdir()
    file = folder / "a.yaml"
    text = "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]%s}}"
    file.write_text(text % ", type: LoadBalancer, loadBalancerIP: 192.0.2.1")
    server = Server(tmp_path, "--manifests", str(folder))
    path = "/api/v1/namespaces/default/services/a"
    assert server.get(path)["spec"]["loadBalancerIP"] == "192.0.2.1"
    file.write_text(text % ", type: Nonsense")
    wait_for(lambda: "object refused" in server.log.read_text())
    file.write_text(text % ", type: LoadBalancer")
    wait_for(lambda: "loadBalancerIP" not in server.get(path)["spec"])
    assert server.stop() == 0


def test_it_stops_while_watched(server):
    w = Watch(server, f"{CONFIG_MAPS}?watch=true")
    assert server.stop() == 0
    wait_for(lambda: w.ended)
    w.close()
    server.start()


# --- kubectl -------------------------------------------------------------------------------------


@pytest.fixture(params=["path", "debian"])
def kubectl(request, server, tmp_path):
    binary = kubectls.path_kubectl() if request.param == "path" else kubectls.debian_kubectl()
    if binary is None:
        pytest.skip("no kubectl on PATH" if request.param == "path" else "Debian's kubernetes-client cannot be fetched")

    def run(*args, stdin=None, ok=True):
        done = subprocess.run([binary, f"--server={server.url}", f"--cache-dir={tmp_path}/cache", *args], input=stdin,
                              capture_output=True, text=True, timeout=60, env={**os.environ, "KUBECONFIG": "/dev/null"})
        assert not ok or done.returncode == 0, done.stderr
        return done.stdout if ok else done.stderr

    run.argv = [binary, f"--server={server.url}", f"--cache-dir={tmp_path}/cache"]
    return run


WEB = """
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
"""


def test_kubectl_applies_reads_and_changes(kubectl, server):
    assert kubectl("apply", "-f", "-", stdin=WEB) == "service/web created\n"
    assert kubectl("apply", "-f", "-", stdin=WEB) == "service/web unchanged\n"
    header, row = kubectl("get", "svc").splitlines()
    assert header.split() == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]
    assert row.split()[0:2] == ["web", "LoadBalancer"] and "<pending>" in row
    port = server.get(f"{SERVICES}/web")["spec"]["ports"][0]["nodePort"]
    assert f"80:{port}/TCP" in row
    assert "app=web" in kubectl("get", "svc", "-o", "wide")
    kubectl("label", "svc", "web", "tier=front")
    kubectl("annotate", "svc", "web", "note=x")
    assert kubectl("get", "svc", "-l", "tier=front", "-o", "name") == "service/web\n"
    kubectl("label", "svc", "web", "tier-")
    kubectl("patch", "svc", "web", "--type=merge", "-p", '{"spec":{"externalTrafficPolicy":"Local"}}')
    kubectl("patch", "svc", "web", "--type=json", "-p", '[{"op":"add","path":"/spec/selector/b","value":"c"}]')
    kubectl("patch", "svc", "web", "-p", '{"spec":{"ports":[{"port":81,"name":"b"},{"port":80,"name":"a"}]}}')
    spec = server.get(f"{SERVICES}/web")["spec"]
    assert spec["externalTrafficPolicy"] == "Local" and spec["selector"] == {"app": "web", "b": "c"}
    assert sorted(p["port"] for p in spec["ports"]) == [80, 81]
    assert "LoadBalancer" in kubectl("describe", "svc", "web")
    assert kubectl("delete", "svc", "web") == 'service "web" deleted\n'
    assert 'services "web" not found' in kubectl("get", "svc", "web", ok=False)


def test_kubectl_apply_removes_what_the_manifest_lost(kubectl, server):
    two = WEB.replace("ports: [{port: 80, targetPort: 8080}]",
                      "ports: [{name: a, port: 80}, {name: b, port: 81}]")
    kubectl("apply", "-f", "-", stdin=two)
    assert kubectl("apply", "-f", "-", stdin=two.replace(", {name: b, port: 81}", "")) == "service/web configured\n"
    assert [p["name"] for p in server.get(f"{SERVICES}/web")["spec"]["ports"]] == ["a"]


def test_kubectl_tells_why(kubectl):
    err = kubectl("apply", "-f", "-", stdin=WEB.replace("port: 80,", "port: 0,"), ok=False)
    assert 'The Service "web" is invalid' in err and "must be between 1 and 65535" in err


def test_kubectl_creates_by_words(kubectl, server):
    """These commands send protobuf to built-in kinds, from some version on."""
    kubectl("create", "namespace", "town")
    kubectl("create", "configmap", "cm", "--from-literal=a=b", "-n", "town")
    kubectl("create", "secret", "generic", "s", "--from-literal=a=b", "-n", "town")
    kubectl("create", "serviceaccount", "sa", "-n", "town")
    kubectl("create", "service", "loadbalancer", "lb", "--tcp=80:8080", "-n", "town")
    kubectl("create", "service", "nodeport", "np", "--tcp=80:http", "--node-port=30123", "-n", "town")
    kubectl("create", "service", "externalname", "en", "--external-name=x.example", "-n", "town")
    kubectl("create", "ingress", "ing", "--rule=foo.bar.com/foo=lb:80", "-n", "town")
    base = "/api/v1/namespaces/town"
    assert server.get(f"{base}/configmaps/cm")["data"] == {"a": "b"}
    assert server.get(f"{base}/secrets/s")["data"] == {"a": "Yg=="}
    lb = server.get(f"{base}/services/lb")
    assert lb["spec"]["type"] == "LoadBalancer" and lb["spec"]["selector"] == {"app": "lb"}
    assert {k: lb["spec"]["ports"][0][k] for k in ("name", "port", "protocol", "targetPort")} == {
        "name": "80-8080", "port": 80, "protocol": "TCP", "targetPort": 8080}
    np = server.get(f"{base}/services/np")["spec"]["ports"][0]
    assert (np["nodePort"], np["targetPort"]) == (30123, "http")
    assert server.get(f"{base}/services/en")["spec"]["externalName"] == "x.example"
    rule = server.get("/apis/networking.k8s.io/v1/namespaces/town/ingresses/ing")["spec"]["rules"][0]
    assert rule == {"host": "foo.bar.com", "http": {"paths": [
        {"path": "/foo", "pathType": "Exact", "backend": {"service": {"name": "lb", "port": {"number": 80}}}}]}}
    kubectl("delete", "namespace", "town")
    assert server.ask("GET", base)[0] == 404


def test_kubectl_knows_custom_resources(kubectl, server):
    pool = """
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan, namespace: default}
spec: {addresses: ["10.0.0.200-10.0.0.230"], autoAssign: true}
"""
    assert kubectl("apply", "-f", "-", stdin=pool) == "ipaddresspool.metallb.io/lan created\n"
    kubectl("apply", "-f", "-", stdin=pool.replace("true", "false"))
    header, row = kubectl("get", "ipaddresspools").splitlines()
    assert header.split("  ")[0] == "NAME" and "AUTO ASSIGN" in header and "AVOID BUGGY IPS" in header
    assert row.split()[0:2] == ["lan", "false"] and '["10.0.0.200-10.0.0.230"]' in row
    assert "bgppeers" in kubectl("api-resources", "--api-group=metallb.io")
    kubectl("delete", "ipaddresspool", "lan")


def test_kubectl_watches(kubectl, server):
    kubectl("apply", "-f", "-", stdin=WEB)
    with subprocess.Popen([*kubectl.argv, "get", "svc", "-w"], stdout=subprocess.PIPE, text=True) as w:
        try:
            assert w.stdout.readline().startswith("NAME")
            assert "<pending>" in w.stdout.readline()
            server.patch(f"{SERVICES}/web/status", {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}})
            assert "192.0.2.7" in w.stdout.readline()
        finally:
            w.terminate()


def test_kubectl_waits(kubectl, server):
    kubectl("apply", "-f", "-", stdin=WEB)
    if "--for=jsonpath" not in kubectl("wait", "--help"):
        pytest.skip("this kubectl waits for conditions only")
    timer = threading.Timer(0.5, lambda: server.patch(f"{SERVICES}/web", {"metadata": {"labels": {"x": "y"}}}))
    timer.start()
    kubectl("wait", "--for=jsonpath={.metadata.labels.x}=y", "svc/web", "--timeout=20s")
    timer.join()


def test_kubectl_proxy_leads_to_requests_and_watches(kubectl, server):
    with subprocess.Popen([*kubectl.argv, "proxy", "--port=0"], stdout=subprocess.PIPE, text=True) as proxy:
        try:
            port = int(re.search(r":(\d+)", proxy.stdout.readline())[1])
            w = Watch(types.SimpleNamespace(port=port), f"{CONFIG_MAPS}?watch=true")
            request = urllib.request.Request(f"http://127.0.0.1:{port}{CONFIG_MAPS}", method="POST",
                                             data=json.dumps(config_map("a", x="1")).encode(),
                                             headers={"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert answer.status == 201
            wait_for(lambda: w.events)
            assert w.told() == [("ADDED", "a")]
            w.close()
        finally:
            proxy.terminate()
