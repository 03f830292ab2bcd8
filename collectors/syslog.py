"""Where logs go: remote targets of rsyslog with their TLS settings, the journal's own, and journal upload."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch

from collectors.base import Answers, Collector, Facts, Listing
from collectors.listed import Entries, entries_of, list_paths
from collectors.textfiles import Line, TextFiles, files_of, read_files, settings
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Target:
    """One place rsyslog sends to."""

    host: str
    port: str
    """As written; empty for the default."""
    protocol: str
    """udp, tcp or relp; the module's name (omkafka, omhttp, …) for other ways out, whose TLS is not judged."""
    driver: str
    """Network stream driver (gtls, ossl, ptcp), lower case; empty when none is named."""
    driver_mode: int
    """1 encrypts, 0 does not."""
    auth_mode: str
    """``x509/name`` checks the peer's name; empty when not set."""
    tls: bool
    verified: bool
    """TLS, and the peer's certificate is checked by name."""
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class JournalUpload:
    """systemd-journal-upload."""

    url: str
    """Without user or password."""
    tls: bool
    settings: dict[str, str]


@dataclass(frozen=True, slots=True)
class SyslogFacts:
    """Logging to other machines."""

    rsyslog: bool
    """/etc/rsyslog.conf exists."""
    syslog_ng: bool
    """/etc/syslog-ng/syslog-ng.conf exists; its targets are not read, so ``targets`` is then incomplete."""
    targets: Listing[Target]
    settings: dict[str, str]
    """rsyslog's global settings, keys in lower case without ``$``; old and new names for one thing share a key."""
    journald: dict[str, str]
    """[Journal] of journald.conf, drop-ins winning; keys in lower case, such as ``storage``."""
    journal_kept: bool
    """The journal outlives a boot: Storage=persistent, or auto (also when unset) and /var/log/journal is there."""
    journal_upload: JournalUpload | None
    remote: bool
    """Logs leave the host in some way that was seen."""
    remote_verified: bool
    """At least one way out is TLS to a peer whose name is checked."""


_JOURNAL = "/var/log/journal"

