# SPDX-License-Identifier: Apache-2.0
"""
The resources of manifests.yaml through `bellman check`: what the definitions of config/crds refuse, it
refuses too, so that an API server without them, or a file, is no way around a rule. crds.py has the
API server's side.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import crds  # noqa: E402

BELLMAN = pathlib.Path(os.environ.get("BELLMAN_BIN", crds.HERE.parent.parent / "build/san/bin")) / "bellman"
WRITTEN = {"ServiceL2Status", "ServiceBGPStatus", "ConfigurationState"}  # by Bellman, never read
CASES = [c for c in crds.load() if c["kind"] not in WRITTEN]


def check(case, folder):
    """What `bellman check` says against a case: None, or its lines."""
    made = crds.manifest(case)
    made["spec"] = {**made.get("spec", {}), **case.get("then", {}).get("spec", {})}
    file = folder / f"{CASES.index(case)}.json"
    file.write_text(json.dumps(made))
    done = subprocess.run([BELLMAN, "check", file], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return None if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crds")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        yield {case["name"]: said for case, said in zip(CASES, pool.map(lambda c: check(c, folder), CASES))}


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in CASES])
def test_check_and_schema_agree(verdicts, case):
    said, wanted = verdicts[case["name"]], None if "why" in case else case.get("check", case.get("schema"))
    if wanted is None:
        assert said is None
    else:
        assert said is not None, "accepted"
        assert re.search(wanted, said)
