"""What AI services say of themselves: a table of GET paths, tell-tales and sources, and nothing that asks.

A service is told by what it answers, never by its port. Every path that may ever be sent stands in this table;
``ALLOWED`` is made from it, and ``collectors.ai_http`` sends nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """How well a tell-tale is known."""

    LIVE = "live"
    """Seen by this project on the real service (docs/ai-services.md says which version)."""
    SRC = "src"
    """Read in the service's own source."""
    DOC = "doc"
    """Its documentation."""
    AIG = "aig"
    """A matcher of Tencent/AI-Infra-Guard (Apache-2.0), as a source of facts; not seen on a real one here."""
    K = "K"
    """General knowledge, not confirmed on a real one."""


class Kind(StrEnum):
    """What a service is for; each is a list of its own in the facts."""

    OLLAMA = "ollama"
    VLLM = "vllm"
    RAY = "ray"
    NOTEBOOK = "notebook"
    TRACKING = "tracking"
    TRITON = "triton"
    MODEL_SERVER = "model_server"
    GATEWAY = "gateway"
    APP_BUILDER = "app_builder"
    VECTOR_STORE = "vector_store"
    MCP = "mcp"
    AGENT = "agent"
    PIPELINE = "pipeline"


class Role(StrEnum):
    """What a tell-tale says."""

    IDENTITY = "identity"
    VERSION = "version"
    OPEN = "open"
    """What should need a login answered without one."""
    GUARDED = "guarded"
    """It says itself that a login is needed, with status 200."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One tell-tale in the answer to one path."""

    id: str
    path: str
    pattern: str
    """Regular expression over the body, or over the head where ``in_head``; a group ``version`` is the version."""
    role: Role = Role.IDENTITY
    source: Source = Source.K
    statuses: tuple[int, ...] = (200,)
    """Only in answers with one of these status codes."""
    in_head: bool = False
    """Look at ``name: value`` lines of the headers in ``HEAD_FIELDS``, names in lower case, not at the body."""


@dataclass(frozen=True, slots=True)
class Service:
    """One product."""

    id: str
    name: str
    kind: Kind
    marks: tuple[Mark, ...]
    proofs: tuple[tuple[str, ...], ...]
    """Sets of marks; every mark of one set must be there."""
    guards: tuple[str, ...] = ()
    """Paths that should need a login: 401, 403, 407 or a redirect there means that it is guarded."""
    leaks: bool = False
    """Its key covers only a part of what it serves, so a guarded one is ``partial``."""
    ports: tuple[int, ...] = ()
    """Usual ports: they say what to ask first, never what it is."""
    servers: tuple[str, ...] = ()
    """Words of the ``Server`` header that make it likelier; the same."""


HEAD_FIELDS = ("server", "content-type", "allow", "www-authenticate", "location")
_V = r"(?P<version>v?[0-9]{1,6}(?:\.[0-9A-Za-z+-]{1,24}){0,5})"
_JSON = r"(?m)^content-type: application/json"
_ONLY_VERSION = rf'\A\s{{0,9}}\{{\s{{0,9}}"version"\s{{0,9}}:\s{{0,9}}"{_V}"\s{{0,9}}\}}\s{{0,9}}\Z'
_SOME_VERSION = rf'"version"\s{{0,9}}:\s{{0,9}}"{_V}"'
SRC, DOC, AIG, K = Source.SRC, Source.DOC, Source.AIG, Source.K


def _owned_by(id_: str, owner: str, source: Source) -> Mark:
    return Mark(id_, "/v1/models", rf'"owned_by"\s{{0,9}}:\s{{0,9}}"{owner}"', source=source)


def _open_json(id_: str, path: str, source: Source) -> Mark:
    return Mark(id_, path, _JSON, Role.OPEN, source, in_head=True)


def _title(id_: str, title: str, source: Source) -> Mark:
    return Mark(id_, "/", rf"<title>\s{{0,40}}{title}", source=source)


_SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
_METADATA = "/.well-known/oauth-protected-resource"

