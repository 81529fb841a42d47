#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
New TCP connections, one after the other and as many as go in a second up to a rate, to each of the
given addresses in turn, until SIGTERM. Then says how many were tried, and why some failed:

    knock.py RATE IP:PORT... -> {"tried": 1234, "failed": ["10.96.0.1:80: refused"]}

The other side opens to all of them, however fast they come, so that whatever fails is the network:

    knock.py open PORT
"""

import json
import signal
import socket
import struct
import sys
import time


def open_to_all(port):
    with socket.socket(socket.AF_INET6) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(("::", port))
        s.listen(4096)
        print("ready", flush=True)
        while True:
            s.accept()[0].close()


def main():
    if sys.argv[1] == "open":
        open_to_all(int(sys.argv[2]))
    rate, targets = float(sys.argv[1]), [t.rpartition(":") for t in sys.argv[2:]]
    tried, failed, going = 0, [], True

    def stop(*_):
        nonlocal going
        going = False

    signal.signal(signal.SIGTERM, stop)
    print("ready", flush=True)
    due = time.monotonic()
    while going:
        ip, _, port = targets[tried % len(targets)]
        tried += 1
        with socket.socket() as s:
            s.settimeout(5)
            # A reset instead of a long goodbye, that would use up the ports.
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            began = time.monotonic()
            try:
                s.connect((ip, int(port)))
            except OSError as e:
                failed.append(f"{ip}:{port}: {e.strerror or e}")
            else:
                if time.monotonic() - began > 0.9:  # a SYN was lost and sent again
                    failed.append(f"{ip}:{port}: after {time.monotonic() - began:.1f} s")
        due = max(due + 1 / rate, time.monotonic() - 0.1)
        time.sleep(max(0, due - time.monotonic()))
    print(json.dumps({"tried": tried, "failed": failed}), flush=True)


main()
