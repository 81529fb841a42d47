# SPDX-License-Identifier: Apache-2.0
"""
Pools whose addresses an IPAM server gives out (docs/ipam-hook.md), with the sample server as the real
thing and the real allocator: what it is asked, what users read while it is away, and that whatever
breaks, in the end the server's list is what the statuses say.
"""

import json
import re
import shlex
import signal
import subprocess

import pytest
from api import SYSTEM, namespace, pool, service
from lab import BIN, REPO, Lab

SERVER = REPO / "config/samples/ipam-server.py"
HARM = REPO / "tests/lab/ipam_proxy.py"
V4 = {"ipFamilies": ["IPv4"]}
READY = "bellman.io/LoadBalancerReady"
CONF = """
pools = (
  {{ name = "public"; addresses = ( "192.0.2.0/29", "2001:db8::/125" ); exclude = ( "192.0.2.1" );
     ipam = {{ url = "{url}"; timeout = "{timeout}"; {more} }}; }}{pools}
);
"""
PREFIXES = ("--pool", "public=192.0.2.2/31", "--pool", "public=192.0.2.4/30", "--pool", "public=2001:db8::/125")


class Office(Lab):
    """An API server, an allocator that asks an IPAM, and the IPAM."""

    def __init__(self):
        super().__init__(nodes=(), backends=False)

    def open(self):
        self.start_apiserver()
        self.api.create(namespace(SYSTEM))
        self.socket, self.state = self.scratch / "ipam.sock", self.scratch / "leases.json"
        self.mode = self.scratch / "mode"
        self.conf = self.scratch / "bellman.conf"

    def configure(self, url=None, timeout="2s", more="", pools=""):
        self.conf.write_text(CONF.format(url=url or f"http+unix://{self.socket}", timeout=timeout, more=more, pools=pools))
        return self.conf

    def start_ipam(self, where=None, *args):
        """The sample server, and its list in a file."""
        where = where or ("--socket", self.socket)
        server = self.popen("sw", [SERVER, *where, "--state", self.state, *PREFIXES, *args], "ipam")
        server.wait_log("ready")
        return server

    def start_harm(self):
        self.harm("pass")
        harm = self.popen("sw", ["/usr/bin/python3", HARM, self.scratch / "harm.sock", self.socket, self.mode], "harm")
        harm.wait_log("ready")
        return harm

    def harm(self, mode):
        new = self.scratch / "mode.new"
        new.write_text(mode)
        new.rename(self.mode)

    def leases(self):
        """{UID: addresses} as the server has it."""
        held = json.loads(self.state.read_text()) if self.state.exists() else {}
        return {key.rpartition("/")[2]: sorted(a) for key, a in held.items()}

    def uid(self, name):
        return self.api.get("Service", name)["metadata"]["uid"]

    def condition(self, name):
        conditions = self.api.get("Service", name)["status"].get("conditions", [])
        return next((c for c in conditions if c["type"] == READY), {})

    def wait_ips(self, name, deadline=10):
        return self.wait_for(lambda: self.api.external_ips(name), deadline, f"{name} to have an address")

    def wait_condition(self, name, text, deadline=10):
        self.wait_for(lambda: text in self.condition(name).get("message", ""), deadline,
                      f"the condition of {name} to say {text!r}, not {self.condition(name)}")
        return self.condition(name)

    def in_agreement(self):
        """Nothing is leaked: the server's list is what the statuses show."""
        statuses = {s["metadata"]["uid"]: sorted(i["ip"] for i in s["status"]["loadBalancer"].get("ingress", []))
                    for s in self.api.list("Service") if s["spec"]["type"] == "LoadBalancer"}
        return self.leases() == {uid: ips for uid, ips in statuses.items() if ips}

    def wait_agreement(self, deadline=15):
        self.wait_for(self.in_agreement, deadline, f"server and statuses to agree; the server has {self.leases()}")


