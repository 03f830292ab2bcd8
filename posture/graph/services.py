"""Rules 6, 7, 31, 33 and 36: what a service gives away by itself, containers, and credential files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from posture.graph import draft as d
from posture.graph.draft import Draft
from posture.graph.evidence import Facts, HostView, People
from posture.graph.reach import Endpoint, endpoint_node
from posture.model.host import Mission
from posture.model.path import Basis, NodeKind

_API = re.compile(r"tcp://.*?:(\d{1,5})/?$")
_PROXY = "docker-proxy"
RUNS_CODE: Mapping[str, tuple[str, str]] = {
    "ray": ("AIS-06", "read-on-host"),
    "notebook": ("AIS-07", "read-on-host"),
    "app_builder": ("AIS-12", "doubt"),
    "pipeline": ("AIS-21", "doubt"),
    "agent": ("AIS-23", "doubt"),
}
"""Kinds of AI service that run what they are sent, with the check and how sure that is without trying."""
HOLDS_DATA: Mapping[str, str] = {"vector_store": "AIS-13", "tracking": "AIS-08"}
"""Kinds that hand out what they hold."""


def add_services(draft: Draft, view: HostView, people: People, endpoints: Iterable[Endpoint]) -> None:
    """Add what the services of a host mean."""
    known = tuple(endpoints)
    _add_engine(draft, view, known)
    _add_open_data(draft, view, known)
    _add_ai(draft, view, known)
    _add_residual(draft, view, people, known)
    _add_containers(draft, view, known)
    _add_secret_files(draft, view, people)


def _add_engine(draft: Draft, view: HostView, endpoints: tuple[Endpoint, ...]) -> None:
    if view.value("containers", "tls_verified") is not False:
        return
    told = {int(found[1]) for text in view.words("containers", "network_listeners") if (found := _API.match(text))}
    for endpoint in endpoints:
        if endpoint.proto == "tcp" and endpoint.port in told:
            why = f"Docker on {view.id} takes orders on {endpoint.name} without client certificates"
            draft.edge(
                "container-api",
                [endpoint_node(draft, view, endpoint.name)],
                d.root(draft, view),
                why,
                conditions=draft.found_or_setting(
                    view, [("EXP-14", "")], key=f"engine|{endpoint.name}", why=why, remedy="use the local socket only"
                ),
                evidence=view.ref("containers", "network_listeners"),
            )


def _add_open_data(draft: Draft, view: HostView, endpoints: tuple[Endpoint, ...]) -> None:
    """Add rule 7 where the host holds something for the mission: a data service there answers strangers."""
    if view.host.mission < Mission.ESSENTIAL:
        return
    for endpoint in endpoints:
        finding = draft.found(
            view,
            [("EXP-07", str(endpoint.port))] if endpoint.proto == "tcp" else [],
            f"{endpoint.product or 'a data service'} answers on {endpoint.name} of {view.id}",
        )
        if finding:
            draft.edge(
                "open-data",
                [endpoint_node(draft, view, endpoint.name)],
                d.objective(draft, view),
                f"{endpoint.product or 'a data service'} answers strangers on {endpoint.name} of {view.id}; whether it "
                "asks for a password was not asked",
                conditions=finding,
                sure="guess",
                evidence=view.ref("exposure", "services"),
            )


def _add_ai(draft: Draft, view: HostView, endpoints: tuple[Endpoint, ...]) -> None:
    """Add rules 5 and 7 for AI services that answered without a login what should need one."""
    by_name = {one.name: one for one in endpoints}
    seen: set[tuple[str, str]] = set()
    for service in view.rows("ai_service", "services"):
        endpoint, kind = by_name.get(str(service["endpoint"])), str(service["kind"])
        if service["access"] != "open" or endpoint is None or (endpoint.name, kind) in seen:
            continue
        seen.add((endpoint.name, kind))
        if kind in RUNS_CODE:
            _add_ai_code(draft, view, endpoint, service)
        elif kind in HOLDS_DATA and view.host.mission >= Mission.ESSENTIAL:
            _add_ai_data(draft, view, endpoint, service)


def _add_ai_code(draft: Draft, view: HostView, endpoint: Endpoint, service: Facts) -> None:
    who = endpoint.user or "whomever it runs as"
    why = f"{service['name']} on {endpoint.name} of {view.id} answered without a login and runs code, as {who}"
    check, sure = RUNS_CODE[str(service["kind"])]
    draft.edge(
        "open-execution",
        [endpoint_node(draft, view, endpoint.name)],
        d.account(draft, view, endpoint.user) if endpoint.user else d.somebody(draft, view),
        why,
        conditions=draft.found_or_setting(
            view,
            [(check, endpoint.name)],
            key=f"ai|{endpoint.name}|{service['service']}",
            why=why,
            remedy=f"let {service['name']} on {view.id} ask for a token, or bind it to loopback",
        ),
        sure=sure,
        basis=Basis.OBSERVED,
        evidence=(*view.ref("ai_service", "services"), *view.ref("listeners", "sockets")),
    )


def _add_ai_data(draft: Draft, view: HostView, endpoint: Endpoint, service: Facts) -> None:
    why = f"{service['name']} on {endpoint.name} of {view.id} answered without a login"
    draft.edge(
        "open-data",
        [endpoint_node(draft, view, endpoint.name)],
        d.objective(draft, view),
        why,
        conditions=draft.found_or_setting(
            view,
            [(HOLDS_DATA[str(service["kind"])], endpoint.name)],
            key=f"ai|{endpoint.name}|{service['service']}",
            why=why,
            remedy=f"let {service['name']} on {view.id} ask for a key, or bind it to loopback",
        ),
        sure="read-on-host",
        basis=Basis.OBSERVED,
        evidence=view.ref("ai_service", "services"),
    )


def _add_residual(draft: Draft, view: HostView, people: People, endpoints: tuple[Endpoint, ...]) -> None:
    """Add rule 36 for what a vantage outside found open: inside, the other rules say how an attacker goes on."""
    for endpoint in endpoints:
        if not endpoint.process or not endpoint.user or endpoint.process == _PROXY or not endpoint.seen_outside:
            continue
        name = endpoint.product or endpoint.process
        draft.edge(
            "residual",
            [endpoint_node(draft, view, endpoint.name)],
            d.account(draft, view, endpoint.user),
            f"{endpoint.process} on {endpoint.name} of {view.id} runs as {endpoint.user}: a flaw nobody knows yet "
            "would give that account",
            sure="doubt",
            cause=f"residual|{name.lower()}",
            basis=Basis.ASSUMED,
            evidence=view.ref("listeners", "sockets"),
        )


def _add_containers(draft: Draft, view: HostView, endpoints: tuple[Endpoint, ...]) -> None:
    marked = [("privileged", "runs privileged"), ("holds_docker_socket", "holds the engine's socket")]
    for field, said in marked:
        for name in view.words("containers", field):
            node = draft.node(
                NodeKind.CONTAINER, f"container:{view.id}/{name}", f"container {name} on {view.id}", host=view.id
            )
            why = f"container {name} on {view.id} {said}: who is root in it is root on the host"
            draft.edge(
                "container-escape",
                [node],
                d.root(draft, view),
                why,
                conditions=[draft.setting(view, f"container|{name}|{field}", why, f"run {name} without it")],
                evidence=view.ref("containers", field),
            )
            for endpoint in endpoints:
                if endpoint.process == _PROXY and endpoint.seen_outside:
                    draft.edge(
                        "residual",
                        [endpoint_node(draft, view, endpoint.name)],
                        node,
                        f"{endpoint.name} of {view.id} leads into a container, perhaps {name}",
                        sure="guess",
                        cause=f"residual|container|{view.id}",
                        basis=Basis.ASSUMED,
                        evidence=view.ref("listeners", "sockets"),
                    )


def _add_secret_files(draft: Draft, view: HostView, people: People) -> None:
    for file in view.rows("secret_files", "files"):
        path, owner, mode = str(file["path"]), str(file["owner"]), int(str(file["mode"]), 8)
        node = draft.node(
            NodeKind.SECRET,
            f"secret:{view.id}/file/{path}",
            f"{file['kind']} credentials in {path} of {view.id}",
            host=view.id,
        )
        keep = draft.setting(
            view,
            f"secret|{path}",
            f"{path} on {view.id} holds {file['kind']} credentials",
            f"keep what {path} holds in a vault",
        )
        evidence = view.ref("secret_files", f"files[path={path}]")
        why = f"{owner} on {view.id} can read {path}"
        premise = d.account(draft, view, owner)
        draft.edge("secret-file", [premise], node, why, conditions=[keep], evidence=evidence)
        if not file["readable_by_others"]:
            continue
        if mode & 0o006:
            readers = [(d.somebody(draft, view), "everybody")]
        else:
            members = sorted(people.members_of(str(file["group"])) - people.uid_zero - {owner})
            readers = [(d.account(draft, view, one), one) for one in members]
        for reader, who in readers:
            why = f"{who} on {view.id} may read {path} by its mode {file['mode']}, if the directories above let them"
            found = draft.found(view, [("IDN-11", "")], why)
            draft.edge("secret-file", [reader], node, why, conditions=[keep, *found], sure="doubt", evidence=evidence)
