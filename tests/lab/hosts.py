# SPDX-License-Identifier: Apache-2.0
"""
Plain Linux hosts for docs/standalone.md: nodes of the lab, each with its own network, name, processes
and files. What a command installs or writes in /etc, /usr/local, /var and /srv is that host's alone and
goes with it; nothing of the machine that runs the test is touched.

    with Lab(backends=False) as lab:
        a = Host(lab, "host-a")          # is node-a of the lab
        a.run("hostname")                # a shell there: (exit code, output)
        a.power_off()
"""

import os
import pathlib
import subprocess

import netns
from lab import BIN, REPO

OWN = ("/etc", "/srv", "/usr/local", "/var/lib", "/var/log")  # a copy of /etc; the others are empty at first
SOURCE = "/mnt"  # where a host has the source of Bellman: the folder in which commands are run
FORWARDING = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")

# $1 is the host's folder, $2 its name, $3 the source. The mounts are in a namespace of their own.
BOOT = f"""
set -e
hostname "$2"
mount --bind "$3" {SOURCE}
for own in {' '.join(OWN)}; do mount --bind "$1$own" $own; done
: > "$1/up"
exec sleep infinity
"""

# scp [-q -p] FILE root@HOST:FOLDER
SCP = """#!/bin/sh
while [ $# -gt 2 ]; do shift; done
to=${2#root@}
exec cp -p "$1" "%s/${to%%%%:*}${to#*:}"
"""


def build_folder(programs):
    """
    $(BUILD) of the Makefile whose folder of programs this is: BUILD/bin or BUILD/san/bin. Anything else is
    an error, since make on a host would build there, whatever it is.
    """
    programs = pathlib.Path(programs).resolve()
    build = programs.parent.parent if programs.parent.name == "san" else programs.parent
    if programs.name != "bin" or not any((build / f / "libbellman.a").exists() for f in ("san", "release")):
        raise ValueError(f"{programs} is not the bin or san/bin of a folder that Bellman was built in")
    return build


class Host:
    """
    @name: host-a is node-a of the lab. @kubectl: to be found there under that name.
    Forwarding is off, as on any host that nobody has asked for it.
    """

    def __init__(self, lab, name, kubectl=None):
        self.lab, self.name, self.node = lab, name, name.replace("host", "node")
        self.folder = lab.scratch / name
        for own in (*OWN, "/bin", "/home"):
            (self.folder / own[1:]).mkdir(parents=True)
        subprocess.run(["cp", "-a", "/etc/.", self.folder / "etc"], check=True)
        with open(self.folder / "etc/hosts", "a", encoding="utf-8") as names:  # as an installer writes it: else servers ask DNS
            names.write(f"\n127.0.1.1 {name}\n")
        self._program("scp", SCP % lab.scratch)
        if kubectl:
            real = pathlib.Path(kubectl).resolve()
            real = pathlib.Path(SOURCE) / real.relative_to(REPO) if real.is_relative_to(REPO) else real
            self._program("kubectl", f'#!/bin/sh\nexec {real} "$@"\n')
        for key in FORWARDING:
            netns.sysctl(lab.ns(self.node), key, 0)
        # --kill-child: when unshare is killed everything on the host is.
        self.process = lab.popen(self.node, ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc",
                                             "sh", "-c", BOOT, "boot", self.folder, name, REPO], name)
        self.init = lab.wait_for(self._booted, 10, f"{name} to boot ({self.process.log.strip()})")

    def _program(self, name, text):
        path = self.folder / "bin" / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def _booted(self):
        assert self.process.running(), self.process.log
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii").split()
        return (self.folder / "up").exists() and int(children[0])

    def run(self, commands, timeout=60):
        """Run in a new shell on that host; returns (exit code, output). What they leave running goes on."""
        build = build_folder(BIN)
        inside = os.path.relpath(build, REPO)
        env = {"PATH": f"{self.folder}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "HOME": str(self.folder / "home"), "LC_ALL": "C.UTF-8",
               "BUILD": str(build) if inside.startswith("..") else inside}
        with open(self.folder / "output", "w+b") as out:  # not a pipe: what goes on would hold it open
            done = subprocess.run(["nsenter", f"--target={self.init}", "--mount", "--uts", "--pid", "--net",
                                   f"--root=/proc/{self.init}/root",
                                   "bash", "-c", f"cd {SOURCE}\n{commands}"], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                  env=env, timeout=timeout)
            out.seek(0)
            return done.returncode, out.read().decode(errors="replace")

    def power_off(self):
        """As when the plug is pulled: its processes are gone and its cable is dead."""
        self.process.kill()
        subprocess.run(["ip", "-n", self.lab.ns("sw"), "link", "set", f"sw-{self.node}", "down"], check=True)
