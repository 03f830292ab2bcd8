"""Vector stores, tools of agents and pipelines: their rows in the table of AI services, see ``ai_fingerprints``."""

from __future__ import annotations

from collectors.ai.marks import AIG, ONLY_VERSION, SOME_VERSION, SRC, K, Kind, Mark, Role, Service, V, open_json, title

_METADATA = "/.well-known/oauth-protected-resource"

PLATFORMS: tuple[Service, ...] = (
    Service(
        "qdrant",
        "Qdrant",
        Kind.VECTOR_STORE,
        (
            Mark("qdrant.root", "/", r'"title"\s{0,9}:\s{0,9}"qdrant - vector search engine"', source=SRC),
            Mark("qdrant.version", "/", SOME_VERSION, Role.VERSION, SRC),
            open_json("qdrant.open", "/collections", SRC),
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
            Mark("weaviate.version", "/v1/meta", SOME_VERSION, source=AIG),
            open_json("weaviate.open", "/v1/schema", SRC),
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
            Mark("chroma.version", "/api/v2/version", rf'\A\s{{0,9}}"{V}"\s{{0,9}}\Z', Role.VERSION, SRC),
            open_json("chroma.open", "/api/v2/auth/identity", SRC),
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
            title("openclaw.title", "OpenClaw Control", AIG),
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
            Mark("jupyterhub.api", "/hub/api", ONLY_VERSION, source=K),
            Mark("jupyterhub.version", "/hub/api", ONLY_VERSION, Role.VERSION, K),
            open_json("jupyterhub.open", "/hub/api/info", K),
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
            Mark("airflow.number", "/api/v2/version", SOME_VERSION, Role.VERSION, K),
            Mark("airflow.version2", "/api/v1/version", r'"git_version"\s{0,9}:', source=K),
            Mark("airflow.number2", "/api/v1/version", SOME_VERSION, Role.VERSION, K),
            open_json("airflow.open", "/api/v2/dags?limit=1", K),
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
            open_json("label-studio.open", "/api/projects?page_size=1", K),
        ),
        (("label-studio.version",),),
        ("/api/projects?page_size=1",),
        ports=(8080,),
    ),
)
