# SPDX-License-Identifier: Apache-2.0
"""
The allocator's validating webhook as an API server uses it: reviews posted over TLS, decided by what
is in the cluster just then. The verdicts themselves are in tests/unit/test_webhook.c.
"""

import json
import subprocess

import pytest
from api import namespace, node, pool, SYSTEM
from lab import Lab

PORT, METRICS = 9443, 7475
STANDBY_PORT, STANDBY_METRICS = 9444, 7476
POOLS = "/validate-metallb-io-v1beta1-ipaddresspool"
PEERS = "/validate-metallb-io-v1beta2-bgppeer"
PROFILES = "/validate-metallb-io-v1beta1-bfdprofile"


def certificate(folder, name):
    """(certificate, key) of an authority of its own."""
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


class Hook:
    """An API server and an allocator with a webhook, which is asked with curl."""

    def __init__(self, lab):
        self.lab = lab
        self.cert, self.key = certificate(lab.scratch, "webhook")
        self.metrics_cert, metrics_key = certificate(lab.scratch, "metrics")
        lab.start_allocator(
            "--webhook", f"127.0.0.1:{PORT}", "--webhook-tls-cert", self.cert, "--webhook-tls-key", self.key,
            "--metrics-tls-cert", self.metrics_cert, "--metrics-tls-key", metrics_key, metrics_port=METRICS, wait=False)
        lab.wait_for(lambda: self.curl(METRICS, "/readyz", self.metrics_cert) == (200, "ok\n"))
        lab.wait_for(lambda: self.post(POOLS, "{")[0] != 503, what="every kind to be read")

    def curl(self, port, path, ca, *args, body=None):
        """(status, text), or None where there was no answer."""
        argv = ["curl", "-s", "-m", "5", "--cacert", ca, "-w", "\n%{http_code}", *args, f"https://127.0.0.1:{port}{path}"]
        if body is not None:
            argv += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
        done = self.lab.run("sw", argv, check=False, input=body)
        if done.returncode != 0:
            return None
        text, _, status = done.stdout.rpartition("\n")
        return int(status), text

    def post(self, path, body, port=PORT):
        return self.curl(port, path, self.cert, body=body)

    def ask(self, obj, operation="CREATE", path=POOLS, port=PORT):
        """The answer to a review of @obj."""
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "u", "operation": operation, "oldObject" if operation == "DELETE" else "object": obj}}
        status, text = self.post(path, json.dumps(review), port)
        answer = json.loads(text)
        assert (status, answer["kind"], answer["response"]["uid"]) == (200, "AdmissionReview", "u")
        return answer["response"]


@pytest.fixture
def hook(can_lab):
    with Lab(nodes=(), backends=False) as lab:
        lab.start_apiserver()
        lab.api.create(namespace(SYSTEM))
        yield Hook(lab)


def test_a_review_is_decided_by_what_is_there(hook):
    mine = pool("mine", ["192.0.2.0/24"])
    assert hook.ask(mine)["allowed"]
    hook.lab.api.create(pool("theirs", ["192.0.2.128/25"]))
    hook.lab.wait_for(lambda: not hook.ask(mine)["allowed"])
    status = hook.ask(mine)["status"]
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert "overlaps with already defined CIDR" in status["message"]
    hook.lab.api.delete("IPAddressPool", "theirs", SYSTEM)
    hook.lab.wait_for(lambda: hook.ask(mine)["allowed"])


def of(kind, version, name, spec):
    return {"apiVersion": f"metallb.io/{version}", "kind": kind, "metadata": {"name": name, "namespace": SYSTEM},
            "spec": spec}


def standby_of(hook, **env):
    standby = hook.lab.start_allocator(
        "--webhook", f"127.0.0.1:{STANDBY_PORT}", "--webhook-tls-cert", hook.cert, "--webhook-tls-key", hook.key,
        name="standby", metrics_port=STANDBY_METRICS, env=env)
    hook.lab.wait_for(lambda: hook.post(POOLS, "{", STANDBY_PORT)[0] == 400)
    return standby


def test_peers_that_meet_on_a_node_where_frr_runs(hook):
    def peer(name, **labels):
        return of("BGPPeer", "v1beta2", name, {"myASN": 1, "peerASN": 2, "peerAddress": "192.0.2.1",
                                               "nodeSelectors": [{"matchLabels": labels}]})

    def frr(made):
        return hook.ask(made, path=PEERS, port=STANDBY_PORT)

    standby_of(hook, METALLB_BGP_TYPE="frr-k8s")
    hook.lab.api.create(peer("by-rack", rack="a"))
    by_row = peer("by-row", row="1")
    assert frr(by_row)["allowed"]
    made = node("n", ["192.0.2.9"], ["10.244.0.0/24"])
    made["metadata"]["labels"].update(rack="a", row="1")
    hook.lab.api.create(made)
    hook.lab.wait_for(lambda: not frr(by_row)["allowed"])
    assert "already exists" in frr(by_row)["status"]["message"]
    assert hook.ask(by_row, path=PEERS)["allowed"]  # by who is not asked for FRR's limits
    hook.lab.api.delete("Node", "n")
    hook.lab.wait_for(lambda: frr(by_row)["allowed"])


def test_a_profile_in_use_stays(hook):
    profile = of("BFDProfile", "v1beta1", "fast", {})
    peer = of("BGPPeer", "v1beta2", "tor", {"myASN": 1, "peerASN": 2, "peerAddress": "192.0.2.1", "bfdProfile": "fast"})
    assert hook.ask(profile, "DELETE", PROFILES)["allowed"]
    hook.lab.api.create(peer)
    hook.lab.wait_for(lambda: not hook.ask(profile, "DELETE", PROFILES)["allowed"])
    assert "failed to delete BFDProfile" in hook.ask(profile, "DELETE", PROFILES)["status"]["message"]


def test_a_standby_answers_too(hook):
    standby = standby_of(hook)
    assert standby.metrics()["bellman_allocator_leader"] == 0
    hook.lab.api.create(pool("theirs", ["192.0.2.128/25"]))
    mine = pool("mine", ["192.0.2.0/24"])
    hook.lab.wait_for(lambda: not hook.ask(mine, port=STANDBY_PORT)["allowed"])


def test_what_is_no_review_does_no_harm(hook):
    assert hook.post(POOLS, "{")[0] == 400
    assert hook.post(POOLS, "")[0] == 400
    assert hook.post("/convert", "{}")[0] == 404
    assert hook.curl(PORT, POOLS, hook.cert)[0] == 405
    assert hook.post(POOLS, " " * (9 << 20))[0] == 413
    assert hook.ask(pool("mine", ["192.0.2.0/24"]))["allowed"]


def test_a_renewed_certificate_is_served(hook):
    old = hook.lab.scratch / "old.crt"
    old.write_bytes(hook.cert.read_bytes())
    new_cert, new_key = certificate(hook.lab.scratch, "new")
    new_key.replace(hook.key)
    new_cert.replace(hook.cert)
    hook.lab.wait_for(lambda: hook.curl(PORT, "/", hook.cert))
    assert hook.curl(PORT, "/", old) is None
    assert hook.curl(METRICS, "/readyz", hook.metrics_cert) == (200, "ok\n")


def test_a_webhook_without_certificate_is_wrong_usage(hook):
    done = hook.lab.run("sw", [hook.lab.bin / "bellman-allocator", "--webhook", "127.0.0.1:1"], check=False)
    assert done.returncode == 2
    assert "--webhook-tls-cert" in done.stderr
