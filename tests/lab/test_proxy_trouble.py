# SPDX-License-Identifier: Apache-2.0
"""
bellman-proxy in trouble: somebody takes its rules away while there is something to write, nft fails
when it matters, Services want what is another's.
"""

import re
import signal

import pytest
from api import endpoint_slice, service
from conftest import _lab as open_lab
from lab import pod_ip
from proxies import ENTRY as NODE
from proxies import ask, knock, start

OTHER = "node-b"


@pytest.fixture
def lab(can_lab):
    for lab in open_lab(nodes=(NODE, OTHER)):
        yield start(lab)


def serve(lab, name, node=NODE, ns="default", **spec):
    """A Service with the pod of @node; its cluster IP."""
    objects = [endpoint_slice(name, [(pod_ip(node), node)]), service(name, type="ClusterIP", **spec)]
    for o in objects:
        o["metadata"]["namespace"] = ns
    lab.api.create(*objects)
    return lab.api.get("Service", name, ns)["spec"]["clusterIP"]


def is_served(lab, ip, by="pod-a"):
    return (ask(lab, "client", ip) or [None])[0] == by


def nft(lab, *argv):
    return lab.run(NODE, ["nft", *argv]).stdout


def errors(lab):
    return lab.process(f"proxy-{NODE}").metrics()["bellman_proxy_nft_errors_total"]


def failing_once(lab, what):
    """Environment for a proxy whose nft fails the first time that its input has @what."""
    folder = lab.scratch / "bin"
    folder.mkdir()
    marker = folder / "failed"
    shim = folder / "nft"
    shim.write_text(f"""#!/bin/sh
real=$(PATH=${{PATH#*:}} command -v nft)
input=$(mktemp -p {folder})
cat >"$input"
if [ ! -e {marker} ] && grep -q '{what}' "$input"; then
    : >{marker}
    echo 'Error: out of luck' >&2
    exit 1
fi
"$real" "$@" <"$input"
""", encoding="utf-8")
    shim.chmod(0o755)
    return marker, folder


def test_a_node_that_comes_while_the_table_is_gone_brings_it_back(lab):
    ip = serve(lab, "web")
    lab.wait_for(lambda: is_served(lab, ip), 10)
    # No chain is waiting to be deleted, so the Node is all that there is to write.
    before = errors(lab)
    nft(lab, "flush", "ruleset")
    lab.api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-x"},
                    "spec": {"podCIDR": "10.244.9.0/24", "podCIDRs": ["10.244.9.0/24"]}})
    # Much sooner than the next probe, and not by trying in vain over and over.
    lab.wait_for(lambda: is_served(lab, ip), 10, "the table to be back")
    assert errors(lab) - before <= 3
    assert "10.244.9.0/24" in nft(lab, "list", "set", "inet", "bellman", "pod_cidrs4")


def test_rules_that_were_flushed_are_back_after_a_signal_although_others_change(lab):
    ip = serve(lab, "web")
    serve(lab, "busy")
    lab.wait_for(lambda: is_served(lab, ip), 10)
    nft(lab, "flush", "table", "inet", "bellman")  # chains and elements stay, so what is written is taken
    assert not is_served(lab, ip)
    lab.process(f"proxy-{NODE}").signal(signal.SIGHUP)
    node = [NODE]

    def served_while_others_change():
        node[0] = OTHER if node[0] == NODE else NODE
        lab.api.patch("EndpointSlice", "busy-ipv4", {"endpoints": [{"addresses": [pod_ip(node[0])], "nodeName": node[0]}]})
        return is_served(lab, ip)

    lab.wait_for(served_while_others_change, 10, "the rules to be back")
    lab.process(f"proxy-{NODE}").wait_log("the table has lost its rules")


def test_a_cluster_ip_stays_with_its_service_over_a_restart(lab):
    lab.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "aaa"}})
    ip = serve(lab, "victim")
    lab.wait_for(lambda: is_served(lab, ip), 10)
    own = serve(lab, "evil", OTHER, "aaa", externalIPs=[ip])
    lab.wait_for(lambda: is_served(lab, own, "pod-b"), 10)
    proxy = lab.process(f"proxy-{NODE}")
    proxy.wait_log("already taken.*service=aaa/evil by=default/victim")
    assert is_served(lab, ip)
    proxy.kill()
    proxy.start().wait_ready()
    lab.wait_for(lambda: proxy.log.count("already taken") == 2, 10, "both to be written again")
    assert is_served(lab, ip)
    # Nor does it help to have been first.
    lab.api.delete("Service", "victim")
    lab.wait_for(lambda: is_served(lab, ip, "pod-b"), 10, "the address to be given on")
    lab.api.create(service("victim", type="ClusterIP", clusterIP=ip, clusterIPs=[ip]))
    lab.wait_for(lambda: is_served(lab, ip), 10, "the address to be given back")


@pytest.mark.parametrize("what", ('"list":{"set"', '"delete":{"table"'))
def test_one_failure_of_nft_costs_no_affinity_when_the_table_is_replaced(lab, what):
    ip = serve(lab, "web", sessionAffinity="ClientIP")
    lab.wait_for(lambda: is_served(lab, ip), 10)
    proxy = lab.process(f"proxy-{NODE}")
    proxy.kill()
    frame = re.search(r"chain (frame-\w+)", nft(lab, "list", "table", "inet", "bellman"))[1]
    nft(lab, f"delete chain inet bellman {frame}; add chain inet bellman old")
    marker, folder = failing_once(lab, what)
    proxy.env = {**(proxy.env or {}), "PATH": f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin"}
    proxy.start()
    lab.wait_for(lambda: marker.exists(), 10, "nft to fail")
    lab.wait_for(lambda: "chain old" not in nft(lab, "list", "table", "inet", "bellman"), 10, "the table to be replaced")
    assert "elements" in nft(lab, "list", "set", "inet", "bellman", "affinity4"), "who was sent where is known"
    assert is_served(lab, ip)


def test_leftovers_go_although_nft_fails_once(lab):
    ip = serve(lab, "web")
    gone = serve(lab, "gone")
    lab.wait_for(lambda: is_served(lab, gone), 10)
    proxy = lab.process(f"proxy-{NODE}")
    proxy.kill()
    lab.api.delete("Service", "gone")
    marker, folder = failing_once(lab, '"delete":{"element"')
    proxy.env = {**(proxy.env or {}), "PATH": f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin"}
    proxy.start()
    lab.wait_for(lambda: marker.exists(), 10, "nft to fail")
    lab.wait_for(lambda: gone not in nft(lab, "list", "map", "inet", "bellman", "services4"), 10, "leftovers to go")
    assert is_served(lab, ip) and knock(lab, "client", gone) != "open"
