"""How logins are checked: PAM stacks with their includes resolved, lockout and password quality settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing
from collectors.textfiles import Line, TextFiles, files_of, read_files
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class StackLine:
    """One module call of a service, after includes."""

    service: str
    type: str
    """auth, account, password or session."""
    control: str
    module: str
    """Base name, such as ``pam_unix.so``."""
    arguments: list[str]
    path: str
    """The file the line stands in, which may be an included one."""
    line: int


@dataclass(frozen=True, slots=True)
class Faillock:
    """Lockout values in force when the module runs: arguments in the stack over faillock.conf over built-in defaults.

    Where calls differ the weakest value stands here.
    """

    deny: int
    fail_interval_s: int
    unlock_time_s: int
    """0 means never: an administrator unlocks."""
    even_deny_root: bool
    root_unlock_time_s: int
    configured: list[str]
    """Names that were set on purpose, sorted."""


@dataclass(frozen=True, slots=True)
class Pwquality:
    """Password quality values in force: arguments in the stack over pwquality.conf over its drop-ins over defaults.

    Where calls differ the weakest value stands here.
    """

    minlen: int
    dictcheck: int
    minclass: int
    difok: int
    enforcing: int
    enforce_for_root: bool
    configured: list[str]


@dataclass(frozen=True, slots=True)
class PamFacts:
    """Login rules of the host."""

    present: bool
    """``/etc/pam.d`` exists."""
    stacks: Listing[StackLine]
    """Every service of ``/etc/pam.d``, in the order of the modules."""
    faillock: Faillock
    faillock_in: dict[str, bool]
    """Login service to whether failures are counted (preauth or a plain call, and authfail) in its auth stack."""
    faillock_in_stack: bool
    """True when every login service that exists counts failures."""
    pwquality: Pwquality
    pwquality_in_stack: bool
    """pam_pwquality (or pam_cracklib) checks new passwords wherever passwords are changed."""
    nullok: Listing[str]
    """``path:line`` of pam_unix calls that accept empty passwords."""
    su_wheel_only: bool | None
    """su requires membership of a group (pam_wheel as required or requisite); ``None`` when su has no PAM file."""
    su_group: str | None
    """The group pam_wheel asks for; ``None`` when it is not asked for."""


COMMANDS = (
    read_files("pam.stacks", "/etc/pam.d", "/etc/pam.conf"),
    read_files(
        "pam.settings",
        "/etc/security/faillock.conf",
        "/etc/security/pwquality.conf",
        "/etc/security/pwquality.conf.d",
    ),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the login rules.

    Source: pam.d(5), faillock.conf(5), pwquality.conf(5), pam_wheel(8).
    """
    files = files_of(answers.get("pam.stacks"))
    if isinstance(files, Hole):
        return files
    confs = files_of(answers.get("pam.settings"))
    conf_files = None if isinstance(confs, Hole) else confs
    calls = {file.rsplit("/", 1)[1]: _calls(files.of(file)) for file in files.paths() if _is_service(file)}
    stacks, all_lines = _stacks(calls)
    faillock_in = {service: _counts_failures(stacks[service]) for service in _LOGIN if service in stacks}
    su = stacks.get("su")
    wheel = _wheel(su) if su is not None else None
    everything = [line for name in sorted(stacks) for line in stacks[name]]
    facts = PamFacts(
        present=bool(calls),
        stacks=Listing(everything, files.complete and all_lines),
        faillock=_faillock(conf_files, everything),
        faillock_in=faillock_in,
        faillock_in_stack=bool(faillock_in) and all(faillock_in.values()),
        pwquality=_pwquality(conf_files, everything),
        pwquality_in_stack=_quality_checked(stacks),
        nullok=Listing(_nullok(everything), files.complete and all_lines),
        su_wheel_only=None if su is None else wheel is not None,
        su_group=None if wheel is None else _group(wheel),
    )
    return Facts(facts, (*_holes(files, confs), *_other_settings(everything)))


def _holes(files: TextFiles, confs: TextFiles | Hole) -> tuple[Hole, ...]:
    found: list[Hole] = []
    for path in ("faillock_in", "faillock_in_stack", "pwquality_in_stack", "su_wheel_only", "su_group"):
        found.extend(filter(None, [files.hole(path)]))
    for path in ("faillock", "pwquality"):
        why = Hole(path, confs.reason, confs.detail) if isinstance(confs, Hole) else confs.hole(path)
        found.extend(filter(None, [why or files.hole(path)]))
    return tuple(found)


