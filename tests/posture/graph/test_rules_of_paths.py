"""Every rule of the attack graph: what makes its edge, what must not, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from estate import (
    APP,
    BOOK,
    DB,
    K1,
    NOW,
    WEB,
    ZONES,
    Facts,
    authorized,
    edges,
    evidence,
    facts,
    graph_of,
    host,
    listing,
    private,
    rule_of_sudo,
    seen,
    socket,
    sshd,
    user,
    view,
)

from posture.graph.evidence import HostEvidence
from posture.model.host import Mission
from posture.model.path import AttackGraph, Tier
from posture.model.vulnerability import (
    Affected,
    CveRecord,
    Decision,
    Detection,
    Exposure,
    FixState,
    PackageVersion,
    Vulnerability,
)

Failing = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Case:
    """One rule at one host: facts that make its edge, and the same ones with one thing mended."""

    rule: str
    premise: str
    conclusion: str
    makes: Facts
    mended: Facts
    condition: str
    """The condition (its beginning) whose end is the mending."""
    other: Facts | None = None
    """A near miss: looks alike, and must give no edge; ``mended`` where none is given."""
    failing: Failing = field(default_factory=dict)
    beside: tuple[HostEvidence, ...] = ()
    mission: Mission = Mission.NONE
    flaws: tuple[Vulnerability, ...] = ()
    structural: bool = False
    """Nothing ends it but that its facts are not there."""

    def graph(
        self, said: Facts, *, flaws: tuple[Vulnerability, ...] = (), failing: Failing | None = None
    ) -> AttackGraph:
        of = replace(WEB, mission=self.mission)
        return graph_of(evidence(of, said, failing=failing or {}, flaws=flaws), *self.beside)


SSH = {"views": seen(22), "sockets": [socket(22)]}
HTTP = {"views": seen(80), "sockets": [socket(80, "nginx", "www-data")]}
ALICE = user("alice")
HOLDER = evidence(APP, facts(user("bob"), ssh_keys={"private": listing(private("bob"))}))


def keys(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"authorized": listing(*lines)}


def flaw(package: str, **record: Any) -> Vulnerability:
    version = PackageVersion("Debian:12", package, "1.0")
    affected = Affected("CVE-2026-0001", version, FixState.FIXED_IN, "1.1", "debian", 100, "below 1.1")
    seen = Detection(NOW, NOW, "posture")
    decision = Decision("14D", 1, True, 1, "14D", (), (), None)
    known = CveRecord("CVE-2026-0001", technical_impact="total", automatable=True, **record)
    return Vulnerability("web", affected, known, Exposure(True, "measured", "seen"), (seen,), decision)


def containers(**more: Any) -> Facts:
    return facts(ALICE, containers=more)


def export(path: str = "/home", **more: Any) -> dict[str, Any]:
    said = {"path": path, "client": "*", "options": ["rw"], "everyone": True, "no_root_squash": False}
    return {"exports": listing({**said, "writable": True, "active": True, **more})}


def ai(kind: str, port: int, **more: Any) -> dict[str, Any]:
    return {"endpoint": f"tcp/{port}", "kind": kind, "service": kind, "name": kind.title(), "access": "open", **more}


def job(mode: str, owner: str = "root", group: str = "root", *, others: bool = True) -> dict[str, Any]:
    said = {"path": "/etc/cron.d/backup", "kind": "file", "mode": mode, "owner": owner, "group": group}
    return {"files": listing({**said, "writable_by_others": others})}


NFS = {"views": seen(2049), "sockets": [socket(2049, "", "")]}
PASSWORD = user("alice", password="hash", scheme="yescrypt")
GROUPS = {"docker": ["alice"]}
SOCK = {"sockets": listing({"path": "/run/docker.sock", "mode": "0660", "writable_by_all": False})}

CASES = (
    Case(
        "reach", "zone:outside", "reach:", facts(**SSH), facts(views=seen(), sockets=[socket(22)]),
        "network|outside>dmz|tcp/22",
    ),
    Case(
        "endpoint", "reach:", "endpoint:web/tcp/22", facts(**SSH), facts(views=seen(), sockets=[socket(22)]),
        "web|EXP-03|22", failing={"EXP-03": ("22",)},
    ),
    Case(
        "remote-flaw", "endpoint:web/tcp/80", "account:web/www-data", facts(**HTTP),
        facts(views=seen(80), sockets=[socket(80, "caddy", "caddy")]), "web|flaw|CVE-2026-0001|nginx",
        flaws=(flaw("nginx"),),
    ),
    Case(
        "open-execution", "endpoint:web/tcp/8265", "account:web/ray",
        facts(views=seen(8265), sockets=[socket(8265, "python3", "ray")], ai_service={"services": listing(ai("ray", 8265))}),
        facts(views=seen(8265), sockets=[socket(8265, "python3", "ray")], ai_service={"services": listing(ai("ray", 8265, access="guarded"))}),
        "web|AIS-06|tcp/8265", failing={"AIS-06": ("tcp/8265",)},
    ),
    Case(
        "container-api", "endpoint:web/tcp/2375", "root:web",
        facts(views=seen(2375), sockets=[socket(2375, "dockerd")], containers={"network_listeners": ["tcp://0.0.0.0:2375"]}),
        facts(views=seen(2375), sockets=[socket(2375, "dockerd")], containers={"network_listeners": ["tcp://0.0.0.0:2375"], "tls_verified": True}),
        "web|EXP-14|", failing={"EXP-14": ()},
    ),
    Case(
        "open-data", "endpoint:web/tcp/6379", "objective:web",
        facts(views=seen(6379), sockets=[socket(6379, "redis-server", "redis")]),
        facts(views=seen(), sockets=[socket(6379, "redis-server", "redis")]),
        "web|EXP-07|6379", failing={"EXP-07": ("6379",)}, mission=Mission.VITAL,
    ),
    Case(
        "password-guess", "endpoint:web/tcp/22", "secret:web/password/alice",
        facts(PASSWORD, sshd=sshd(passwordauthentication="yes"), **SSH), facts(PASSWORD, **SSH), "web|SSH-02|",
        other=facts(PASSWORD, sshd=sshd(lists={"authenticationmethods": ["publickey,password"]}, passwordauthentication="yes"), **SSH),
        failing={"SSH-02": ()},
    ),
    Case(
        "empty-password", "endpoint:web/tcp/22", "account:web/alice",
        facts(user("alice", password="empty"), sshd=sshd(passwordauthentication="yes", permitemptypasswords="yes"), **SSH),
        facts(user("alice", password="locked"), sshd=sshd(passwordauthentication="yes", permitemptypasswords="yes"), **SSH),
        "web|IDN-04|",
        other=facts(user("alice", password="empty"), sshd=sshd(passwordauthentication="yes"), **SSH),
        failing={"SSH-04": (), "IDN-04": ()},
    ),
    Case(
        "ssh-key", f"key:{K1}", "account:web/alice", facts(ALICE, ssh_keys=keys(authorized("alice")), **SSH), facts(ALICE, **SSH),
        f"web|authorized-key|{K1}|alice",
        other=facts(user("alice", interactive=False), ssh_keys=keys(authorized("alice")), **SSH), beside=(HOLDER,),
    ),
    Case(
        "plain-key", "account:app/bob", f"key:{K1}", facts(ALICE, ssh_keys=keys(authorized("alice")), **SSH), facts(ALICE, **SSH),
        "app|private-key|/home/bob/.ssh/id_ed25519", beside=(HOLDER,),
    ),
    Case(
        "encrypted-key", "account:web/alice", f"key:{K1}",
        facts(ALICE, ssh_keys={**keys(authorized("alice")), "private": listing(private("alice", encrypted=True))}, **SSH),
        facts(ALICE, ssh_keys=keys(authorized("alice")), **SSH), "web|private-key|/home/alice/.ssh/id_ed25519",
        other=facts(ALICE, ssh_keys={**keys(authorized("alice")), "private": listing(private("alice"))}, **SSH),
    ),
    Case(
        "agent-forwarding", "root:web", f"key:{K1}",
        facts(ALICE, sshd=sshd(allowagentforwarding="yes"), ssh_keys=keys(authorized("alice")), **SSH),
        facts(ALICE, ssh_keys=keys(authorized("alice")), **SSH), "web|SSH-09|", failing={"SSH-09": ()},
        other=facts(ALICE, sshd=sshd(allowagentforwarding="yes"), ssh_keys=keys(authorized("alice", K1, "restrict")), **SSH),
        beside=(evidence(APP, facts(user("bob"), ssh_keys=keys(authorized("bob")), views=[view("dmz", 22)], sockets=[socket(22)])),),
    ),
    Case(
        "control-master", "account:web/alice", "account:app/bob",
        facts(ALICE, ssh_keys={"sockets": listing({"path": "/home/alice/.ssh/cm-bob@app:22", "owner": "alice", "mode": "0600"})}),
        facts(ALICE), "web|control-socket|/home/alice/.ssh/cm-bob@app:22", beside=(HOLDER,),
        other=facts(ALICE, ssh_keys={"sockets": listing({"path": "/home/alice/.ssh/cm-bob@elsewhere:22", "owner": "alice", "mode": "0600"})}),
    ),
    Case(
        "ssh-ca", f"key:{K1}", "account:web/alice", facts(ALICE, ssh_keys=keys(authorized("alice", cert_authority=True)), **SSH),
        facts(ALICE, **SSH), f"web|authorized-key|{K1}|alice", beside=(HOLDER,),
        other=facts(ALICE, ssh_keys=keys(authorized("alice")), **SSH),
    ),
    Case(
        "sudo-nopasswd", "account:web/alice", "root:web", facts(ALICE, sudo={"rules": listing(rule_of_sudo("alice"))}), facts(ALICE),
        "web|IDN-07|", failing={"IDN-07": ()},
        other=facts(ALICE, sudo={"rules": listing(rule_of_sudo("alice"), rule_of_sudo("ALL", nopasswd=False))}),
    ),
    Case(
        "sudo-password", "secret:web/password/alice", "root:web",
        facts(PASSWORD, groups={"sudo": ["alice"]}, sudo={"rules": listing(rule_of_sudo("%sudo", nopasswd=False))}),
        facts(PASSWORD, groups={"sudo": []}, sudo={"rules": listing(rule_of_sudo("%sudo", nopasswd=False))}),
        "web|sudo|/etc/sudoers:30|%sudo",
    ),
    Case(
        "sudo-escape", "account:web/alice", "root:web", facts(ALICE, sudo={"rules": listing(rule_of_sudo("alice", "/usr/bin/vim"))}),
        facts(ALICE), "web|sudo|/etc/sudoers:30|alice",
        other=facts(ALICE, sudo={"rules": listing(rule_of_sudo("alice", "/usr/bin/systemctl restart nginx", r"/usr/bin/find /etc -name \*.conf"))}),
    ),
    Case(
        "root-group", "account:web/alice", "root:web", facts(ALICE, groups=GROUPS, containers=SOCK), facts(ALICE, groups={"docker": []}, containers=SOCK),
        "web|IDN-13|", failing={"IDN-13": ()}, other=facts(ALICE, groups={"games": ["alice"]}, containers=SOCK),
    ),
    Case(
        "writable-job", "somebody:web", "root:web", facts(ALICE, cron=job("0666")), facts(ALICE, cron=job("0644", others=False)),
        "web|IDN-14|", failing={"IDN-14": ()}, other=facts(ALICE, cron=job("0664", others=False)),
    ),
    Case(
        "local-flaw", "somebody:web", "root:web", facts(ALICE), facts(ALICE), "web|PAT-03|pkg:sudo CVE-2026-0001", flaws=(flaw("sudo"),),
        failing={"PAT-03": ("pkg:sudo CVE-2026-0001",)},
    ),
    Case("root-is-everybody", "root:web", "account:web/www-data", facts(**HTTP), facts(), "", structural=True),
    Case("presence", "somebody:web", "zone:dmz", facts(**HTTP), facts(), "", structural=True),
    Case(
        "password-hash", "root:web", "secret:web/password/alice",
        facts(PASSWORD, sudo={"rules": listing(rule_of_sudo("alice", nopasswd=False))}),
        facts(ALICE, sudo={"rules": listing(rule_of_sudo("alice", nopasswd=False))}),
        "web|password|alice",
    ),
    Case(
        "password-login", "secret:web/password/alice", "account:web/alice",
        facts(PASSWORD, sshd=sshd(passwordauthentication="yes"), **SSH), facts(PASSWORD, **SSH), "web|SSH-02|",
        other=facts(PASSWORD, sshd=sshd(lists={"denyusers": ["alice"]}, passwordauthentication="yes"), **SSH),
        failing={"SSH-02": ()},
    ),
    Case(
        "nfs-export", "endpoint:web/tcp/2049", "share:web/home", facts(ALICE, exports=export(), **NFS), facts(ALICE, **NFS),
        "web|EXP-09|", failing={"EXP-09": ()}, other=facts(ALICE, exports=export(writable=False), **NFS),
    ),
    Case(
        "share-content", "share:web/home", "account:web/alice", facts(ALICE, exports=export(), **NFS), facts(ALICE, **NFS),
        "web|EXP-09|", failing={"EXP-09": ()}, other=facts(ALICE, exports=export("/srv/pub"), **NFS),
    ),
    Case(
        "container-escape", "container:web/abc", "root:web", containers(privileged=listing("abc")), containers(privileged=listing()),
        "web|container|abc|privileged",
    ),
    Case("manager", "root:web", "manager:web", facts(declared={"manages": ["apps"]}), facts(), "web|manages", beside=(HOLDER,)),
    Case(
        "secret-file", "somebody:web", "secret:web/file/",
        facts(ALICE, secret_files={"files": listing({"path": "/home/alice/.netrc", "kind": "netrc", "mode": "0644", "owner": "alice", "group": "alice", "readable_by_others": True})}),
        facts(ALICE, secret_files={"files": listing({"path": "/home/alice/.netrc", "kind": "netrc", "mode": "0600", "owner": "alice", "group": "alice", "readable_by_others": False})}),
        "web|IDN-11|", failing={"IDN-11": ()},
    ),
    Case(
        "residual", "endpoint:web/tcp/80", "account:web/www-data", facts(**HTTP),
        facts(views=seen(80), sockets=[]), "", structural=True,
    ),
    Case("objective", "root:web", "objective:web", facts(), facts(), "", structural=True, mission=Mission.ESSENTIAL),
    Case(
        "uid-zero", "account:web/toor", "root:web", facts(user("toor", 0)), facts(user("toor", 1001)), "web|IDN-06|toor",
        failing={"IDN-06": ("toor",)},
    ),
    Case("origin", "vantage:outside", "zone:outside", facts(), facts(), "", structural=True),
)  # fmt: skip


def found(graph: AttackGraph, case: Case) -> list[Any]:
    return [
        one
        for one in edges(graph, case.rule)
        if one.conclusion.startswith(case.conclusion) and any(p.startswith(case.premise) for p in one.premises)
    ]


each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)


@each
def test_the_facts_of_a_rule_make_its_edge(case: Case) -> None:
    graph = case.graph(case.makes, flaws=case.flaws, failing=case.failing)
    edge = found(graph, case)[0]
    assert edge.why and edge.attack
    assert edge.p == next(one.p for one in BOOK.tiers if one.tier is edge.tier)
    if not case.structural:
        assert any(one.startswith(case.condition) for one in edge.conditions), edge.conditions


@each
def test_a_near_miss_makes_no_edge(case: Case) -> None:
    if case.rule in ("origin", "objective"):
        graph = graph_of(evidence(WEB, facts()))
        assert not [one for one in graph.origins if one.node == "vantage:dmz"]
        assert not edges(graph, "objective")
        return
    assert not found(case.graph(case.other or case.mended, failing=case.failing), case)


@each
def test_its_fix_takes_the_edge_away(case: Case) -> None:
    if case.structural:
        return
    graph = case.graph(case.makes, flaws=case.flaws, failing=case.failing)
    held = {one.id: one for one in graph.conditions}
    named = {id_ for edge in found(graph, case) for id_ in edge.conditions if id_.startswith(case.condition)}
    assert named, "the fix must be a condition of the edge"
    for id_ in named:
        check = held[id_].check
        assert check or held[id_].remedy
        assert not check or (held[id_].finding and check in next(r for r in BOOK.rules if r.id == case.rule).checks)
    beside = tuple(evidence(APP, facts(user("bob"))) for one in case.beside if case.rule == "plain-key")
    mended = replace(case, beside=beside or case.beside).graph(case.mended)
    assert not found(mended, case)


def test_every_rule_that_is_evaluated_is_tried_here() -> None:
    assert {one.rule for one in CASES} == {rule.id for rule in BOOK.rules if rule.evaluated}


def test_at_least_twenty_five_rules_of_the_catalogue_are_evaluated() -> None:
    assert len([rule for rule in BOOK.rules if rule.evaluated and rule.number]) >= 25
    assert {rule.number for rule in BOOK.rules} == set(range(38))


Change = Callable[[], Facts]
KEY = {"ssh_keys": keys(authorized("alice")), **SSH}
DAY = datetime(2026, 6, 20, tzinfo=UTC)

REFUSED: dict[str, Facts] = {
    "command= forces another program": facts(ALICE, ssh_keys=keys(authorized("alice", K1, "command=/bin/date")), **SSH),
    "from= names another network": facts(ALICE, ssh_keys=keys(authorized("alice", K1, "from=10.0.9.0/24")), **SSH),
    "from= takes the source out again": facts(ALICE, ssh_keys=keys(authorized("alice", K1, "from=!198.51.100.*,!10.*,*")), **SSH),
    "from= with a name, and no DNS asked": facts(ALICE, ssh_keys=keys(authorized("alice", K1, "from=*.example")), **SSH),
    "expiry-time has passed": facts(ALICE, ssh_keys=keys(authorized("alice", K1, "expiry-time=20250101")), **SSH),
    "a hardware key": facts(ALICE, ssh_keys=keys(authorized("alice", type="sk-ssh-ed25519@openssh.com")), **SSH),
    "StrictModes and a file others write": facts(ALICE, ssh_keys=keys(authorized("alice", mode="0606")), **SSH),
    "StrictModes and a file of another owner": facts(ALICE, ssh_keys=keys(authorized("alice", owner="bob")), **SSH),
    "a file that sshd does not read": facts(ALICE, sshd=sshd(lists={"authorizedkeysfile": ["/etc/ssh/keys/%u"]}), **KEY),
    "keys of this kind are not accepted": facts(ALICE, sshd=sshd(lists={"pubkeyacceptedalgorithms": ["ssh-rsa"]}), **KEY),
    "PubkeyAuthentication no": facts(ALICE, sshd=sshd(pubkeyauthentication="no"), **KEY),
    "AllowUsers names somebody else": facts(ALICE, sshd=sshd(lists={"allowusers": ["bob", "carol"]}), **KEY),
    "AllowUsers names it from elsewhere": facts(ALICE, sshd=sshd(lists={"allowusers": ["alice@10.0.9.*"]}), **KEY),
    "DenyUsers names it": facts(ALICE, sshd=sshd(lists={"denyusers": ["al*"]}), **KEY),
    "AllowGroups names another group": facts(ALICE, groups={"admins": []}, sshd=sshd(lists={"allowgroups": ["admins"]}), **KEY),
    "DenyGroups names its group": facts(ALICE, groups={"web": ["alice"]}, sshd=sshd(lists={"denygroups": ["web"]}), **KEY),
    "ForceCommand": facts(ALICE, sshd=sshd(forcecommand="internal-sftp"), **KEY),
    "ForceCommand in a Match block": facts(ALICE, sshd=sshd([{"match": "User alice", "effective": {"forcecommand": "/bin/date"}}]), **KEY),
    "MaxSessions 0 in a Match block": facts(ALICE, sshd=sshd([{"match": "User alice", "effective": {"maxsessions": 0}}]), **KEY),
    "keys off in a Match block for its group": facts(ALICE, groups={"web": ["alice"]}, sshd=sshd([{"match": "Group web", "effective": {"pubkeyauthentication": "no"}}]), **KEY),
    "AuthenticationMethods asks for a second factor": facts(ALICE, sshd=sshd(lists={"authenticationmethods": ["publickey,keyboard-interactive"]}), **KEY),
    "AuthenticationMethods knows no key": facts(ALICE, sshd=sshd(lists={"authenticationmethods": ["keyboard-interactive"]}), **KEY),
    "a shell that lets nobody work": facts(user("alice", interactive=False, shell="/usr/sbin/nologin"), **KEY),
    "the account has expired": facts(user("alice", expires="2026-01-01"), **KEY),
    "a locked account without PAM": facts(user("alice", password="locked"), sshd=sshd(usepam="no"), **KEY),
    "the account is gone": facts(**KEY),
    "sshd is not there": facts(ALICE, **{**KEY, "sshd": {"present": False, "effective": None, "lists": None, "contexts": None}}),
    "the port is filtered": facts(ALICE, ssh_keys=keys(authorized("alice")), views=seen(), sockets=[socket(22)]),
    "sshd listens on loopback only": facts(ALICE, ssh_keys=keys(authorized("alice")), views=[], sockets=[socket(22, loopback=True)]),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_a_key_opens_nothing_where_sshd_would_refuse_it(why: str) -> None:
    said = REFUSED[why]
    graph = graph_of(evidence(WEB, said), HOLDER)
    assert not edges(graph, "ssh-key", "account:web/alice")
    assert not edges(graph, "plain-key")


ROOT_REFUSED = {
    "no": False,
    "forced-commands-only": False,
    "prohibit-password": True,
    "without-password": True,
    "yes": True,
}


@pytest.mark.parametrize(("word", "lets"), ROOT_REFUSED.items())
def test_a_key_of_root_goes_by_permitrootlogin(word: str, lets: bool) -> None:
    said = facts(sshd=sshd(permitrootlogin=word), ssh_keys=keys(authorized("root")), **SSH)
    graph = graph_of(evidence(WEB, said, failing={"SSH-01": ()} if lets else {}), HOLDER)
    assert bool(edges(graph, "ssh-key", "root:web")) is lets
    if lets:
        assert "web|SSH-01|" in edges(graph, "ssh-key", "root:web")[0].conditions


def test_restrict_alone_still_gives_a_shell() -> None:
    said = facts(ALICE, ssh_keys=keys(authorized("alice", K1, "restrict")), **SSH)
    assert edges(graph_of(evidence(WEB, said), HOLDER), "ssh-key", "account:web/alice")


def test_a_password_beside_the_key_is_a_premise() -> None:
    said = facts(
        PASSWORD,
        sshd=sshd(lists={"authenticationmethods": ["publickey,password"]}, passwordauthentication="yes"),
        **KEY,
    )
    edge = edges(graph_of(evidence(WEB, said), HOLDER), "ssh-key", "account:web/alice")[0]
    assert "secret:web/password/alice" in edge.premises


def test_several_match_blocks_make_a_login_doubtful() -> None:
    blocks = [
        {"match": "User alice", "effective": {"x11forwarding": "no"}},
        {"match": "Group web", "effective": {"maxsessions": 1}},
    ]
    said = facts(ALICE, groups={"web": ["alice"]}, sshd=sshd(blocks), **KEY)
    assert edges(graph_of(evidence(WEB, said), HOLDER), "ssh-key")[0].confidence < 0.9


@pytest.mark.parametrize(
    ("blocks", "why"),
    [
        ([{"match": "LocalAddress 10.0.0.5", "effective": {"forcecommand": "internal-sftp"}}], "nobody knows whether it applies"),
        ([{"match": "User alice", "effective": {}}, {"match": "Group web", "effective": {"maxsessions": 0}}], "the first may set it too"),
    ],
)  # fmt: skip
def test_a_refusal_that_is_not_certain_leaves_a_doubtful_login(blocks: list[dict[str, Any]], why: str) -> None:
    said = facts(ALICE, groups={"web": ["alice"]}, sshd=sshd(blocks), **KEY)
    (edge,) = edges(graph_of(evidence(WEB, said), HOLDER), "ssh-key")
    assert edge.confidence < 0.9, why


@pytest.mark.parametrize(
    ("groups", "lets"), [({"web": ["alice"]}, False), ({"web": ["alice"], "admins": ["alice"]}, True)]
)
def test_a_negated_group_of_a_match_line_outweighs_all_others(groups: dict[str, list[str]], lets: bool) -> None:
    block = {"match": "Group !admins,*", "effective": {"forcecommand": "internal-sftp"}}
    said = facts(ALICE, groups=groups, sshd=sshd([block]), **KEY)
    assert bool(edges(graph_of(evidence(WEB, said), HOLDER), "ssh-key")) is lets


def test_a_daemon_older_than_its_configuration_is_told() -> None:
    said = facts(ALICE, sshd={**sshd(), "config_newer_than_daemon": True}, **KEY)
    assert [one.host for one in graph_of(evidence(WEB, said), HOLDER).not_evaluated if one.rule == "ssh-key"] == ["web"]


def test_a_login_that_is_shut_into_a_directory_is_doubtful() -> None:
    for said in (
        sshd(chrootdirectory="/srv/%u"),
        sshd([{"match": "User alice", "effective": {"chrootdirectory": "/srv"}}]),
    ):
        assert edges(graph_of(evidence(WEB, facts(ALICE, sshd=said, **KEY)), HOLDER), "ssh-key")[0].confidence < 0.9
    open_one = facts(ALICE, sshd=sshd(chrootdirectory="none"), **KEY)
    assert edges(graph_of(evidence(WEB, open_one), HOLDER), "ssh-key")[0].confidence >= 0.9


@pytest.mark.parametrize(
    ("record", "tier"),
    [
        ({"kev_added": date(2026, 1, 1)}, Tier.WEAPONISED),
        ({"exploitation": "poc"}, Tier.PUBLIC_EXPLOIT),
        ({}, Tier.NO_EXPLOIT),
    ],
)
def test_a_flaw_is_as_likely_as_what_is_known_of_its_exploits(record: dict[str, Any], tier: Tier) -> None:
    graph = graph_of(evidence(WEB, facts(**HTTP), flaws=(flaw("nginx", **record),)))
    assert edges(graph, "remote-flaw")[0].tier is tier


def test_one_flaw_on_two_hosts_is_one_cause() -> None:
    web, app = (evidence(one, facts(**HTTP), flaws=(flaw("nginx"),)) for one in (WEB, APP))
    assert len({one.cause for one in edges(graph_of(web, app), "remote-flaw")}) == 1


def test_a_vector_store_that_answers_strangers_hands_out_what_the_mission_holds() -> None:
    said = facts(
        views=seen(6333),
        sockets=[socket(6333, "qdrant", "qdrant")],
        ai_service={"services": listing(ai("vector_store", 6333))},
    )
    graph = graph_of(evidence(replace(WEB, mission=Mission.VITAL), said, failing={"AIS-13": ("tcp/6333",)}))
    (edge,) = edges(graph, "open-data", "objective:web")
    assert edge.confidence == 1.0 and edge.conditions == ("web|AIS-13|tcp/6333",)


def test_lockout_makes_guessing_unlikely() -> None:
    said = facts(PASSWORD, sshd=sshd(passwordauthentication="yes"), **SSH)
    assert edges(graph_of(evidence(WEB, said, passing=["IDN-01"])), "password-guess")[0].tier is Tier.RESIDUAL
    assert edges(graph_of(evidence(WEB, said)), "password-guess")[0].tier is Tier.PUBLIC_EXPLOIT


def test_the_last_sudo_rule_that_matches_decides() -> None:
    later = facts(ALICE, sudo={"rules": listing(rule_of_sudo("ALL", nopasswd=False), rule_of_sudo("alice"))})
    assert edges(graph_of(evidence(WEB, later)), "sudo-nopasswd", "root:web")


def test_a_service_account_needs_no_shell_to_run_sudo() -> None:
    service = user("www-data", 33, interactive=False, shell="/usr/sbin/nologin")
    graph = graph_of(evidence(WEB, facts(service, sudo={"rules": listing(rule_of_sudo("www-data"))})))
    assert edges(graph, "sudo-nopasswd", "root:web")[0].premises == ("account:web/www-data",)


def test_what_everybody_may_do_by_sudo_is_said_once_of_whoever_is_there() -> None:
    graph = graph_of(evidence(WEB, facts(sudo={"rules": listing(rule_of_sudo("ALL"))})))
    assert [one.premises for one in edges(graph, "sudo-nopasswd", "root:web")] == [("somebody:web",)]


def test_a_password_that_nobody_has_is_never_asked_for() -> None:
    graph = graph_of(evidence(WEB, facts(ALICE, sudo={"rules": listing(rule_of_sudo("alice", nopasswd=False))})))
    assert not edges(graph, "sudo-password")


def test_the_estate_has_the_zones_it_needs() -> None:
    assert {one.name for one in ZONES} >= {WEB.zone, APP.zone, DB.zone, host("x", "dmz", "10.0.1.9").zone}
