# SPDX-License-Identifier: Apache-2.0
"""
bellman-proxy over time: Services of every kind change while it is away, and what it makes of the table that it
finds is what it would make of none.
"""

import random
import re
import signal

from proxies import ENTRY, apply, fresh, rules  # noqa: F401


def some_spec(chance, i):
    fields = {"loadBalancerSourceRanges": chance.sample(["10.0.0.0/24", "203.0.113.0/24", "fd00:10::/64", "0.0.0.0/0"], 2),
              "externalIPs": [f"198.51.100.{i}", f"2001:db8:9::{i}"], "sessionAffinity": "ClientIP",
              "externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local"}
    return {k: v for k, v in fields.items() if chance.random() < 0.5}


def put(lab, chance, i):
    apply(lab, f"s{i}", chance.choice(("TCP", "UDP")), chance.sample(lab.nodes, chance.choice((1, 2, 3))),
          {4: f"192.0.2.{i}", 6: f"2001:db8:1::{i}"}, **some_spec(chance, i))


def drop(lab, i):
    for family in ("ipv4", "ipv6"):
        lab.api.delete("EndpointSlice", f"s{i}-{family}")
    lab.api.delete("Service", f"s{i}")


def settled(lab, proxy, services):
    """The lines of the table once it has @services and no chain is waiting to be deleted."""
    def lines():
        text = rules(lab, ENTRY)
        if proxy.metrics()["bellman_proxy_services"] != services or re.search(r"chain \S+/\S+ \{\n\t\}", text or ""):
            return None
        return sorted(line for line in text.split("\n") if "expires" not in line)

    return lab.wait_for(lines, 20, "the table to settle")


def test_what_is_taken_over_is_as_if_made_anew(fresh):
    chance = random.Random(1)
    proxy = fresh.process(f"proxy-{ENTRY}")
    there = set(range(1, 9))
    for i in there:
        put(fresh, chance, i)
    settled(fresh, proxy, len(there))
    for _ in range(2):
        proxy.kill()
        for i in chance.sample(range(1, 13), 6):
            if i in there:
                drop(fresh, i)
                there.discard(i)
            if chance.random() < 0.7:
                put(fresh, chance, i)
                there.add(i)
        proxy.start().wait_ready()
        taken_over = settled(fresh, proxy, len(there))
        fresh.run(ENTRY, ["nft", "flush", "ruleset"])
        proxy.signal(signal.SIGHUP)
        fresh.wait_for(lambda: rules(fresh, ENTRY), what="a new table")
        fresh.wait_for(lambda want=taken_over: settled(fresh, proxy, len(there)) == want, 20, "the same rules again")
    assert proxy.metrics()["bellman_proxy_nft_errors_total"] == 0
