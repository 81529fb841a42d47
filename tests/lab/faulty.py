# SPDX-License-Identifier: Apache-2.0
"""
A network that is slow, stands still or breaks, between one program and the API server: a TCP proxy
in a namespace of the lab. What it was given it delivers in the end, also when the sender has given
up and closed the connection meanwhile: that is what a leader that was too slow has to fear.
"""

import asyncio
import contextlib
import socket
import threading

import netns


class Network:
    """
    Listens on @address of namespace @ns and passes everything on to @to. While `delay` is not 0,
    each piece on its way to the server is under way for so many seconds; while it is held(), no
    piece arrives, either way, and connections stay open.
    """

    def __init__(self, ns, address, to):
        self.ns, self.address, self.to = ns, address, to
        self.delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        self._tasks = set()
        with netns.entered(ns):
            self._listener = socket.create_server(address)
        self._listener.setblocking(False)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @contextlib.contextmanager
    def held(self):
        self._loop.call_soon_threadsafe(self._flows.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._flows.set)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._spawn(self._accept())
        self._loop.run_forever()
        for t in self._tasks:
            t.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._listener.close()
        self._loop.close()

    def _spawn(self, coroutine):
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self):
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            with netns.entered(self.ns):
                server = socket.socket()
            server.setblocking(False)
            for s in (client, server):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(self._connect(client, server))

    async def _connect(self, client, server):
        try:
            await self._loop.sock_connect(server, self.to)
        except OSError:
            client.close()
            server.close()
            return
        ends = []
        for source, sink, slow in ((client, server, True), (server, client, False)):
            queue = asyncio.Queue()
            self._spawn(self._read(source, queue, slow))
            ends.append(self._loop.create_task(self._deliver(queue, sink)))
        await asyncio.gather(*ends, return_exceptions=True)
        client.close()
        server.close()

    async def _read(self, source, queue, slow):
        data = b"?"
        while data:
            try:
                data = await self._loop.sock_recv(source, 1 << 16)
            except OSError:
                data = b""
            queue.put_nowait((self._loop.time() + (self.delay if slow else 0), data))

    async def _deliver(self, queue, sink):
        while True:
            due, data = await queue.get()
            await asyncio.sleep(due - self._loop.time())
            await self._flows.wait()
            if not data:
                break
            await self._loop.sock_sendall(sink, data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
