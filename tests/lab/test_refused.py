# SPDX-License-Identifier: Apache-2.0
"""
An API server that refuses what the daemons can do without (403, as RBAC would): they say so once each,
and serve on.
"""

import re

import pytest
from api import endpoint_slice, l2_advertisement, namespace, node, pool, service, SYSTEM
from lab import API_HOST, Lab
from refusing import Rules

PROXY = (API_HOST, 6444)
SERVER = ("--server", f"https://{PROXY[0]}:{PROXY[1]}")
SPARE = ("secrets", "configurationstates")  # what both can do without


@pytest.fixture
def office(can_lab):
    with Lab(nodes=("node-a",), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM), node("node-a", ["10.0.0.1"], ["10.244.1.0/24"]), pool("lan", ["10.0.0.200/29"]),
                       l2_advertisement("lan"))
        with Rules(lab, PROXY) as rules:
            yield lab, rules


def serve(lab, name):
    """A Service with an endpoint that can serve."""
    lab.api.create(service(name), endpoint_slice(name, [("10.244.1.10", "node-a")]))


def announced(lab, name):
    return "nodeAssigned" in dict(lab.api.events(name))


def told(daemon, resource):
    """How often the log says that a list of the resource is refused."""
    return len(re.findall(rf"watch refused.* path=\S*/{resource} status=403", daemon.log))


def test_allocator_without_nodes_secrets_and_configuration_states(office):
    lab, rules = office
    rules.refuse("nodes", *SPARE)
    cert, key = lab.certificate()  # a webhook asks after the Nodes as well, and watches them no second time
    allocator = lab.start_allocator(*SERVER, "--webhook", "127.0.0.1:9443", "--webhook-tls-cert", cert, "--webhook-tls-key", key)
    serve(lab, "first")
    lab.wait_for(lambda: lab.api.external_ips("first") == ["10.0.0.200"])
    lab.wait_for(lambda: min(rules.refusals["nodes"], rules.refusals["configurationstates"]) >= 3, 20, "three refusals of each")
    assert (told(allocator, "nodes"), told(allocator, "configurationstates")) == (1, 1)
    assert len(re.findall("Secret", allocator.log)) <= 1
    assert allocator.ready()

    # What was refused comes into its own once it is allowed.
    lab.api.create(pool("node", ["10.0.0.1/32"]))
    rules.refuse()
    lab.wait_for(lambda: allocator.metrics().get('bellman_pool_overlap{pool="node",kind="node"}') == 1, 70)


def test_status_writes_that_all_fail_are_few_and_said_in_short(office):
    lab, rules = office
    lab.api.create(pool("wide", ["10.64.0.0/24"]))
    names = [f"s{i:02}" for i in range(80)]
    lab.api.create(*(service(name, annotations={"metallb.io/address-pool": "wide"}) for name in names))
    rules.failing["PATCH", "services"] = 500
    allocator = lab.start_allocator(*SERVER)
    lab.wait_for(lambda: rules.refusals["services"] >= 40, 20, "the first to be tried, and some again")
    assert 1 <= allocator.log.count("status write failed") <= 3
    assert allocator.log.count("writing status") <= rules.refusals["services"] + 32
    rules.failing.clear()
    lab.wait_for(lambda: all(lab.api.external_ips(name) for name in names), 30)


def test_speaker_without_secrets_and_configuration_states(office):
    lab, rules = office
    rules.refuse(*SPARE)
    lab.start_allocator()
    speaker = lab.start_speaker("node-a", *SERVER)
    serve(lab, "first")
    lab.wait_for(lambda: announced(lab, "first"))
    lab.wait_for(lambda: min(rules.refusals[r] for r in SPARE) >= 3, 20, "three refusals of each")
    assert [told(speaker, r) for r in SPARE] == [1, 1]
    assert len(re.findall("configuration in force", speaker.log)) == 1, "a refusal is no reason to build it again"

    # Nodes are needed to begin with; those that are known stay known.
    rules.refuse("nodes", *SPARE)
    lab.wait_for(lambda: rules.refusals["nodes"] >= 2, 20)
    serve(lab, "second")
    lab.wait_for(lambda: announced(lab, "second"))
    assert told(speaker, "nodes") == 1


def test_speaker_waits_for_nodes(office):
    lab, rules = office
    rules.refuse("nodes")
    lab.start_allocator()
    speaker = lab.start_speaker("node-a", *SERVER, wait=False)
    serve(lab, "first")
    lab.wait_for(lambda: rules.refusals["nodes"] >= 3, 20)
    assert not speaker.ready() and told(speaker, "nodes") == 1
    rules.refuse()
    speaker.wait_ready(60)
    lab.wait_for(lambda: announced(lab, "first"))