def test_the_sample_checks_and_plan_asks_nobody():
    conf = REPO / "config/samples/ipam.conf"
    subprocess.run([BIN / "bellman", "check", conf], check=True)
    plan = subprocess.run([BIN / "bellman", "plan", conf, REPO / "config/samples/service-ipv6.yaml", "-o", "json"],
                          check=True, capture_output=True, text=True)
    told, = json.loads(plan.stdout)["services"]
    assert told["ips"] == []
    assert "IPAM of pool" in told["reason"] and "is not asked here" in told["reason"]


def shipped_command(conf):
    """The server's command line as the comment of the sample file has it."""
    comment = "\n".join(line.removeprefix("#") for line in conf.splitlines() if line.startswith("#"))
    return shlex.split(re.search(r"^\s*ipam-server\.py (.*?[^\\])$", comment, re.M | re.S)[1].replace("\\\n", " "))


@pytest.fixture
def office(can_lab):
    with Office() as o:
        o.open()
        yield o


def test_addresses_are_asked_for_shared_moved_and_released(office):
    office.start_ipam()
    allocator = office.start_allocator("--config", office.configure())
    shared = {"metallb.io/allow-shared-ip": "k"}
    office.api.create(service("one", **V4), service("both", ipFamilyPolicy="RequireDualStack"),
                      service("asks", loadBalancerIP="192.0.2.7", **V4))
    office.api.create(service("share-a", annotations=shared, **V4))
    ip, = office.wait_ips("share-a")
    office.api.create(service("share-b", ports=((81, 8080),), annotations=shared | {"metallb.io/loadBalancerIPs": ip}, **V4))
    assert office.wait_ips("share-b") == [ip]
    assert office.wait_ips("asks") == ["192.0.2.7"]
    assert len(office.wait_ips("both")) == 2
    ip_of_one = office.wait_ips("one")
    assert office.leases()[office.uid("one")] == ip_of_one
    assert office.uid("share-b") not in office.leases()
    assert office.condition("one").get("status") in (None, "True")

    held_by_a = office.uid("share-a")
    office.api.delete("Service", "share-a")  # the address stays leased while somebody uses it
    office.api.delete("Service", "one")
    office.wait_for(lambda: len(office.leases()) == 3)
    assert office.leases()[held_by_a] == [ip]
    office.api.delete("Service", "share-b")
    office.wait_for(lambda: held_by_a not in office.leases())

    office.api.patch("Service", "asks", {"spec": {"loadBalancerIP": "192.0.2.6"}})
    office.wait_for(lambda: office.leases().get(office.uid("asks")) == ["192.0.2.6"])
    office.wait_agreement()
    values = allocator.metrics()
    assert values['bellman_ipam_calls_total{pool="public",call="leases",result="ok"}'] == 1
    assert values['bellman_ipam_calls_total{pool="public",call="allocate",result="ok"}'] == 5
    assert values['bellman_ipam_up{pool="public"}'] == 1
    assert values['bellman_ipam_leases{pool="public"}'] == 2


def test_the_sample_pair_serves_many(office):
    """Exactly as shipped: only where the socket and the state are is ours."""
    shipped = (REPO / "config/samples/ipam.conf").read_text()
    places = {"/run/ipam.sock": str(office.socket), "/var/lib/ipam.json": str(office.state)}
    args = [places.get(arg, arg) for arg in shipped_command(shipped)]
    office.popen("sw", [SERVER, *args], "ipam").wait_log("ready")
    office.conf.write_text(shipped.replace("/run/ipam.sock", places["/run/ipam.sock"]))
    allocator = office.start_allocator("--config", office.conf)
    names = [f"s{i}" for i in range(10)]
    office.api.create(*(service(name, **V4) for name in names),
                      service("excluded", loadBalancerIP="192.0.2.1", **V4))
    given = {ip for name in names for ip in office.wait_ips(name)}
    assert len(given) == 10 and "192.0.2.1" not in given
    # One that waits and holds nothing at the server is no lease.
    office.wait_for(lambda: office.condition("excluded"))
    office.wait_for(lambda: allocator.metrics()['bellman_ipam_leases{pool="public"}'] == 10)
    office.wait_agreement()


