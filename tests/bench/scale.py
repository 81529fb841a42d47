# SPDX-License-Identifier: Apache-2.0
"""
A scenario of any size for the simulator: nodes of one link, and Services that wait for an address with two endpoints each.

    scale.py FOLDER NODES SERVICES [SECONDS]

writes scale.conf and what it names into FOLDER, for `bellman simulate FOLDER/scale.conf`. A node is excluded and comes
back; the allocator that leads is killed, a Service is created meanwhile and must have its address from the other one.
"""

import ipaddress
import json
import pathlib
import sys

# Addresses by DHCP, as it were, from the bottom of 10.0.0.0/16; Services from its second quarter.
LINK, POOL, CLUSTER = "10.0.0.0/16", "10.0.64.0/18", "10.96.0.0/12"
LOCAL = 10  # one Service in so many has externalTrafficPolicy: Local
CLIENTS = 10

CONFIG = f'pools = ( {{ name = "scale"; addresses = ( "{POOL}" ); }} );\n' \
         'l2Advertisements = ( { name = "scale"; ipAddressPools = ( "scale" ); } );\n'

SCENARIO = """\
config = "bellman.conf";
manifests = ( "services.yaml" );
allocators = 2;
serviceCIDR = "{cluster}";
until = "{until}s";
links = ( {{ name = "lan"; prefixes = ( "{link}" ); }} );
nodes = ( {{ name = "node"; count = {nodes}; }} );
clients = ( {clients} );
timeline = (
  {{ at = "10s"; exclude = "node1"; }},
  {{ at = "15s"; include = "node1"; }},
  {{ at = "20s"; kill = "allocator leader"; }},
  {{ at = "25s"; create = "late.yaml"; }},
  {{ at = "25s"; expect = {{ service = "late"; within = "25s"; address = "{late}"; }}; }}
);
"""


def service(name, i):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "default", "name": name},
            "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"port": 80}],
                     "externalTrafficPolicy": "Local" if i % LOCAL == 0 else "Cluster"}}


def endpoint_slice(name, i, nodes):
    where = {1 + i % nodes, 1 + (i * 7 + 1) % nodes}
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"namespace": "default", "name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
            "endpoints": [{"addresses": [f"10.244.{n >> 8}.{n & 255}"], "nodeName": f"node{n}", "conditions": {"ready": True}}
                          for n in sorted(where)]}


def objects(name, i, nodes):
    """JSON is YAML, too, and quick to write."""
    return "".join(f"---\n{json.dumps(o)}\n" for o in (service(name, i), endpoint_slice(name, i, nodes)))


def write(folder, nodes, services, seconds=60):
    """Returns the path of the scenario."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"service-{i:05d}" for i in range(services)]
    clients = [f'{{ service = "{names[i * services // CLIENTS]}"; }}' for i in range(CLIENTS)]
    late = ipaddress.ip_network(POOL)[services]  # the first that is free
    (folder / "bellman.conf").write_text(CONFIG, encoding="ascii")
    (folder / "services.yaml").write_text("".join(objects(name, i, nodes) for i, name in enumerate(names)), encoding="ascii")
    (folder / "late.yaml").write_text(objects("late", 1, nodes), encoding="ascii")
    path = folder / "scale.conf"
    path.write_text(SCENARIO.format(cluster=CLUSTER, link=LINK, nodes=nodes, until=seconds, late=late, clients=", ".join(clients)),
                    encoding="ascii")
    return path


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    print(write(sys.argv[1], *map(int, sys.argv[2:])))
