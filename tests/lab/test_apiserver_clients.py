# SPDX-License-Identifier: Apache-2.0
"""
bellman-apiserver and clients that do it harm: slow ones, greedy ones, and such as speak no HTTP.

What they cost must be bounded, and nobody else may notice. A well-behaved client asks meanwhile and
keeps count of how long it waited. Bounds are generous: what they tell apart is "some" from "without
end". Memory is measured on the release build, since a sanitizer keeps what was freed.
"""
import contextlib
import http.client
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from test_apiserver import BIN, CONFIG_MAPS, SERVICES, Server, Watch, config_map, service, wait_for

PLAIN = BIN.parent.parent / "bin" if BIN.parent.name == "san" else BIN
HOST = b"Host: localhost\r\n"
PATIENCE_S = 5  # of a well-behaved client, on a machine that has other things to do


class PlainServer(Server):
    """The release build, in memory."""
    binary = PLAIN / "bellman-apiserver"

    def memory_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("RssAnon:")) / 1024


@pytest.fixture(autouse=True, scope="module")
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def server(tmp_path):
    s = Server(tmp_path)
    yield s
    assert s.stop() == 0, s.log.read_text()


@pytest.fixture
def plain(tmp_path):
    if not PlainServer.binary.exists():
        pytest.skip(f"{PlainServer.binary} is not built: run make")
    s = PlainServer(tmp_path)
    yield s
    assert s.stop() == 0, s.log.read_text()


def connect(server, read_buffer=None):
    s = socket.socket()
    if read_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, read_buffer)
    s.settimeout(20)
    s.connect(("127.0.0.1", server.port))
    return s


def talk(server, sent, half_close=False):
    """All that comes back for these bytes until the server closes, or has nothing more to say for now."""
    with connect(server) as s:
        with contextlib.suppress(OSError):  # it may have cut us off by now
            s.sendall(sent)
            if half_close:
                s.shutdown(socket.SHUT_WR)
        return read_all(s, 20 if half_close else 1)


def read_all(s, timeout_s):
    s.settimeout(timeout_s)
    got = b""
    try:
        while block := s.recv(65536):
            got += block
    except (socket.timeout, ConnectionResetError):
        pass
    return got


def codes(answers):
    return [int(c) for c in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answers)]


class Waiter(threading.Thread):
    """A well-behaved client: a request on a connection of its own, again and again."""

    def __init__(self, server, path="/api/v1/namespaces/default"):
        super().__init__(daemon=True)
        self.server, self.path = server, path
        self.waited_s, self.faults = [], []
        self.done = threading.Event()
        self.start()

    def run(self):
        while not self.done.is_set():
            began = time.monotonic()
            try:
                c = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)
                c.request("GET", self.path)
                answer = c.getresponse()
                answer.read()
                if answer.status != 200:
                    self.faults.append(answer.status)
                c.close()
            except OSError as e:
                self.faults.append(repr(e))
            self.waited_s.append(time.monotonic() - began)
            self.done.wait(0.005)

    def stop(self):
        """How long the longest request took; none may have failed."""
        self.done.set()
        self.join(PATIENCE_S + 5)
        assert not self.faults and self.waited_s, self.faults[:3]
        print(f"longest of {len(self.waited_s)} requests: {max(self.waited_s):.3f} s")
        return max(self.waited_s)


def is_closed(s):
    """Has the server closed it? What it still sent is thrown away."""
    s.setblocking(False)
    try:
        while True:
            if s.recv(65536) == b"":
                return True
    except BlockingIOError:
        return False
    except OSError:
        return True


# --- long lists -------------------------------------------------------------------------------


def timed(what):
    began = time.monotonic()
    answer = what()
    print(f"{time.monotonic() - began:.2f} s")
    return answer, time.monotonic() - began


