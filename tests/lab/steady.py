# SPDX-License-Identifier: Apache-2.0
"""
A steady client: a new TCP connection and one HTTP request, so many times a second, whatever
becomes of the ones before. It tells how many requests a move or a crash has cost.
"""

import asyncio
import collections
import threading
import time

import netns

Request = collections.namedtuple("Request", "sent took answer")  # answer: None when it failed


class Steady:
    """
    with Steady(lab.ns("client"), ip, rate=100) as steady: ...
    @timeout: of one request, in seconds; kernels send a lost SYN again after 1 s, so anything lost shows.
    @host, @path: what it asks for.
    """

    def __init__(self, ns, ip, port=80, rate=100, timeout=0.5, host="steady", path="/"):
        self.ns, self.ip, self.port, self.rate, self.timeout = ns, ip, port, rate, timeout
        self.request = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        self.requests = []  # in the order they ended
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Send no more and wait for those under way."""
        self._stop.set()
        self._thread.join()

    @property
    def failed(self):
        return [r for r in self.requests if r.answer is None]

    def answered_since(self, when):
        """Requests sent after @when (time.monotonic) that were answered."""
        return [r for r in self.requests if r.sent >= when and r.answer is not None]

    def gap(self):
        """Seconds between the last answer before and the first after the longest silence."""
        ends = sorted(r.sent + r.took for r in self.requests if r.answer is not None)
        return max((b - a for a, b in zip(ends, ends[1:])), default=float("inf"))

    def _run(self):
        with netns.entered(self.ns):
            asyncio.run(self._pace())

    async def _pace(self):
        due, under_way = time.monotonic(), set()
        while not self._stop.is_set():
            task = asyncio.create_task(self._one())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            due += 1 / self.rate
            await asyncio.sleep(max(0, due - time.monotonic()))
        if under_way:
            await asyncio.wait(set(under_way))

    async def _one(self):
        sent, answer = time.monotonic(), None
        try:
            answer = await asyncio.wait_for(self._get(), self.timeout)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            pass
        self.requests.append(Request(sent, time.monotonic() - sent, answer))

    async def _get(self):
        reader, writer = await asyncio.open_connection(self.ip, self.port)
        try:
            writer.write(self.request)
            reply = await reader.read()
        finally:
            writer.close()
        head, _, body = reply.decode().partition("\r\n\r\n")
        return body.strip() if " 200 " in head.partition("\r\n")[0] else None
