"""The `ai_host` topic: what a host says of AI on it, by names, modes and switches; never a value, a prompt or a model.

Configuration of agents is not brought home: ``grep -o`` prints its structure there, and stops before every value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from collectors.ai_config import PATTERN as CONFIG_STRUCTURE
from collectors.ai_config import AgentConfig, config_of
from collectors.base import Answer, Answers, Collector, Command, Facts, Listing, hole
from collectors.listed import Entries, entries_of, list_paths
from collectors.records import FRAME, blind, framed_files, frames_are_whole, lines
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class AiProcess:
    """One program of an AI stack that runs."""

    service: str
    """Such as ``ollama``, ``vllm``, ``mcp``; the ids are those of the network's table where there is one."""
    account: str
    as_root: bool
    switches: list[str]
    """Telling ones: all-hosts, allow-root, empty-token, every-address, model-control, trust-remote-code; sorted."""
    environment: list[str]
    """Names of its environment variables that concern AI or hold keys, sorted; never a value."""
    keys: list[str]
    """Those of them that usually hold a provider's key or token."""


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


PRODUCTS: tuple[tuple[str, str], ...] = (
    ("ollama", r"ollama"),
    ("vllm", r"vllm"),
    ("sglang", r"sglang"),
    ("tgi", r"text[-_]generation[-_](launcher|server|inference)"),
    ("triton", r"tritonserver"),
    ("llamacpp", r"llama[-_.]server|llama\.cpp"),
    ("llama-cpp-python", r"llama_cpp"),
    ("lmstudio", r"lm[-_ ]?studio"),
    ("ray", r"raylet|gcs_server|ray::|ray/dashboard|rayproject|ray start"),
    ("jupyterhub", r"jupyterhub"),
    ("jupyter", r"jupyter"),
    ("mlflow", r"mlflow"),
    ("litellm", r"litellm"),
    ("langflow", r"langflow"),
    ("flowise", r"flowise"),
    ("n8n", r"n8n"),
    ("open-webui", r"open[-_]webui"),
    ("gradio", r"gradio"),
    ("comfyui", r"comfyui"),
    ("qdrant", r"qdrant"),
    ("weaviate", r"weaviate"),
    ("milvus", r"milvus"),
    ("chroma", r"chroma run|chromadb|chroma-core"),
    ("openclaw", r"openclaw"),
    ("airflow", r"airflow"),
    ("label-studio", r"label[-_]studio"),
    ("mcp", r"fastmcp|mcp[-_]server|server[-_]mcp|modelcontextprotocol"),
)
"""Product and the word that gives it away in a command line, a unit's or an image's name; the first that fits wins."""
_WORDS = "|".join(word for _, word in PRODUCTS)
_PACKAGES = (
    "accelerate|airflow|anthropic|autogen|bentoml|chromadb|crewai|ctranslate2|diffusers|fastmcp|flowise|gradio|huggingface_hub"
    "|jupyter_server|jupyterhub|keras|label_studio|langchain|langchain_core|langflow|langgraph|litellm|llama_cpp_python|llama_index"
    "|mcp|mlflow|ollama|onnxruntime|open_webui|openai|qdrant_client|ray|safetensors|sentence_transformers|sglang|smolagents|tensorflow"
    "|torch|transformers|triton|vllm|weaviate_client|xformers"
)
_PICKLE = ("pt", "pth", "bin", "ckpt", "pkl", "joblib")
_FORMATS = {
    **dict.fromkeys(_PICKLE, "pickle"),
    "safetensors": "safetensors",
    "gguf": "gguf",
    "onnx": "onnx",
    "h5": "keras",
    "keras": "keras",
}
_RUNS_CODE = frozenset({"pickle", "keras"})
_CONFIGS = (
    "*/.mcp.json",
    "*/.cursor/mcp.json",
    "*/.vscode/mcp.json",
    "*/.claude.json",
    "*/.claude/settings.json",
    "*/claude_desktop_config.json",
    "*/mcp_config.json",
    "*/cline_mcp_settings.json",
    "*/.gemini/settings.json",
    "*/.continue/config.json",
    "*/.openclaw/openclaw.json",
    "*/.codex/config.toml",
)
_ROOTS = (
    *(
        "/root",
        "/home",
        "/opt",
        "/srv",
        "/var/lib",
        "/var/www",
        "/usr/local/lib",
        "/usr/lib/python3",
        "/usr/share/ollama",
    ),
    *("/data", "/models", "/workspace", "/app"),
)
_NETWORK = (
    *("9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4"),
    "smb3",
)
_LEFT_OUT = tuple(
    f"/var/lib/{name}"
    for name in ("apt", "containerd", "containers", "docker", "dpkg", "flatpak", "kubelet", "lxd", "rpm", "snapd")
)
"""Big trees of the system, and layers of containers, which belong to their images."""


