# SPDX-License-Identifier: Apache-2.0
"""
The examples of docs/allocation.md: each is run, and what it prints is what the page says, byte for byte.

A block is either a file, whose info string is its language and its name, or a `console` session: lines that begin
with "$ " are run by a shell, in a folder with the files as they stand at that point of the page, and what follows is
what they print. A file that comes again takes the place of the earlier one. There is no other kind of block, and
no file that no session reads: so nothing on the page is left untested.
"""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BELLMAN_BIN", ROOT / "build/bin"))
PAGE = ROOT / "docs/allocation.md"


def blocks(text):
    """(line, info string, content) of each fenced block."""
    fence, found = None, []
    for number, line in enumerate(text.splitlines(), 1):
        if fence is None and line.startswith("```"):
            fence = (number, line[3:].strip(), [])
        elif fence is not None and line == "```":
            found.append((fence[0], fence[1], "\n".join(fence[2]) + "\n"))
            fence = None
        elif fence is not None:
            fence[2].append(line)
    assert fence is None, f"the block at line {fence[0]} does not end"
    return found


def sessions(text):
    """(line, files, session) of each console block; a block of another kind, or an unread file, is an error."""
    files, unread, found = {}, {}, []
    for line, info, content in blocks(text):
        words = info.split()
        if words == ["console"]:
            found.append((line, dict(files), content))
            for name in [n for n in unread if re.search(rf"(^|\s){re.escape(n)}(\s|$)", content, re.M)]:
                del unread[name]
        elif len(words) == 2 and re.fullmatch(r"[a-z-]+\.(conf|yaml)", words[1]):
            assert words[1] not in unread, f"line {line}: {words[1]} of line {unread[words[1]]} was never read"
            files[words[1]] = content
            unread[words[1]] = line
        else:
            raise AssertionError(f"line {line}: neither a file nor a console session: '{info}'")
    assert not unread, f"never read: {unread}"
    return found


def play(session, cwd):
    """Run the commands of a session; what it should look like then."""
    env = {k: v for k, v in os.environ.items() if k not in ("KUBECONFIG", "METALLB_NAMESPACE")}
    env["PATH"] = f"{BIN}:{env['PATH']}"
    seen, code = "", 0
    for command in re.findall(r"^\$ (.*)$", session, re.M):
        done = subprocess.run(["bash", "-c", f"(exit {code}); {command}"], cwd=cwd, env=env, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        seen, code = seen + f"$ {command}\n{done.stdout}", done.returncode
    return seen


SESSIONS = sessions(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("line, files, session", SESSIONS, ids=[f"line {line}" for line, _, _ in SESSIONS])
def test_the_example_prints_what_the_page_says(tmp_path, line, files, session):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert play(session, tmp_path) == session


@pytest.mark.parametrize("text, why", (
    ("```\nplain\n```\n", "neither a file nor a console session"),
    ("```sh\nrm -r /\n```\n", "neither a file nor a console session"),
    ("```yaml a.yaml\nx: 1\n```\n", "never read"),
    ("```yaml a.yaml\nx: 1\n```\n```yaml a.yaml\nx: 2\n```\n```console\n$ cat a.yaml\n```\n", "was never read"),
    ("```console\n$ true\n", "does not end")))
def test_a_block_that_nobody_would_test_is_an_error(text, why):
    with pytest.raises(AssertionError, match=why):
        sessions(text)


def test_a_session_that_prints_something_else_is_seen(tmp_path):
    (tmp_path / "a.yaml").write_text("x: 1\n")
    assert play("$ cat a.yaml\n$ false\n$ echo $?\n", tmp_path) == "$ cat a.yaml\nx: 1\n$ false\n$ echo $?\n1\n"
