#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Hold the definitions of config/crds against a real Kubernetes API server: does it take them, and
does it refuse of manifests.yaml what is to be refused, with the reason that is given there?

    crds.py --server https://127.0.0.1:6443 --token T [--ca ca.pem | --insecure] [-k PART]

bellman-apiserver enforces no schema, so `make test` cannot do this; test_crds.py there runs the same
manifests through `bellman check`. Definitions that the server has are brought up to date, those that
it had not are taken away again.
"""
import argparse
import json
import pathlib
import random
import re
import sys
import tempfile
import time

import yaml

HERE = pathlib.Path(__file__).resolve().parent
CRDS = HERE.parent.parent / "config/crds"
CASE_KEYS = {"name", "kind", "version", "labels", "spec", "status", "then", "schema", "check", "why"}
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ESTABLISHED_WITHIN_S = 30

sys.path.insert(0, str(HERE.parent / "requests"))

from run import Target  # noqa: E402


def parse(file):
    return yaml.load(file.read_text(), yaml.CSafeLoader)


def definitions():
    return [parse(f) for f in sorted(CRDS.glob("*.yaml"))]


def load():
    """All cases, checked: a misspelt member is an error, not a check that is never made."""
    cases, names = parse(HERE / "manifests.yaml"), set()
    for case in cases:
        if set(case) - CASE_KEYS or case["name"] in names:
            raise ValueError(f"unknown members, or a name that is there twice: {case}")
        if "why" in case and ("schema" not in case or "check" in case):
            raise ValueError(f"`why` is for what only the schema refuses: {case['name']}")
        names.add(case["name"])
    return cases


def version_of(case):
    return case.get("version", "v1beta2" if case["kind"] == "BGPPeer" else "v1beta1")


def manifest(case, name="x"):
    """The resource of a case, without its status, which is written by itself."""
    made = {"apiVersion": f"metallb.io/{version_of(case)}", "kind": case["kind"],
            "metadata": {"name": name, "labels": case.get("labels", {})}}
    if "spec" in case:
        made["spec"] = case["spec"]
    return made


def send(target, method, path, body, content_type="application/json"):
    """None, or the words of the refusal."""
    code, _, answer = target.ask(method, path, json.dumps(body).encode(), {"Content-Type": content_type})
    if 200 <= code < 300:
        return None
    return answer.get("message", str(answer)) if isinstance(answer, dict) else f"{code}: {answer}"


def verdict(target, case, collection):
    """What a case comes to on the server: None, or the words of the refusal."""
    merge, strict = "application/merge-patch+json", "?fieldValidation=Strict"
    why = send(target, "POST", collection + strict, manifest(case))
    if why is None and "status" in case:
        why = send(target, "PATCH", f"{collection}/x/status{strict}", {"status": case["status"]}, merge)
    if why is None and "then" in case:
        part = "/status" if "status" in case["then"] else ""
        why = send(target, "PATCH", f"{collection}/x{part}{strict}", case["then"], merge)
    target.ask("DELETE", f"{collection}/x")
    return why


def establish(target):
    """Apply the definitions. Returns the paths of those that were not there, and what is wrong with any."""
    new, wrong = [], []
    for d in definitions():
        path = f"{DEFINITIONS}/{d['metadata']['name']}"
        if target.ask("GET", path)[0] == 404:
            new.append(path)
        why = send(target, "PATCH", path + "?fieldManager=bellman-tests&force=true&fieldValidation=Strict", d,
                   "application/apply-patch+yaml")
        conditions, end = {}, time.monotonic() + ESTABLISHED_WITHIN_S
        while why is None and conditions.get("Established") != "True" and time.monotonic() < end:
            time.sleep(0.1)
            conditions = {c["type"]: c["status"] for c in target.ask("GET", path)[2]["status"].get("conditions", [])}
        if why is None and (conditions.get("Established") != "True" or "NonStructuralSchema" in conditions):
            why = str(conditions)
        if why is not None:
            wrong.append(f"{d['metadata']['name']}: {why}")
    return new, wrong


def main():
    parser = argparse.ArgumentParser(description="Hold config/crds against a Kubernetes API server.")
    parser.add_argument("--server", required=True, metavar="URL")
    parser.add_argument("--token")
    parser.add_argument("--ca", metavar="FILE", help="believe in this authority")
    parser.add_argument("--insecure", action="store_true", help="believe in any certificate")
    parser.add_argument("-k", default="", metavar="PART", help="only cases whose name has this in it")
    arguments = parser.parse_args()
    plurals = {d["spec"]["names"]["kind"]: d["spec"]["names"]["plural"] for d in definitions()}
    cases = [c for c in load() if arguments.k in c["name"]]
    ns = "crds-" + "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=8))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        target = Target(arguments.server, folder, arguments.token, arguments.ca, arguments.insecure)
        new, wrong = establish(target)
        try:
            for line in wrong:
                print(f"FAIL  {line}")
            failed += len(wrong)
            send(target, "POST", "/api/v1/namespaces", {"metadata": {"name": ns}})
            for case in cases:
                why = verdict(target, case, f"/apis/metallb.io/{version_of(case)}/namespaces/{ns}/{plurals[case['kind']]}")
                wanted = case.get("schema")
                if why is None if wanted else why is not None:
                    print(f"FAIL  {case['name']}: {why or 'accepted'}")
                    failed += 1
                elif wanted and not re.search(wanted, why):
                    print(f"FAIL  {case['name']}: /{wanted}/ is not in: {why}")
                    failed += 1
        finally:
            target.ask("DELETE", f"/api/v1/namespaces/{ns}")
            for path in new:
                target.ask("DELETE", path)
    refused = sum("schema" in c for c in cases)
    print(f"{len(cases) - refused} to be accepted, {refused} to be refused, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