def _any_of(test: str, values: Iterable[str]) -> tuple[str, ...]:
    words: list[str] = []
    for value in values:
        words += ["-o", test, value] if words else [test, value]
    return ("(", *words, ")")


_START = ("/usr/bin/find", *_ROOTS, "-xdev", "-maxdepth", "7", "-regextype", "posix-extended")
_ELSEWHERE = (*_any_of("-fstype", _NETWORK), "-prune")
_NOT_HERE = (
    *("-o", *_any_of("-path", _LEFT_OUT), "-prune"),
    *("-o", *_any_of("-name", ("node_modules", ".git", "__pycache__")), "-prune"),
)
_ROW = "%m\\t%u\\t%g\\t%s\\t%p\\0"

COMMANDS = (
    Command("ai_host.pids", ("/usr/bin/pgrep", "-i", "-f", _WORDS), ok_exit=(0, 1)),
    Command(
        "ai_host.files",
        (
            *_START,
            *_ELSEWHERE,
            *("-printf", "net %p\\0"),
            *_NOT_HERE,
            *("-o", "-type", "d", "-regex", rf".*/({_PACKAGES})-[0-9][^/]*\.(dist|egg)-info"),
            *("-printf", "pkg %p\\0", "-prune"),
            *("-o", "-type", "f", "-size", "+64k", *_any_of("-name", [f"*.{end}" for end in _FORMATS])),
            *("-printf", f"model {_ROW}"),
        ),
        sudo=True,
        timeout_s=60,
        ok_exit=(0, 1),
    ),
    Command(
        "ai_host.configs",
        (
            *_START,
            *_ELSEWHERE,
            *_NOT_HERE,
            *("-o", "-type", "f", "-size", "-1024k", *_any_of("-path", _CONFIGS), "-printf", FRAME),
            *("-exec", "/usr/bin/grep", "-oaE", "-e", CONFIG_STRUCTURE, "{}", ";"),
        ),
        sudo=True,
        timeout_s=60,
        ok_exit=(0, 1),
    ),
    Command(
        "ai_host.units",
        (
            *("/usr/bin/find", "-H", "/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"),
            *("-maxdepth", "1", "-regextype", "posix-extended", "-iregex", rf".*/[^/]*({_WORDS})[^/]*\.service"),
            *("-printf", "%p\\0"),
        ),
        ok_exit=(0, 1),
    ),
    Command(
        "ai_host.images",
        (
            *("/usr/bin/grep", "-rhoaE", "--include=config.v2.json", "--include=images.json"),
            r'"Image":"[A-Za-z0-9._/:@-]{1,200}"|"names":\["[A-Za-z0-9._/:@-]{1,200}"',
            *("/var/lib/docker/containers", "/var/lib/containers/storage/overlay-images"),
        ),
        sudo=True,
        ok_exit=(0, 1, 2),
    ),
    list_paths("ai_host.devices", "/dev/nvidia0", "/dev/nvidiactl", "/dev/kfd", depth=0),
    Command("ai_host.toolkit", ("/usr/bin/nvidia-ctk", "--version")),
)
SECOND = (
    Command("ai_host.owners", ("/usr/bin/ps", "-ww", "-o", "pid=,euser:32=,args=", "-p", "{pids}"), ok_exit=(0, 1)),
    # The part before the equals sign and nothing after it: names, never values.
    Command(
        "ai_host.environ",
        ("/usr/bin/grep", "-zoaHE", "^[A-Za-z_][A-Za-z0-9_]*=", "/proc/{pid}/environ"),
        sudo=True,
        ok_exit=(0, 1, 2),
    ),
)
MAX_PROCESSES = 60


