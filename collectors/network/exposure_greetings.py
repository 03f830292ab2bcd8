"""What ports said when they were greeted in their own protocol: one record for each, over all vantages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from collectors.base import Answers
from collectors.network.exposure_belief import is_outside, not_from_itself, read_looks, services_complete
from collectors.network.exposure_evidence import Looked
from collectors.network.exposure_scripts import places, speaks
from collectors.network.nmap import Phase
from collectors.network.nmap_xml import SeenPort, SeenScript, Structured
from posture.model.host import Vantage
from posture.model.observation import Blind, Hole

TEXT_CHARS = 300


@dataclass(frozen=True, slots=True)
class Greeted:
    """One port that speaks the protocol, and what it answered; vantages that were told the same share one."""

    address: str
    port: int
    service: str
    seen_from: list[str]
    outside: bool
    """Whether one of them stands in an untrusted, partner or undeclared zone."""
    scripts: Mapping[str, SeenScript]


@dataclass(frozen=True, slots=True)
class Silence:
    """A port that speaks the protocol and gave no answer to be read."""

    address: str
    port: int
    seen_from: list[str]
    reason: Blind
    detail: str


@dataclass(frozen=True, slots=True)
class Greetings:
    """Everything the ports of a host said in one phase."""

    greeted: list[Greeted]
    silent: list[Silence]
    complete: bool
    """Every open port was found and asked, and every one that speaks the protocol answered."""
    why_not: Hole | None = None
    """The first reason why it is not complete."""


def greetings(phase: Phase, answers: Answers, tells: Callable[[SeenScript], bool]) -> Greetings | Hole:
    """Return what every port said that speaks a phase's protocol; silence when no script of it ``tells``.

    A host's look at itself counts only when nobody else looked.
    """
    everything, broken = read_looks(answers)
    looked = not_from_itself(everything) or everything
    if not any(entry.host for entry in looked):
        reasons = [entry for entry in looked if entry.reason is not None]
        if reasons:
            return Hole("", reasons[0].reason or Blind.NOT_ATTEMPTED, reasons[0].detail)
        return broken[0] if broken else Hole("", Blind.NOT_ATTEMPTED, "no vantage looked at this host")
    gathered = _Gathered()
    asked = [entry for entry in looked if entry.phase is phase]
    for entry, port in _speaking(phase, looked):
        gathered.add(entry, port, asked, tells, phase)
    whole = not broken and services_complete(looked)
    greeted, silent = gathered.greeted(), gathered.silent()
    why = None
    if silent:
        why = Hole("", silent[0].reason, f"{silent[0].address} port {silent[0].port}: {silent[0].detail}")
    elif not whole:
        why = broken[0] if broken else Hole("", Blind.NOT_ATTEMPTED, "not every port was asked what it speaks")
    return Greetings(greeted, silent, whole and not silent, why)


def _speaking(phase: Phase, looked: list[Looked]) -> Iterator[tuple[Looked, SeenPort]]:
    for entry in looked:
        if entry.phase is Phase.VERSIONS and entry.host is not None:
            yield from ((entry, port) for port in entry.host.ports if port.proto == "tcp" and speaks(phase, port))


@dataclass(slots=True)
class _Gathered:
    """Answers by place and by what was said, with those who were told."""

    told: dict[tuple[str, int, str], list[Looked]] = field(default_factory=dict)
    said: dict[tuple[str, int, str], tuple[SeenPort, tuple[SeenScript, ...]]] = field(default_factory=dict)
    mute: dict[tuple[str, int, Blind, str], list[Vantage]] = field(default_factory=dict)

    def add(
        self, entry: Looked, known: SeenPort, asked: list[Looked], tells: Callable[[SeenScript], bool], phase: Phase
    ) -> None:
        """Take in one port as one vantage knows it."""
        look = next((one for one in asked if (one.vantage, one.address) == (entry.vantage, entry.address)), None)
        port = next(
            (
                one
                for one in (look.host.ports if look and look.host else ())
                if (one.proto, one.port) == ("tcp", known.port)
            ),
            None,
        )
        scripts = (*port.scripts, *look.host.scripts) if port and look and look.host else ()
        if any(tells(script) for script in scripts):
            key = (entry.address, known.port, repr([(one.id, one.structured or one.output) for one in scripts]))
            self.told.setdefault(key, []).append(entry)
            self.said[key] = (known, scripts)
            return
        reason, detail = _why(look, phase)
        self.mute.setdefault((entry.address, known.port, reason, detail), []).append(entry.vantage)

    def greeted(self) -> list[Greeted]:
        """Return what was said, by place."""
        return [
            Greeted(
                address=key[0],
                port=key[1],
                service=_service(self.said[key][0]),
                seen_from=places(entry.vantage for entry in told),
                outside=any(is_outside(entry.trust) for entry in told),
                scripts={script.id: script for script in self.said[key][1]},
            )
            for key, told in sorted(self.told.items())
        ]

    def silent(self) -> list[Silence]:
        """Return who said nothing, by place."""
        return [Silence(key[0], key[1], places(who), key[2], key[3]) for key, who in sorted(self.mute.items())]


def _why(look: Looked | None, phase: Phase) -> tuple[Blind, str]:
    if look is None:
        return (
            Blind.NOT_ATTEMPTED,
            f"it was not asked: the scope file allows `{phase.value}` under `probes`, or does not",
        )
    if look.reason is not None:
        return look.reason, look.detail
    return Blind.UNPARSEABLE, f"it gave no {phase.value} answer that nmap could read, within its time"


def _service(port: SeenPort) -> str:
    return port.service.name if port.service is not None else ""


def table(found: Structured | None, key: str) -> Structured:
    """Return what stands under a key of a script's table; empty text when there is no such thing."""
    return found.get(key, "") if isinstance(found, dict) else ""


def text(found: Structured | None, key: str, limit: int = TEXT_CHARS) -> str:
    """Return the text under a key, printable and bounded; empty when there is none."""
    value = table(found, key)
    return printable(value)[:limit] if isinstance(value, str) else ""


def texts(found: Structured) -> list[str]:
    """Return the texts of a list; what is no text is left out."""
    return [printable(one)[:TEXT_CHARS] for one in found if isinstance(one, str)] if isinstance(found, list) else []


def printable(words: str) -> str:
    """Return the words without anything a terminal would act on."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words)
