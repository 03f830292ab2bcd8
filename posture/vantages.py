"""Places that a run did not look from: a gap of every host, said in its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from collectors.ai import scan as ai_scan
from collectors.base import Transcript
from collectors.network.exposure_evidence import UNDECLARED
from collectors.network.exposure_vantages import TRANSPORT as NMAP
from collectors.network.exposure_vantages import not_looked
from posture.asked import keep_unlooked
from posture.model.asked import Unlooked
from posture.model.assessment import Run
from posture.model.host import Inventory, Vantage
from posture.model.observation import Blind, Hole
from posture.store import Store

Look = tuple[str, str, str]
"""Transport, host and vantage of a session."""
_SAYING_NOTHING = {NMAP: not_looked, ai_scan.TRANSPORT: ai_scan.not_asked}


class Sights:
    """The looks that a run holds, and who did not look."""

    def __init__(self, held: Iterable[Look] = ()) -> None:
        self.held = set(held)
        self.unlooked: dict[str, Unlooked] = {}
        """By name."""

    def add(self, kept: Transcript) -> None:
        """Take in a session that was stored; a look that failed with nothing sent was none."""
        session = kept.session
        self.held.add((session.transport, session.host, session.vantage))
        if session.transport == NMAP and kept.failure is not None and not sent(kept):
            before = self.unlooked.get(session.vantage)
            hosts = 1 + (before.hosts if before else 0)
            self.unlooked[session.vantage] = Unlooked(session.vantage, hosts, kept.failure.detail)

    def fill(
        self,
        store: Store,
        run: Run,
        inventory: Inventory,
        why: Mapping[Vantage, str],
        moment: datetime,
    ) -> None:
        """Store from where nobody looked at hosts that others looked at, and with the run who did not look.

        ``why`` holds every place that a look is wanted from, with the reason if there was none.
        """
        for gap in self._gaps(inventory, why, moment):
            ours = replace(gap, session=replace(gap.session, origin=run.origin))
            store.save_host(run.id, gap.session.host, transcripts=[ours])
            self.add(ours)
        keep_unlooked(store, run.id, self.unlooked)

    def _gaps(self, inventory: Inventory, why: Mapping[Vantage, str], moment: datetime) -> Iterator[Transcript]:
        """Yield what says of each host from where it was not looked at, or asked, while others did; host by host.

        A host's own place is no gap of it. A host that nobody looked at needs no such word: its topic is unseen. Each
        comes as a visit that failed, so that a run that is resumed makes up for it.
        """
        trust = {zone.name: zone.trust.value for zone in inventory.zones}
        looked_at = {(transport, host) for transport, host, _ in self.held}
        for host in inventory.hosts:
            for transport, saying_nothing in _SAYING_NOTHING.items():
                if (transport, host.id) not in looked_at:
                    continue
                for place, words in sorted(why.items(), key=lambda one: one[0].name):
                    if place.host != host.id and (transport, host.id, place.name) not in self.held:
                        zone = trust.get(place.zone, UNDECLARED)
                        said = saying_nothing(host, place, zone, Blind.NOT_ATTEMPTED, words, moment)
                        yield replace(said, failure=Hole("", Blind.NOT_ATTEMPTED, words))


def sent(look: Transcript) -> bool:
    """Return whether anything left for the host: what was never sent has no command line."""
    return any(answer.command.argv for answer in look.answers.values())
