# SPDX-License-Identifier: Apache-2.0
"""
What stands behind config/samples/ingress.yaml in the lab: nginx in a pod on node-a and on node-b, the
pods of service1 and service2, and the controller that configures nginx (ingress_controller.py).

nginx is Debian's, started by hand with a configuration, a pid file and temporary folders of its own
in the lab's scratch folder. `why_not(lab)` is None where it can be had.
"""

import os
import shutil

from lab import API_HOST, API_PORT, HERE

CLASS, SERVICE = "nginx", "ingress-nginx/ingress-nginx"
HOST = "foo.bar.com"
TARGET_PORT = 9376
# As the slices of the sample have them: (node, number on that node).
NGINX = {"nginx-a": ("node-a", 5), "nginx-b": ("node-b", 5)}
BACKENDS = {"service1-a": ("node-a", 3), "service1-c": ("node-c", 3),
            "service2-b": ("node-b", 4), "service2-c": ("node-c", 4)}

CONFIGURATION = """
daemon off;
user root;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  log_format lab '$remote_addr $host$request_uri $status $upstream_addr';
  access_log /dev/stdout lab;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  include ingress.conf;
}
"""


def nginx(lab):
    """The program, for anything with a `bin`: the one that is installed, else the one that `make deps` unpacked beside the build."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    beside = [folder / "nginx/usr/sbin/nginx" for folder in lab.bin.resolve().parents[:2]]
    return shutil.which("nginx", path=path) or next((str(p) for p in beside if p.exists()), None)


def why_not(lab):
    return None if nginx(lab) else "nginx is not there: run `make deps`, or apt-get install nginx"


def start(lab):
    """All of it, in a lab whose API server runs. Ready when nginx listens; routes come as the API tells them."""
    for pod, (node, host) in NGINX.items():
        lab.add_pod(node, pod, host)
    lab.add_backends(TARGET_PORT, BACKENDS)
    folders = [lab.scratch / pod for pod in NGINX]
    for folder in folders:
        folder.mkdir()
        (folder / "nginx.conf").write_text(CONFIGURATION, encoding="ascii")
        (folder / "ingress.conf").touch()
        lab.popen(folder.name, [nginx(lab), "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"], folder.name)
    for folder in folders:
        lab.wait_for(lambda f=folder: (f / "nginx.pid").exists() and (f / "nginx.pid").read_text(),
                     what=f"nginx in {folder.name} to start ({lab.process(folder.name).log.strip() or 'it said nothing'})")
    lab.popen("sw", ["/usr/bin/python3", "-Es", HERE / "ingress_controller.py", "--ns", lab.ns("sw"),
                     "--api", f"{API_HOST}:{API_PORT}", "--ca", lab.scratch / "api.crt", "--token-file", lab.scratch / "tokens",
                     "--class", CLASS, "--publish", SERVICE, *folders], "ingress-controller")


def addresses(lab, name, ns="default"):
    """What the status of an Ingress says: the ADDRESS of `kubectl get ingress`."""
    entries = lab.api.get("Ingress", name, ns).get("status", {}).get("loadBalancer", {}).get("ingress", [])
    return [i["ip"] for i in entries]


def ask(lab, ns, ip, path, host=HOST, port=80, timeout=2.0):
    """
    As a browser that has found @host at @ip: (status, body) of what curl gets, or None. A body of one of our
    backends reads "POD SOURCE FORWARDED-FOR".
    """
    at = f"{host}:{port}:[{ip}]" if ":" in ip else f"{host}:{port}:{ip}"
    url = f"http://{host}{path}" if port == 80 else f"http://{host}:{port}{path}"
    done = lab.run(ns, ["curl", "-gs", "--path-as-is", "--connect-timeout", f"{timeout:g}", "--max-time", f"{timeout:g}",
                        "--resolve", at, "-w", "\n%{http_code}", url], check=False, timeout=timeout + 5)
    if done.returncode != 0:
        return None
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body.strip()
