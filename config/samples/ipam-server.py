#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
An IPAM server for Bellman's hook (docs/ipam-hook.md, version 1), to read and to start from.

    ipam-server.py --socket /run/ipam.sock --pool public=192.0.2.0/28 --pool public=2001:db8:1::/124
    ipam-server.py --listen 127.0.0.1:8443 --cert cert.pem --key key.pem --token-file token ...

Leases are kept in memory, or with --state in a file that is replaced whole before each answer, so that
what was answered is never forgotten. The protocol's one promise is that a request may be repeated: a
lease is found by its key, and only what is missing is added to it.
"""

import argparse
import hmac
import ipaddress
import json
import os
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BODY_MAX = 64 << 10


class Refused(Exception):
    """A definite no, told with status 409."""


class Leases:
    """Who has which address. One at a time: the lock is held from the look to the file on disk."""

    def __init__(self, pools, excluded=(), path=None):
        self.pools, self.excluded, self.path, self.lock = pools, excluded, path, threading.Lock()
        self.leases = {}  # key: list of addresses as text
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                self.leases = json.load(f)

    def allocate(self, key, pool, families=(), addresses=()):
        with self.lock:
            held = self.leases.get(key, [])
            taken = {a for k, addrs in self.leases.items() if k != key for a in addrs}
            answer = []
            for family in families:
                version = {"IPv4": 4, "IPv6": 6}[family]
                mine = [a for a in held if ipaddress.ip_address(a).version == version]
                answer.append(mine[0] if mine else self.first_free(pool, version, taken))
            for a in addresses:
                if a in taken:
                    raise Refused(f"{a} is another's")
                if not any(ipaddress.ip_address(a) in net for net in self.pools.get(pool, ())):
                    raise Refused(f"{a} is not in {pool}")
                if (pool, a) in self.excluded:
                    raise Refused(f"{a} is excluded from {pool}")
                answer.append(a)
            self.store(key, held + [a for a in answer if a not in held])
            return answer

    def release(self, key, addresses=None):
        with self.lock:
            held = self.leases.get(key, [])
            self.store(key, [a for a in held if addresses is not None and a not in addresses])

    def listing(self, prefix):
        with self.lock:
            return [{"key": k, "addresses": a} for k, a in self.leases.items() if k.startswith(prefix)]

    def first_free(self, pool, version, taken):
        for net in self.pools.get(pool, ()):
            if net.version == version:
                for a in net:
                    if str(a) not in taken and (pool, str(a)) not in self.excluded:
                        return str(a)
        raise Refused(f"no IPv{version} address is free in {pool}")

    def store(self, key, addresses):
        after = {k: a for k, a in self.leases.items() if k != key}
        if addresses:
            after[key] = addresses
        if self.path and after != self.leases:
            with open(self.path + ".new", "w", encoding="utf-8") as f:
                json.dump(after, f)
                f.flush()
                os.fsync(f.fileno())
            os.replace(self.path + ".new", self.path)
        self.leases = after


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # of a connection that stands idle
    leases = token = None

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def allowed(self):
        given = self.headers.get("Authorization", "").encode()
        return self.token is None or hmac.compare_digest(given, b"Bearer " + self.token.encode())

    def serve(self, path, query, body):
        """The status and the answer of one request."""
        if path == "/v1/leases" and self.command == "GET":
            return 200, {"leases": self.leases.listing(query.get("prefix", [""])[0])}
        if path == "/v1/allocate" and self.command == "POST":
            addresses = [str(ipaddress.ip_address(a)) for a in body.get("addresses", ())]
            return 200, {"addresses": self.leases.allocate(body["key"], body["pool"], body.get("families", ()), addresses)}
        if path == "/v1/release" and self.command == "POST":
            self.leases.release(body["key"], body.get("addresses"))
            return 200, {}
        return 404, {"message": "there is no such call"}

    def handle_call(self):
        url = urlsplit(self.path)
        try:
            length = int(self.headers.get("Content-Length", 0))
            if length > BODY_MAX:
                raise ValueError("the request is too long")
            body = json.loads(self.rfile.read(length)) if length else {}
            if not self.allowed():
                status, answer = 401, {"message": "the token is not right"}
            else:
                status, answer = self.serve(url.path, parse_qs(url.query), body)
        except Refused as e:
            status, answer = 409, {"message": str(e)}
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            self.close_connection = True  # the body may not have been read
            status, answer = 400, {"message": f"{type(e).__name__}: {e}"}
        self.answer(status, answer)

    do_GET = do_POST = handle_call

    def address_string(self):
        return "client"  # a Unix socket's has no address


class UnixServer(ThreadingHTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self):
        if os.path.exists(self.server_address):
            os.unlink(self.server_address)  # a predecessor's
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "localhost", 0


def main():
    p = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    where = p.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", help="serve on this Unix socket")
    where.add_argument("--listen", help="serve on ADDRESS:PORT, with --cert and --key")
    p.add_argument("--cert")
    p.add_argument("--key")
    p.add_argument("--token-file", help="who asks must send the word in this file")
    p.add_argument("--pool", action="append", default=[], help="NAME=PREFIX; may be given again", required=True)
    p.add_argument("--exclude", action="append", default=[], help="NAME=ADDRESS that is never given; may be given again")
    p.add_argument("--state", help="keep the leases in this file")
    args = p.parse_args()
    if args.listen and not (args.cert and args.key):
        p.error("--listen needs --cert and --key")

    pools = {}
    for text in args.pool:
        name, _, prefix = text.partition("=")
        pools.setdefault(name, []).append(ipaddress.ip_network(prefix))
    excluded = set()
    for text in args.exclude:
        name, _, address = text.partition("=")
        excluded.add((name, str(ipaddress.ip_address(address))))
    Handler.leases = Leases(pools, excluded, args.state)
    if args.token_file:
        with open(args.token_file, encoding="utf-8") as f:
            Handler.token = f.read().strip()
    if args.socket:
        server = UnixServer(args.socket, Handler)
    else:
        host, _, port = args.listen.rpartition(":")
        server = ThreadingHTTPServer((host, int(port)), Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(args.cert, args.key)
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