def test_while_the_server_is_away_users_read_why_and_no_other_pool_steps_in(office):
    allocator = office.start_allocator("--config", office.configure(pools=', { name = "spare"; addresses = ( "198.51.100.0/24" ); }'))
    office.api.create(service("web", **V4))
    told = office.wait_condition("web", "waits for its IPAM, which is away: ")
    assert told["status"] == "False" and told["reason"] == "IPAMUnavailable"
    assert 'pool "public"' in told["message"]
    office.wait_for(lambda: "waits for its IPAM" in dict(office.api.events("web")).get("AllocationFailed", ""))
    version = office.api.get("Service", "web")["metadata"]["resourceVersion"]
    failed = 'bellman_ipam_calls_total{pool="public",call="allocate",result="failed"}'
    office.wait_for(lambda: allocator.metrics().get(failed, 0) >= 3)  # it goes on trying, and writes nothing more
    assert office.api.get("Service", "web")["metadata"]["resourceVersion"] == version
    assert allocator.metrics()['bellman_ipam_up{pool="public"}'] == 0
    assert office.api.external_ips("web") == []
    office.start_ipam()
    assert office.wait_ips("web", 20)[0].startswith("192.0.2.")
    assert office.condition("web")["status"] == "True"
    assert len([line for line in allocator.log.splitlines() if "call failed, retrying" in line]) == 1
    allocator.wait_log("server answers again")
    office.wait_agreement()


def test_a_refusal_leads_to_the_next_pool_and_says_the_servers_word(office):
    office.start_ipam()
    office.start_allocator("--config", office.configure(pools=', { name = "spare"; addresses = ( "198.51.100.0/32" ); }'))
    names = [f"s{i}" for i in range(8)]  # six addresses at the server, one in the other pool
    office.api.create(*[service(n, **V4) for n in names])
    office.wait_for(lambda: sum(bool(office.api.external_ips(n)) for n in names) == 7)
    assert ["198.51.100.0"] in [office.api.external_ips(n) for n in names]
    last, = [n for n in names if not office.api.external_ips(n)]
    office.wait_condition(last, 'pool "public" was refused by its IPAM: no IPv4 address is free in public')
    first = next(n for n in names if office.api.external_ips(n)[:1] == ["192.0.2.2"])
    office.api.delete("Service", first)
    assert office.wait_ips(last) == ["192.0.2.2"]  # at once, not after the minute
    office.wait_for(lambda: "192.0.2.2" in sum(office.leases().values(), []))


@pytest.mark.parametrize("mode, said", [
    ("hang", "which is away: Timeout was reached"),
    ("500", "which is away: it answers 500: out of order"),
    ("redirect", "which is away: it answers 307"),
    ("endless", "which is away: its answer is too long"),
    ("wrong 10.9.9.9", "its IPAM answered 10.9.9.9, but 10.9.9.9 is in no pool"),
    ("wrong 192.0.2.1", "its IPAM answered 192.0.2.1, but 192.0.2.1 is excluded"),
    ("wrong 2001:db8::5", "which is not what it was asked for"),
])
def test_a_server_that_misbehaves_is_told_and_nothing_leaks(office, mode, said):
    office.start_ipam()
    office.start_harm()
    conf = office.configure(url=f"http+unix://{office.scratch}/harm.sock", timeout="300ms")
    allocator = office.start_allocator("--config", conf)
    office.api.create(service("fine", **V4))
    office.wait_ips("fine")
    office.harm(mode)
    office.api.create(service("web", **V4))
    office.wait_condition("web", said)
    assert office.api.external_ips("web") == []
    assert "?again" not in office.process("harm").log
    if mode.startswith("wrong"):
        office.wait_for(lambda: "/v1/release" in office.process("harm").log)
        office.harm("pass")  # what the server has for it besides, the next list will show
        office.api.delete("Service", "web")
        allocator.kill()
        allocator.start()
    else:
        office.harm("pass")
        office.wait_ips("web", 20)
    office.wait_agreement(20)


