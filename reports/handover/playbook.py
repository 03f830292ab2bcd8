"""remediation.yml: the plan as an Ansible playbook. Each fix asks for agreement, changes, validates, or rolls back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posture.model.assessment import Assessment
from posture.model.check import Remediation
from reports.files import new_file
from reports.handover.orders import HOST_NAME, Order, orders
from reports.handover.yamltext import Expression, yaml_lines
from reports.inert import inert

_STEP = "ansible.builtin."


def write_playbook(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the playbook; the same assessment gives the same bytes.

    Raises:
        UsageError: the file cannot be written.
    """
    with new_file(path) as file:
        for line in _lines(assessment, marking):
            file.write(line.encode() + b"\n")


def _lines(assessment: Assessment, marking: str) -> Iterator[str]:
    found = list(orders(assessment))
    yield "---"
    yield from (f"# {inert(line)}".rstrip() for line in _head(assessment, marking))
    for order in found:
        if why := order.by_hand or _unnamed(order):
            yield f"# By hand: {order.number}. {order.check.id} {inert(order.check.title)}: {inert(why)}"
    plays = [_play(order) for order in found if not order.by_hand and not _unnamed(order)]
    if not plays:
        yield "[]"
    for play in plays:
        yield ""
        yield from yaml_lines([play])


def _head(assessment: Assessment, marking: str) -> Iterator[str]:
    yield from ([marking] if marking else ())
    yield f"Fixes of run {assessment.run.id}, profile {assessment.baseline.profile.id}, in the order of the plan."
    yield "Read it first. `--check` changes nothing. Host by host (serial: 1); the first failure ends its play."
    yield "Fixes that could lock somebody out, or need something to be true first, are made only when agreed to:"
    yield "  ansible-playbook remediation.yml --check"
    yield "  ansible-playbook remediation.yml --tags HRD-01,SSH-02 -e posture_agreed=SSH-02"
    yield "A fix whose change or validation fails is rolled back. The next scan, not this playbook, proves a fix."


def _unnamed(order: Order) -> str:
    return "" if any(map(HOST_NAME.fullmatch, order.hosts)) else "its hosts have names that Ansible would take apart"


def keeps_the_way_back(remedy: Remediation) -> bool:
    """Return whether the Ansible tasks leave behind what the rollback reads; the shell lines always do."""
    kept = {match[0] for match in _KEPT.finditer(remedy.rollback)}
    tasks = " ".join(str(dict(task)) for task in remedy.ansible)
    return bool(remedy.ansible) and all(name in tasks for name in kept)


_KEPT = re.compile(r"\.posture\b|/var/lib/posture-undo")


def _play(order: Order) -> dict[str, Any]:
    id_ = order.check.id
    change = [{"name": f"{id_}: step {at}", **dict(task)} for at, task in enumerate(order.remedy.ansible, start=1)]
    if not keeps_the_way_back(order.remedy):
        change = [{"name": f"{id_}: change", f"{_STEP}shell": order.remedy.shell}]
    return {
        "name": f"{order.number}. {id_} {inert(order.check.title)}",
        "hosts": [host for host in order.hosts if HOST_NAME.fullmatch(host)],
        "become": True,
        "gather_facts": False,
        "serial": 1,
        "max_fail_percentage": 0,
        "tags": [id_],
        "tasks": [
            *_agreement(order),
            {
                "name": f"{id_}: change and validate",
                "block": [*change, *_validation(order)],
                "rescue": _rescue(order),
            },
        ],
    }


def _agreement(order: Order) -> Iterator[dict[str, Any]]:
    if order.agreement:
        id_ = order.check.id
        yield {
            "name": f"{id_}: precondition",
            f"{_STEP}assert": {
                "that": [f"'{id_}' in ((posture_agreed | default('')) | string).split(',')"],
                "fail_msg": f"Not agreed to. {order.agreement} If so: -e posture_agreed={id_}",
                "quiet": True,
            },
            "when": "not ansible_check_mode",
        }


def _validation(order: Order) -> Iterator[dict[str, Any]]:
    if not order.verify:
        return
    id_ = order.check.id
    yield {
        "name": f"{id_}: validate",
        f"{_STEP}shell": order.verify,
        "register": "posture_state",
        "changed_when": False,
        "when": "not ansible_check_mode",
    }
    yield {
        "name": f"{id_}: what it says now",
        f"{_STEP}debug": {"msg": Expression("{{ posture_state.stdout_lines | default([]) }}")},
        "when": "not ansible_check_mode",
    }


def _rescue(order: Order) -> list[dict[str, Any]]:
    id_ = order.check.id
    return [
        {
            "name": f"{id_}: roll back",
            f"{_STEP}shell": order.remedy.rollback,
            "when": "not ansible_check_mode",
        },
        {"name": f"{id_}: stop", f"{_STEP}fail": {"msg": f"{id_} failed and was rolled back; nothing after it ran"}},
    ]
