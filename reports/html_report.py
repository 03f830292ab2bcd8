"""The HTML report: one file that needs nothing else, with scripts off and no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from posture.model.assessment import Assessment
from reports.files import new_file
from reports.headline import headline
from reports.inert import inert
from reports.one_pass import Take
from reports.sections.attested import build_attested
from reports.sections.baseline import build_baseline
from reports.sections.burns import build_burns
from reports.sections.checks import build_checks
from reports.sections.coverage import build_coverage
from reports.sections.due import build_due
from reports.sections.evidence import build_evidence
from reports.sections.fleet import build_fleet
from reports.sections.header import build_header, build_headline
from reports.sections.hosts import build_hosts
from reports.sections.known import build_known
from reports.sections.method import build_method
from reports.sections.paths import build_paths
from reports.sections.plan import build_plan
from reports.sections.scores import build_scores
from reports.sections.waivers import build_waivers
from reports.survey import Limits, Survey, Surveying, survey
from reports.view import Link, ReportView, Share
from reports.words import counted, duration, percent, thousands

TEMPLATES = Path(__file__).parent / "templates"


def write_html(assessment: Assessment, path: Path, *, marking: str = "", limits: Limits | None = None) -> None:
    """Write the report to ``path``; ``marking`` is the classification or handling banner, if the agency gives one.

    Raises:
        UsageError: the file cannot be written.
    """
    _write_page(survey(assessment, limits), path, marking)


@contextmanager
def html_report(assessment: Assessment, path: Path, *, marking: str = "") -> Iterator[Take]:
    """Yield what takes the hosts; the page is written once all of them were counted."""
    counting = Surveying(assessment, Limits())
    yield counting.add
    _write_page(counting.done(), path, marking)


def _write_page(found: Survey, path: Path, marking: str) -> None:
    view = build_view(found, marking=marking)
    stream = environment().get_template("report.html.j2").generate(page=view, css=stylesheet())
    with new_file(path) as file:
        for chunk in stream:
            file.write(chunk.encode("utf-8"))


def build_view(found: Survey, *, marking: str = "") -> ReportView:
    """Return the context of the whole page."""
    return ReportView(
        marking=marking,
        header=build_header(found),
        headline=build_headline(found, headline(found)),
        coverage=build_coverage(found),
        due=build_due(found),
        burns=build_burns(found),
        known=build_known(found),
        plan=build_plan(found),
        paths=build_paths(found),
        scores=build_scores(found),
        checks=build_checks(found),
        hosts=build_hosts(found),
        fleet=build_fleet(found),
        waivers=build_waivers(found),
        attested=build_attested(found),
        baseline=build_baseline(found),
        evidence=build_evidence(found),
        method=build_method(found),
    )


def environment(*more: Path) -> Environment:
    """Return the template environment: escapes everything, and makes every printed string inert.

    ``more`` are directories of templates beside the report's. A template that is given ``places``, a mapping from the
    anchors of the report to addresses, leads there instead of to places on its own page.
    """
    env = Environment(
        loader=FileSystemLoader([TEMPLATES, *more]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters.update(
        number=thousands,
        counted=counted,
        duration=duration,
        of=_of,
        percent=_percent,
        day=_day,
        moment=_moment,
        link=_link,
        place=_place,
        own_page=_own_page,
        ticks=_ticks,
        style_hash=_style_hash,
    )
    return env


def stylesheet() -> Markup:
    """Return the style sheet, our own file and therefore trusted as it is."""
    return Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file


def _harmless(value: Any) -> Any:
    # Markup is what our own filters made of dates, links and the style sheet, with foreign parts made inert there.
    return inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _of(share: Share) -> str:
    return f"{share.part:,} of {share.whole:,}"


def _percent(share: Share) -> str:
    return percent(share.part, share.whole)


def _day(value: date) -> Markup:
    return Markup('<time datetime="{0}">{0}</time>').format(f"{value:%Y-%m-%d}")


def _moment(value: datetime) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(f"{value:%Y-%m-%dT%H:%M:%SZ}", f"{value:%Y-%m-%d %H:%M} UTC")


@pass_context
def _link(context: Context, link: Link) -> Markup:
    text, address = escape(inert(link.text)), _place(context, link.anchor) if link.anchor else ""
    return Markup('<a href="{}">{}</a>').format(address, text) if address else text


@pass_context
def _place(context: Context, anchor: str) -> str:
    """Return the address behind an anchor of the report; empty when it leads nowhere for this reader."""
    places: Mapping[str, str] | None = context.get("places")
    return f"#{anchor}" if places is None else places.get(anchor, "")


@pass_context
def _own_page(context: Context, anchor: str) -> str:
    """Return the page of its own that an anchor has on the dashboard; empty in a report, which is one page."""
    return _place(context, anchor) if context.get("places") is not None else ""


def _ticks(text: str) -> Markup:
    """Return our own words with what stands between backticks set as code."""
    parts = [escape(inert(part)) for part in text.split("`")]
    code = [Markup("<code>{}</code>").format(part) if odd % 2 else part for odd, part in enumerate(parts)]
    return Markup("").join(code)


def _style_hash(css: Markup) -> str:
    return base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
