"""Where a host is searched for AI, and the commands that do it without bringing a value, a prompt or a model home."""

from __future__ import annotations

import re
from collections.abc import Iterable

from collectors.ai.config import PATTERN as CONFIG_STRUCTURE
from collectors.base import Answer, Answers, Command
from collectors.listed import list_paths
from collectors.records import FRAME, lines

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
FORMATS = {
    **dict.fromkeys(_PICKLE, "pickle"),
    "safetensors": "safetensors",
    "gguf": "gguf",
    "onnx": "onnx",
    "h5": "keras",
    "keras": "keras",
}
RUNS_CODE = frozenset({"pickle", "keras"})
_CONFIG_PLACES = (
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
            *("-o", "-type", "f", "-size", "+64k", *_any_of("-name", [f"*.{end}" for end in FORMATS])),
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
            *("-o", "-type", "f", "-size", "-1024k", *_any_of("-path", _CONFIG_PLACES), "-printf", FRAME),
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
    pids = pids_of(answers.get("ai_host.pids"))[:MAX_PROCESSES]
    if not pids:
        return ()
    owners, environ = SECOND
    places = (f"/proc/{pid}/environ" for pid in pids)
    return (
        Command(owners.id, (*owners.argv[:-1], ",".join(pids)), ok_exit=owners.ok_exit),
        Command(environ.id, (*environ.argv[:-1], *places), sudo=True, ok_exit=environ.ok_exit),
    )


def pids_of(answer: Answer | None) -> list[str]:
    """Return the process ids that pgrep printed."""
    return [line.strip() for line in lines(answer) if _PID.fullmatch(line.strip())]


_PID = re.compile(r"[1-9][0-9]{0,9}")


def product(text: str) -> str:
    """Return the id of the product that a text gives away; empty when it is none."""
    return next((id_ for id_, word in _PRODUCT_PATTERNS if word.search(text)), "")


_PRODUCT_PATTERNS = tuple((id_, re.compile(word, re.IGNORECASE)) for id_, word in PRODUCTS)