COMMANDS = (
    read_files("syslog.rsyslog", "/etc/rsyslog.conf", "/etc/rsyslog.d", sudo=True),
    read_files(
        "syslog.journal",
        "/etc/systemd/journald.conf",
        "/usr/lib/systemd/journald.conf.d",
        "/run/systemd/journald.conf.d",
        "/etc/systemd/journald.conf.d",
        "/etc/systemd/journal-upload.conf",
        "/etc/systemd/journal-upload.conf.d",
        "/etc/syslog-ng/syslog-ng.conf",
    ),
    list_paths("syslog.journal_place", _JOURNAL, depth=0),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return where logs go.

    Source: rsyslog.conf(5), rsyslog's omfwd, omrelp and gtls documentation; journald.conf(5), journal-upload.conf(5).
    """
    rsyslog = files_of(answers.get("syslog.rsyslog"))
    journal = files_of(answers.get("syslog.journal"))
    if isinstance(rsyslog, Hole) and isinstance(journal, Hole):
        return rsyslog
    reader = _Reader()
    if not isinstance(rsyslog, Hole):
        reader.read(rsyslog)
    upload = None if isinstance(journal, Hole) else _upload(journal)
    journald = {} if isinstance(journal, Hole) else _journald(journal)
    kept = _kept(journald, journal, entries_of(answers.get("syslog.journal_place")))
    syslog_ng = not isinstance(journal, Hole) and journal.has(_SYSLOG_NG)
    complete = not isinstance(rsyslog, Hole) and rsyslog.complete and not reader.unread and not syslog_ng
    facts = SyslogFacts(
        rsyslog=not isinstance(rsyslog, Hole) and rsyslog.has(_MAIN),
        syslog_ng=syslog_ng,
        targets=Listing(reader.targets, complete and not isinstance(journal, Hole)),
        settings=reader.settings,
        journald=journald,
        journal_kept=kept is True,
        journal_upload=upload,
        remote=bool(reader.targets) or upload is not None,
        remote_verified=any(target.verified for target in reader.targets) or _verified(upload),
    )
    unknown = (Hole("journal_kept", kept.reason, kept.detail),) if isinstance(kept, Hole) else ()
    return Facts(facts, (*_holes(rsyslog, journal, reader, facts), *unknown))


def _kept(journald: Mapping[str, str], journal: TextFiles | Hole, place: Entries | Hole) -> bool | Hole:
    """Return whether the journal outlives a boot. Source: journald.conf(5), Storage=."""
    doubt = journal if isinstance(journal, Hole) else journal.hole("")
    if doubt is not None:
        return doubt
    storage = journald.get("storage", "auto").lower()
    if storage != "auto":
        return storage == "persistent"
    if isinstance(place, Hole):
        return place
    if not place.complete:
        return Hole("", Blind.COMMAND_REFUSED, "; ".join(place.unreadable)[:200])
    return place.at(_JOURNAL) is not None


def _holes(rsyslog: TextFiles | Hole, journal: TextFiles | Hole, reader: _Reader, facts: SyslogFacts) -> Iterator[Hole]:
    first = rsyslog if isinstance(rsyslog, Hole) else rsyslog.hole("")
    second = journal if isinstance(journal, Hole) else journal.hole("")
    if first is None and reader.unread:
        first = Hole("", Blind.NOT_ATTEMPTED, f"included and not read: {', '.join(sorted(reader.unread))}"[:200])
    third = Hole("", Blind.NOT_ATTEMPTED, "syslog-ng is here and not read") if facts.syslog_ng else None
    for why, paths in (
        (first, ("rsyslog", "settings")),
        (second, ("syslog_ng", "journald", "journal_upload")),
    ):
        if why is not None:
            yield from (Hole(path, why.reason, why.detail) for path in paths)
    why = first or second or third
    if why is not None:
        claims = {"remote": facts.remote, "remote_verified": facts.remote_verified}
        yield from (Hole(path, why.reason, why.detail) for path, seen in claims.items() if not seen)


_MAIN = "/etc/rsyslog.conf"
_DROP_INS = "/etc/rsyslog.d"
_SYSLOG_NG = "/etc/syslog-ng/syslog-ng.conf"
_LEGACY_ACTION = re.compile(
    r"^\s*(?P<selector>[^\s#$&:][^\s]*\.[^\s]+|:[^\s,]+,.*?|&)\s+(?:-?\s*)?(?P<at>@@?|:omrelp:)(?P<rest>\S+)"
)
_ADDRESS = re.compile(r"(?:\([^)]*\))?(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:;\s]+))(?::(?P<port>[\w]+))?")
_BLOCK = re.compile(r"\b(?P<kind>action|global|include|module)\s*\(", re.IGNORECASE)
_PAIR = re.compile(r"(?P<key>[A-Za-z][\w.]*)\s*=\s*(?P<value>\"(?:[^\"\\]|\\.)*\"|\[[^\]]*\]|[^\s)]+)")


class _Reader:
    """Reads rsyslog's two languages in file order; old-style action settings hold for the actions after them."""

    def __init__(self) -> None:
        self.targets: list[Target] = []
        self.settings: dict[str, str] = {}
        self.unread: set[str] = set()
        self._open: set[str] = set()

    def read(self, files: TextFiles) -> None:
        self._file(files, _MAIN)

    def _file(self, files: TextFiles, path: str) -> None:
        if path in self._open:
            return
        self._open.add(path)
        block = ""
        start = 0
        for line in files.of(path):
            text = _without_comment(line.text)
            if block or _BLOCK.search(text):
                start = start if block else line.number
                block += " " + text
                if _closed(block):
                    self._block(files, Line(path, start, block))
                    block = ""
            else:
                self._statement(files, Line(path, line.number, text))

    def _statement(self, files: TextFiles, line: Line) -> None:
        words = line.text.split(None, 1)
        if line.text.lstrip().startswith("$") and len(words) == 2:
            key = words[0].lstrip("$").lower()
            if key == "includeconfig":
                self._include(files, words[1].strip())
            else:
                self.settings[_ALIASES.get(key, key)] = words[1].strip()
            return
        action = _LEGACY_ACTION.match(line.text)
        if action is not None:
            self._legacy(action, line)

    def _legacy(self, action: re.Match[str], line: Line) -> None:
        address = _ADDRESS.match(action["rest"])
        if address is None:
            return
        protocol = {"@": "udp", "@@": "tcp"}.get(action["at"], "relp")
        options = {
            "target": address["v6"] or address["host"],
            "port": address["port"] or "",
            "streamdriver": self.settings.get("defaultnetstreamdriver", ""),
            "streamdrivermode": self.settings.get("actionsendstreamdrivermode", ""),
            "streamdriverauthmode": self.settings.get("actionsendstreamdriverauthmode", ""),
        }
        self.targets.append(_target(protocol, options, line))

    def _block(self, files: TextFiles, line: Line) -> None:
        for found in _BLOCK.finditer(line.text):
            body = line.text[found.end() :]
            pairs = {pair["key"].lower(): pair["value"].strip('"') for pair in _PAIR.finditer(body[: _end(body)])}
            kind = found["kind"].lower()
            if kind == "include" and "file" in pairs:
                self._include(files, pairs["file"])
            elif kind == "global":
                self.settings |= {_ALIASES.get(key, key): value for key, value in pairs.items()}
            elif kind == "action":
                self._action(pairs, line)

    def _action(self, pairs: Mapping[str, str], line: Line) -> None:
        kind = pairs.get("type", "").lower()
        if kind == "omfwd":
            fallback = {"streamdriver": self.settings.get("defaultnetstreamdriver", "")}
            protocol = pairs.get("protocol", "udp").lower()
            self.targets.append(_target(protocol, {**fallback, **_streams(pairs)}, line))
        elif kind == "omrelp":
            self.targets.append(_target("relp", pairs, line))
        elif kind in _OTHER_WAYS_OUT:
            self.targets.append(_target(kind, {"target": pairs.get("server", "")}, line))

    def _include(self, files: TextFiles, pattern: str) -> None:
        pattern = pattern.strip('"')
        names = [path for path in files.paths() if fnmatch(path, pattern) or path.startswith(pattern.rstrip("/") + "/")]
        outside = pattern != _MAIN and not pattern.startswith(_DROP_INS)
        if outside:
            self.unread.add(pattern)
        for name in names:
            self._file(files, name)


_ALIASES = {
    "defaultnetstreamdrivercafile": "cafile",
    "defaultnetstreamdrivercertfile": "certfile",
    "defaultnetstreamdriverkeyfile": "keyfile",
}
_OTHER_WAYS_OUT = frozenset({"omelasticsearch", "omhttp", "omkafka", "omazureeventhubs", "omgssapi"})


def _streams(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return omfwd's parameters with the dotted names newer releases use folded into the old ones."""
    renamed = {"streamdriver.name": "streamdriver", "streamdriver.mode": "streamdrivermode"}
    renamed["streamdriver.authmode"] = "streamdriverauthmode"
    return {renamed.get(key, key): value for key, value in pairs.items()}


def _target(protocol: str, options: Mapping[str, str], line: Line) -> Target:
    driver = options.get("streamdriver", "").lower()
    mode = options.get("streamdrivermode", "")
    auth = options.get("streamdriverauthmode", options.get("tls.authmode", "")).lower()
    relp_tls = protocol == "relp" and options.get("tls", "").lower() == "on"
    tls = relp_tls or (protocol == "tcp" and driver in {"gtls", "ossl", "mbedtls"} and mode == "1")
    return Target(
        host=options.get("target", ""),
        port=options.get("port", ""),
        protocol=protocol,
        driver=driver,
        driver_mode=1 if mode == "1" else 0,
        auth_mode=auth,
        tls=tls,
        verified=tls and auth in {"x509/name", "name", "x509/fingerprint", "fingerprint"},
        path=line.path,
        line=line.number,
    )


def _without_comment(text: str) -> str:
    quoted = False
    for at, char in enumerate(text):
        if char == '"' and text[at - 1 : at] != "\\":
            quoted = not quoted
        elif char == "#" and not quoted:
            return text[:at]
    return text


def _closed(block: str) -> bool:
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", block)
    return len(block) > _LONGEST_BLOCK or bare.count("(") <= bare.count(")")


_LONGEST_BLOCK = 20_000  # characters; a block that never ends must not swallow the file


def _end(body: str) -> int:
    depth = 1
    quoted = False
    for at, char in enumerate(body):
        quoted ^= char == '"' and body[at - 1 : at] != "\\"
        if not quoted and char in "()":
            depth += 1 if char == "(" else -1
            if depth == 0:
                return at
    return len(body)


def _journald(journal: TextFiles) -> dict[str, str]:
    """Return [Journal] with drop-ins over the main file, by name whatever their directory (systemd's rule)."""
    names = [path for path in journal.paths() if "/journald.conf.d/" in path and path.endswith(".conf")]
    # One name in several directories: /etc hides /run, which hides /usr/lib.
    chosen: dict[str, str] = {}
    for path in sorted(names, key=lambda path: (path.startswith("/etc"), path.startswith("/run"))):
        chosen[path.rsplit("/", 1)[1]] = path
    order = ["/etc/systemd/journald.conf", *(chosen[name] for name in sorted(chosen))]
    values = settings(line for path in order for line in journal.of(path))
    return {key.lower(): value for key, value in values.items()}


def _upload(journal: TextFiles) -> JournalUpload | None:
    lines: Iterable[Line] = (
        *journal.of("/etc/systemd/journal-upload.conf"),
        *journal.below("/etc/systemd/journal-upload.conf.d"),
    )
    values = settings(lines)
    url = re.sub(r"//[^/@]*@", "//", values.get("URL", ""))
    if not url:
        return None
    rest = {key: value for key, value in values.items() if key != "URL"}
    return JournalUpload(url=url, tls=not url.startswith("http://"), settings=rest)


def _verified(upload: JournalUpload | None) -> bool:
    return upload is not None and upload.tls and upload.settings.get("TrustedCertificateFile", "") != "all"


COLLECTOR = Collector(topic="syslog", version=2, commands=COMMANDS, facts=SyslogFacts, parse=parse)
