"""Whether sshd believes a file of keys: nobody but the account and root may write it or a directory above it.

Source: sshd_config(5), StrictModes; safe_path() in misc.c of OpenSSH. Debian and Ubuntu let the own group of an account
write (debian/patches/user-group-modes.patch, seen with OpenSSH 9.2); as built by others the same mode is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from posture.graph.evidence import Facts, People


def is_believed(entry: Facts, folders: Mapping[str, Facts], people: People, user: str) -> bool | None:
    """Return whether it is; ``None`` where a directory was not seen, or where it depends on who built sshd.

    ``folders`` are what was seen of directories, by their paths.
    """
    verdicts = [_is_firm(entry, people, user)]
    for path in _above(str(entry["path"]), str(people.by_name.get(user, {}).get("home") or "/")):
        verdicts.append(_is_firm(folders[path], people, user) if path in folders else None)
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _above(path: str, home: str) -> list[str]:
    """Return the directories that sshd asks about: up to the home, or outside of it before `/`."""
    parents = [str(one) for one in PurePosixPath(path).parents][:-1]
    last = str(PurePosixPath(home))
    return parents[: parents.index(last) + 1] if last in parents else parents


def _is_firm(one: Facts, people: People, user: str) -> bool | None:
    owner, mode = str(one["owner"]), int(str(one["mode"]), 8)
    if owner not in {user, *people.uid_zero, *people.namesakes_of(user)} or mode & 0o002:
        return False
    if not mode & 0o020:
        return True
    group = one.get("group")
    others = people.members_of(str(group)) - {user, *people.namesakes_of(user)} if group else frozenset()
    return False if others else None