def test_a_strategic_patch_of_long_lists_is_no_stall(plain):
    """Three containers of 8000 variables, each of them patched: looked up one by one it took five seconds."""
    pods = "/api/v1/namespaces/default/pods"
    containers = [{"name": f"c{i}", "image": "x", "env": [{"name": f"A{j}"} for j in range(8000)]} for i in range(3)]
    plain.create(pods, {"metadata": {"name": "a"}, "spec": {"containers": containers}})
    for container in containers:
        container["env"] = [{"name": e["name"], "value": "1"} for e in reversed(container["env"])]
    answer, took_s = timed(lambda: plain.patch(pods + "/a", {"spec": {"containers": containers}},
                                               "application/strategic-merge-patch+json"))
    assert [len(c["env"]) for c in answer["spec"]["containers"]] == [8000] * 3
    assert answer["spec"]["containers"][2]["env"][0] == {"name": "A7999", "value": "1"}
    assert took_s < 2.5


def test_services_of_thousands_are_no_stall(plain):
    """8000 ports, whose names and numbers may not be there twice, and 16000 refusals of one request."""
    ports = [{"name": f"p{i}", "port": i + 1} for i in range(8000)]
    _, took_s = timed(lambda: plain.create(SERVICES, {"metadata": {"name": "a"}, "spec": {"ports": ports}}))
    assert took_s < 1.5
    answer, took_s = timed(lambda: plain.patch(SERVICES + "/a", {"metadata": {"labels": {"x": "y"}}}))
    assert len(answer["spec"]["ports"]) == 8000
    assert took_s < 1.5
    bad = {"ports": [{"port": 80}], "externalIPs": [f"x{i}" for i in range(8000)],
           "loadBalancerSourceRanges": [f"y{i}" for i in range(8000)]}
    (code, answer), took_s = timed(lambda: plain.ask("POST", SERVICES, {"metadata": {"name": "b"}, "spec": bad}))
    assert code == 422 and len(answer["details"]["causes"]) >= 16000
    assert took_s < 1.5


def test_owners_are_looked_up_at_once(plain):
    """The dependents of an owner have 8000 others each, of which none is there, among 2000 objects."""
    for i in range(2000):
        plain.create(CONFIG_MAPS, config_map(f"m{i}"))
    owner = plain.create(CONFIG_MAPS, config_map("owner"))["metadata"]
    refs = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": f"u{i}"} for i in range(8000)]
    refs.append({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]})
    for i in range(3):
        plain.create(CONFIG_MAPS, {"metadata": {"name": f"d{i}", "ownerReferences": refs}})
    _, took_s = timed(lambda: plain.ask("DELETE", CONFIG_MAPS + "/owner"))
    assert [plain.ask("GET", f"{CONFIG_MAPS}/d{i}")[0] for i in range(3)] == [404] * 3
    assert took_s < 0.5


# --- slow clients -----------------------------------------------------------------------------


def test_connections_that_never_ask_lock_nobody_out(server):
    """Some say nothing, some begin a header and send a byte of it now and then; after ten seconds all have to go."""
    waiter = Waiter(server)
    slow = []
    try:
        for i in range(700):
            s = connect(server)
            slow.append(s)
            if i % 2:
                s.sendall(b"GET /api/v1/services HTTP/1.1\r\nX-Slow: ")
        began = time.monotonic()

        def all_closed():
            for s in slow[1::2]:
                with contextlib.suppress(OSError):
                    s.send(b"x")
            return all(is_closed(s) for s in slow)

        wait_for(all_closed, 30)
        assert time.monotonic() - began < 25
        assert waiter.stop() < PATIENCE_S
    finally:
        for s in slow:
            s.close()


def test_idle_connections_make_room(server):
    """Kept alive for later: they may stay while there is room, and cost a newcomer nothing."""
    idle = []
    try:
        for _ in range(530):
            s = connect(server)
            idle.append(s)
            s.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
            assert s.recv(4096).startswith(b"HTTP/1.1 200")
        waiter = Waiter(server)
        wait_for(lambda: len(waiter.waited_s) > 20)
        assert waiter.stop() < PATIENCE_S
        wait_for(lambda: sum(is_closed(s) for s in idle) >= 530 - 512)
        assert sum(is_closed(s) for s in idle) < 530 / 2
    finally:
        for s in idle:
            s.close()


