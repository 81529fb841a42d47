#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Does the simulator notice faults? `make mutate-sim`

Puts each small fault of tests/sim/mutants.py into a copy of the sources, plays the named
regressions and then seed after seed until something does not hold, and says what. The sources as
they are come first, and must hold on all of these seeds. What is said last is the table of
docs/simulation.md. Exit code 1 when a fault was not noticed.

With --check it looks only whether every fault still fits the sources.
"""
import argparse
import concurrent.futures
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import time

import play
from mutants import MUTANTS

COPIES = play.ROOT / "build/mutants"
PROGRAM = "build/sim/random"
SEEDS = 2000
BLOCK = 50
BLOCK_TIMEOUT_S = 300


# --- does it fit

def misfit(mutant):
    """What is wrong with it, or None."""
    count = (play.ROOT / mutant.file).read_text().count(mutant.old)
    if count != 1:
        return f"its text stands {count} times in {mutant.file}"
    return "it changes nothing" if mutant.old == mutant.new else None


def check():
    names = [mutant.name for mutant in MUTANTS]
    wrong = [(name, "it is there twice") for name in names if names.count(name) > 1]
    wrong += [(mutant.name, why) for mutant in MUTANTS if (why := misfit(mutant)) is not None]
    for name, why in wrong:
        print(f"tests/sim/mutants.py: {name}: {why}", file=sys.stderr)
    return not wrong


# --- copies of the sources

def copy_sources(to):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=play.ROOT,
                            check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in listed.splitlines():
        if (play.ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(play.ROOT / name, to / name)


def build(tree, jobs):
    """Warnings are errors. Returns what the compiler says, empty when all is well."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    env["CCACHE_NOHASHDIR"] = "1"  # what is compiled is the same in all copies
    compiler = env.get("CC", "gcc")
    if "ccache" not in compiler and shutil.which("ccache") is not None:
        compiler = "ccache " + compiler
    command = ["make", "-s", f"-j{jobs}", "CI=1", "BUILD=build", f"CC={compiler}", PROGRAM]
    done = subprocess.run(command, cwd=tree, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    return done.stdout if done.returncode != 0 else ""


def make_copies(count):
    """Of the sources as they are, built."""
    shutil.rmtree(COPIES, ignore_errors=True)
    trees = [COPIES / str(i) for i in range(count)]
    copy_sources(trees[0])
    wrong = build(trees[0], count)
    if wrong:
        sys.exit(wrong)
    for tree in trees[1:]:
        shutil.copytree(trees[0], tree, symlinks=True)  # with the times of files, for make
    return trees


# --- seeds

class Failure:
    """The first that failed of the seeds that were played."""

    def __init__(self, line, seed):
        self.seed = seed
        self.line = line

    def invariant(self):
        words = self.line.split(": ")
        return words[1] if self.line.startswith("seed ") and len(words) > 2 else self.line


def play_seeds(tree, first, last):
    """Those from @first to @last, until one fails. Returns the first line of it, or None."""
    with subprocess.Popen([tree / PROGRAM, f"{first}-{last}"], cwd=tree, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          errors="replace") as running:
        try:
            line, _ = running.communicate(timeout=BLOCK_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            running.kill()
            return "it does not come to an end"
    if running.returncode < 0:
        return line.partition("\n")[0] or f"ends by {signal.Signals(-running.returncode).name}"
    return line.partition("\n")[0] or None


def seed_of(tree, line, first, last):
    if line.startswith("seed "):
        return int(line.split()[1].rstrip(":"))
    for seed in range(first, last):
        if play_seeds(tree, seed, seed) is not None:
            return seed
    return last


def blocks(seeds):
    for seed, _ in play.regressions():
        yield seed, seed
    for first in range(0, seeds, BLOCK):
        yield first, min(first + BLOCK, seeds) - 1


def first_failure(tree, seeds):
    """Returns it, or None; and how many seeds were played."""
    played = 0
    for first, last in blocks(seeds):
        line = play_seeds(tree, first, last)
        if line is not None:
            seed = seed_of(tree, line, first, last)
            return Failure(line, seed), played + seed - first + 1
        played += last - first + 1
    return None, played


# --- faults

class Result:
    """What became of a mutant. .failure None: it was not noticed."""

    def __init__(self, mutant, failure, played, seconds):
        self.mutant = mutant
        self.failure = failure
        self.played = played
        self.seconds = seconds

    def words(self):
        return self.failure.line if self.failure else f"NOT NOTICED in {self.played} seeds"

    def row(self):
        caught, seed = "**not noticed**", ""
        if self.failure is not None:
            caught, seed = f"`{self.failure.invariant()}`", self.failure.seed
        return (f"| `{self.mutant.name}` | `{self.mutant.file}` | {self.mutant.wrong} | {caught} | "
                f"{seed} | {self.played} | {self.seconds:.1f} |")


def try_mutant(mutant, trees, seeds):
    tree = trees.get()
    path = tree / mutant.file
    text = path.read_text()
    try:
        path.write_text(text.replace(mutant.old, mutant.new))
        wrong = build(tree, 1)
        if wrong:
            raise SystemExit(f"{mutant.name} does not compile:\n{wrong}")
        begun = time.monotonic()
        failure, played = first_failure(tree, seeds)
        return Result(mutant, failure, played, time.monotonic() - begun)
    finally:
        path.write_text(text)
        trees.put(tree)


def try_all(mutants, trees, seeds):
    free = queue.SimpleQueue()
    for tree in trees:
        free.put(tree)
    with concurrent.futures.ThreadPoolExecutor(len(trees)) as pool:
        waiting = [pool.submit(try_mutant, mutant, free, seeds) for mutant in mutants]
        for future in concurrent.futures.as_completed(waiting):
            result = future.result()
            print(f"{result.mutant.name}: {result.words()}", flush=True)
        return [future.result() for future in waiting]


def print_table(results):
    print("\n| Fault | In | What it does wrong | Noticed by | Seed | Played | Seconds |")
    print("|---|---|---|---|--:|--:|--:|")
    for result in results:
        print(result.row())


def hold_as_they_are(tree, seeds):
    begun = time.monotonic()
    failure, played = first_failure(tree, seeds)
    if failure is not None:
        sys.exit(f"without any fault: {failure.line}")
    print(f"without any fault: all held, {played} seeds in {time.monotonic() - begun:.0f} s",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only whether all faults fit")
    parser.add_argument("--only", metavar="NAME", action="append", help="this fault alone")
    parser.add_argument("--seeds", type=int, default=SEEDS,
                        help=f"how many may be played for each (default: {SEEDS})")
    arguments = parser.parse_args()
    if not check():
        return 1
    if arguments.check:
        return 0
    mutants = [m for m in MUTANTS if arguments.only is None or m.name in arguments.only]
    trees = make_copies(os.cpu_count())
    hold_as_they_are(trees[0], arguments.seeds)
    results = try_all(mutants, trees, arguments.seeds)
    print_table(results)
    return 1 if not results or any(result.failure is None for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
