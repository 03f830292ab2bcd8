"""After a scan that asked a part, the dashboard leads with the newest run that asked everything, and names the other."""

from __future__ import annotations

import html
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from agency_in_three_days import CACHE
from served import Clock, Served, form

from collectors.transports.replay import read_transcripts
from posture.asked import asked_of
from posture.demo import HOME, demo_job
from posture.gather import Work
from posture.inputs import config
from posture.model.account import Role
from posture.model.asked import Asked
from posture.model.assessment import RunState
from posture.run import replay
from posture.serve.app import create_app
from posture.serve.door import Door
from posture.serve.gate import Settings
from posture.serve.leading import choose
from posture.store import Store, StoredRun
from reports.words import percent

_CLOSED = (
    (b'portid="6379"><state state="open" reason="syn-ack"', b'portid="6379"><state state="closed" reason="reset"'),
)


@dataclass
class Agency(Served):
    """A whole run, and the day after a look from the network only."""

    whole: str = ""
    part: str = ""


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Iterator[Agency]:
    folder, clock = tmp_path_factory.mktemp("lead"), Clock()
    recorded = list(read_transcripts(HOME / "transcripts"))
    first = max(one.session.started_at for one in recorded).replace(microsecond=0)
    shutil.copy(demo_store, folder / "posture.db")
    with Store.open(folder / "posture.db") as store:
        job = demo_job(config.default(folder), first)
        whole = store.load_run("latest").run.id
        day = timedelta(days=1)
        looks = [_next_day(one, day) for one in recorded if one.session.transport == "nmap"]
        part = replay(store, looks, job, clock() + day, Work(), as_of=first + day)
        door = Door(store, clock, fips=False)
        app = create_app(store, door, Settings(secure=False))
        yield Agency(store, door, clock, app, whole=whole, part=part)


def _next_day(said, day: timedelta):  # type: ignore[no-untyped-def]
    answers = dict(said.answers)
    if said.session.host == CACHE:
        for id_, answer in answers.items():
            text = answer.stdout
            for old, new in _CLOSED:
                text = text.replace(old, new)
            answers[id_] = replace(answer, stdout=text)
    moment: datetime = said.session.started_at + day
    return replace(said, session=replace(said.session, started_at=moment), answers=answers)


def test_a_run_remembers_what_it_set_out_to_ask(agency: Agency) -> None:
    assert asked_of(agency.store, agency.whole) == Asked()
    assert asked_of(agency.store, agency.part) == Asked(login=False)


def test_the_overview_leads_with_the_run_that_asked_everything(agency: Agency) -> None:
    admin = agency.signed_in(Role.ADMIN)
    page, share = admin.get("/").text, agency.store.coverage(agency.whole)
    assert f"run <code>{agency.whole}</code>" in page
    assert f"{share.decided:,} of {share.possible:,}" in page
    for path in ("/work", "/hosts", "/plan", "/paths", "/fixed", "/checks"):
        assert f"run <code>{agency.whole}</code>" in admin.get(path).text, path


def test_the_newer_run_stands_beside_it_with_its_coverage_and_what_it_changed(agency: Agency) -> None:
    page, share = agency.signed_in(Role.ADMIN).get("/").text, agency.store.coverage(agency.part)
    box = html.unescape(page[page.index('<aside class="newer"') : page.index("</aside>")])
    assert f'href="/?run={agency.part}"' in box
    assert "looked from the network only" in box
    assert f"{percent(share.decided, share.possible)} of its results are decided" in box
    closed = [one for one in agency.store.findings(host=CACHE) if not one.open]
    assert closed
    for one in closed:
        assert f'href="/findings/{one.id}"' in box


def test_the_newer_run_has_its_own_pages_which_say_what_it_did_not_ask(agency: Agency) -> None:
    page = agency.signed_in(Role.ADMIN).get(f"/?run={agency.part}").text
    assert f"run <code>{agency.part}</code>" in page
    assert ", looked from the network only</p>" in page
    assert '<aside class="newer"' not in page


def test_the_page_of_scans_says_which_run_is_shown(agency: Agency) -> None:
    page = agency.signed_in(Role.ADMIN).get("/scans").text
    newest, oldest = page.index(agency.part, page.index("<tbody>")), page.rindex(agency.whole)
    assert newest < oldest
    assert page.index("looked from the network only", newest) < page.index("shown on all pages", newest)
    assert page.count("shown on all pages") == 1


def test_programs_get_the_same_run(agency: Agency) -> None:
    program = agency.program(Role.VIEWER)
    assert program.get("/api/v1/overview").json()["run"] == agency.whole
    assert program.get("/api/v1/overview", params={"run": agency.part}).json()["run"] == agency.part


def test_who_sees_one_system_is_told_of_its_own_changes_only(agency: Agency) -> None:
    hosts = {one.id: one for one in agency.store.inventory("latest").hosts}
    other = next(one.system for one in hosts.values() if one.system and one.system != hosts[CACHE].system)
    page = agency.signed_in(Role.VIEWER, systems=(other,)).get("/").text
    box = page[page.index('<aside class="newer"') : page.index("</aside>")]
    assert CACHE not in box
    assert "decided" not in box


def test_a_waiver_is_asked_for_by_the_facts_of_the_run_that_is_shown(agency: Agency) -> None:
    analyst = agency.signed_in(Role.ANALYST)
    failing = next(one for one in agency.store.findings(open_only=True) if one.check.startswith("SSH"))
    picked = [one.id for one in agency.store.findings(host=failing.host, check=failing.check, open_only=True)]
    day = (agency.clock() + timedelta(days=30)).date()
    fields = form(analyst, pick=" ".join(picked), reason="replaced in the spring", expires=day.isoformat())
    answer = analyst.post("/work/waiver", data=fields)
    assert answer.status_code == 303, answer.text


def stored(id_: str, state: RunState = RunState.COMPLETE) -> StoredRun:
    class Run:
        id: str
        state: RunState

    run = Run()
    run.id, run.state = id_, state
    return StoredRun(run, 1, 1, (), "", None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runs", "lead"),
    [
        (["part c", "whole b", "whole a"], "whole b"),
        (["part c", "part b"], "part c"),
        (["whole! b", "whole a"], "whole a"),
        (["whole~ b", "whole a"], "whole a"),
        (["whole! b"], "whole! b"),
        (["whole~ c", "whole! b"], "whole! b"),
        (["whole! b", "part a"], "part a"),
    ],
    ids=str,
)
def test_the_newest_complete_run_that_asked_everything_leads(runs: list[str], lead: str) -> None:
    states = {"!": RunState.INCOMPLETE, "~": RunState.RUNNING}
    found = [stored(one, states.get(one.split()[0][-1], RunState.COMPLETE)) for one in runs]
    chosen = choose(found, lambda run: Asked(login=run.startswith("whole")))
    assert chosen.run.run.id == lead
    assert [one.run.id for one in chosen.newer] == runs[: runs.index(lead)]