def follow_up(answers: Answers) -> tuple[Command, ...]:
    """Return the questions about the processes that were found: whose they are, and names of their environment."""
    pids = _pids(answers.get("ai_host.pids"))[:MAX_PROCESSES]
    if not pids:
        return ()
    owners, environ = SECOND
    places = (f"/proc/{pid}/environ" for pid in pids)
    return (
        Command(owners.id, (*owners.argv[:-1], ",".join(pids)), ok_exit=owners.ok_exit),
        Command(environ.id, (*environ.argv[:-1], *places), sudo=True, ok_exit=environ.ok_exit),
    )


def parse(answers: Answers) -> Facts | Hole:
    """Return what there is of AI on the host.

    Source: pgrep(1), ps(1), find(1), grep(1), proc(5) for environ; Docker's config.v2.json and Podman's images.json.
    """
    holes: list[Hole] = []
    walked = _walked(answers.get("ai_host.files"))
    searched = not isinstance(walked, Hole) and not walked.not_searched
    devices = entries_of(answers.get("ai_host.devices"))
    facts = AiHostFacts(
        processes=_kept("processes", _processes(answers), holes),
        units=_kept("units", _units(answers.get("ai_host.units")), holes),
        images=_kept("images", _images(answers.get("ai_host.images")), holes),
        configs=_kept("configs", _configs(answers.get("ai_host.configs"), searched=searched), holes),
        models=_kept("models", walked if isinstance(walked, Hole) else walked.models, holes),
        packages=_kept("packages", walked if isinstance(walked, Hole) else walked.packages, holes),
        gpus=[] if isinstance(devices, Hole) else _gpus(devices),
        container_toolkit=None,
        not_searched=[] if isinstance(walked, Hole) else walked.not_searched,
    )
    if len(holes) == _LISTS:
        return Hole("", holes[0].reason, holes[0].detail)
    toolkit = _toolkit(answers.get("ai_host.toolkit"))
    others = (("not_searched", walked), ("gpus", devices), ("container_toolkit", toolkit))
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


_OURS = re.compile(r"\S*(?:timeout|pgrep|sudo|nice) .*pgrep -i -f |\S*pgrep -i -f ")
_SWITCHES = {
    "trust-remote-code": re.compile(r"--trust[-_]remote[-_]code\b"),
    "empty-token": re.compile(r"""--(?:ServerApp|NotebookApp|IdentityProvider)\.token=(?:''|"")?(?=\s|$)"""),
    "allow-root": re.compile(r"--allow-root\b"),
    "every-address": re.compile(
        r"--(?:host|ip|ServerApp\.ip|server-name|bind|listen-address|dashboard-host)[= ]"
        r"(?:0\.0\.0\.0|\*|::|\[::\])(?=\s|$)"
        r"|--listen(?=\s*$|\s+-)"
    ),
    "model-control": re.compile(r"--model-control-mode[= ](?:explicit|poll)\b"),
    "all-hosts": re.compile(r"--(?:allowed-hosts|cors-allowed-origins)[= ]['\"]?\*"),
}
_OF_AI = re.compile(
    r"OLLAMA|VLLM|RAY_|MLFLOW|JUPYTER|LITELLM|LANGFLOW|FLOWISE|N8N_|WEBUI|GRADIO|QDRANT|WEAVIATE|MILVUS|CHROMA|MCP"
    r"|CUDA_VISIBLE|HF_|HUGGING|OPENAI|ANTHROPIC|AZURE|GEMINI|COHERE|MISTRAL|AUTHENTICATION_ANONYMOUS"
)
_KEYS = re.compile(r"(?:API_?KEY|ACCESS_?KEY|SECRET|TOKEN|PASSWORD|PASSWD|MASTER_KEY|CREDENTIALS)\Z")
_PS = re.compile(r"\s*(?P<pid>\d{1,10})\s+(?P<user>\S{1,64})\s+(?P<args>.+)")
_GONE = re.compile(r"/proc/(?P<pid>\d{1,10})/environ: No such (file or directory|process)")
_NAME = re.compile(r"/proc/(?P<pid>\d{1,10})/environ:(?P<name>[A-Za-z_][A-Za-z0-9_]{0,100})=")


