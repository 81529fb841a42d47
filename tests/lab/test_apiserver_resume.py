# SPDX-License-Identifier: Apache-2.0
"""
A client that lists and watches bellman-apiserver, and goes on from where it was whatever happens to the
server: it is killed, writes go on, the history moves past the client.
"""
import http.client
import json
import threading

import pytest

from test_apiserver import CONFIG_MAPS, Server, Watch, config_map, wait_for

PATH = "/api/v1/configmaps"


class Follower(threading.Thread):
    """
    What client-go's reflector does: list, watch from that version, on 410 list again, on anything else
    go on from the last version seen.
    """

    def __init__(self, server, version=None):
        super().__init__(daemon=True)
        self.server = server
        self.known = {}
        self.version = version
        self.lists = self.watches = 0
        self.faults = []
        self.done = threading.Event()
        self.start()

    def run(self):
        while not self.done.is_set():
            try:
                if self.version is None:
                    self._list()
                self._watch()
            except (OSError, http.client.HTTPException, ValueError):
                self.done.wait(0.02)  # it is down, or the line was cut

    def _ask(self, path):
        c = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        c.request("GET", path)
        return c, c.getresponse()

    def _list(self):
        c, answer = self._ask(PATH)
        listed = json.loads(answer.read())
        c.close()
        self.known = {i["metadata"]["name"]: i["metadata"]["resourceVersion"] for i in listed["items"]}
        self.version = int(listed["metadata"]["resourceVersion"])
        self.lists += 1

    def _watch(self):
        c, answer = self._ask(f"{PATH}?watch=true&allowWatchBookmarks=true&timeoutSeconds=5&resourceVersion={self.version}")
        self.watches += 1
        for line in answer:
            event = json.loads(line)
            if event["type"] == "ERROR":
                if event["object"]["code"] != 410:
                    self.faults.append(event)
                self.version = None
                break
            meta = event["object"]["metadata"]
            version = int(meta["resourceVersion"])
            if version < self.version or (version == self.version and event["type"] != "BOOKMARK"):
                self.faults.append((self.version, event))
            self.version = version
            if event["type"] == "DELETED":
                self.known.pop(meta["name"], None)
            elif event["type"] != "BOOKMARK":
                self.known[meta["name"]] = meta["resourceVersion"]
        c.close()


@pytest.fixture
def server(tmp_path):
    s = Server(tmp_path, "--data", str(tmp_path / "state.db"))
    yield s
    assert s.stop() == 0, s.log.read_text()


def actual(server):
    return {i["metadata"]["name"]: i["metadata"]["resourceVersion"] for i in server.get(PATH)["items"]}


def test_a_follower_misses_nothing_while_the_server_is_killed(server):
    """Three writers, four kills. What a writer was told is there, and every follower comes to see it."""
    port = server.port
    server.stop()
    server.flags = ("--listen", f"127.0.0.1:{port}", *server.flags)  # the later flag counts
    server.start()
    followers = [Follower(server) for _ in range(4)]
    done, answered = threading.Event(), [{}, {}, {}]

    def write(who):
        n = 0
        while not done.is_set():
            n += 1
            try:
                name = f"w{who}-{n % 50}"
                code, answer = server.ask("PUT", f"{CONFIG_MAPS}/{name}", config_map(name, n=str(n)))
                if code == 404:
                    code, answer = server.ask("POST", CONFIG_MAPS, config_map(name, n=str(n)))
                if code in (200, 201):
                    answered[who][name] = (n, answer["metadata"]["resourceVersion"])
            except (OSError, http.client.HTTPException):
                done.wait(0.01)

    writers = [threading.Thread(target=write, args=(i,), daemon=True) for i in range(3)]
    for w in writers:
        w.start()
    for _ in range(4):
        before = [f.watches for f in followers]
        wait_for(lambda: all(f.watches > b for f, b in zip(followers, before)), 20)
        server.restart()
    done.set()
    for w in writers:
        w.join(30)
    for who in range(3):
        for name, (n, version) in answered[who].items():
            stored = server.get(f"{CONFIG_MAPS}/{name}")
            assert int(stored["metadata"]["resourceVersion"]) >= int(version)
            assert int(stored["data"]["n"]) >= n
    for f in followers:
        wait_for(lambda f=f: f.known == actual(server), 20)
        f.done.set()
    for f in followers:
        assert not f.faults, f.faults[:3]
        assert f.watches > 4


def test_a_follower_that_fell_behind_lists_again(server):
    """The history keeps 64 MiB: a follower that was away for longer is told, and then sees all."""
    server.create(CONFIG_MAPS, config_map("first"))
    follower = Follower(server)
    wait_for(lambda: "first" in follower.known)
    follower.done.set()
    follower.join(20)
    for i in range(70):
        server.create(CONFIG_MAPS, config_map(f"big{i}", text="x" * 1_000_000))
    code, _ = server.ask("GET", f"{PATH}?resourceVersion={follower.version + 1000}")
    assert code == 504  # from the future
    again = Follower(server, follower.version)
    wait_for(lambda: again.known == actual(server), 20)
    again.done.set()
    assert again.lists >= 1 and not again.faults


def test_a_watch_is_told_where_the_history_begins(server):
    code, answer = server.ask("GET", f"{PATH}?watch=true&resourceVersion=1")
    assert code == 200 and answer["type"] == "ERROR"
    status = answer["object"]
    assert (status["code"], status["reason"]) == (410, "Expired")
    assert status["message"].startswith("too old resource version: 1 (")
    floor = int(status["message"].split("(")[1].rstrip(")"))
    behind = Watch(server, f"/api/v1/namespaces?watch=true&resourceVersion={floor}&timeoutSeconds=1")
    wait_for(lambda: ("ADDED", "default") in behind.told())
    behind.close()
