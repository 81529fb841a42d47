# SPDX-License-Identifier: Apache-2.0
"""
The kubectls that tests run: the one on PATH, and Debian's 1.20, which is unpacked beside the
build and never installed.
"""
import json
import os
import pathlib
import shutil
import subprocess

REPO = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BELLMAN_BIN", REPO / "build/san/bin"))


def debian_kubectl():
    """Debian's kubernetes-client. None where it cannot be had."""
    folder = BIN.parent.parent / "kubectl-debian"
    binary = folder / "usr/bin/kubectl"
    if not binary.exists() and shutil.which("apt-get") and shutil.which("dpkg"):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", "kubernetes-client"], cwd=folder, capture_output=True, timeout=300)
        for deb in folder.glob("kubernetes-client_*.deb"):
            subprocess.run(["dpkg", "-x", deb, folder], capture_output=True, timeout=300)
            deb.unlink()
    return str(binary) if binary.exists() else None


def path_kubectl():
    return shutil.which("kubectl")


def version(binary):
    """(1, 20) of a kubectl 1.20."""
    told = subprocess.run([binary, "version", "--client", "-o", "json"], capture_output=True, text=True,
                          timeout=60, check=True).stdout
    told = json.loads(told)["clientVersion"]
    return int(told["major"]), int(told["minor"].rstrip("+"))
