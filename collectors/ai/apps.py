"""What people build and work with: their rows in the table of AI services, see ``ai_fingerprints``."""

from __future__ import annotations

from collectors.ai.marks import AIG, ONLY_VERSION, SOME_VERSION, SRC, K, Kind, Mark, Role, Service, V, open_json, title

_SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"

APPS: tuple[Service, ...] = (
    Service(
        "mlflow",
        "MLflow",
        Kind.TRACKING,
        (
            title("mlflow.title", "MLflow", AIG),
            Mark("mlflow.version", "/version", rf"\A{V}\s{{0,9}}\Z", Role.VERSION, AIG),
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
            Mark("jupyter.api", "/api", ONLY_VERSION, source=SRC),
            Mark("jupyter.tornado", "/api", r"(?m)^server: TornadoServer/", source=K, in_head=True),
            Mark("jupyter.version", "/api", ONLY_VERSION, Role.VERSION, SRC),
            open_json("jupyter.open", "/api/kernels", K),
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
            Mark("langflow.number", "/api/v1/version", SOME_VERSION, Role.VERSION, AIG),
            title("langflow.title", "Langflow", K),
            open_json("langflow.open", "/api/v1/users/whoami", K),
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
            title("flowise.title", "Flowise", AIG),
            Mark("flowise.version", "/api/v1/version", ONLY_VERSION, Role.VERSION, AIG),
            open_json("flowise.open", "/api/v1/chatflows", AIG),
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
            title("n8n.title", r"n8n\.io - Workflow Automation", AIG),
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
            title("open-webui.title", "Open WebUI", K),
            Mark("open-webui.version", "/api/config", SOME_VERSION, Role.VERSION, AIG),
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
            Mark("gradio.version", "/config", SOME_VERSION, Role.VERSION, SRC),
            open_json("gradio.open", "/config", SRC),
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
                rf'"comfyui_version"\s{{0,9}}:\s{{0,9}}"{V}"',
                Role.VERSION,
                SRC,
            ),
            title("comfyui.title", "ComfyUI", K),
            Mark("comfyui.open", "/system_stats", r'"comfyui_version"\s{0,9}:', Role.OPEN, SRC),
        ),
        (("comfyui.stats",), ("comfyui.title",)),
        ("/system_stats",),
        ports=(8188,),
        servers=("aiohttp",),
    ),
)
