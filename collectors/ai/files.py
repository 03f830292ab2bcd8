"""What lies on a host of AI: units, images, settings of agents, model weights and Python packages."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.ai.config import AgentConfig, config_of
from collectors.ai.host_search import FORMATS, RUNS_CODE, product
from collectors.base import Answer, Listing
from collectors.records import blind, framed_files, frames_are_whole, lines
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class AiUnit:
    """A systemd unit file named after an AI product."""

    path: str
    service: str


@dataclass(frozen=True, slots=True)
class AiImage:
    """A container image of an AI product, by Docker's or Podman's own records."""

    image: str
    service: str


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file with model weights; its content was never read."""

    path: str
    format: str
    """By the ending: pickle (pt, pth, bin, ckpt, pkl, joblib), safetensors, gguf, onnx, keras."""
    size_bytes: int
    mode: str
    owner: str
    runs_code: bool
    """Its format may run code when it is loaded."""
    writable_by_others: bool


@dataclass(frozen=True, slots=True)
class AiPackage:
    """A Python package of an AI stack, in any environment that was met."""

    name: str
    version: str
    path: str


def units_of(answer: Answer | None) -> Listing[AiUnit] | Hole:
    """Return the unit files named after AI products, or why they are unseen."""
    problem = blind(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    paths = [path for path in answer.text.split("\0") if path]
    if any(not path.startswith("/") for path in paths):
        return Hole("", Blind.UNPARSEABLE, "find printed what is no path")
    # /lib is a link to /usr/lib on merged systems: one file, two names.
    unlike = {path.removeprefix("/usr").rpartition("/")[2]: path for path in sorted(paths, reverse=True)}
    return Listing([AiUnit(path, product(path)) for path in sorted(unlike.values())])


_IMAGE = re.compile(r'"(?:Image|names)":\[?"(?P<image>[A-Za-z0-9._/:@-]{1,200})"')


def images_of(answer: Answer | None) -> Listing[AiImage] | Hole:
    """Return the container images of AI products, or why they are unseen."""
    problem = blind(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    rows = [_IMAGE.fullmatch(line.strip()) for line in lines(answer)]
    if any(row is None for row in rows):
        return Hole("", Blind.UNPARSEABLE, "a line that grep did not write")
    images = sorted({row["image"] for row in rows if row is not None})
    return Listing([AiImage(image, product(image)) for image in images if product(image)])


def configs_of(answer: Answer | None, *, searched: bool) -> Listing[AgentConfig] | Hole:
    """Return settings of agents; incomplete where not everything was ``searched``, or why they are unseen."""
    problem = blind(answer)
    if answer is None or (problem is not None and problem.reason is not Blind.TRUNCATED):
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    files = [file for file in framed_files(answer) if file.kind == "f"]
    whole = searched and problem is None and (frames_are_whole(answer) or not answer.stdout)
    return Listing(sorted((config_of(file) for file in files), key=lambda one: one.path), whole)


@dataclass(frozen=True, slots=True)
class Walked:
    """What one search of the file systems met."""

    models: Listing[ModelFile]
    packages: Listing[AiPackage]
    not_searched: list[str]


def walked_of(answer: Answer | None) -> Walked | Hole:
    """Return the model files and Python packages that the search met, or why they are unseen."""
    problem = blind(answer)
    if answer is None or (problem is not None and problem.reason is not Blind.TRUNCATED):
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    rows = [row for row in answer.text.split("\0") if row]
    models = [model for row in rows if (model := _model(row)) is not None]
    packages = [package for row in rows if (package := _package(row)) is not None]
    skipped = sorted(row.removeprefix("net ") for row in rows if row.startswith("net "))
    whole = problem is None and len(models) + len(packages) + len(skipped) == len(rows) and not skipped
    return Walked(
        Listing(sorted(models, key=lambda one: one.path), whole),
        Listing(sorted(packages, key=lambda one: (one.name, one.path)), whole),
        skipped,
    )


_MODEL = re.compile(
    r"model (?P<mode>[0-7]{1,4})\t(?P<owner>[^\t]+)\t(?P<group>[^\t]+)\t(?P<size>\d{1,18})\t(?P<path>/.+)", re.DOTALL
)
_DIST = re.compile(
    r"pkg (?P<path>/.+/(?P<name>[A-Za-z0-9_.]+)-(?P<version>[0-9][^/-]{0,60})[^/]*\.(?:dist|egg)-info)", re.DOTALL
)


def _model(row: str) -> ModelFile | None:
    found = _MODEL.fullmatch(row)
    if found is None:
        return None
    kind = FORMATS.get(found["path"].rpartition(".")[2], "other")
    writable = bool(int(found["mode"], 8) & 0o022)
    return ModelFile(
        found["path"], kind, int(found["size"]), found["mode"].zfill(4), found["owner"], kind in RUNS_CODE, writable
    )


def _package(row: str) -> AiPackage | None:
    found = _DIST.fullmatch(row)
    return AiPackage(found["name"], found["version"], found["path"].rpartition("/")[0]) if found else None
