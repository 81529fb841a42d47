#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Run every test that needs no cluster and count them: what `make test` ends with.

Unit tests are cmocka programs that speak TAP, one for each tests/unit/test_*.c; made-up
scenarios are played in the simulator, a block of seeds a result (tests/sim/play.py); golden
tests, the request list, the custom resources and lab tests are pytest's. All run against the
sanitized build. A sanitizer's report is a failure whichever process wrote it, a daemon deep
inside a lab test included, because reports go to files that are looked at when all is over.

The last line is `N passed, N failed, N skipped`. Exit code 1 when anything failed or
nothing ran. `--only PART` runs the unit tests whose name contains it and hands it to
pytest as -k.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/sim"))
import play  # noqa: E402

UNIT_TIMEOUT_S = 300
PYTEST_TIMEOUT_S = 1500
PYTEST_NO_TESTS = 5


class Tally:
    """What ran: counts, and why the failed ones failed."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed=0, failed=0, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def read_tap(text):
    """(passed, failed, skipped, promised) of one program's TAP; groups each promise a plan."""
    promised = sum(int(n) for n in re.findall(r"^1\.\.(\d+)", text, re.M))
    lines = re.findall(r"^(?:not )?ok\b.*$", text, re.M)
    skips = [line for line in lines if re.search(r"#\s*skip", line, re.I)]  # cmocka: "not ok"
    bad = [line for line in lines if line.startswith("not") and line not in skips]
    return len(lines) - len(skips) - len(bad), len(bad), len(skips), promised


def run_unit(binary, env):
    """Run one program. Returns its counts and, when something is wrong, what to print."""
    if not binary.exists():
        return (0, 1, 0), f"{binary} was not built"
    try:
        done = subprocess.run([binary], env=env, cwd=ROOT, timeout=UNIT_TIMEOUT_S,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
        text, end = done.stdout, done.returncode
    except subprocess.TimeoutExpired as slow:
        text = (slow.stdout or b"").decode(errors="replace")
        end = f"stopped after {UNIT_TIMEOUT_S} s"
    passed, failed, skipped, promised = read_tap(text)
    seen = passed + failed + skipped
    # A crash or a leak leaves no "not ok" behind: it counts as one failure of its own.
    if failed == 0 and (end != 0 or seen == 0 or seen != promised):
        failed = 1
    why = "" if failed == 0 else f"{text.rstrip()}\nexit: {end}, {seen} of {promised} tests ended"
    return (passed, failed, skipped), why


def run_units(build, env, only, tally):
    sources = sorted((ROOT / "tests/unit").glob("test_*.c"))
    binaries = [build / "san/unit" / s.stem for s in sources if only in s.stem]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        ended = pool.map(lambda b: run_unit(b, env), binaries)
        for binary, (counts, why) in zip(binaries, ended):
            tally.add(*counts)
            print(f"{'FAIL' if why else 'ok':4}  {binary.name}: "
                  f"{counts[0]} passed, {counts[1]} failed, {counts[2]} skipped", flush=True)
            if why:
                print("\n".join("      " + line for line in why.splitlines()), flush=True)


def run_simulator(build, env, only, tally):
    if only not in "simulator":
        return
    for name, why in play.run(build / "san/sim/random", play.test_cases(), env):
        tally.add(passed=not why, failed=bool(why))
        play.show(name, why)


def run_pytest(build, env, only, tally):
    folders = [d for d in ("tests/golden", "tests/requests", "tests/crds", "tests/lab") if list((ROOT / d).glob("test_*.py"))]
    if not folders:
        return
    report = build / "san/pytest.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-rsfE", "--tb=short",
               "-p", "no:cacheprovider", f"--junitxml={report}", *folders]
    if only:
        command += ["-k", only]
    try:
        end = subprocess.run(command, env=env, cwd=ROOT, timeout=PYTEST_TIMEOUT_S,
                             stdin=subprocess.DEVNULL).returncode
    except subprocess.TimeoutExpired:
        end = f"stopped after {PYTEST_TIMEOUT_S} s"
    bad = 0
    if report.exists():
        for suite in xml.etree.ElementTree.parse(report).getroot().iter("testsuite"):
            tests, skipped = int(suite.get("tests")), int(suite.get("skipped"))
            bad = int(suite.get("failures")) + int(suite.get("errors"))
            # pytest counts one that fails and then errs while cleaning up twice.
            tally.add(max(tests - bad - skipped, 0), bad, skipped)
    if bad == 0 and end not in (0, PYTEST_NO_TESTS):
        print(f"FAIL  pytest ended badly: {end}")
        tally.add(failed=1)


def read_reports(folder, tally):
    for report in sorted(folder.iterdir()):
        print(f"FAIL  sanitizer report {report.name}")
        print("\n".join("      " + line for line in
                        report.read_text(errors="replace").splitlines()))
        tally.add(failed=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--build", default="build", help="where make built (default: build)")
    parser.add_argument("--only", default="", help="only tests whose name contains this")
    arguments = parser.parse_args()
    build = (ROOT / arguments.build).resolve()

    reports = build / "san/reports"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    env = dict(os.environ,
               BELLMAN_BIN=str(build / "san/bin"),
               CMOCKA_MESSAGE_OUTPUT="TAP",
               ASAN_OPTIONS=f"detect_leaks=1:strict_string_checks=1:log_path={reports}/asan",
               UBSAN_OPTIONS=f"halt_on_error=1:print_stacktrace=1:log_path={reports}/ubsan",
               PYTHONDONTWRITEBYTECODE="1")

    tally = Tally()
    run_units(build, env, arguments.only, tally)
    run_simulator(build, env, arguments.only, tally)
    run_pytest(build, env, arguments.only, tally)
    read_reports(reports, tally)
    if tally.passed + tally.failed == 0:
        print("FAIL  no test ran")
    print(tally, flush=True)
    return 1 if tally.failed > 0 or tally.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