SERVICES: tuple[Service, ...] = (
    Service(
        "ollama",
        "Ollama",
        Kind.OLLAMA,
        (
            Mark("ollama.root", "/", r"\AOllama is running\s{0,9}\Z", source=SRC),
            Mark("ollama.version", "/api/version", _ONLY_VERSION, Role.VERSION, SRC),
            Mark("ollama.open", "/api/tags", r'"models"\s{0,9}:', Role.OPEN, SRC),
        ),
        (("ollama.root",),),
        ("/api/tags",),
        ports=(11434,),
    ),
    Service(
        "ray",
        "Ray dashboard",
        Kind.RAY,
        (
            _title("ray.title", "Ray Dashboard", K),
            Mark("ray.version", "/api/version", rf'"ray_version"\s{{0,9}}:\s{{0,9}}"{_V}"', source=K),
            Mark("ray.open", "/api/cluster_status", "Got cluster status", Role.OPEN, AIG),
        ),
        (("ray.title",), ("ray.version",)),
        ("/api/cluster_status",),
        ports=(8265,),
        servers=("aiohttp",),
    ),
    Service(
        "vllm",
        "vLLM",
        Kind.VLLM,
        (
            _owned_by("vllm.models", "vllm", SRC),
            Mark("vllm.version", "/version", _ONLY_VERSION, source=DOC),
            Mark(
                "vllm.refused", "/v1/models", r'\A\{"error":\s{0,9}"Unauthorized"\}\s{0,9}\Z', source=K, statuses=(401,)
            ),
            _open_json("vllm.open", "/v1/models", DOC),
        ),
        (("vllm.models",), ("vllm.version", "vllm.refused")),
        ("/v1/models",),
        leaks=True,
        ports=(8000,),
        servers=("uvicorn",),
    ),
    Service(
        "triton",
        "NVIDIA Triton Inference Server",
        Kind.TRITON,
        (
            Mark("triton.v2", "/v2", r'"name"\s{0,9}:\s{0,9}"triton"', source=AIG),
            Mark("triton.version", "/v2", _SOME_VERSION, Role.VERSION, SRC),
            Mark("triton.open", "/v2", r'"extensions"\s{0,9}:', Role.OPEN, SRC),
        ),
        (("triton.v2",),),
        ("/v2",),
        ports=(8000,),
    ),
    Service(
        "nim",
        "NVIDIA NIM",
        Kind.MODEL_SERVER,
        (
            Mark("nim.models", "/v1/metadata", r'"modelInfo"', source=AIG),
            Mark("nim.assets", "/v1/metadata", r'"assetInfo"', source=AIG),
            _open_json("nim.open", "/v1/metadata", K),
        ),
        (("nim.models", "nim.assets"),),
        ("/v1/metadata",),
        ports=(8000,),
    ),
    Service(
        "tgi",
        "Hugging Face TGI",
        Kind.MODEL_SERVER,
        (
            Mark("tgi.model", "/info", r'"model_id"\s{0,9}:', source=AIG),
            Mark("tgi.batch", "/info", r'"(?:max_batch_total_tokens|docker_label)"\s{0,9}:', source=AIG),
            Mark("tgi.version", "/info", _SOME_VERSION, Role.VERSION, K),
            _open_json("tgi.open", "/info", AIG),
        ),
        (("tgi.model", "tgi.batch"),),
        ("/info",),
        ports=(8080, 3000),
    ),
    Service(
        "llamacpp",
        "llama.cpp server",
        Kind.MODEL_SERVER,
        (
            Mark(
                "llamacpp.server",
                "/",
                r"(?m)^server: llama\.cpp",
                source=K,
                statuses=(200, 401, 403, 404, 405, 503),
                in_head=True,
            ),
            _owned_by("llamacpp.models", "llamacpp", AIG),
            # /v1/models answers without the key by design; what the key covers is asked for instead.
            _open_json("llamacpp.open", "/props", SRC),
        ),
        (("llamacpp.server",), ("llamacpp.models",)),
        ("/props",),
        ports=(8080,),
        servers=("llama.cpp",),
    ),
    Service(
        "llama-cpp-python",
        "llama-cpp-python server",
        Kind.MODEL_SERVER,
        (_owned_by("llama-cpp-python.models", "me", K), _open_json("llama-cpp-python.open", "/v1/models", K)),
        (("llama-cpp-python.models",),),
        ("/v1/models",),
        ports=(8000,),
        servers=("uvicorn",),
    ),
    Service(
        "sglang",
        "SGLang",
        Kind.MODEL_SERVER,
        (_owned_by("sglang.models", "sglang", AIG), _open_json("sglang.open", "/v1/models", AIG)),
        (("sglang.models",),),
        ("/v1/models",),
        ports=(30000,),
        servers=("uvicorn",),
    ),
    Service(
        "lmstudio",
        "LM Studio",
        Kind.MODEL_SERVER,
        (
            Mark("lmstudio.greeting", "/lmstudio-greeting", r'"lmstudio"\s{0,9}:\s{0,9}true', source=AIG),
            _open_json("lmstudio.open", "/v1/models", K),
        ),
        (("lmstudio.greeting",),),
        ("/v1/models",),
        ports=(1234,),
    ),
    Service(
        "litellm",
        "LiteLLM proxy",
        Kind.GATEWAY,
        (
            Mark("litellm.alive", "/health/liveliness", r'\A"?I\'m alive!"?\s{0,9}\Z', source=DOC),
            _title("litellm.title", r"LiteLLM", K),
            _open_json("litellm.open", "/v1/models", DOC),
        ),
        (("litellm.alive",), ("litellm.title",)),
        ("/v1/models",),
        ports=(4000,),
        servers=("uvicorn",),
    ),
    Service(
        "mlflow",
        "MLflow",
        Kind.TRACKING,
        (
            _title("mlflow.title", "MLflow", AIG),
            Mark("mlflow.version", "/version", rf"\A{_V}\s{{0,9}}\Z", Role.VERSION, AIG),
            Mark(
                "mlflow.hosts",
                "/",
                r"\AInvalid Host header - possible DNS rebinding attack",
                source=SRC,
                statuses=(403,),
            ),
            Mark(
                "mlflow.realm",
                "/",
                r'(?m)^www-authenticate: .{0,40}realm="mlflow"',
                source=SRC,
                statuses=(401,),
                in_head=True,
            ),
            Mark("mlflow.open", _SEARCH, r'"experiments"\s{0,9}:|\A\s{0,9}\{\s{0,9}\}\s{0,9}\Z', Role.OPEN, K),
        ),
        (("mlflow.title",), ("mlflow.hosts",), ("mlflow.realm",)),
        (_SEARCH, "/"),
        ports=(5000,),
        servers=("uvicorn", "gunicorn", "waitress", "werkzeug"),
    ),
    Service(
        "jupyter",
        "Jupyter Server",
        Kind.NOTEBOOK,
        (
            Mark("jupyter.api", "/api", _ONLY_VERSION, source=SRC),
            Mark("jupyter.tornado", "/api", r"(?m)^server: TornadoServer/", source=K, in_head=True),
            Mark("jupyter.version", "/api", _ONLY_VERSION, Role.VERSION, SRC),
            _open_json("jupyter.open", "/api/kernels", K),
        ),
        (("jupyter.api", "jupyter.tornado"),),
        ("/api/kernels",),
        ports=(8888,),
        servers=("tornado",),
    ),
    Service(
        "langflow",
        "Langflow",
        Kind.APP_BUILDER,
        (
            Mark("langflow.version", "/api/v1/version", r'"package"\s{0,9}:\s{0,9}"Langflow', source=AIG),
            Mark("langflow.number", "/api/v1/version", _SOME_VERSION, Role.VERSION, AIG),
            _title("langflow.title", "Langflow", K),
            _open_json("langflow.open", "/api/v1/users/whoami", K),
        ),
        (("langflow.version",), ("langflow.title",)),
        ("/api/v1/users/whoami",),
        ports=(7860,),
        servers=("uvicorn",),
    ),
    Service(
        "flowise",
        "Flowise",
        Kind.APP_BUILDER,
        (
            _title("flowise.title", "Flowise", AIG),
            Mark("flowise.version", "/api/v1/version", _ONLY_VERSION, Role.VERSION, AIG),
            _open_json("flowise.open", "/api/v1/chatflows", AIG),
        ),
        (("flowise.title",),),
        ("/api/v1/chatflows",),
        ports=(3000,),
    ),
    Service(
        "n8n",
        "n8n",
        Kind.APP_BUILDER,
        (
            _title("n8n.title", r"n8n\.io - Workflow Automation", AIG),
            Mark("n8n.open", "/rest/settings", r'"showSetupOnFirstLoad"\s{0,9}:\s{0,9}true', Role.OPEN, K),
            Mark("n8n.owned", "/rest/settings", r'"showSetupOnFirstLoad"\s{0,9}:\s{0,9}false', Role.GUARDED, K),
        ),
        (("n8n.title",),),
        ("/rest/settings",),
        ports=(5678,),
    ),
    Service(
        "open-webui",
        "Open WebUI",
        Kind.APP_BUILDER,
        (
            Mark("open-webui.config", "/api/config", r'"name"\s{0,9}:\s{0,9}"[^"]{0,80}Open WebUI', source=AIG),
            _title("open-webui.title", "Open WebUI", K),
            Mark("open-webui.version", "/api/config", _SOME_VERSION, Role.VERSION, AIG),
            Mark(
                "open-webui.open",
                "/api/config",
                r'"auth"\s{0,9}:\s{0,9}false|"enable_signup"\s{0,9}:\s{0,9}true',
                Role.OPEN,
                K,
            ),
            Mark("open-webui.login", "/api/config", r'"auth"\s{0,9}:\s{0,9}true', Role.GUARDED, K),
        ),
        (("open-webui.config",), ("open-webui.title",)),
        ("/api/config",),
        ports=(8080, 3000),
        servers=("uvicorn",),
    ),
    Service(
        "gradio",
        "Gradio",
        Kind.APP_BUILDER,
        (
            Mark("gradio.page", "/", r"window\.gradio_config", source=AIG),
            Mark("gradio.version", "/config", _SOME_VERSION, Role.VERSION, SRC),
            _open_json("gradio.open", "/config", SRC),
        ),
        (("gradio.page",),),
        ("/config",),
        ports=(7860,),
        servers=("uvicorn",),
    ),
    Service(
        "comfyui",
        "ComfyUI",
        Kind.APP_BUILDER,
        (
            Mark("comfyui.stats", "/system_stats", r'"comfyui_version"\s{0,9}:', source=SRC),
            Mark(
                "comfyui.version",
                "/system_stats",
                rf'"comfyui_version"\s{{0,9}}:\s{{0,9}}"{_V}"',
                Role.VERSION,
                SRC,
            ),
            _title("comfyui.title", "ComfyUI", K),
            Mark("comfyui.open", "/system_stats", r'"comfyui_version"\s{0,9}:', Role.OPEN, SRC),
        ),
        (("comfyui.stats",), ("comfyui.title",)),
        ("/system_stats",),
        ports=(8188,),
        servers=("aiohttp",),
    ),
    Service(
        "qdrant",
        "Qdrant",
        Kind.VECTOR_STORE,
        (
            Mark("qdrant.root", "/", r'"title"\s{0,9}:\s{0,9}"qdrant - vector search engine"', source=SRC),
            Mark("qdrant.version", "/", _SOME_VERSION, Role.VERSION, SRC),
            _open_json("qdrant.open", "/collections", SRC),
        ),
        (("qdrant.root",),),
        ("/collections",),
        ports=(6333,),
    ),
    Service(
        "weaviate",
        "Weaviate",
        Kind.VECTOR_STORE,
        (
            Mark("weaviate.hostname", "/v1/meta", r'"hostname"\s{0,9}:', source=AIG),
            Mark("weaviate.modules", "/v1/meta", r'"modules"\s{0,9}:', source=AIG),
            Mark("weaviate.version", "/v1/meta", _SOME_VERSION, source=AIG),
            _open_json("weaviate.open", "/v1/schema", SRC),
        ),
        (("weaviate.hostname", "weaviate.modules", "weaviate.version"),),
        ("/v1/schema",),
        ports=(8080,),
    ),
    Service(
        "milvus",
        "Milvus",
        Kind.VECTOR_STORE,
        (
            Mark("milvus.title", "/webui/", r"<title>[^<]{0,60}Milvus", source=AIG),
            Mark("milvus.open", "/webui/", r"<title>[^<]{0,60}Milvus", Role.OPEN, AIG),
        ),
        (("milvus.title",),),
        ("/webui/",),
        ports=(9091,),
    ),
    Service(
        "chroma",
        "Chroma",
        Kind.VECTOR_STORE,
        (
            Mark("chroma.heartbeat", "/api/v2/heartbeat", r'"nanosecond heartbeat"\s{0,9}:', source=SRC),
            Mark("chroma.version", "/api/v2/version", rf'\A\s{{0,9}}"{_V}"\s{{0,9}}\Z', Role.VERSION, SRC),
            _open_json("chroma.open", "/api/v2/auth/identity", SRC),
        ),
        (("chroma.heartbeat",),),
        ("/api/v2/auth/identity",),
        ports=(8000,),
        servers=("uvicorn",),
    ),
    Service(
        "mcp",
        "MCP server",
        Kind.MCP,
        (
            Mark(
                "mcp.jsonrpc",
                "/mcp",
                r'"jsonrpc"\s{0,9}:\s{0,9}"2\.0"',
                source=K,
                statuses=(200, 400, 404, 405, 406, 421),
            ),
            Mark("mcp.stream", "/mcp", r"(?m)^content-type: text/event-stream", source=SRC, in_head=True),
            Mark("mcp.post", "/mcp", r"(?m)^allow: [^\n]{0,80}POST", source=SRC, statuses=(405,), in_head=True),
            Mark(
                "mcp.bearer",
                "/mcp",
                r"(?m)^www-authenticate: [^\n]{0,400}oauth-protected-resource",
                source=SRC,
                statuses=(401, 403),
                in_head=True,
            ),
            # A path that asks for a token where the rest of the server has nothing: no page, no login.
            Mark("mcp.token", "/mcp", r"(?m)^www-authenticate: Bearer", source=K, statuses=(401,), in_head=True),
            Mark("mcp.elsewhere", "/", r"(?m)^content-type: ", source=K, statuses=(404,), in_head=True),
            Mark("mcp.session", "/messages/", r"session_id is required", source=AIG, statuses=(400,)),
            Mark("mcp.resource", _METADATA, r'"authorization_servers"\s{0,9}:', Role.VERSION, SRC),
        ),
        (
            ("mcp.jsonrpc",),
            ("mcp.stream",),
            ("mcp.post",),
            ("mcp.bearer",),
            ("mcp.token", "mcp.elsewhere"),
            ("mcp.session",),
        ),
        ("/mcp",),
        ports=(8000, 3000, 8080),
        servers=("uvicorn",),
    ),
    Service(
        "openclaw",
        "OpenClaw",
        Kind.AGENT,
        (
            _title("openclaw.title", "OpenClaw Control", AIG),
            Mark("openclaw.app", "/", r"<openclaw-app[ >]", source=AIG),
        ),
        (("openclaw.title",), ("openclaw.app",)),
        ports=(18789,),
    ),
    Service(
        "jupyterhub",
        "JupyterHub",
        Kind.PIPELINE,
        (
            Mark("jupyterhub.api", "/hub/api", _ONLY_VERSION, source=K),
            Mark("jupyterhub.version", "/hub/api", _ONLY_VERSION, Role.VERSION, K),
            _open_json("jupyterhub.open", "/hub/api/info", K),
        ),
        (("jupyterhub.api",),),
        ("/hub/api/info",),
        ports=(8000,),
        servers=("tornado",),
    ),
    Service(
        "airflow",
        "Apache Airflow",
        Kind.PIPELINE,
        (
            Mark("airflow.version", "/api/v2/version", r'"git_version"\s{0,9}:', source=K),
            Mark("airflow.number", "/api/v2/version", _SOME_VERSION, Role.VERSION, K),
            Mark("airflow.version2", "/api/v1/version", r'"git_version"\s{0,9}:', source=K),
            Mark("airflow.number2", "/api/v1/version", _SOME_VERSION, Role.VERSION, K),
            _open_json("airflow.open", "/api/v2/dags?limit=1", K),
        ),
        (("airflow.version",), ("airflow.version2",)),
        ("/api/v2/dags?limit=1",),
        ports=(8080,),
        servers=("uvicorn", "gunicorn"),
    ),
    Service(
        "label-studio",
        "Label Studio",
        Kind.PIPELINE,
        (
            Mark("label-studio.version", "/version", r'"label-studio-os-package"\s{0,9}:', source=K),
            _open_json("label-studio.open", "/api/projects?page_size=1", K),
        ),
        (("label-studio.version",),),
        ("/api/projects?page_size=1",),
        ports=(8080,),
    ),
)

