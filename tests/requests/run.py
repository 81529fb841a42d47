#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The request list: what an API server has to answer to raw requests and to kubectl, as data.

`make test` runs tests/requests/*.yaml against bellman-apiserver (test_requests.py). By hand the
same list goes against any server, a real Kubernetes API server included:

    run.py --server https://127.0.0.1:6443 --token T --ca ca.pem [--kubectl PATH] [-k PART]

A file is a list of cases. A case has

    name    the rule, a sentence
    steps   run one after the other, in a fresh namespace {ns} that is deleted afterwards
    since   the oldest kubectl that can say this, such as 1.24
    only    bellman: not true of a real Kubernetes API server; `why` says why
    cleanup paths to delete afterwards; what raw requests created outside of {ns} goes by itself

and a step is one of

    request: METHOD PATH   blanks in PATH are encoded
        body               an object, or a string that is sent as it is
        type               its content type (application/json)
        headers            of the request
        code               of the answer; without it, any 2xx
        answer             see below
        header             of the answer, NAME: text, or the texts of several of that name
        save               {variable: path.in.the.answer}
    kubectl: ARGS          as in a shell, or a list
        stdin              text, an object or a list of objects
        env                of the process
        exit               code (0)
        stdout, stderr     text, /regex/, or a list of lines, in which runs of blanks are one
        save               {variable: path} in stdout, which is JSON then
    watch: PATH            leave a watch running; its events are looked at by `seen`
    watch_kubectl: ARGS    leave a kubectl running; its lines are looked at by `seen`
    seen                   what the last watch has told, within a few seconds: events or lines

A request or a kubectl with `within: SECONDS` is repeated until it is answered as wanted.
`answer`, `seen`: an object holds at least the given members, `absent` for one that must not be
there; a list has as many elements, each as wanted; a string in slashes is a regular expression
to be found; everything else is equal. {name} stands for a variable, of which {ns} is one,
wherever a variable of that name exists.
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import re
import shlex
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import yaml

import kubectls

HERE = pathlib.Path(__file__).resolve().parent
CASE_KEYS = {"name", "steps", "since", "only", "why", "cleanup"}
STEP_KEYS = {
    "request": {"body", "type", "headers", "code", "answer", "header", "save", "within"},
    "kubectl": {"stdin", "env", "exit", "stdout", "stderr", "save", "within"},
    "watch": set(),
    "watch_kubectl": set(),
    "seen": set(),
}
ABSENT = "absent"
SEEN_WITHIN_S = 15
KUBECTL_TIMEOUT_S = 60
WORKERS = 4


class Mismatch(Exception):
    """An answer is not the one that was wanted."""


# --- the data ---------------------------------------------------------------------------------


def what_of(step):
    """Which of the five a step is. A misspelt member is an error, not a check that is never made."""
    found = [k for k in STEP_KEYS if k in step]
    if len(found) != 1:
        raise ValueError(f"a step is one of {sorted(STEP_KEYS)}: {step}")
    unknown = set(step) - STEP_KEYS[found[0]] - {found[0]}
    if unknown:
        raise ValueError(f"unknown in a {found[0]} step: {sorted(unknown)}")
    return found[0]


def parse(file):
    try:
        return yaml.load(file.read_text(), yaml.CSafeLoader)
    except yaml.YAMLError as e:
        raise ValueError(f"{file.name}: {e}") from None


def load(folder=HERE):
    """All cases of all files, checked."""
    cases, names = [], set()
    for file in sorted(folder.glob("*.yaml")):
        for case in parse(file):
            try:
                if set(case) - CASE_KEYS or not case.get("steps"):
                    raise ValueError(f"unknown members or no steps: {sorted(case)}")
                if case["name"] in names:
                    raise ValueError("there are two of this name")
                if ("only" in case) != ("why" in case) or case.get("only", "bellman") != "bellman":
                    raise ValueError("`only: bellman` and `why` go together")
                for step in case["steps"]:
                    what_of(step)
            except (ValueError, KeyError) as e:
                raise ValueError(f"{file.name}: {case.get('name')}: {e}") from None
            names.add(case["name"])
            case["file"] = file.stem
            cases.append(case)
    return cases


def uses_kubectl(case):
    return any("kubectl" in s or "watch_kubectl" in s for s in case["steps"])


def suits(case, version):
    """Can a kubectl of this version, (1, 20), say what the case says?"""
    return tuple(int(n) for n in str(case.get("since", "1.0")).split(".")) <= version


def fill(value, variables):
    """@value with its {variables}."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda m: str(variables.get(m[1], m[0])), value)
    if isinstance(value, list):
        return [fill(v, variables) for v in value]
    if isinstance(value, dict):
        return {fill(k, variables): fill(v, variables) for k, v in value.items()}
    return value


# --- comparing --------------------------------------------------------------------------------


def as_regex(want):
    return want[1:-1] if isinstance(want, str) and len(want) > 2 and want[0] == want[-1] == "/" else None


def check(got, want, where=""):
    """Raise a Mismatch unless @got is as wanted."""
    where = where or "answer"
    regex = as_regex(want)
    if isinstance(want, dict):
        if not isinstance(got, dict):
            raise Mismatch(f"{where}: {got!r}, wanted an object")
        for key, value in want.items():
            if value == ABSENT:
                if key in got:
                    raise Mismatch(f"{where}.{key}: {got[key]!r}, wanted none")
            elif key not in got:
                raise Mismatch(f"{where}.{key}: missing, wanted {value!r}; there are {sorted(got)}")
            else:
                check(got[key], value, f"{where}.{key}")
    elif isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            raise Mismatch(f"{where}: {json.dumps(got)}, wanted {len(want)} elements")
        for i, (g, w) in enumerate(zip(got, want)):
            check(g, w, f"{where}[{i}]")
    elif regex is not None:
        if not re.search(regex, got if isinstance(got, str) else json.dumps(got), re.M):
            raise Mismatch(f"{where}: {got!r}, wanted {want}")
    elif type(got) is not type(want) or got != want:
        raise Mismatch(f"{where}: {got!r}, wanted {want!r}")


def squeeze(line):
    return re.sub(r"\s+", " ", line).strip()


def check_text(got, want, where):
    """As check(), for what a program printed."""
    if isinstance(want, list):
        lines = [squeeze(line) for line in got.strip("\n").split("\n")] if got.strip() else []
        check(lines, [w if as_regex(w) else squeeze(w) for w in want], where)
    elif as_regex(want):
        check(got, want, where)
    else:
        check(got.strip("\n"), want.strip("\n"), where)


def dig(value, path):
    for key in path.split("."):
        value = value[int(key) if isinstance(value, list) else key]
    return value


# --- a server, and a case against it ------------------------------------------------------------


class Target:
    """A server and how to speak to it: raw connections, kept for each thread, and a kubeconfig."""

    def __init__(self, url, folder, token=None, ca=None, insecure=False):
        self.folder = pathlib.Path(folder)
        self.url = urllib.parse.urlsplit(url)
        self.token = token
        self.local = threading.local()
        self.tls = None
        if self.url.scheme == "https":
            self.tls = ssl.create_default_context(cafile=ca)
            if insecure:
                self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        cluster = {"server": url}
        if ca:
            cluster["certificate-authority"] = str(pathlib.Path(ca).resolve())
        if insecure:
            cluster["insecure-skip-tls-verify"] = True
        self.kubeconfig = self.folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": token} if token else {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}))

    def open(self):
        if self.tls:
            return http.client.HTTPSConnection(self.url.hostname, self.url.port, timeout=60, context=self.tls)
        return http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=60)

    def headers(self, more=()):
        told = {"Accept": "application/json"}
        if self.token:
            told["Authorization"] = f"Bearer {self.token}"
        return {**told, **dict(more)}

    def ask(self, method, path, body=None, headers=()):
        """One request on this thread's connection: (code, headers, decoded JSON or text)."""
        path = urllib.parse.quote(path, safe="/?&=%:,!()*'+~@;$")
        for last in (False, True):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = self.local.connection = self.open()
            try:
                connection.request(method, path, body, self.headers(headers))
                answer = connection.getresponse()
                text = answer.read().decode()
                break
            except (http.client.HTTPException, ConnectionError):
                # A kept connection may have been closed meanwhile; a fresh one may not.
                connection.close()
                self.local.connection = None
                if last:
                    raise
        if "json" in answer.headers.get("Content-Type", ""):
            try:
                return answer.status, answer.headers, json.loads(text)
            except ValueError:  # a watch that has ended: a line for each event
                return answer.status, answer.headers, [json.loads(line) for line in text.splitlines()]
        return answer.status, answer.headers, text


class Watch:
    """What a stream of lines has told so far, read by a thread as it comes."""

    def __init__(self, lines, stop, decode):
        self.told, self.stop = [], stop
        self.thread = threading.Thread(target=self._read, args=(lines, decode), daemon=True)
        self.thread.start()

    def _read(self, lines, decode):
        try:
            for line in lines:
                self.told.append(decode(line))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # stopped

    def close(self):
        self.stop()
        self.thread.join(10)


class Run:
    """One case against one server with one kubectl."""

    def __init__(self, target, case, kubectl=None):
        self.target, self.case, self.kubectl = target, case, kubectl
        self.variables = {"ns": "r-" + "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=8))}
        self.made, self.watch = [], None

    def run(self):
        ns = self.variables["ns"]
        code, _, answer = self.target.ask("POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": ns}}),
                                          {"Content-Type": "application/json"})
        if code != 201:
            raise Mismatch(f"no namespace: {code} {answer}")
        self.made.append(f"/api/v1/namespaces/{ns}")
        try:
            for i, step in enumerate(self.case["steps"]):
                try:
                    self.step(fill(step, self.variables))
                except Mismatch as e:
                    what = what_of(step)
                    raise Mismatch(f"step {i + 1}, {what}: {fill(step[what], self.variables)}\n{e}") from None
        finally:
            if self.watch:
                self.watch.close()
            for path in fill(self.case.get("cleanup", []), self.variables) + self.made[::-1]:
                self.target.ask("DELETE", path)

    def step(self, step):
        what = what_of(step)
        end = time.monotonic() + step.get("within", 0)
        while True:
            try:
                return self.DO[what](self, step)
            except Mismatch:
                if time.monotonic() >= end:
                    raise
                time.sleep(0.1)

    def request(self, step):
        method, path = step["request"].split(" ", 1)
        headers, body = dict(step.get("headers", {})), step.get("body")
        if body is not None:
            headers.setdefault("Content-Type", step.get("type", "application/json"))
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        code, told, answer = self.target.ask(method, path, body, headers)
        if code == 201 and isinstance(answer, dict) and "namespace" not in answer.get("metadata", {"namespace": ""}):
            self.made.append(path.split("?")[0] + "/" + answer["metadata"].get("name", ""))
        if code != step["code"] if "code" in step else not 200 <= code < 300:
            raise Mismatch(f"code {code}, wanted {step.get('code', '2xx')}: {json.dumps(answer)}")
        for name, want in step.get("header", {}).items():
            texts = told.get_all(name, [ABSENT])
            check(texts if isinstance(want, list) else texts[0], want, name)
        if "answer" in step:
            try:
                check(answer, step["answer"])
            except Mismatch as e:
                raise Mismatch(f"{e}\nall of it: {json.dumps(answer)}") from None
        self.save(step, answer)

    def save(self, step, answer):
        for name, path in step.get("save", {}).items():
            self.variables[name] = dig(answer, path)

    def argv(self, arguments):
        arguments = shlex.split(arguments) if isinstance(arguments, str) else arguments
        return [self.kubectl, f"--kubeconfig={self.target.kubeconfig}", f"--cache-dir={self.target.folder}/cache",
                f"--namespace={self.variables['ns']}", *map(str, arguments)]

    def run_kubectl(self, step):
        stdin = step.get("stdin")
        if isinstance(stdin, list):
            stdin = yaml.safe_dump_all(stdin)
        elif stdin is not None and not isinstance(stdin, str):
            stdin = json.dumps(stdin)
        done = subprocess.run(self.argv(step["kubectl"]), input=stdin if stdin is not None else "",
                              capture_output=True, text=True, timeout=KUBECTL_TIMEOUT_S,
                              env={**os.environ, **step.get("env", {})})
        try:
            if done.returncode != step.get("exit", 0):
                raise Mismatch(f"exit {done.returncode}, wanted {step.get('exit', 0)}")
            for name, got in (("stdout", done.stdout), ("stderr", done.stderr)):
                if name in step:
                    check_text(got, step[name], name)
        except Mismatch as e:
            raise Mismatch(f"{e}\nstdout: {done.stdout}\nstderr: {done.stderr}") from None
        if "save" in step:
            self.save(step, json.loads(done.stdout))

    def watch_raw(self, step):
        connection = self.target.open()
        path = urllib.parse.quote(step["watch"], safe="/?&=%:,!()*'+~")
        connection.request("GET", path, headers=self.target.headers())
        answer = connection.getresponse()
        if answer.status != 200:
            raise Mismatch(f"code {answer.status}: {answer.read().decode()}")
        sock = connection.sock

        def stop():
            try:
                sock.shutdown(2)
            except OSError:
                pass  # the server was first
            connection.close()

        self.watch_is(Watch(answer, stop, json.loads))

    def watch_kubectl(self, step):
        process = subprocess.Popen(self.argv(step["watch_kubectl"]), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                   stderr=subprocess.STDOUT, text=True)

        def stop():
            process.terminate()
            process.wait(10)

        self.watch_is(Watch(process.stdout, stop, squeeze))

    def watch_is(self, watch):
        if self.watch:
            self.watch.close()
        self.watch = watch

    def seen(self, step):
        end = time.monotonic() + SEEN_WITHIN_S
        while True:
            told = list(self.watch.told)
            try:
                return check(told, step["seen"], "seen")
            except Mismatch:
                if len(told) > len(step["seen"]) or time.monotonic() >= end:
                    raise
                time.sleep(0.02)


    DO = {"request": request, "kubectl": run_kubectl, "watch": watch_raw, "watch_kubectl": watch_kubectl, "seen": seen}


# --- all of them --------------------------------------------------------------------------------


def plan(cases, binaries):
    """(case, kubectl or None, label) of each run: once, or once with each kubectl that can say it."""
    versions = {b: kubectls.version(b) for b in binaries}
    for case in cases:
        if not uses_kubectl(case):
            yield case, None, case["name"]
            continue
        for binary, version in versions.items():
            if suits(case, version):
                yield case, binary, f"{case['name']} (kubectl {version[0]}.{version[1]})"


def outcome(target, case, binary):
    """None, or why the case does not hold."""
    try:
        Run(target, case, binary).run()
        return None
    except Mismatch as e:
        return str(e)
    except (OSError, http.client.HTTPException, subprocess.TimeoutExpired, LookupError, ValueError) as e:
        return f"{type(e).__name__}: {e}"


def main():
    parser = argparse.ArgumentParser(description="Run the request list against a server.")
    parser.add_argument("--server", required=True, metavar="URL")
    parser.add_argument("--token")
    parser.add_argument("--ca", metavar="FILE", help="believe in this authority")
    parser.add_argument("--insecure", action="store_true", help="believe in any certificate")
    parser.add_argument("--kubectl", action="append", metavar="PATH", help="default: that on PATH and Debian's")
    parser.add_argument("--bellman", action="store_true", help="also the cases that only bellman-apiserver fulfils")
    parser.add_argument("-k", default="", metavar="PART", help="only cases whose file or name has this in it")
    parser.add_argument("--jobs", type=int, default=WORKERS)
    arguments = parser.parse_args()
    binaries = arguments.kubectl or [b for b in (kubectls.path_kubectl(), kubectls.debian_kubectl()) if b]
    cases = [c for c in load() if (arguments.bellman or "only" not in c)
             and arguments.k.lower() in f"{c['file']}: {c['name']}".lower()]
    failed = passed = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        target = Target(arguments.server, folder, arguments.token, arguments.ca, arguments.insecure)
        runs = [(label, case["file"], pool.submit(outcome, target, case, binary))
                for case, binary, label in plan(cases, binaries)]
        for label, file, future in runs:
            why = future.result()
            failed, passed = failed + (why is not None), passed + (why is None)
            if why is not None:
                print(f"FAIL  {file}: {label}\n" + "\n".join("      " + line for line in why.splitlines()), flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
