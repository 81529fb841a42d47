# SPDX-License-Identifier: Apache-2.0
"""
bellman-proxy where something is there already: a predecessor's table with 1,000 Services and new
connections all the time, kube-proxy's table, another proxy, a chain that makes the kernel refuse a
Service.
"""

import json
import re

import netns
import pytest
from api import endpoint_slice, service
from conftest import _lab as open_lab
from lab import HERE, node_ip, pod_ip

NODE = "node-a"
MANY = 1000


def cluster_ip(i):
    return f"10.96.{4 + i // 250}.{1 + i % 250}"


def many_services(lab):
    """A manifest with MANY Services, all served by the one pod."""
    items = []
    for i in range(MANY):
        items.append(service(f"many-{i}", type="ClusterIP", clusterIP=cluster_ip(i), clusterIPs=[cluster_ip(i)]))
        items.append(endpoint_slice(f"many-{i}", [(pod_ip(NODE), NODE)]))
    folder = lab.scratch / "manifests"
    folder.mkdir()
    (folder / "many.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), encoding="utf-8")
    return folder


def start(lab, *manifests):
    lab.start_apiserver(manifests=manifests)
    lab.api.create(*lab.cluster_objects())
    lab.start_proxy(NODE, wait=False).wait_ready(60)
    lab.run("client", ["ip", "route", "add", "10.96.0.0/16", "via", node_ip(NODE)])
    netns.sysctl(lab.ns("client"), "net/ipv4/conf/eth0/accept_redirects", 0)
    return lab


@pytest.fixture
def one_node(can_lab):
    for lab in open_lab(nodes=(NODE,)):
        yield lab


@pytest.fixture
def many(can_lab):
    """A node that serves MANY Services with a pod that opens to everybody at once."""
    for lab in open_lab(nodes=(NODE,), backends=False):
        lab.popen("pod-a", ["/usr/bin/python3", "-IS", HERE / "knock.py", "open", 8080], "open").wait_log("ready")
        yield start(lab, many_services(lab))


def nft(lab, *argv):
    return lab.run(NODE, ["nft", *argv]).stdout


def tables(lab):
    """{name: handle}; a table that was replaced has another handle."""
    listed = json.loads(nft(lab, "-j", "list", "tables"))["nftables"]
    return {o["table"]["name"]: o["table"]["handle"] for o in listed if "table" in o}


def table(lab):
    return nft(lab, "-s", "list", "table", "inet", "bellman")


class Knocking:
    """A thousand new connections a second to ten of the Services, while the block runs."""

    def __init__(self, lab):
        targets = [f"{cluster_ip(i)}:80" for i in range(0, MANY, MANY // 10)]
        self.process = lab.popen("client", ["/usr/bin/python3", "-IS", HERE / "knock.py", 1000, *targets], "knock")
        self.process.wait_log("ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop(10)
        self.result = json.loads(self.process.log.splitlines()[-1])


def test_restart_with_1000_services_loses_no_connection(many):
    lab, proxy = many, many.process(f"proxy-{NODE}")
    assert proxy.metrics()["bellman_proxy_services"] >= MANY
    handle, before = tables(lab)["bellman"], sorted(table(lab).split("\n"))
    with Knocking(lab) as knocking:
        for _ in range(4):
            proxy.kill()
            proxy.start().wait_ready(60)
    assert knocking.result["failed"] == []
    assert knocking.result["tried"] > 100  # two quick restarts on a busy machine
    assert tables(lab)["bellman"] == handle, "the table stays, and what it has learned"
    assert sorted(table(lab).split("\n")) == before


def test_predecessor_with_another_frame_is_replaced_without_losing_a_connection(many):
    lab, proxy = many, many.process(f"proxy-{NODE}")
    handle, before = tables(lab)["bellman"], sorted(table(lab).split("\n"))
    proxy.kill()
    # What another version may have left: no mark of ours, a chain and a set that we do not know.
    frame = re.search(r"chain (frame-\w+)", table(lab))[1]
    nft(lab, f"delete chain inet bellman {frame}; add chain inet bellman old; add set inet bellman old {{ type ipv4_addr; }}")
    with Knocking(lab) as knocking:
        proxy.start().wait_ready(60)
    assert knocking.result["failed"] == [] and knocking.result["tried"] > 100
    assert tables(lab)["bellman"] != handle
    assert sorted(table(lab).split("\n")) == before


def test_kube_proxys_table_is_left_alone_and_told(one_node):
    nft(one_node, "add table ip kube-proxy; add chain ip kube-proxy services")
    lab = start(one_node)
    lab.process(f"proxy-{NODE}").wait_log("kube-proxy has a table here too")
    handle = tables(lab)["kube-proxy"]
    lab.process(f"proxy-{NODE}").stop()
    lab.run(NODE, [lab.bin / "bellman-proxy", "--cleanup"])
    assert tables(lab) == {"kube-proxy": handle}


def test_second_proxy_and_cleanup_beside_a_running_one_are_refused(one_node):
    lab = start(one_node)
    proxy = lab.process(f"proxy-{NODE}")
    for argv in (["--node-name", NODE, "--server", "http://127.0.0.1:1"], ["--cleanup"]):
        done = lab.run(NODE, [lab.bin / "bellman-proxy", *argv], check=False)
        assert done.returncode == 1 and "another proxy runs in this network namespace" in done.stderr
        assert f"pid={proxy.pid}" in done.stderr or "ss -xlp" in done.stderr
    assert "bellman" in tables(lab)


NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/python3", "-IS", "-c"]


def test_second_proxy_is_refused_however_many_have_asked(one_node):
    """Also anybody's, who can connect to that socket too."""
    lab = start(one_node)
    asking = "for i in range(20):\n s = socket.socket(socket.AF_UNIX); s.setblocking(False)\n" \
             " try: s.connect('\\0bellman-proxy')\n except BlockingIOError: print('full')"
    asked = lab.run(NODE, [*NOBODY, f"import socket\n{asking}"]).stdout
    assert "full" in asked, "or this shows nothing"
    for _ in range(3):
        done = lab.run(NODE, [lab.bin / "bellman-proxy", "--cleanup"], check=False)
        assert done.returncode == 1 and "another proxy runs" in done.stderr
    assert "bellman" in tables(lab)


@pytest.mark.parametrize("then", ("s.listen()", "pass"), ids=("listens", "does not listen"))
def test_name_held_by_another_user_keeps_no_proxy_away(one_node, then):
    squatter = f"import signal, socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0bellman-proxy'); {then}; " \
               "print('ready', flush=True); signal.pause()"
    one_node.popen(NODE, [*NOBODY, squatter], "squatter").wait_log("ready")
    one_node.run(NODE, [one_node.bin / "bellman-proxy", "--cleanup"])


def test_one_service_that_the_kernel_refuses_does_not_stop_the_others(one_node):
    lab = start(one_node)
    proxy = lab.process(f"proxy-{NODE}")
    # Nothing may go to a chain with a hook.
    nft(lab, "add chain inet bellman svc4/default/bad/tcp/80 { type nat hook prerouting priority -50; }")
    for name in ("good", "bad", "fine"):
        lab.api.create(endpoint_slice(name, [(pod_ip(NODE), NODE)]), service(name, type="ClusterIP"))
    for name in ("good", "fine"):
        ip = lab.api.cluster_ips(name)[0]
        lab.wait_for(lambda ip=ip: lab.http_get("client", f"http://{ip}/"), 20, f"{name} to be served")
    proxy.wait_log("the kernel refuses a Service.*service=default/bad", 20)
    assert proxy.metrics()["bellman_proxy_services_refused"] == 1
    assert proxy.ready() and proxy.running()
    # Later changes of others go on, and it comes as soon as it can and changes.
    lab.api.create(endpoint_slice("late", [(pod_ip(NODE), NODE)]), service("late", type="ClusterIP"))
    ip = lab.api.cluster_ips("late")[0]
    lab.wait_for(lambda: lab.http_get("client", f"http://{ip}/"), 20, "a later Service to be served")
    nft(lab, "flush chain inet bellman svc4/default/bad/tcp/80; delete chain inet bellman svc4/default/bad/tcp/80")
    lab.api.patch("Service", "bad", {"spec": {"ports": [{"name": "p8080", "port": 81, "targetPort": 8080}]}})
    lab.wait_for(lambda: proxy.metrics()["bellman_proxy_services_refused"] == 0, 20, "the Service to be taken")
