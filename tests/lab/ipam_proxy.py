# SPDX-License-Identifier: Apache-2.0
"""
Stands between bellman-allocator and an IPAM server on Unix sockets and does harm: ipam_proxy.py SOCKET SERVER MODE.

MODE is a file that is read for each request: "pass" sends it on; "hang" says nothing; "500" answers that;
"redirect" sends the caller elsewhere; "endless" answers and does not end; "wrong ADDRESS" answers that address
to allocate; "swallow" has the server do it and then says nothing; "slow" sends it on after a second. Each request
is one line on stdout.
"""

import contextlib
import json
import pathlib
import socket
import sys
import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SOCKET, SERVER, MODE = sys.argv[1:4]


class ToServer(HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SERVER)


class Handler(BaseHTTPRequestHandler):
    def answer(self, status, data):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def to_server(self, body):
        c = ToServer("localhost")
        try:
            c.request(self.command, self.path, body)
            answer = c.getresponse()
            return answer.status, answer.read()
        finally:
            c.close()

    def handle_call(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        mode, _, rest = pathlib.Path(MODE).read_text(encoding="utf-8").strip().partition(" ")
        print(mode, self.command, self.path, body.decode(), flush=True)
        if mode == "500":
            self.answer(500, b'{"message": "out of order"}')
        elif mode == "redirect":
            self.send_response(307)
            self.send_header("Location", f"http://localhost{self.path}?again")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif mode == "endless":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b" " * 65536)
        elif mode == "wrong" and self.path == "/v1/allocate":
            self.to_server(body)
            self.answer(200, json.dumps({"addresses": [rest]}).encode())
        elif mode in ("hang", "swallow"):
            if mode == "swallow":
                self.to_server(body)
            print("holding", self.path, flush=True)
            threading.Event().wait(60)
        else:
            if mode == "slow":
                time.sleep(1)
            self.answer(*self.to_server(body))

    do_GET = do_POST = handle_call

    def log_message(self, *args):
        pass

    def address_string(self):
        return "client"


class Server(ThreadingHTTPServer):
    address_family = socket.AF_UNIX
    daemon_threads = True

    def server_bind(self):
        self.socket.bind(SOCKET)
        self.server_name, self.server_port = "localhost", 0


server = Server(SOCKET, Handler)
print("ready", flush=True)
server.serve_forever()
