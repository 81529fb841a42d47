#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Made-up scenarios in the simulator: `make test-sim` and `make soak-sim`.

First every named regression of tests/sim/regressions.txt, then the seeds of CI in blocks, one
result each; every so many seeds one is played twice and must be the same byte for byte. With
--soak new seeds follow for so many seconds, from --seed or the time of day.

The last line is `N passed, N failed`. Exit code 1 when anything failed.
"""
import argparse
import concurrent.futures
import itertools
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REGRESSIONS = ROOT / "tests/sim/regressions.txt"
SEEDS = 2000
BLOCK = 50
TWICE_EVERY = 40
BLOCK_TIMEOUT_S = 600
SHOWN = 10  # lines of a block that failed


def regressions():
    """(seed, name) of each line: SEED NAME: what it found."""
    for line in REGRESSIONS.read_text().splitlines():
        if line and not line.startswith("#"):
            seed, rest = line.split(" ", 1)
            yield int(seed), rest.split(":", 1)[0]


def play(binary, seeds, env):
    """Returns what to print, empty when all held."""
    command = [binary, "--twice-every", str(TWICE_EVERY), seeds]
    try:
        done = subprocess.run(command, env=env, cwd=ROOT, timeout=BLOCK_TIMEOUT_S,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
    except subprocess.TimeoutExpired as slow:
        return (slow.stdout or b"").decode(errors="replace") + f"stopped after {BLOCK_TIMEOUT_S} s"
    return "" if done.returncode == 0 else done.stdout or f"exit: {done.returncode}"


def test_cases():
    """(name, seeds) of what CI runs."""
    for seed, name in regressions():
        yield f"{name} (seed {seed})", str(seed)
    for first in range(0, SEEDS, BLOCK):
        seeds = f"{first}-{first + BLOCK - 1}"
        yield f"seeds {seeds}", seeds


def soak_cases(first, seconds):
    end = time.monotonic() + seconds
    for n in itertools.count():
        if time.monotonic() > end:
            return
        at = first + n * BLOCK
        yield f"seeds {at}-{at + BLOCK - 1}", f"{at}-{at + BLOCK - 1}"


def run(binary, cases, env):
    """Yields (name, what to print or empty) as they end, all cores busy."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {}
        for name, seeds in cases:
            running[pool.submit(play, binary, seeds, env)] = name
            while len(running) >= os.cpu_count():
                ended, _ = concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in ended:
                    yield running.pop(future), future.result()
        for future in concurrent.futures.as_completed(running):
            yield running[future], future.result()


def show(name, why):
    print(f"{'FAIL' if why else 'ok':4}  simulator, {name}", flush=True)
    lines = why.rstrip().splitlines()
    for line in lines[:SHOWN]:
        print("      " + line)
    if len(lines) > SHOWN:
        print(f"      and {len(lines) - SHOWN} lines more")


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--build", default="build", help="where make built (default: build)")
    parser.add_argument("--soak", type=float, help="new seeds for so many seconds")
    parser.add_argument("--seed", type=int, help="the first of them")
    arguments = parser.parse_args()
    binary = (ROOT / arguments.build / "san/sim/random").resolve()
    cases = test_cases()
    if arguments.soak is not None:
        first = arguments.seed if arguments.seed is not None else int(time.time()) * 1000
        cases = soak_cases(first, arguments.soak)
    passed = failed = 0
    for name, why in run(binary, cases, dict(os.environ)):
        show(name, why)
        passed, failed = passed + (not why), failed + bool(why)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed > 0 or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