def _pids(answer: Answer | None) -> list[str]:
    return [line.strip() for line in lines(answer) if _PID.fullmatch(line.strip())]


_PID = re.compile(r"[1-9][0-9]{0,9}")


def _product(text: str) -> str:
    """Return the id of the product that a text gives away; empty when it is none."""
    return next((id_ for id_, word in _PRODUCT_PATTERNS if word.search(text)), "")


_PRODUCT_PATTERNS = tuple((id_, re.compile(word, re.IGNORECASE)) for id_, word in PRODUCTS)


def _program(args: str) -> str:
    """Return what a command line runs: the program, or the script, module or package that an interpreter runs.

    Its other arguments do not count: a file called ``ollama.md`` in an editor is no Ollama.
    """
    words = [word for word in args.split(" ") if word]
    told: list[str] = []
    skipping = False
    for index, word in enumerate(words[:_WORDS_MAX]):
        if skipping or word.startswith("-"):
            if word in _CODE:
                break
            skipping = not skipping and word in _WITH_VALUE
            continue
        base = word.rpartition("/")[2]
        told.append("/".join(word.split("/")[-3:]) if told else base)
        if not _RUNS_OTHERS.fullmatch(base):
            if base in _WITH_VERB and index + 1 < len(words):
                told.append(words[index + 1])
            break
    return " ".join(told)


_WORDS_MAX = 12
_CODE = frozenset({"-c", "-e", "--eval"})
_WITH_VALUE = frozenset({"-X", "-W", "-n", "--reuid", "--regid", "-k", "-r", "--require"})
_WITH_VERB = frozenset({"ray", "chroma"})
_RUNS_OTHERS = re.compile(
    r"python[0-9.]*|pypy3?|node|nodejs|bun|deno|sh|bash|dash|java|uv|uvx|npx|npm|pnpm|pipx|uvicorn|gunicorn|hypercorn"
    r"|tini|dumb-init|setpriv|nice|env|run|exec|tool"
)


def _processes(answers: Answers) -> Listing[AiProcess] | Hole:
    asked = answers.get("ai_host.pids")
    problem = hole(asked)
    if asked is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    pids = _pids(asked)
    if len(pids) != len(lines(asked)):
        return Hole("", Blind.UNPARSEABLE, "pgrep printed a line that is no process id")
    if not pids:
        # pgrep exits with 1 when nothing matches, and says nothing then; who was refused says so.
        return Hole("", Blind.COMMAND_REFUSED, "pgrep printed an error") if asked.stderr.strip() else Listing([])
    owners = answers.get("ai_host.owners")
    problem = hole(owners)
    if owners is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    environ = answers.get("ai_host.environ")
    names, ended = _environment(environ), _ended(environ)
    read = [row for line in lines(owners) if (row := _PS.fullmatch(line)) is not None]
    rows = [row for row in read if not _OURS.match(row["args"])]
    found = [_process(row, names.get(row["pid"], set())) for row in rows if _product(_program(row["args"]))]
    unlike = {repr(one): one for one in found}  # ten workers of one server are one program
    # Each process that was found must be told of on both sides, or have ended meanwhile, which is no loss.
    told = {row["pid"] for row in read} | ended
    whole = len(pids) <= MAX_PROCESSES and told.issuperset(pids) and blind(environ) is None
    whole = whole and all(row["pid"] in names or row["pid"] in ended for row in rows)
    return Listing([unlike[key] for key in sorted(unlike)], whole)


