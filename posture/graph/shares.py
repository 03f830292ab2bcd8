"""Rules 29 and 30: NFS shares that can be written, and what on them runs as somebody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from posture.graph import draft as d
from posture.graph.admission import Admitted, Refused
from posture.graph.draft import Draft
from posture.graph.evidence import Facts, HostView, People
from posture.graph.fleet import Fleet
from posture.graph.logins import Door, Doors
from posture.graph.patterns import Source, from_matches, network_of
from posture.graph.reach import Endpoint, endpoint_node
from posture.graph.sshd import Sshd
from posture.model.path import NodeKind

NFS = 2049


def share_node(draft: Draft, host: str, path: str) -> str:
    """Return the node "may write this share"."""
    return draft.node(NodeKind.SHARE, f"share:{host}{path}", f"{path} of {host} for writing", host=host)


def add_shares(draft: Draft, view: HostView, people: People, fleet: Fleet, endpoints: Iterable[Endpoint]) -> None:
    """Add the shares this host exports, and those it mounts."""
    ports = tuple(one for one in endpoints if one.proto == "tcp" and one.port == NFS)
    for export in view.rows("exports", "exports"):
        if export["writable"]:
            _add_export(draft, view, people, fleet, ports, export)
    _add_mounted(draft, view, people, fleet)


def _add_export(
    draft: Draft, view: HostView, people: People, fleet: Fleet, ports: tuple[Endpoint, ...], export: Facts
) -> None:
    path, client = str(export["path"]), str(export["client"])
    if "krb5" in " ".join(export["options"]):
        return  # a ticket is asked for: nobody is believed by address
    share = share_node(draft, view.id, path)
    squash = "as root" if export["no_root_squash"] else "as any user but root"
    why = f"{view.id} lets {client} write {path} {squash}"
    conditions = draft.found_or_setting(
        view,
        [("EXP-09", "")],
        key=f"export|{path}|{client}",
        why=why,
        remedy=f"take {path} out of the exports of {view.id}, or name clients and squash root",
    )
    for door in _doors(draft, view, people, fleet, ports, export):
        draft.edge(
            "nfs-export",
            [door.premise],
            share,
            f"{why}, and {door.words} answers",
            conditions=[*conditions, *door.conditions],
            sure=door.admitted.sure,
            evidence=view.ref("exports", f"exports[path={path}]"),
        )
    _add_content(draft, view, people, export, share, conditions)


def _doors(
    draft: Draft, view: HostView, people: People, fleet: Fleet, ports: tuple[Endpoint, ...], export: Facts
) -> Iterator[Door]:
    client = str(export["client"])
    if export["everyone"]:
        for endpoint in ports:
            yield Door(endpoint_node(draft, view, endpoint.name), (), Admitted(), endpoint.name)
        return

    def decide(source: Source) -> Admitted | Refused:
        named = from_matches(client, source, dns=True)
        return Admitted() if named else Refused(f"{client} does not name it")

    if network_of(client) is None and client.startswith("@"):
        return  # a netgroup: nobody told us who is in it
    yield from Doors(draft, view, fleet, Sshd(view, people), ports).open_to(decide, [client])


def _add_content(
    draft: Draft, view: HostView, people: People, export: Facts, share: str, conditions: list[str]
) -> None:
    path = str(export["path"]).rstrip("/")
    evidence = (*view.ref("exports", f"exports[path={export['path']}]"), *view.ref("accounts", "users"))
    for user in people.users:
        name, home = str(user["name"]), str(user.get("home") or "")
        if not user.get("interactive") or not f"{home}/".startswith(f"{path}/") or home in ("", "/"):
            continue
        if name in people.uid_zero and not export["no_root_squash"]:
            continue
        draft.edge(
            "share-content",
            [share],
            d.account(draft, view, name),
            f"{path or '/'} of {view.id} holds the home of {name}: who writes it puts a key or a start-up file there",
            conditions=conditions,
            evidence=evidence,
        )
    if export["no_root_squash"]:
        draft.edge(
            "share-content",
            [share, d.somebody(draft, view)],
            d.root(draft, view),
            f"who writes {path or '/'} as root can leave a SUID program there, and whoever is on {view.id} can run it",
            conditions=conditions,
            evidence=evidence,
        )


def _add_mounted(draft: Draft, view: HostView, people: People, fleet: Fleet) -> None:
    """Add what a share means on the host that mounts it: homes on it belong to who writes it."""
    targets = view.value("mounts", "targets") or {}
    for target in sorted(targets):
        mount = targets[target]
        server, colon, path = str(mount["source"]).partition(":")
        owner = fleet.host(server) if colon and mount["network"] else None
        if owner is None or owner.id == view.id:
            continue
        for user in people.users:
            name, home = str(user["name"]), str(user.get("home") or "")
            if user.get("interactive") and f"{home}/".startswith(f"{target.rstrip('/')}/") and home != "/":
                draft.edge(
                    "share-content",
                    [share_node(draft, owner.id, path)],
                    d.account(draft, view, name),
                    f"the home of {name} on {view.id} lies on {path} of {owner.id}: who writes it is {name} here",
                    conditions=[
                        draft.setting(
                            view,
                            f"mount|{target}",
                            f"{view.id} mounts {path} of {owner.id} on {target}",
                            f"keep homes of {view.id} on a disk of its own",
                        )
                    ],
                    evidence=view.ref("mounts", "targets"),
                )
