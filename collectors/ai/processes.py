"""Programs of AI stacks that run on a host: whose they are, telling switches, and names of their environment."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.ai.host_search import MAX_PROCESSES, pids_of, product
from collectors.base import Answer, Answers, Listing, hole
from collectors.records import blind, lines
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


def processes_of(answers: Answers) -> Listing[AiProcess] | Hole:
    """Return the programs that run, alike ones once, or why they are unseen."""
    asked = answers.get("ai_host.pids")
    problem = hole(asked)
    if asked is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    pids = pids_of(asked)
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
    found = [_process(row, names.get(row["pid"], set())) for row in rows if product(program(row["args"]))]
    unlike = {repr(one): one for one in found}  # ten workers of one server are one program
    # Each process that was found must be told of on both sides, or have ended meanwhile, which is no loss.
    told = {row["pid"] for row in read} | ended
    whole = len(pids) <= MAX_PROCESSES and told.issuperset(pids) and blind(environ) is None
    whole = whole and all(row["pid"] in names or row["pid"] in ended for row in rows)
    return Listing([unlike[key] for key in sorted(unlike)], whole)


def _process(row: re.Match[str], names: set[str]) -> AiProcess:
    telling = sorted(name for name in names if _OF_AI.search(name) or _KEYS.search(name))
    return AiProcess(
        service=product(program(row["args"])),
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


def program(args: str) -> str:
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
