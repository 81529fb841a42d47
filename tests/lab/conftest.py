# SPDX-License-Identifier: Apache-2.0
"""
Fixtures of the lab tests. `lab` is a fresh network; `cluster` has the whole cast running in it.

Where namespaces cannot be made every lab test is skipped with the reason. A failed test shows the
tail of each daemon's log.
"""

import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import api  # noqa: E402
from ctl import api_server, files  # noqa: E402, F401
import lab as labs  # noqa: E402
import netns  # noqa: E402

_open_labs = []


def pytest_sessionstart(session):
    # A test run that is told to stop cleans up as on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    labs.sweep()


@pytest.fixture(scope="session")
def can_lab():
    reason = netns.why_not()
    if reason:
        pytest.skip(reason)


def _lab(**kwargs):
    lab = labs.Lab(**kwargs)
    with lab:
        _open_labs.append(lab)
        try:
            yield lab
        finally:
            _open_labs.remove(lab)


@pytest.fixture
def lab(can_lab):
    """A fresh network with backends, no daemon running."""
    yield from _lab()


@pytest.fixture
def bare_lab(can_lab):
    """A fresh network without backends."""
    yield from _lab(backends=False)


@pytest.fixture
def cluster(lab):
    """The whole cast on three nodes, a pool "lan" of both families announced by layer 2."""
    objects = [*lab.cluster_objects(), api.pool("lan", ["10.0.0.200-10.0.0.230", "fd00:10::200/120"]),
               api.l2_advertisement("lan")]
    return lab.start_all(objects=objects)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for lab in _open_labs:
            for p in lab.processes:
                if p.log and not p.name.startswith("backend"):
                    report.sections.append((f"log of {p.name}", p.log[-4000:]))