def test_bodies_that_never_end_are_bounded(plain):
    """400 requests of almost 3 MiB each, none of them complete: more than a gigabyte if it were kept."""
    body = b"x" * (2 << 20)
    greedy = []
    waiter = Waiter(plain)
    try:
        for _ in range(400):
            s = connect(plain)
            greedy.append(s)
            with contextlib.suppress(OSError):
                s.sendall(b"POST " + CONFIG_MAPS.encode() + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 3000000\r\n\r\n" + body)
            assert plain.memory_mib() < 400
        assert waiter.stop() < PATIENCE_S
    finally:
        for s in greedy:
            s.close()


def test_answers_that_nobody_reads_are_bounded(plain):
    """Each of 400 small patches is answered with a megabyte, which nobody takes. Others may write all the same."""
    plain.create(CONFIG_MAPS, config_map("large", text="x" * 1_000_000))
    greedy = []
    waiter = Waiter(plain)
    try:
        for i in range(400):
            s = connect(plain, 4096)
            greedy.append(s)
            body = json.dumps({"metadata": {"labels": {"n": str(i)}}}).encode()
            with contextlib.suppress(OSError):
                s.sendall(b"PATCH " + CONFIG_MAPS.encode() + b"/large HTTP/1.1\r\n" + HOST
                          + b"Content-Type: application/merge-patch+json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert plain.memory_mib() < 400  # 128 MiB of answers, 64 of history, and what making one takes
        wait_for(lambda: plain.ask("POST", CONFIG_MAPS, config_map("small"))[0] in (201, 409), 20)
        assert waiter.stop() < PATIENCE_S
        wait_for(lambda: any(is_closed(s) for s in greedy), 20)
    finally:
        for s in greedy:
            s.close()


def test_states_that_only_slow_readers_still_hold_are_bounded(plain):
    """
    300 clients ask for an object of a megabyte and take nothing of it, and it changes after each of
    them: the store and its history let go of what each of them still holds.
    """
    plain.create(CONFIG_MAPS, config_map("large", text="x" * 1_000_000))
    slow = []
    waiter = Waiter(plain)
    try:
        for i in range(300):
            s = connect(plain, 4096)
            slow.append(s)
            with contextlib.suppress(OSError):
                s.sendall(b"GET " + CONFIG_MAPS.encode() + b"/large HTTP/1.1\r\n" + HOST + b"\r\n")
                select.select([s], [], [], 20)  # the answer has begun, or was refused
            label = {"metadata": {"labels": {"n": str(i)}}}
            wait_for(lambda: plain.ask("PATCH", CONFIG_MAPS + "/large", label,
                                       "application/merge-patch+json")[0] == 200, 20)
            assert plain.memory_mib() < 280  # 64 MiB of states, 64 of history, and what a write takes
        assert waiter.stop() < PATIENCE_S
    finally:
        for s in slow:
            s.close()


def test_lists_that_nobody_reads_are_not_copied(plain):
    """30 clients ask for 20 MB each, as JSON and as a table, and read nothing."""
    for i in range(400):
        plain.create(CONFIG_MAPS, config_map(f"m{i}", text="x" * 50000))
    before = plain.memory_mib()
    waiter = Waiter(plain)
    lazy = []
    try:
        for accept in (b"application/json", b"application/json;as=Table;v=v1;g=meta.k8s.io"):
            for _ in range(15):
                s = connect(plain, 4096)
                lazy.append(s)
                s.sendall(b"GET /api/v1/configmaps?includeObject=Object HTTP/1.1\r\n" + HOST + b"Accept: " + accept + b"\r\n\r\n")
        for s in lazy:
            assert select.select([s], [], [], 20)[0], "no answer began"
        assert plain.memory_mib() - before < 40
        # Whoever reads gets all of it.
        assert len(plain.get("/api/v1/configmaps")["items"]) == 400
        assert waiter.stop() < PATIENCE_S
    finally:
        for s in lazy:
            s.close()


def test_a_list_shows_its_moment_however_slowly_it_is_read(server):
    """What changes while it is under way stands in it as it was."""
    for i in range(100):
        server.create(CONFIG_MAPS, config_map(f"m{i:03}", text="old" * 20000))
    with connect(server, 4096) as s:
        s.sendall(b"GET /api/v1/configmaps HTTP/1.0\r\n" + HOST + b"\r\n")
        got = s.recv(1000)
        for i in range(100):
            server.patch(f"{CONFIG_MAPS}/m{i:03}", {"data": {"text": "new"}})
        got += read_all(s, 10)
    items = json.loads(got.split(b"\r\n\r\n", 1)[1])["items"]
    assert len(items) == 100 and all(i["data"]["text"].startswith("old") for i in items)


def test_watchers_that_never_read_cost_a_place_in_the_history(plain):
    """
    They hold no queue. The history moves past them, and those that still take nothing are let go
    after a while; a watcher that reads hears of every change meanwhile.
    """
    plain.create(CONFIG_MAPS, config_map("m"))
    lazy = []
    waiter = Waiter(plain)
    good = Watch(plain, "/api/v1/configmaps?watch=true")
    try:
        for _ in range(100):
            s = connect(plain, 4096)
            lazy.append(s)
            s.sendall(b"GET /api/v1/configmaps?watch=true HTTP/1.1\r\n" + HOST + b"\r\n")
        versions, written = [], 0
        c = http.client.HTTPConnection("127.0.0.1", plain.port, timeout=20)
        while written < 100 << 20:  # more than the history keeps
            body = json.dumps({"data": {"n": str(written), "text": "x" * 100000}})
            c.request("PATCH", CONFIG_MAPS + "/m", body, {"Content-Type": "application/merge-patch+json"})
            answer = json.loads(c.getresponse().read())
            versions.append(answer["metadata"]["resourceVersion"])
            written += len(body)
        c.close()
        wait_for(lambda: good.events and good.events[-1]["object"]["metadata"]["resourceVersion"] == versions[-1], 20)
        heard = [e["object"]["metadata"]["resourceVersion"] for e in list(good.events)]
        assert heard[-len(versions):] == versions
        assert plain.memory_mib() < 64 * 1.5 + 40  # the history and what is lost between texts
        assert not any(is_closed(s) for s in lazy[:3])
        assert waiter.stop() < PATIENCE_S
    finally:
        good.close()
        for s in lazy:
            s.close()


def test_a_watcher_that_takes_nothing_is_let_go(server):
    server.create(CONFIG_MAPS, config_map("m", text="x" * 500000))
    with connect(server, 4096) as lazy:
        lazy.sendall(b"GET /api/v1/configmaps?watch=true HTTP/1.1\r\n" + HOST + b"\r\n")
        for i in range(5):
            server.patch(f"{CONFIG_MAPS}/m", {"data": {"n": str(i)}})

        def reset():
            return lazy.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

        wait_for(reset, 40)


# --- what is no proper HTTP -------------------------------------------------------------------

GET = b"GET /api/v1/namespaces/default HTTP/1.1\r\n" + HOST + b"\r\n"


def post(name, *headers, version=b"1.1", body=None):
    body = json.dumps(config_map(name)).encode() if body is None else body
    return (b"POST " + CONFIG_MAPS.encode() + b" HTTP/" + version + b"\r\n" + HOST + b"".join(h + b"\r\n" for h in headers)
            + b"\r\n" + body)


def chunked(body, size=7):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def is_there(server, name):
    return server.ask("GET", f"{CONFIG_MAPS}/{name}")[0] == 200


def test_pipelined_requests_are_answered_in_order(server):
    length = b"Content-Length: %d" % len(json.dumps(config_map("piped")))
    sent = GET + post("piped", length) + b"GET " + CONFIG_MAPS.encode() + b"/piped HTTP/1.1\r\n" + HOST + b"\r\n" + GET
    answers = talk(server, sent)
    assert codes(answers) == [200, 201, 200, 200]


def test_whoever_closes_his_half_still_hears_the_answer(server):
    began = time.monotonic()
    assert codes(talk(server, GET, half_close=True)) == [200]
    watched = talk(server, b"GET /api/v1/configmaps?watch=true HTTP/1.1\r\n" + HOST + b"\r\n", half_close=True)
    assert codes(watched) == [200] and time.monotonic() - began < 10  # a watch ends with it


def test_bodies_by_their_length(server):
    body = json.dumps(config_map("short")).encode()
    # Less than was promised, then nothing: no request.
    assert codes(talk(server, post("short", b"Content-Length: %d" % (len(body) + 10)), half_close=True)) in ([], [400])
    assert not is_there(server, "short")
    # More than was promised: the rest is read as a request, and is none.
    body = json.dumps(config_map("long")).encode()
    answers = talk(server, post("long", b"Content-Length: %d" % len(body)) + b" rest of it\r\n\r\n")
    assert codes(answers)[0] == 201 and 200 not in codes(answers)[1:]
    for wrong in (b"-1", b"x", b"99999999999999999999999", b"0x10"):
        got = codes(talk(server, post("wrong", b"Content-Length: " + wrong), half_close=True))
        assert got == [] or got[0] >= 400, (wrong, got)
    assert not is_there(server, "wrong")
    assert codes(talk(server, post("chunks", b"Transfer-Encoding: chunked", body=chunked(json.dumps(config_map("chunks")).encode()))))[0] == 201
    assert is_there(server, "chunks")
    # A chunk that lies about its size.
    got = codes(talk(server, post("lies", b"Transfer-Encoding: chunked", body=b"ffffffffffffffffff\r\nx\r\n0\r\n\r\n"), half_close=True))
    assert got == [] or got[0] >= 400


def test_a_body_in_chunks_is_bounded_like_any_other(server):
    block = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    assert codes(talk(server, post("big", b"Transfer-Encoding: chunked", body=block * 64 + b"0\r\n\r\n"), half_close=True)) == [413]


def test_headers_are_bounded(server):
    for head in (b"X-Long: " + b"x" * 200000, b"".join(b"X-%d: y\r\n" % i for i in range(20000))):
        got = codes(talk(server, b"GET /api HTTP/1.1\r\n" + HOST + head + b"\r\n\r\n", half_close=True))
        assert got == [] or 400 <= got[0] < 500, got
    got = codes(talk(server, b"GET /api?" + b"x" * 200000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", half_close=True))
    assert got == [] or 400 <= got[0] < 500, got
    assert codes(talk(server, GET, half_close=True)) == [200]


def test_versions_methods_and_expectations(server):
    old = talk(server, b"GET /api/v1/namespaces/default HTTP/1.0\r\n\r\n")  # closes by itself
    assert codes(old) == [200] and b"Transfer-Encoding" not in old
    with connect(server) as s:
        body = json.dumps(config_map("expected")).encode()
        s.sendall(post("x", b"Content-Length: %d" % len(body), b"Expect: 100-continue", body=b""))
        assert s.recv(100).startswith(b"HTTP/1.1 100")
        s.sendall(body)
        assert codes(s.recv(4096)) == [201]
    for method in (b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"BREW"):
        answer = talk(server, method + b" /api/v1/namespaces/default HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        assert codes(answer) in ([405], [200], [400], [501]), (method, answer)
        if method == b"HEAD":
            assert answer.endswith(b"\r\n\r\n")
    assert codes(talk(server, b"GET /api HTTP/1.1\r\n\r\n", half_close=True)) == [400]  # no Host
    assert codes(talk(server, b"GET /api HTTP/1.1\r\n" + HOST + HOST + b"\r\n", half_close=True)) == [400]


@pytest.mark.parametrize("lengths", [
    [b"Content-Length: 2", b"Content-Length: 41"],
    [b"Content-Length: 41", b"Content-Length: 2"],
    [b"Content-Length: 2", b"Transfer-Encoding: chunked"],
])
def test_no_request_hides_in_the_body_of_another(server, lengths):
    """What is not sure to be the body is not read as a request either (RFC 9112 section 6.3)."""
    hidden = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    sent = b"POST " + CONFIG_MAPS.encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n".join(lengths) + b"\r\n\r\n{}" + hidden
    assert codes(talk(server, sent)) == [400]


# --- noise ------------------------------------------------------------------------------------


def mutations(seed, count):
    """Requests that are right but for a few bytes; the same ones for the same seed."""
    rng = random.Random(seed)
    body = json.dumps(service("noise", selector={"a": "b"})).encode()
    patch = b'[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]'
    seeds = [
        GET, post("noise", b"Content-Length: %d" % len(json.dumps(config_map("noise")))),
        post("noise", b"Transfer-Encoding: chunked", body=chunked(json.dumps(config_map("noise")).encode())),
        b"POST " + SERVICES.encode() + b" HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        b"PATCH " + SERVICES.encode() + b"/noise HTTP/1.1\r\n" + HOST + b"Content-Type: application/json-patch+json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(patch) + patch,
        b"GET /api/v1/services?labelSelector=a+in+(b,c),!d&fieldSelector=metadata.name%3Dx&limit=3&continue=5~a~b HTTP/1.1\r\n"
        + HOST + b"Accept: application/json;as=Table;v=v1;g=meta.k8s.io\r\n\r\n",
        b"GET /api/v1/services?watch=1&resourceVersion=1&timeoutSeconds=1 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"DELETE " + SERVICES.encode() + b"/noise HTTP/1.1\r\n" + HOST + b"\r\n",
    ]
    words = [b"\r\n", b"\r\n\r\n", b"\0", b"%00", b"%", b"..", b"/", b"?", b"&", b"=", b"Content-Length: 5\r\n", b"\xff", b"{", b"[",
             b"18446744073709551616", b"-1", b" HTTP/1.1\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n"]
    for _ in range(count):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(data) + 1)
            what = rng.randrange(5)
            if what == 0 and at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            elif what == 1:
                data[at:at + rng.randint(1, 20)] = b""
            elif what == 2:
                data[at:at] = rng.choice(words)
            elif what == 3:
                data[at:at] = data[at:at + rng.randint(1, 60)]
            else:
                data[at:] = rng.choice(seeds)
        yield bytes(data)


def make_noise(server, seed, count):
    under_way = []
    for i, data in enumerate(mutations(seed, count)):
        s = connect(server)
        with contextlib.suppress(OSError):
            s.sendall(data)
        under_way.append(s)
        if len(under_way) > 50:
            s = under_way.pop(0)
            is_closed(s)  # takes what was answered
            s.close()
        if i % 500 == 0:
            assert server.process.poll() is None, f"seed {seed}, request {i}: {server.log.read_text()[-2000:]}"
            assert server.ask("GET", "/api/v1/namespaces/default")[0] == 200
    for s in under_way:
        s.close()


def test_noise_harms_nothing(server):
    """3000 requests with a few wrong bytes each, to the sanitized build: it stays up and goes on answering."""
    make_noise(server, int(os.environ.get("BELLMAN_SEED", "20250101")), 3000)
    server.create(CONFIG_MAPS, config_map("after"))


def test_noise_leaves_nothing_behind(plain):
    """Three times the same: the second and third time cost no memory that the first has not."""
    make_noise(plain, 1, 1000)
    first = plain.memory_mib()
    for _ in range(2):
        make_noise(plain, 1, 1000)
    assert plain.memory_mib() < first + 4


# --- TLS and tokens ---------------------------------------------------------------------------


def certificate(folder, name, serial):
    """A pair of files for 127.0.0.1, moved into place as a renewal would."""
    made, key = folder / f"{name}.new.crt", folder / f"{name}.new.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-set_serial", str(serial),
                    "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


@pytest.fixture
def secure(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    for made in certificate(tmp_path, "a", 1):
        made.rename(tmp_path / f"server{made.suffix}")
    s = Server(tmp_path, "--tls-cert", str(tmp_path / "server.crt"), "--tls-key", str(tmp_path / "server.key"))
    yield s
    assert s.stop() == 0, s.log.read_text()


def handshake(server, **context):
    """(protocol, serial number of the certificate) of a TLS connection that gets an answer."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    for name, value in context.items():
        setattr(c, name, value)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw, c.wrap_socket(raw) as s:
        s.sendall(b"GET /readyz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        assert codes(s.recv(4096)) == [200]
        der = s.getpeercert(binary_form=True)
        text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-serial"], input=der, capture_output=True, check=True)
        return s.version(), int(text.stdout.split(b"=")[1], 16)


def test_tls_1_2_is_the_oldest(secure):
    assert handshake(secure)[0] == "TLSv1.3"
    assert handshake(secure, maximum_version=ssl.TLSVersion.TLSv1_2)[0] == "TLSv1.2"

    def openssl(version):
        return subprocess.run(["openssl", "s_client", version, "-cipher", "ALL:@SECLEVEL=0", "-connect", f"127.0.0.1:{secure.port}"],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=20).returncode

    assert (openssl("-tls1_1"), openssl("-tls1_2")) == (1, 0)


def test_a_renewed_certificate_is_served_without_a_restart(secure, tmp_path):
    assert handshake(secure)[1] == 1
    made, key = certificate(tmp_path, "b", 2)
    # Between the two moves they do not go together: the old pair stays.
    made.rename(tmp_path / "server.crt")
    wait_for(lambda: handshake(secure)[1] == 1 and "goes on with the certificate it had" in secure.log.read_text())
    key.rename(tmp_path / "server.key")
    wait_for(lambda: handshake(secure)[1] == 2)
    assert handshake(secure)[1] == 2


def test_handshakes_that_stall_hold_nobody_up(secure):
    stalled = [connect(secure) for _ in range(600)]
    try:
        for s in stalled[::2]:
            with contextlib.suppress(OSError):
                s.sendall(b"\x16\x03\x01\x02\x00\x01")  # the begin of a ClientHello
        began = time.monotonic()
        assert handshake(secure)[1] == 1
        assert time.monotonic() - began < PATIENCE_S
        wait_for(lambda: all(is_closed(s) for s in stalled), 30)
    finally:
        for s in stalled:
            s.close()


def test_what_is_no_tls_is_cut(secure):
    assert b"200" not in talk(secure, GET)
    for noise in (b"\x16\x03\x01\xff\xff" + b"x" * 70000, b"\x80\x00\x01", b"\x15\x03\x03\x00\x02\x02\x28"):
        talk(secure, noise, half_close=True)
    assert handshake(secure)[1] == 1


def test_tokens_come_and_go_with_their_file(tmp_path):
    tokens = tmp_path / "tokens"

    def write(text):
        new = tmp_path / "tokens.new"
        new.write_text(text)
        new.rename(tokens)

    def code(token):
        return server.ask("GET", SERVICES, headers=[("Authorization", f"Bearer {token}")])[0]

    write("one,first\ntwo,second\n")
    server = Server(tmp_path, "--token-file", str(tokens))
    assert (code("one"), code("two"), code("three")) == (200, 200, 401)
    write("# rotated\ntwo\nthree\n")
    wait_for(lambda: code("three") == 200)
    assert (code("one"), code("two")) == (401, 200)
    # A file without a token is a mistake, not an order.
    write("# nothing\n")
    wait_for(lambda: (code("two"), "those of before stay good" in server.log.read_text()) == (200, True))
    server.process.send_signal(signal.SIGHUP)
    status, answer = server.ask("GET", SERVICES)
    assert status == 401 and answer == {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                        "message": "Unauthorized", "reason": "Unauthorized", "code": 401}
    assert server.stop() == 0
