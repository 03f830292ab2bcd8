"""``posture feeds``: what is known of vulnerabilities, fetched from its publishers or carried in as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option
from posture.errors import FeedError, UsageError
from posture.exit_codes import ExitCode
from posture.feeds.fetch import fetched
from posture.feeds.freshness import age, stale
from posture.feeds.intake import Leave, Source, take
from posture.feeds.library import PLACE, Library
from posture.feeds.registry import FEEDS, Feed, feed
from posture.feeds.shelf import SUFFIX, About, confirm
from posture.inputs.config import Config
from posture.model.vulnerability import FeedStamp

_EMPTY = "no feed was ever imported: `posture feeds update` fetches them, `posture feeds import FEED FILE` reads a file"


@click.group("feeds")
def feeds_group() -> None:
    """Fetch, import and list the feeds of known vulnerabilities.

    Without them packages are not assessed for CVEs; nothing is ever called clean for want of a feed.
    """


def _leave_options(command: Callable[..., Any]) -> Callable[..., Any]:
    smaller = click.option("--allow-smaller", is_flag=True, help="Take a feed that lost many of its entries.")
    older = click.option("--allow-older", is_flag=True, help="Take a feed that is older than the one that is there.")
    return older(smaller(command))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one feed."""

    feed: str
    result: str
    """``taken``, ``unchanged`` or ``refused``."""
    version: str
    entries: int
    why: str = ""


@feeds_group.command("update")
@click.argument("ids", metavar="[FEED]...", nargs=-1)
@_leave_options
@config_option
@out_option
@json_option
def update_command(
    ids: tuple[str, ...], allow_older: bool, allow_smaller: bool, config_path: Path | None, out: Path, as_json: bool
) -> None:
    """Fetch feeds over https; those named, else those of the configuration, else the usual ones.

    One that cannot be fetched or is refused leaves the last good one in its place; the exit code is 2 then.

    \b
    Examples:
      posture feeds update
      posture feeds update kev epss
      posture feeds update debian-tracker --allow-smaller
    """
    config = prepare.read_config(config_path, out)
    leave = Leave(allow_older, allow_smaller, config.feeds.shrink_percent)
    outcomes = []
    for one in _chosen(ids, config):
        terminal.note(f"{one.id}: {config.feeds.urls.get(one.id) or one.url}")
        outcomes.append(_updated(one, config, leave))
    _tell(outcomes, as_json)


def _chosen(ids: tuple[str, ...], config: Config) -> list[Feed]:
    for name in config.feeds.urls:
        feed(name)
    named = ids or tuple(config.feeds.use)
    chosen = [feed(id_) for id_ in named] if named else [one for one in FEEDS if one.usual]
    for one in chosen:
        if not (one.url or config.feeds.urls.get(one.id)):
            raise UsageError(f"`{one.id}` has no URL", hint=f"`posture feeds import {one.id} FILE`, or `feeds.urls`")
    return chosen


def _updated(one: Feed, config: Config, leave: Leave) -> _Outcome:
    place = _place(config)
    shelf, url = place / f"{one.id}{SUFFIX}", config.feeds.urls.get(one.id) or one.url
    try:
        before = _before(place, one.id)
        etag = before.stamp.etag if before else ""
        with fetched(one, url, etag) as got:
            if got is None:
                confirm(shelf, prepare.now())
                return _Outcome(one.id, "unchanged", before.stamp.version if before else "", 0)
            source = Source(got.url, got.etag, got.modified_at)
            return _taken(take(one, got.path, source, place, prepare.now(), leave))
    except FeedError as error:
        return _Outcome(one.id, "refused", "", 0, f"{error}; {error.hint}" if error.hint else str(error))


def _before(place: Path, id_: str) -> About | None:
    try:
        with Library(place) as library:
            return next((one for one in library.about if one.stamp.id == id_), None)
    except FeedError:
        return None  # a damaged shelf is fetched again from the start