BY_ID: dict[str, Service] = {service.id: service for service in SERVICES}
MARKS: dict[str, Mark] = {mark.id: mark for service in SERVICES for mark in service.marks}

ALLOWED: frozenset[str] = frozenset(
    {mark.path for mark in MARKS.values()} | {path for service in SERVICES for path in service.guards}
)
"""Every path that may be sent, exactly as it is sent."""

SEEN_LIVE: frozenset[str] = frozenset(
    (
        *("chroma.heartbeat", "chroma.open", "chroma.version"),
        *("gradio.open", "gradio.page", "gradio.version"),
        *("jupyter.api", "jupyter.open", "jupyter.tornado", "jupyter.version"),
        *("litellm.alive", "litellm.open", "litellm.title"),
        *("mcp.elsewhere", "mcp.jsonrpc", "mcp.token"),
        *("mlflow.open", "mlflow.realm", "mlflow.title", "mlflow.version"),
        *("ray.open", "ray.title", "ray.version"),
        *("triton.open", "triton.v2", "triton.version"),
    )
)
"""Marks that this project found on the real service; a test holds them against the recordings in tests/ai."""


def source_of(mark: str) -> Source:
    """Return how well a mark is known: live, whatever it was taken from, once it was seen."""
    return Source.LIVE if mark in SEEN_LIVE else MARKS[mark].source