def test_killed_between_the_call_and_the_write_it_gives_the_same_address(office):
    office.start_ipam()
    harm = office.start_harm()
    conf = office.configure(url=f"http+unix://{office.scratch}/harm.sock", timeout="20s")
    allocator = office.start_allocator("--config", conf)
    office.harm("swallow")
    office.api.create(service("web", **V4))
    harm.wait_log("holding /v1/allocate")
    office.wait_for(office.leases)
    allocator.kill()
    leased = office.leases()[office.uid("web")]
    office.api.create(service("aaa", **V4))  # decided first by name
    office.harm("pass")
    allocator.start()
    assert office.wait_ips("web") == leased
    assert office.wait_ips("aaa") != leased
    office.wait_agreement()


def test_a_leader_stopped_in_the_middle_of_a_call_and_its_follower_agree(office):
    office.start_ipam()
    harm = office.start_harm()
    conf = office.configure(url=f"http+unix://{office.scratch}/harm.sock", timeout="1s")
    leader = office.start_allocator("--config", conf)
    office.api.create(service("kept", **V4))
    kept = office.wait_ips("kept")
    follower = office.start_allocator("--config", conf, name="follower", metrics_port=7483)
    office.harm("swallow")
    office.api.create(service("web", **V4))
    harm.wait_log("holding /v1/allocate")
    leased = office.wait_for(lambda: office.leases().get(office.uid("web")))
    leader.signal(signal.SIGSTOP)
    office.harm("pass")
    assert office.wait_ips("web", 30) == leased  # the follower's doing
    office.api.delete("Service", "kept")
    office.wait_for(lambda: kept[0] not in sum(office.leases().values(), []))
    office.api.create(service("next", **V4))
    office.wait_ips("next")
    leader.signal(signal.SIGCONT)
    office.api.create(service("last", **V4))
    office.wait_ips("last")
    office.wait_agreement()
    assert follower.metrics()['bellman_ipam_calls_total{pool="public",call="leases",result="ok"}'] >= 1
    assert follower.running() and leader.running()


def test_the_lead_is_not_given_away_under_a_call(office):
    """A follower that acts at once could have the address leased again before it is released."""
    office.start_ipam()
    harm = office.start_harm()
    leader = office.start_allocator("--config", office.configure(url=f"http+unix://{office.scratch}/harm.sock"))
    office.api.create(service("web", **V4))
    office.wait_ips("web")
    office.harm("slow")
    office.api.delete("Service", "web")
    harm.wait_log("slow POST /v1/release")
    assert office.leases()
    leader.signal(signal.SIGTERM)
    office.wait_for(lambda: not leader.running(), 10, "the leader to end")
    assert not office.leases()


def test_what_is_deleted_while_either_side_is_away_is_released_in_the_end(office):
    ipam = office.start_ipam()
    allocator = office.start_allocator("--config", office.configure())
    names = [f"s{i}" for i in range(4)]
    office.api.create(*[service(n, **V4) for n in names])
    before = {n: office.wait_ips(n) for n in names}
    ipam.kill()
    office.api.delete("Service", "s0")  # the server is away
    allocator.wait_log("call failed, retrying")
    allocator.kill()
    office.api.delete("Service", "s1")  # both are
    ipam.start()
    allocator.start()
    office.wait_agreement(20)
    assert {n: office.api.external_ips(n) for n in names[2:]} == {n: before[n] for n in names[2:]}
    office.state.unlink()  # the server loses everything
    ipam.kill()
    ipam.start()
    allocator.kill()
    allocator.start()
    office.wait_agreement(20)
    assert {n: office.api.external_ips(n) for n in names[2:]} == {n: before[n] for n in names[2:]}


