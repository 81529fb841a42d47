#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The workload behind a Service: an HTTP server that answers with its own name and the address the
request came from (and the one it was forwarded for, where a header says so), and a UDP echo that does
the same. Both on port 8080 (or the second argument), IPv4 and IPv6. Says "ready" on stdout once both listen.

    backend.py NAME [PORT]
"""

import http.server
import socket
import sys
import threading

NAME = sys.argv[1]
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8080


def plain(address):
    """IPv4 comes to a dual-stack socket as ::ffff:a.b.c.d."""
    return address.removeprefix("::ffff:")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        told = [NAME, plain(self.client_address[0]), *self.headers.get_all("X-Forwarded-For", [])]
        body = f"{' '.join(told)}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

    def address_string(self):
        return self.client_address[0]


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self):  # not HTTPServer's: it asks the resolver for our name
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = NAME, PORT


def udp_echo(sock):
    while True:
        data, peer = sock.recvfrom(2048)
        sock.sendto(f"{NAME} {plain(peer[0])} ".encode() + data, peer)


def main():
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.bind(("::", PORT))
    server = Server(("::", PORT), Handler)
    threading.Thread(target=udp_echo, args=(udp,), daemon=True).start()
    print("ready", flush=True)
    server.serve_forever()


main()
