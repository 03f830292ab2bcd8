"""The plan by owner and day, and AI services against the register."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from posture.model.host import Host
from posture.model.plan import Work
from posture.plan.calendar import Hours, make_calendar
from reports.dashboard.ai import HostAi, ai_page
from reports.dashboard.calendar import calendar_page, of_owner

MONDAY = date(2026, 11, 23)


def works(*hours: float) -> list[Work]:
    return [Work(f"w{n}", f"fix {n}", "ops" if n % 2 else "web", ("h",), each) for n, each in enumerate(hours)]


def test_a_long_fix_stands_on_each_of_its_days_and_says_where_it_is() -> None:
    plan = works(10.0)
    page = calendar_page(make_calendar(plan, Hours(4.0), as_of=MONDAY), plan, "", 4.0)
    days = [(day.day, [(one.title, one.days) for one in day.slots]) for week in page.weeks for day in week.days]
    told = [(day, slots) for day, slots in days if slots]
    assert [slots[0][1] for _, slots in told] == ["begins", "goes on", "ends"]
    assert len({day for day, _ in days}) == len(days)
    assert all(day.weekday() < 5 for day, _ in days)


def test_a_full_day_leads_to_the_first_fix_that_it_does_not_show_and_an_empty_week_says_so() -> None:
    plan = works(*(0.1 for _ in range(20)))
    page = calendar_page(make_calendar(plan, Hours(4.0), as_of=MONDAY), plan, "", 4.0)
    [full] = [day for week in page.weeks for day in week.days if day.slots]
    shown = {slot.path for slot in full.slots}
    assert len(shown) + full.left_out == len(plan)
    assert full.left_out_path not in shown
    assert full.left_out_path.removeprefix("/plan#") in {one.anchor for one in page.details}
    assert [week.planned for week in page.weeks] == [True, False, False, False, False]


def test_how_a_fix_is_undone_is_told_line_by_line() -> None:
    plan = [replace(works(1.0)[0], rollback="systemctl unmask x\nsystemctl start x\n"), works(0.5, 0.5)[1]]
    page = calendar_page(make_calendar(plan, Hours(4.0), as_of=MONDAY), plan, "", 4.0)
    assert {one.anchor: one.rollback for one in page.details} == {
        "w-w0": ("systemctl unmask x", "systemctl start x"),
        "w-w1": (),
    }


def test_what_cannot_be_in_time_comes_first_with_its_owner() -> None:
    plan = [Work("w1", "a large one", "ops", ("h",), 40.0, due=MONDAY + timedelta(days=1), due_reason="BOD 26-04")]
    page = calendar_page(make_calendar(plan, Hours(4.0), as_of=MONDAY), plan, "", 4.0)
    assert [(one.title, one.owner, one.path) for one in page.late] == [("a large one", "ops", "/plan#w-w1")]
    assert any(slot.late for week in page.weeks for day in week.days for slot in day.slots)


@given(st.lists(st.floats(0.25, 60), max_size=8))
@settings(max_examples=30, deadline=None)
def test_every_fix_is_planned_or_named_as_left_over_whoever_asks(hours: list[float]) -> None:
    plan = works(*hours)
    calendar = make_calendar(plan, Hours(4.0), as_of=MONDAY)
    page = calendar_page(calendar, plan, "", 4.0)
    told = {one.anchor for one in (*page.details, *page.unplanned)}
    assert told == {f"w-{work.id}" for work in plan}
    for owner in ("ops", "web"):
        own = calendar_page(calendar, plan, owner, 4.0)
        assert {one.owner for one in (*own.details, *own.unplanned)} <= {owner}
        assert len(of_owner(calendar, owner, plan).appointments) == own.planned


def facts(*found: tuple[str, bool], missing: tuple[str, ...] = (), complete: bool = True) -> dict[str, Any]:
    items = [
        {"service": id_, "endpoint": "tcp/11434", "sides": ["network"], "network_says": "open", "host_says": "",
         "registered": known, "owner": "ai-team" if known else ""}
        for id_, known in found
    ]  # fmt: skip
    gone = [{"service": one, "port": None, "owner": "ai-team"} for one in missing]
    return {"register": True, "found": {"complete": complete, "items": items}, "missing": gone}


def unidentified(port: int) -> dict[str, Any]:
    row = {"vantage": "scanner", "zone": "mgmt", "endpoint": f"tcp/{port}", "could_be": ["vllm", "ollama"]}
    return {"unidentified": {"complete": True, "items": [row]}}


def test_shadow_ai_is_apart_from_what_somebody_answers_for_and_unidentified_is_neither() -> None:
    page = ai_page(
        [
            HostAi(Host("gpu1", (), "servers"), facts(("ollama", True), ("vllm", False)), unidentified(8000), ()),
            HostAi(Host("gpu2", (), "servers"), facts(missing=("ray",), complete=False), None, ()),
            HostAi(Host("web", (), "dmz"), None, None, (("the network", "not_attempted", "nobody asked"),)),
        ],
        {"ollama": "Ollama", "vllm": "vLLM"},
        register=True,
    )
    assert [(one.service, one.host, one.owner) for one in page.shadow] == [("vLLM", "gpu1", "")]
    assert [(one.service, one.owner) for one in page.registered] == [("Ollama", "ai-team")]
    assert [(one.endpoint, one.could_be) for one in page.unidentified] == [("tcp/8000", "vLLM, Ollama")]
    assert [one.looked for one in page.missing] == ["not all of the host was looked at: it may be there"]
    assert (page.whole.part, page.whole.whole, page.looked) == (1, 3, True)
    assert [(one.side, one.reason, one.hosts.part) for one in page.blind] == [("the network", "not attempted", 1)]
    assert page.lead == "1 service on no register; 1 registered and found; 1 HTTP port unidentified."