FIRST = "/"
ORDER: tuple[str, ...] = (
    "/v1/models",
    "/mcp",
    "/api",
    "/v2",
    "/version",
    "/api/v2/heartbeat",
    "/api/version",
    "/v1/meta",
    "/health/liveliness",
    "/api/config",
    "/api/v1/version",
    "/system_stats",
    "/webui/",
    "/info",
    "/v1/metadata",
    "/hub/api",
    "/lmstudio-greeting",
    "/api/v2/version",
    "/messages/",
)
"""What is asked of an HTTP port that nothing is known of, likeliest first; a guess by prevalence, not measured."""

NEVER_EXACTLY: tuple[str, ...] = (
    "/health",  # LiteLLM calls every configured model, which costs money
    "/metrics",
)
"""Paths that no row of the table may hold; what lies below them is another matter."""
NEVER: tuple[str, ...] = (
    "/health/services",
    "/api/pull",
    "/api/create",
    "/api/push",
    "/api/generate",
    "/api/chat",
    "/api/jobs",
    "/pause",
    "/resume",
    "/sleep",
    "/wake_up",
    "/scale_elastic_ep",
    "/update_weights",
    "/collective_rpc",
    "/invocations",
    "/score",
    "/pooling",
    "/classify",
    "/v2/repository",
    "/generate",
    "/completion",
    "/slots",
    "/server_info",
    "/get_server_info",
    "/api/v1/auto_login",
    "/api/v1/validate/code",
    "/api/v1/build_public_tmp",
    "/webhook",
    "/form",
    "/gradio_api/call",
    "/gradio_api/upload",
    "/upload",
    "/file=",
    "/prompt",
    "/snapshots",
    "/reset",
    "/api/v2/reset",
    "/terminals",
    "/api/terminals",
    "/sse",
    "/api/v1/auths",
)
"""Paths, and everything below them, that no row of the table may hold; a test compares."""


def is_never(path: str) -> bool:
    """Return whether a path must never be sent, whatever the table says."""
    bare = path.partition("?")[0]
    return bare in NEVER_EXACTLY or any(bare == one or bare.startswith(one.rstrip("/") + "/") for one in NEVER)


@dataclass(frozen=True, slots=True)
class Hit:
    """A mark that was found, with the version it names."""

    mark: str
    version: str = ""


MAX_VERSION = 60


def hits(path: str, status: int, head: str, body: bytes) -> tuple[Hit, ...]:
    """Return the marks in one answer; nothing else of the answer is kept by anybody."""
    text = body.decode("utf-8", "replace")
    found = []
    for mark in MARKS.values():
        if mark.path != path or status not in mark.statuses:
            continue
        match = _COMPILED[mark.id].search(head if mark.in_head else text)
        if match is not None:
            version = match.groupdict().get("version") or ""
            found.append(Hit(mark.id, version[:MAX_VERSION]))
    return tuple(found)


_COMPILED = {mark.id: re.compile(mark.pattern, re.IGNORECASE if mark.in_head else 0) for mark in MARKS.values()}
