# SPDX-License-Identifier: Apache-2.0
"""
What `bellman simulate --svg` draws, as an XML parser reads it: all that the report tells is on the sheet, and nothing
is beyond its edge.
"""

import json
import os
import pathlib
import shutil
import subprocess
import xml.etree.ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BELLMAN_BIN", ROOT / "build/bin"))
SCENARIOS = ROOT / "config/scenarios"
SAMPLES = sorted(p.name for p in SCENARIOS.glob("*.conf") if "timeline" in p.read_text())
SVG = "{http://www.w3.org/2000/svg}"


def draw(scenario, to):
    """The drawing of a scenario, and the report of the same run."""
    done = subprocess.run([BIN / "bellman", "simulate", scenario, "--svg", to, "-o", "json"], text=True, capture_output=True,
                          timeout=120)
    assert done.returncode in (0, 1), done.stderr
    return xml.etree.ElementTree.parse(to).getroot(), json.loads(done.stdout)


def texts(root, tag="text"):
    return ["".join(e.itertext()) for e in root.iter(SVG + tag)]


@pytest.mark.parametrize("sample", SAMPLES)
def test_what_the_report_tells_is_drawn(sample, tmp_path):
    root, report = draw(SCENARIOS / sample, tmp_path / "s.svg")
    shown, tips = texts(root), texts(root, "title")
    assert shown[0] == f"{report['scenario']}, seed {report['seed']}"
    for address in report["addresses"]:
        assert address["service"] in shown and address["address"] in shown
        if address["owner"]:
            assert address["owner"] in shown
    steps = [e["text"] for e in report["timeline"] if e["type"] in ("fault", "healed")]
    assert steps and all(step in tips and step in shown for step in steps)
    assert sum(t.startswith("dark from ") for t in tips) == sum(e["type"] == "dark" for e in report["timeline"])


@pytest.mark.parametrize("sample", SAMPLES)
def test_nothing_is_beyond_the_edge(sample, tmp_path):
    root, _ = draw(SCENARIOS / sample, tmp_path / "s.svg")
    width, height = map(int, root.get("viewBox").split()[2:])
    inside = [e for part in root for e in part.iter() if part.tag not in (SVG + "defs", SVG + "g")]
    boxes = [e for e in inside if e.tag == SVG + "rect"]
    assert len(boxes) > 5
    for e in boxes:
        x, y, w, h = (int(e.get(key, 0)) for key in ("x", "y", "width", "height"))
        assert 0 <= x and x + w <= width and 0 <= y and y + h <= height and w >= 0 and h > 0
    for e in inside:
        if e.tag == SVG + "text":
            assert 0 < int(e.get("x")) < width and 0 < int(e.get("y")) < height


def test_a_failure_is_marked(tmp_path):
    for name in ("bellman.conf", "web.yaml"):
        shutil.copy(SCENARIOS / name, tmp_path)
    (tmp_path / "s.conf").write_text(
        'config = "bellman.conf";\nmanifests = ( "web.yaml" );\n'
        'timeline = ( { at = "5s"; expect = { service = "web/front"; owner = "node2"; }; } );\n')
    root, report = draw(tmp_path / "s.conf", tmp_path / "s.svg")
    assert report["disappointed"] == 1
    assert "!1" in texts(root) and "What was done, and what was not as it should be (!)" in texts(root)


@pytest.mark.parametrize("name", ["a <b> & \"c\"", "café ☃", "x" * 150, "]]>"])
def test_a_name_may_hold_anything(name, tmp_path):
    for file in ("bellman.conf", "web.yaml"):
        shutil.copy(SCENARIOS / file, tmp_path)
    shutil.copy(SCENARIOS / "planned-move.conf", tmp_path / f"{name}.conf")
    root, _ = draw(tmp_path / f"{name}.conf", tmp_path / "s.svg")
    title = texts(root)[0]
    assert title == f"{name}, seed 1" or (len(name) > 100 and title.startswith("xxxx") and title.endswith("…"))
