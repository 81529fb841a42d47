# SPDX-License-Identifier: Apache-2.0
"""
The proxy's rule sets as nft and the kernel take them: each tests/golden/proxy/NAME.nft.json loads,
and lists as NAME.nft says. tests/unit/test_proxy_golden.c compares the former with what the proxy
makes of NAME.objects.json.

Run with GOLDEN_WRITE=1 to write NAME.nft anew, and read the difference before committing it.
"""

import os
import pathlib
import shutil
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent / "proxy"
RULE_SETS = sorted(FOLDER.glob("*.nft.json"))
# In a namespace of its own; twice, since the second time there is something to replace.
LOAD = 'nft -j -f "$0" && nft -j -f "$0" && nft -s list table inet bellman'


def nft_version():
    return subprocess.run(["nft", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


@pytest.fixture(scope="module", autouse=True)
def can_load():
    if not shutil.which("nft"):
        pytest.skip("nft is not installed: make deps")
    if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode != 0:
        pytest.skip("network namespaces need root")


def listing(path):
    done = subprocess.run(["unshare", "-n", "sh", "-c", LOAD, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_rule_sets():
    objects = {p.name.removesuffix(".objects.json") for p in FOLDER.glob("*.objects.json")}
    assert {p.name.removesuffix(".nft.json") for p in RULE_SETS} == objects


@pytest.mark.parametrize("path", RULE_SETS, ids=lambda p: p.name.removesuffix(".nft.json"))
def test_the_kernel_takes_it_and_lists_it(path):
    golden = path.with_name(path.name.removesuffix(".json"))
    head = f"# as listed by nft {nft_version()}\n"
    listed = listing(path)
    if os.environ.get("GOLDEN_WRITE"):
        golden.write_text(head + listed, encoding="ascii")
    text = golden.read_text(encoding="ascii")
    if not text.startswith(head):
        pytest.skip(f"it loads, but each nft words its lists in its own way: {head.strip()} is not that of {golden.name}")
    assert head + listed == text


def test_a_list_would_tell_a_difference(tmp_path):
    text = (FOLDER / "ways-in.nft.json").read_text(encoding="ascii")
    other = tmp_path / "other.nft.json"
    other.write_text(text.replace('"10.244.2.2"', '"10.244.2.3"'), encoding="ascii")
    assert listing(other) != listing(FOLDER / "ways-in.nft.json")
