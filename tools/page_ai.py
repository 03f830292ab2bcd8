"""docs/ai-fingerprints.md: the table of AI services, with how well each tell-tale is known."""

from __future__ import annotations

from collectors.ai.fingerprints import SERVICES, source_of
from collectors.ai.marks import Mark, Role, Service
from tools.markdown import BANNER, code, table

_SOURCES = (
    "`live` seen by this project on the real service (versions in [ai-services.md](ai-services.md)) · `src` read in its"
    " source · `doc` its documentation · `aig` a matcher of Tencent/AI-Infra-Guard, not seen on a real one here ·"
    " `K` general knowledge, not confirmed."
)


def fingerprints_page() -> str:
    """Return the page."""
    rows = [_row(service) for service in SERVICES]
    columns = ("service", "kind", "told by (every mark of one line)", "open when", "version from")
    return f"{BANNER}# Fingerprints of AI services\n\n{_SOURCES}\n\n{table(columns, rows)}"


def _row(service: Service) -> tuple[str, ...]:
    marks = {mark.id: mark for mark in service.marks}
    proofs = "<br>".join(" and ".join(_told(marks[id_]) for id_ in proof) for proof in service.proofs)
    opened = [f"{code(mark.path)} ({source_of(mark.id).value})" for mark in service.marks if mark.role is Role.OPEN]
    versions = dict.fromkeys(code(mark.path) for mark in service.marks if "?P<version>" in mark.pattern)
    return (service.name, service.kind.value, proofs, ", ".join(opened) or "a GET cannot show it", ", ".join(versions))


def _told(mark: Mark) -> str:
    where = "head" if mark.in_head else "body"
    return f"{code(mark.path)} {where} ({source_of(mark.id).value})"