def _other_settings(everything: list[StackLine]) -> Iterator[Hole]:
    """Yield a hole where a call names a settings file of its own: we read the usual ones only."""
    for module, path in (("pam_faillock.so", "faillock"), ("pam_pwquality.so", "pwquality")):
        own = [word for line in everything if line.module == module for word in line.arguments]
        if any(word.startswith("conf=") for word in own):
            yield Hole(path, Blind.NOT_ATTEMPTED, f"{module} reads settings from a file of its own")


_LOGIN = ("common-auth", "gdm-password", "login", "password-auth", "sshd", "system-auth")
_TYPES = frozenset({"auth", "account", "password", "session"})
_CALL = re.compile(r"(?P<type>-?[A-Za-z]+)\s+(?P<control>\[[^\]]*\]|\S+)\s+(?P<module>\S+)\s*(?P<arguments>.*)$")
_INCLUDE_LIMIT = 32  # libpam's own PAM_SUBSTACK_MAX_LEVEL is 16
_LINE_LIMIT = 20_000  # a whole /etc/pam.d has a few hundred lines


def _is_service(file: str) -> bool:
    name = file.removeprefix("/etc/pam.d/")
    return file != name and "/" not in name and not name.endswith((".rpmnew", ".rpmsave", "~")) and ".dpkg-" not in name


@dataclass(frozen=True, slots=True)
class _Call:
    """One statement of one file, includes not yet followed."""

    type: str
    """Empty for ``@include``, which takes all four."""
    control: str
    module: str
    arguments: tuple[str, ...]
    line: Line


def _calls(lines: tuple[Line, ...]) -> tuple[_Call, ...]:
    return tuple(call for line in _joined(lines) if (call := _call(line)) is not None)


def _joined(lines: Iterable[Line]) -> Iterator[Line]:
    held = ""
    start = 0
    for line in lines:
        start = start if held else line.number
        if line.text.endswith("\\"):
            held += line.text[:-1] + " "
            continue
        yield Line(line.path, start, (held + line.text).partition("#")[0].strip())
        held = ""


def _call(line: Line) -> _Call | None:
    if line.text.startswith("@include"):
        words = line.text.split()
        return _Call("", "include", words[1], (), line) if len(words) == 2 else None
    found = _CALL.match(line.text)
    if found is None or found["type"].lstrip("-").lower() not in _TYPES:
        return None
    arguments = tuple(re.findall(r"\[[^\]]*\]|\S+", found["arguments"]))
    return _Call(found["type"].lstrip("-").lower(), found["control"].lower(), found["module"], arguments, line)


def _stacks(calls: Mapping[str, tuple[_Call, ...]]) -> tuple[dict[str, list[StackLine]], bool]:
    """Return each service's lines with includes in place, and whether they are all there."""
    stacks: dict[str, list[StackLine]] = {}
    outside = any(_is_outside(call) for told in calls.values() for call in told)
    left = _LINE_LIMIT
    for service in calls:
        lines: list[StackLine] = []
        for line in _resolved(service, service, "", calls, ()):
            lines.append(line)
            left -= 1
            if left < 0:
                return {**stacks, service: lines}, False
        stacks[service] = lines
    return stacks, not outside


def _is_outside(call: _Call) -> bool:
    """Return whether this includes a file of another directory, which we did not read."""
    folder = call.module.rpartition("/")[0]
    return call.control in {"include", "substack"} and folder not in {"", "/etc/pam.d"}


def _resolved(
    service: str, file: str, wanted: str, calls: Mapping[str, tuple[_Call, ...]], above: tuple[str, ...]
) -> Iterator[StackLine]:
    if file in above or len(above) > _INCLUDE_LIMIT:
        return
    for call in calls.get(file, ()):
        if wanted and call.type and call.type != wanted:
            continue
        if call.control in {"include", "substack"}:
            target = call.module.rsplit("/", 1)[-1]
            yield from _resolved(service, target, call.type or wanted, calls, (*above, file))
        else:
            module = call.module.rsplit("/", 1)[-1]
            where = call.line
            yield StackLine(service, call.type, call.control, module, list(call.arguments), where.path, where.number)


def _counts_failures(stack: list[StackLine]) -> bool:
    auth = [line for line in stack if line.type == "auth"]
    modes = {word for line in auth if line.module == "pam_faillock.so" for word in line.arguments}
    # `authsucc` alone only clears the counter; without `authfail` nothing is ever counted.
    return {"preauth", "authfail"} <= modes or any(line.module == "pam_tally2.so" for line in auth)