def _taken(stamp: FeedStamp) -> _Outcome:
    return _Outcome(stamp.id, "taken", stamp.version, stamp.entries)


def _tell(outcomes: Iterable[_Outcome], as_json: bool) -> None:
    found = list(outcomes)
    if as_json:
        terminal.as_json(found)
    else:
        rows = [(one.feed, one.result, one.version, f"{one.entries or ''}", one.why) for one in found]
        terminal.table("feeds", ("feed", "result", "version", "entries", "why"), rows, empty="no feed was asked for")
    if any(one.result == "refused" for one in found):
        raise click.exceptions.Exit(ExitCode.USAGE)


@feeds_group.command("import")
@click.argument("id_", metavar="FEED")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option("--url", default="", help="Where the file was fetched from, for the record.")
@_leave_options
@config_option
@out_option
@json_option
def import_command(
    id_: str,
    path: Path,
    url: str,
    allow_older: bool,
    allow_smaller: bool,
    config_path: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Read one feed from a file that was carried in; its age is the one it says itself.

    \b
    Plain, .gz, .xz, .zst, .bz2, .zip, .tar of any of these, or a folder of JSON files. Examples:
      posture feeds import kev known_exploited_vulnerabilities.json
      posture feeds import vulnrichment vulnrichment-develop.tar.gz
      posture feeds import osv-pypi all.zip
    """
    config = prepare.read_config(config_path, out)
    one = feed(id_)
    if not path.exists():
        raise UsageError(f"{path}: no such file", hint=f"{one.title} comes from {one.url or 'its publisher'}")
    modified_at = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)
    origin = f"file:{path.name}" + (f" from {url}" if url else "")
    leave = Leave(allow_older, allow_smaller, config.feeds.shrink_percent)
    stamp = take(one, path, Source(origin, modified_at=modified_at), _place(config), prepare.now(), leave)
    _tell([_taken(stamp)], as_json)


@feeds_group.command("status")
@config_option
@out_option
@json_option
def status_command(config_path: Path | None, out: Path, as_json: bool) -> None:
    """Show which feeds are there, how old they are and what they cover.

    \b
    Examples:
      posture feeds status
      posture feeds status --json
    """
    config = prepare.read_config(config_path, out)
    moment = prepare.now()
    with Library(_place(config)) as library:
        found = library.about
    old = {one.id for one in stale((one.stamp for one in found), moment, config.feeds.max_age_h)}
    if as_json:
        terminal.as_json([{**_plain(one), "stale": one.stamp.id in old} for one in found])
        return
    rows = [
        (
            one.stamp.id,
            one.stamp.version,
            str(one.stamp.entries),
            age(one.stamp, moment) + (" (too old)" if one.stamp.id in old else ""),
            _covered(one.ecosystems),
            one.stamp.url,
        )
        for one in found
    ]
    terminal.table("feeds", ("feed", "version", "entries", "age", "covers", "from"), rows, empty=_EMPTY)
    missing = [one for one in FEEDS if one.id not in {about.stamp.id for about in found}]
    terminal.say()
    columns = ("not there", "what", "licence")
    terminal.table("", columns, [(one.id, one.title, one.licence) for one in missing], empty="every feed is there")


def _plain(one: About) -> dict[str, Any]:
    return {
        "id": one.stamp.id,
        "url": one.stamp.url,
        "fetched_at": one.stamp.fetched_at,
        "taken_at": one.taken_at,
        "as_of": one.as_of,
        "sha256": one.stamp.sha256,
        "version": one.stamp.version,
        "entries": one.stamp.entries,
        "etag": one.stamp.etag,
        "ecosystems": one.ecosystems,
    }


def _covered(ecosystems: list[str]) -> str:
    some = ", ".join(ecosystems[:6])
    return some + (f" and {len(ecosystems) - 6} more" if len(ecosystems) > 6 else "")


def _place(config: Config) -> Path:
    return config.folder / PLACE


COMMANDS = (feeds_group,)