def test_storm_of_kills_on_both_sides_leaks_nothing(office):
    ipam = office.start_ipam()
    allocator = office.start_allocator("--config", office.configure(timeout="500ms"))
    for i in range(12):
        office.api.create(service(f"s{i:02}", **V4))
        if i >= 3:
            office.api.delete("Service", f"s{i - 3:02}")
        if i % 4 == 1:
            allocator.kill()
            allocator.start()
        if i % 4 == 3:
            ipam.kill()
            ipam.start()
    left = [f"s{i:02}" for i in range(9, 12)]
    office.wait_for(lambda: all(office.api.external_ips(n) for n in left), 30)
    office.wait_agreement(30)


def test_over_tls_with_token_and_the_servers_authority(office):
    key, cert, token = (office.scratch / n for n in ("ipam.key", "ipam.pem", "token"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=ipam",
                    "-addext", "subjectAltName=IP:10.0.0.254"], check=True, capture_output=True)
    token.write_text("right\n")
    office.start_ipam(("--listen", "10.0.0.254:8443", "--cert", cert, "--key", key), "--token-file", token)
    wrong = office.scratch / "wrong"
    wrong.write_text("wrong\n")
    url = "https://10.0.0.254:8443/"
    allocator = office.start_allocator("--config", office.configure(url))
    office.api.create(service("web", **V4))
    office.wait_condition("web", "certificate")  # nobody here has vouched for it
    for more, said in ((f'caFile = "{cert}"; tokenFile = "{wrong}";', "it answers 401: the token is not right"),
                       (f'caFile = "{cert}"; tokenFile = "{wrong}.not";', "No such file")):
        office.configure(url, more=more)
        allocator.signal(signal.SIGHUP)
        office.wait_condition("web", said)
    office.configure(url, more=f'caFile = "{cert}"; tokenFile = "{token}";')
    allocator.signal(signal.SIGHUP)
    office.wait_ips("web")
    office.wait_agreement()
    assert "right" not in allocator.log.replace("the token is not right", "")


def test_a_pool_gets_a_hook_and_loses_it_and_nobody_moves(office):
    office.start_ipam()
    office.api.create(pool("public", ["192.0.2.0/29", "2001:db8::/125"]))
    allocator = office.start_allocator()
    office.api.create(service("zero", **V4), service("both", ipFamilyPolicy="RequireDualStack"))
    before = {n: office.wait_ips(n) for n in ("zero", "both")}
    v4 = {before["zero"][0], before["both"][0]}
    assert v4 == {"192.0.2.0", "192.0.2.1"}  # which the server does not have; the IPv6 address it has
    hook = {"metadata": {"annotations": {"bellman.io/ipam": json.dumps({"url": f"http+unix://{office.socket}"})}}}
    office.api.patch("IPAddressPool", "public", hook, SYSTEM)
    for name, ips in before.items():
        office.wait_for(lambda: "IPAMRefused" in dict(office.api.events(name)))
        assert f"{ips[0]} is not in public" in dict(office.api.events(name))["IPAMRefused"]
    both = office.wait_for(lambda: office.leases() == {office.uid("both"): ["2001:db8::"]} and office.leases())
    office.api.create(service("new", **V4))
    office.wait_ips("new")
    assert {n: office.api.external_ips(n) for n in before} == before
    hook["metadata"]["annotations"]["bellman.io/ipam"] = None
    office.api.patch("IPAddressPool", "public", hook, SYSTEM)
    office.api.create(service("plain", **V4))
    office.wait_ips("plain")
    assert {n: office.api.external_ips(n) for n in before} == before
    office.api.delete("Service", "new")  # leased, and released although the pool has no hook now
    office.wait_for(lambda: office.leases() == both)
    assert allocator.running()