def _quality_checked(stacks: Mapping[str, list[StackLine]]) -> bool:
    passwords = [
        [line.module for line in stacks[service] if line.type == "password"]
        for service in ("common-password", "passwd", "password-auth", "system-auth")
        if service in stacks
    ]
    changing = [modules for modules in passwords if "pam_unix.so" in modules]
    return bool(changing) and all({"pam_pwquality.so", "pam_cracklib.so"} & set(modules) for modules in changing)


def _nullok(everything: list[StackLine]) -> list[str]:
    accepts = {"nullok", "nullok_secure"}
    return sorted(
        {
            f"{line.path}:{line.line}"
            for line in everything
            if line.module == "pam_unix.so" and accepts & set(line.arguments)
        }
    )


def _wheel(su: list[StackLine]) -> StackLine | None:
    """Return the call that keeps others out; ``trust`` lets members in without a password and keeps nobody out."""
    for line in su:
        keeps_out = line.control in {"required", "requisite"} and not {"trust", "deny"} & set(line.arguments)
        if line.type == "auth" and line.module == "pam_wheel.so" and keeps_out:
            return line
    return None


def _group(wheel: StackLine) -> str:
    named = [word.removeprefix("group=") for word in wheel.arguments if word.startswith("group=")]
    return named[-1] if named else "wheel"


def _faillock(confs: TextFiles | None, everything: list[StackLine]) -> Faillock:
    conf = _values(confs.of("/etc/security/faillock.conf") if confs else ())
    calls = _calls_of(everything, "pam_faillock.so", conf)
    unlocks = [_seconds(call.get("unlock_time"), 600) for call in calls]
    root_unlocks = [_seconds(call.get("root_unlock_time"), unlocks[at]) for at, call in enumerate(calls)]
    return Faillock(
        deny=max(_number(call.get("deny"), 3) for call in calls),
        fail_interval_s=min(_number(call.get("fail_interval"), 900) for call in calls),
        unlock_time_s=_soonest(unlocks),
        even_deny_root=all("even_deny_root" in call or "root_unlock_time" in call for call in calls),
        root_unlock_time_s=_soonest(root_unlocks),
        configured=sorted({name for call in calls for name in call}),
    )


def _soonest(seconds: list[int]) -> int:
    """Return the shortest lock; 0 is the longest, since it never opens by itself."""
    return min((s for s in seconds if s > 0), default=0)


def _pwquality(confs: TextFiles | None, everything: list[StackLine]) -> Pwquality:
    lines: list[Line] = []
    if confs:
        # The library reads the drop-ins first, so the main file wins: the reverse of systemd and sshd.
        drop_ins = [line for line in confs.below("/etc/security/pwquality.conf.d") if line.path.endswith(".conf")]
        lines = [*drop_ins, *confs.of("/etc/security/pwquality.conf")]
    calls = _calls_of(everything, "pam_pwquality.so", _values(lines))
    return Pwquality(
        # The library raises smaller values to 6.
        minlen=max(6, min(_number(call.get("minlen"), 8) for call in calls)),
        dictcheck=min(_number(call.get("dictcheck"), 1) for call in calls),
        minclass=min(_number(call.get("minclass"), 0) for call in calls),
        difok=min(_number(call.get("difok"), 1) for call in calls),
        enforcing=min(_number(call.get("enforcing"), 1) for call in calls),
        enforce_for_root=all("enforce_for_root" in call for call in calls),
        configured=sorted({name for call in calls for name in call}),
    )


def _values(lines: Iterable[Line]) -> dict[str, str]:
    """Return ``name = value``, ``name value`` and bare ``name`` lines, the last one winning."""
    values: dict[str, str] = {}
    for line in lines:
        words = re.split(r"\s*=\s*|\s+", line.text.partition("#")[0].strip(), maxsplit=1)
        if words[0]:
            values[words[0].lower()] = words[1].strip() if len(words) > 1 else ""
    return values


def _calls_of(everything: list[StackLine], module: str, conf: dict[str, str]) -> list[dict[str, str]]:
    """Return the settings of each call, its own arguments over the file's; the weakest of them is what counts."""
    distinct = {
        tuple(line.arguments) for line in everything if line.module == module and "authsucc" not in line.arguments
    }
    calls: list[dict[str, str]] = []
    for arguments in sorted(distinct) or [()]:
        own = {name.lower(): value for name, _, value in (word.partition("=") for word in arguments)}
        calls.append({name: value for name, value in (conf | own).items() if name not in {"preauth", "authfail"}})
    return calls


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and re.fullmatch(r"-?\d{1,9}", text) else default


def _seconds(text: str | None, default: int) -> int:
    return 0 if text == "never" else _number(text, default)


COLLECTOR = Collector(topic="pam", version=1, commands=COMMANDS, facts=PamFacts, parse=parse)
