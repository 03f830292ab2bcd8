"""The demo agency scanned on three days, with a fix before the second scan and another before the third."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from collectors.base import Transcript
from collectors.transports.replay import read_transcripts
from posture.demo import HOME, demo_job
from posture.gather import Work
from posture.inputs import config
from posture.run import replay
from posture.store import Store

DAY = timedelta(days=1)
CACHE, LOGIN = "hr-app1", "grants-app1"
"""The host whose cache stops answering strangers on day two, and the one that refuses root's login on day three."""
_CACHE_ON_LOOPBACK = (
    ("0.0.0.0:6379", "127.0.0.1:6379"),
    ("[::]:6379", "[::1]:6379"),
    ('portid="6379"><state state="open" reason="syn-ack"', 'portid="6379"><state state="closed" reason="reset"'),
)
_NO_ROOT = (("permitrootlogin yes", "permitrootlogin no"),)


def scan_three_times(store: Store, folder: Path) -> list[str]:
    """Return the ids of three runs, the oldest first."""
    recorded = list(read_transcripts(HOME / "transcripts"))
    first = max(one.session.started_at for one in recorded).replace(microsecond=0)
    job = demo_job(config.default(folder), first)
    runs = []
    for day in range(3):
        said = [_on(day, one) for one in recorded]
        moment = first + day * DAY
        runs.append(replay(store, said, job, moment + timedelta(hours=1), Work(), as_of=moment))
    return runs


def _on(day: int, said: Transcript) -> Transcript:
    host = said.session.host
    if day >= 1 and host == CACHE:
        said = _edited(said, _CACHE_ON_LOOPBACK)
    if day >= 2 and host == LOGIN:
        said = _edited(said, _NO_ROOT)
    moment: datetime = said.session.started_at + day * DAY
    return replace(said, session=replace(said.session, started_at=moment))


def _edited(said: Transcript, edits: tuple[tuple[str, str], ...]) -> Transcript:
    answers = {}
    for id_, answer in said.answers.items():
        text = answer.stdout
        for old, new in edits:
            text = text.replace(old.encode(), new.encode())
        answers[id_] = replace(answer, stdout=text)
    assert answers != said.answers or said.session.transport == "nmap"
    return replace(said, answers=answers)
