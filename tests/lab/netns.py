# SPDX-License-Identifier: Apache-2.0
"""
Network namespaces from inside this process: sockets and HTTP connections that live in another
namespace than the one the test runs in.

A socket belongs to the namespace its creating thread was in. So a thread steps in, makes the
socket, steps back out, and goes on using it: no helper process for each request. Names are those
of `ip netns`.
"""

import contextlib
import ctypes
import http.client
import os
import socket
import subprocess

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        err = ctypes.get_errno()
        raise OSError(err, f"setns: {os.strerror(err)}")


@contextlib.contextmanager
def entered(ns):
    """The calling thread, and only it, is in @ns within the `with` block."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{ns}", "rb") as there:
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def sysctl(ns, name, value):
    """sysctl(ns, "net/ipv4/ip_forward", 1)"""
    with entered(ns), open(f"/proc/sys/{name}", "w", encoding="ascii") as f:
        f.write(str(value))


def packet_socket(ns, interface):
    """A raw socket that sees every frame of @interface in @ns (both directions)."""
    with entered(ns):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
        s.bind((interface, 0))
    return s


class Connection(http.client.HTTPConnection):
    """An HTTP connection made from inside @ns; with @tls (ssl.SSLContext) over TLS."""

    def __init__(self, ns, host, port, timeout=2.0, tls=None):
        super().__init__(host, port, timeout=timeout)
        self.ns, self.tls = ns, tls

    def connect(self):
        with entered(self.ns):
            self.sock = socket.create_connection((self.host, self.port), self.timeout)
        # Else a request waits for the ACK of the TLS handshake's end, which the server delays by 40 ms.
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            self.sock = self.tls.wrap_socket(self.sock, server_hostname=self.host)


def why_not():
    """None where labs can be built, else one sentence: what is missing and how to get it."""
    for tool, package in (("ip", "iproute2"), ("nft", "nftables"), ("curl", "curl"),
                          ("openssl", "openssl")):
        if not any(os.access(f"{d}/{tool}", os.X_OK) for d in ("/usr/sbin", "/usr/bin", "/sbin", "/bin")):
            return f"`{tool}` is not installed: run `make deps` as root, or apt-get install {package}"
    if os.geteuid() != 0:
        return ("network namespaces need root: run it with sudo, or as root of a user namespace: "
                "unshare -Urnm sh -c 'mount -t tmpfs tmpfs /run; mkdir /run/netns; make demo'")
    probe = f"bl{os.getpid()}x0-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    if made.returncode != 0:
        return (f"cannot make a network namespace ({made.stderr.strip()}): needs CAP_SYS_ADMIN and "
                "CAP_NET_ADMIN; in a container start it with --privileged")
    try:
        tried = subprocess.run(["ip", "-n", probe, "link", "add", "br0", "type", "bridge"], capture_output=True, text=True)
        if tried.returncode == 0:
            tried = subprocess.run(["ip", "-n", probe, "link", "add", "port0", "type", "veth", "peer", "port1"],
                                   capture_output=True, text=True)
        if tried.returncode != 0:
            return f"this kernel makes no bridge or veth ({tried.stderr.strip()}): load the modules bridge and veth"
        with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", encoding="ascii") as f:
            if f.read().strip() == "1":
                return "IPv6 is off: sysctl -w net.ipv6.conf.all.disable_ipv6=0"
    except FileNotFoundError:
        return "this kernel has no IPv6: boot without ipv6.disable=1"
    finally:
        subprocess.run(["ip", "netns", "del", probe], capture_output=True)
    return None
