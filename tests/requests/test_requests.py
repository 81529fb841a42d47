# SPDX-License-Identifier: Apache-2.0
"""
The request list against a sanitized bellman-apiserver: one test for each case and kubectl.

Cases are apart by namespace and mostly wait for kubectl to start, so those that were selected
run a few at a time; a test waits for its own.
"""
import concurrent.futures
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import kubectls  # noqa: E402
import run  # noqa: E402

BINARIES = [b for b in (kubectls.path_kubectl(), kubectls.debian_kubectl()) if b]
RUNS = list(run.plan(run.load(), BINARIES))
START_WITHIN_S = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("requests")
    log = folder / "apiserver.log"
    with open(log, "w") as out:
        process = subprocess.Popen([kubectls.BIN / "bellman-apiserver", "--listen", "127.0.0.1:0"],
                                   stderr=out, stdin=subprocess.DEVNULL)
    end = time.monotonic() + START_WITHIN_S
    while not (found := re.search(r"address=127\.0\.0\.1:(\d+)", log.read_text())):
        assert process.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.02)
    yield run.Target(f"http://127.0.0.1:{found[1]}", folder)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, log.read_text()


@pytest.fixture(scope="module")
def outcomes(request, server):
    """label: future of why it does not hold."""
    chosen = [i.callspec.params["planned"] for i in request.session.items
              if hasattr(i, "callspec") and "planned" in i.callspec.params]
    with concurrent.futures.ThreadPoolExecutor(run.WORKERS) as pool:
        yield {label: pool.submit(run.outcome, server, case, binary) for case, binary, label in chosen}


@pytest.mark.skipif(not BINARIES, reason="no kubectl on PATH, and Debian's cannot be fetched")
def test_there_is_a_kubectl_to_run_the_list_with():
    assert any(binary for _, binary, _ in RUNS)


@pytest.mark.parametrize("planned", [pytest.param(r, id=r[2]) for r in RUNS])
def test_request(outcomes, planned):
    why = outcomes[planned[2]].result()
    if why:
        pytest.fail(why, pytrace=False)
