# SPDX-License-Identifier: Apache-2.0
"""
An API server that does not let everybody do everything, as RBAC does: a proxy in front of the lab's
own that answers 403 to requests about some resources and passes the others on, some of them later.
"""

import collections
import contextlib
import json
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import netns


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        resource = re.sub(r"^/(?:api/v1|apis/[^/]+/[^/]+)(?:/namespaces/[^/?]+(?=/))?/([^/?]+).*$", r"\1", self.path)
        rules = self.server.rules
        rules.seen[self.command, resource] += 1
        code = 403 if resource in rules.refused else rules.failing.get((self.command, resource))
        if code:
            rules.refusals[resource] += 1
            self.refuse(resource, code)
        else:
            with contextlib.suppress(OSError, ValueError):  # whoever asked has gone, or the server
                self.pass_on(resource, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def refuse(self, resource, code):
        text = json.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                           "reason": "Forbidden" if code == 403 else "InternalError",
                           "message": f"{resource} is forbidden", "details": {"kind": resource}, "code": code}).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def pass_on(self, resource, body):
        rules = self.server.rules
        rules.pause("request", self.command, self.path)
        server = netns.Connection(rules.api.ns, rules.api.host, rules.api.port, None, rules.api.tls)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "accept-encoding")}
            server.request(self.command, self.path, body or None, headers)
            answer = server.getresponse()
            rules.pause("answer", self.command, self.path)
            self.send_response(answer.status)
            for key in ("Content-Type", "Warning"):
                if answer.getheader(key):
                    self.send_header(key, answer.getheader(key))
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            rules.flows.append((resource, self.connection))
            while piece := answer.read1(65536):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                rules.told[resource] += piece.count(b"\n")
            self.wfile.write(b"0\r\n\r\n")
        finally:
            server.close()

    def log_message(self, *_):
        """The programs of the lab say what there is to say."""


class Rules:
    """
    Listens on @address of the API server's namespace, with its certificate. What is in `refused`, by
    its plural, gets 403, and what is in `failing`, by method and plural, the status that is given there;
    `refusals` counts them. `seen` counts all requests by method and plural, `told` the lines of answers,
    which of a watch are its events.
    """

    def __init__(self, lab, address):
        self.api, self.refused, self.refusals, self.flows = lab.api, set(), collections.Counter(), []
        self.seen, self.told, self.failing = collections.Counter(), collections.Counter(), {}
        self._pause, self._paused, self._go_on = None, threading.Event(), threading.Event()
        with netns.entered(lab.api.ns):
            self._server = ThreadingHTTPServer(address, Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*lab.certificate())
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.daemon_threads, self._server.block_on_close, self._server.rules = True, False, self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._cut({resource for resource, _ in self.flows})
        self._server.server_close()

    @contextlib.contextmanager
    def holding(self, stage, method, end):
        """
        Hold back the next `request`, or its `answer`, of this method and a path that ends so, from when it
        is there until the body of the `with` is over. Gives what to wait for before that.
        """
        self._paused.clear()
        self._go_on.clear()
        self._pause = stage, method, end
        try:
            yield self._paused
        finally:
            self._pause = None
            self._go_on.set()

    def pause(self, stage, method, path):
        if self._pause and self._pause[:2] == (stage, method) and path.endswith(self._pause[2]):
            self._pause = None
            self._paused.set()
            self._go_on.wait(30)

    def refuse(self, *resources):
        """From now on just these; what is under way about them is cut."""
        self.refused = set(resources)
        self._cut(self.refused)

    def _cut(self, resources):
        for resource, connection in list(self.flows):
            if resource in resources:
                with contextlib.suppress(OSError):
                    connection.shutdown(2)