def _process(row: re.Match[str], names: set[str]) -> AiProcess:
    telling = sorted(name for name in names if _OF_AI.search(name) or _KEYS.search(name))
    return AiProcess(
        service=_product(_program(row["args"])),
        account=row["user"],
        as_root=row["user"] in ("root", "0"),
        switches=sorted(id_ for id_, pattern in _SWITCHES.items() if pattern.search(row["args"])),
        environment=telling,
        keys=[name for name in telling if _KEYS.search(name)],
    )


def _environment(answer: Answer | None) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in answer.text.split("\0") if answer is not None else ():
        match = _NAME.fullmatch(row)
        if match is not None:
            found.setdefault(match["pid"], set()).add(match["name"])
    return found


def _ended(answer: Answer | None) -> set[str]:
    """Return the processes that were gone when their environment was asked for."""
    said = answer.stderr.decode("utf-8", "replace") if answer is not None else ""
    return {row["pid"] for row in _GONE.finditer(said)}


def _units(answer: Answer | None) -> Listing[AiUnit] | Hole:
    problem = blind(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    paths = [path for path in answer.text.split("\0") if path]
    if any(not path.startswith("/") for path in paths):
        return Hole("", Blind.UNPARSEABLE, "find printed what is no path")
    # /lib is a link to /usr/lib on merged systems: one file, two names.
    unlike = {path.removeprefix("/usr").rpartition("/")[2]: path for path in sorted(paths, reverse=True)}
    return Listing([AiUnit(path, _product(path)) for path in sorted(unlike.values())])


_IMAGE = re.compile(r'"(?:Image|names)":\[?"(?P<image>[A-Za-z0-9._/:@-]{1,200})"')


def _images(answer: Answer | None) -> Listing[AiImage] | Hole:
    problem = blind(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    rows = [_IMAGE.fullmatch(line.strip()) for line in lines(answer)]
    if any(row is None for row in rows):
        return Hole("", Blind.UNPARSEABLE, "a line that grep did not write")
    images = sorted({row["image"] for row in rows if row is not None})
    return Listing([AiImage(image, _product(image)) for image in images if _product(image)])


def _configs(answer: Answer | None, *, searched: bool) -> Listing[AgentConfig] | Hole:
    problem = blind(answer)
    if answer is None or (problem is not None and problem.reason is not Blind.TRUNCATED):
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    files = [file for file in framed_files(answer) if file.kind == "f"]
    whole = searched and problem is None and (frames_are_whole(answer) or not answer.stdout)
    return Listing(sorted((config_of(file) for file in files), key=lambda one: one.path), whole)


@dataclass(frozen=True, slots=True)
class _Walked:
    models: Listing[ModelFile]
    packages: Listing[AiPackage]
    not_searched: list[str]


def _walked(answer: Answer | None) -> _Walked | Hole:
    problem = blind(answer)
    if answer is None or (problem is not None and problem.reason is not Blind.TRUNCATED):
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    rows = [row for row in answer.text.split("\0") if row]
    models = [model for row in rows if (model := _model(row)) is not None]
    packages = [package for row in rows if (package := _package(row)) is not None]
    skipped = sorted(row.removeprefix("net ") for row in rows if row.startswith("net "))
    whole = problem is None and len(models) + len(packages) + len(skipped) == len(rows) and not skipped
    return _Walked(
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
    kind = _FORMATS.get(found["path"].rpartition(".")[2], "other")
    writable = bool(int(found["mode"], 8) & 0o022)
    return ModelFile(
        found["path"], kind, int(found["size"]), found["mode"].zfill(4), found["owner"], kind in _RUNS_CODE, writable
    )


def _package(row: str) -> AiPackage | None:
    found = _DIST.fullmatch(row)
    return AiPackage(found["name"], found["version"], found["path"].rpartition("/")[0]) if found else None


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
