"""The `ai_host` topic: what a host says of AI on it, by names, modes and switches; never a value, a prompt or a model.

Configuration of agents is not brought home: ``grep -o`` prints its structure there, and stops before every value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypeVar

from collectors.ai.config import AgentConfig
from collectors.ai.files import AiImage, AiPackage, AiUnit, ModelFile, configs_of, images_of, units_of, walked_of
from collectors.ai.host_search import COMMANDS, SECOND, follow_up
from collectors.ai.processes import AiProcess, processes_of
from collectors.base import Answer, Answers, Collector, Facts, Listing, hole
from collectors.listed import Entries, entries_of
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class AiHostFacts:
    """AI on the host: /root, /home, /opt, /srv, /var/lib, /usr/local/lib and the like, without network file systems."""

    processes: Listing[AiProcess]
    units: Listing[AiUnit]
    images: Listing[AiImage]
    configs: Listing[AgentConfig]
    """Settings of agents and of their MCP servers."""
    models: Listing[ModelFile]
    packages: Listing[AiPackage]
    gpus: list[str]
    """nvidia, amd: drivers whose devices are there."""
    container_toolkit: str | None
    """Version of the NVIDIA container toolkit."""
    not_searched: list[str]
    """Directories on network file systems, sorted."""


def parse(answers: Answers) -> Facts | Hole:
    """Return what there is of AI on the host.

    Source: pgrep(1), ps(1), find(1), grep(1), proc(5) for environ; Docker's config.v2.json and Podman's images.json.
    """
    holes: list[Hole] = []
    found = walked_of(answers.get("ai_host.files"))
    searched = not isinstance(found, Hole) and not found.not_searched
    devices = entries_of(answers.get("ai_host.devices"))
    facts = AiHostFacts(
        processes=_kept("processes", processes_of(answers), holes),
        units=_kept("units", units_of(answers.get("ai_host.units")), holes),
        images=_kept("images", images_of(answers.get("ai_host.images")), holes),
        configs=_kept("configs", configs_of(answers.get("ai_host.configs"), searched=searched), holes),
        models=_kept("models", found if isinstance(found, Hole) else found.models, holes),
        packages=_kept("packages", found if isinstance(found, Hole) else found.packages, holes),
        gpus=[] if isinstance(devices, Hole) else _gpus(devices),
        container_toolkit=None,
        not_searched=[] if isinstance(found, Hole) else found.not_searched,
    )
    if len(holes) == _LISTS:
        return Hole("", holes[0].reason, holes[0].detail)
    toolkit = _toolkit(answers.get("ai_host.toolkit"))
    others = (("not_searched", found), ("gpus", devices), ("container_toolkit", toolkit))
    holes += [Hole(name, one.reason, one.detail) for name, one in others if isinstance(one, Hole)]
    version = None if isinstance(toolkit, Hole) else toolkit
    return Facts(replace(facts, container_toolkit=version), tuple(holes))


_LISTS = 6
T = TypeVar("T")


def _kept(name: str, listing: Listing[T] | Hole, holes: list[Hole]) -> Listing[T]:
    """Return the list; an empty one that is not complete, with its reason among the holes, when it is unseen."""
    if isinstance(listing, Hole):
        holes.append(Hole(name, listing.reason, listing.detail))
        return Listing([], complete=False)
    return listing


def _gpus(devices: Entries) -> list[str]:
    there = {entry.path for entry in devices.found}
    known = (("amd", {"/dev/kfd"}), ("nvidia", {"/dev/nvidia0", "/dev/nvidiactl"}))
    return [name for name, paths in known if there & paths]


_TOOLKIT = re.compile(r"version (?P<version>\d{1,4}(?:\.\d{1,4}){1,3})")


def _toolkit(answer: Answer | None) -> str | Hole | None:
    problem = hole(answer)
    if problem is not None and problem.reason is Blind.COMMAND_MISSING:
        return None
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    found = _TOOLKIT.search(answer.text)
    return found["version"] if found else Hole("", Blind.UNPARSEABLE, "nvidia-ctk named no version")


COLLECTOR = Collector(
    topic="ai_host",
    version=1,
    commands=COMMANDS,
    facts=AiHostFacts,
    parse=parse,
    follow_up=follow_up,
    second=SECOND,
)
