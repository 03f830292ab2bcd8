"""What each service answers, open and closed: written by hand after its source, its documentation or a real one.

docs/ai-services.md says which of them were also seen on the real service; those have recordings of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.collectors.ai_servers import NOT_FOUND, http

Answers = Mapping[str, bytes]
TORNADO = "Server: TornadoServer/6.4\r\n"
UVICORN = "Server: uvicorn\r\n"
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


def page(title: str, inside: str = "") -> bytes:
    return http(
        f"<!doctype html><html><head><title>{title}</title></head><body>{inside}</body></html>",
        kind="text/html; charset=utf-8",
    )


def models(owner: str) -> bytes:
    return http('{"object":"list","data":[{"id":"kanarie-model","owned_by":"' + owner + '"}]}')


def refused(body: str = '{"error":"Unauthorized"}', status: str = "401 Unauthorized", more: str = "") -> bytes:
    return http(body, status, more=more)


LIST = http('["kanarie-collection"]')
RPC = '{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Not Acceptable"}}'

OPEN: Mapping[str, Answers] = {
    "ollama": {
        "/": http("Ollama is running", kind="text/plain; charset=utf-8"),
        "/api/version": http('{"version":"0.6.2"}'),
        "/api/tags": http('{"models":[{"name":"kanarie-llama"}]}'),
    },
    "ray": {
        "/": page("Ray Dashboard"),
        "/api/version": http('{"version": "4", "ray_version": "2.40.0", "ray_commit": "22541c3"}'),
        "/api/cluster_status": http('{"result": true, "msg": "Got cluster status.", "data": {}}'),
    },
    "vllm": {"/version": http('{"version":"0.9.2"}'), "/v1/models": models("vllm")},
    "triton": {"/v2": http('{"name":"triton","version":"2.55.0","extensions":["classification"]}')},
    "nim": {"/v1/metadata": http('{"assetInfo":[],"modelInfo":[{"shortName":"kanarie-model"}],"version":"1.0"}')},
    "tgi": {"/info": http('{"model_id":"kanarie/model","max_batch_total_tokens":1,"version":"2.0.4","docker_label":"x"}')},
    "llamacpp": {"/": http("<html>", kind="text/html", more="Server: llama.cpp\r\n"), "/v1/models": models("llamacpp"), "/props": http("{}")},
    "llama-cpp-python": {"/v1/models": models("me")},
    "sglang": {"/v1/models": models("sglang")},
    "lmstudio": {"/lmstudio-greeting": http('{"lmstudio":true}'), "/v1/models": models("organization_owner")},
    "litellm": {"/health/liveliness": http('"I\'m alive!"'), "/v1/models": models("openai")},
    "mlflow": {"/": page("MLflow"), "/version": http("2.9.2", kind="text/html"), SEARCH: http('{"experiments": [{"name": "kanarie"}]}')},
    "jupyter": {"/api": http('{"version": "2.14.0"}', more=TORNADO), "/api/kernels": http('[{"name":"kanarie"}]', more=TORNADO)},
    "langflow": {"/api/v1/version": http('{"version":"1.2.0","main_version":"1.2.0","package":"Langflow"}'), "/api/v1/users/whoami": http('{"username":"kanarie"}')},
    "flowise": {"/": page("Flowise - Build AI Agents, Visually"), "/api/v1/version": http('{"version":"2.2.7"}'), "/api/v1/chatflows": http('[{"name":"kanarie"}]')},
    "n8n": {"/": page("n8n.io - Workflow Automation"), "/rest/settings": http('{"data":{"userManagement":{"showSetupOnFirstLoad":true}}}')},
    "open-webui": {"/": page("Open WebUI"), "/api/config": http('{"name":"Open WebUI","version":"0.6.5","features":{"auth":true,"enable_signup":true}}')},
    "gradio": {"/": http("<script>window.gradio_config = {};</script>", kind="text/html"), "/config": http('{"version":"4.12.0","mode":"blocks"}')},
    "comfyui": {"/": page("ComfyUI"), "/system_stats": http('{"system":{"os":"posix","comfyui_version":"0.3.40","argv":["main.py","--kanarie"]}}')},
    "qdrant": {"/": http('{"title":"qdrant - vector search engine","version":"1.9.0","commit":"x"}'), "/collections": LIST},
    "weaviate": {"/v1/meta": http('{"hostname":"http://[::]:8080","modules":{},"version":"1.25.0"}'), "/v1/schema": http('{"classes":[{"class":"kanarie"}]}')},
    "milvus": {"/webui/": page("Milvus WebUI")},
    "chroma": {"/api/v2/heartbeat": http('{"nanosecond heartbeat":1}'), "/api/v2/version": http('"1.0.0"'), "/api/v2/auth/identity": http('{"user_id":"","tenant":"kanarie"}')},
    "airflow": {"/api/v2/version": http('{"version":"3.0.1","git_version":null}'), "/api/v2/dags?limit=1": http('{"dags":["kanarie"]}')},
    "label-studio": {"/version": http('{"release":"1.12","label-studio-os-package":{"version":"1.12"}}'), "/api/projects?page_size=1": http('{"results":["kanarie"]}')},
    "jupyterhub": {"/hub/api": http('{"version": "5.2.0"}', more=TORNADO), "/hub/api/info": http('{"version":"5.2.0","python":"3"}')},
}  # fmt: skip
"""By service; what is not named is 404."""

CLOSED: Mapping[str, Answers] = {
    "ollama": {**OPEN["ollama"], "/api/tags": refused()},
    "ray": {**OPEN["ray"], "/api/cluster_status": refused("Unauthorized")},
    "vllm": {"/version": http('{"version":"0.9.2"}'), "/v1/models": refused()},
    "llamacpp": {**OPEN["llamacpp"], "/props": refused()},
    "litellm": {**OPEN["litellm"], "/v1/models": refused('{"error":{"message":"Authentication Error"}}')},
    "mlflow": {"/": refused("You are not authenticated.", more='WWW-Authenticate: Basic realm="mlflow"\r\n')},
    "jupyter": {**OPEN["jupyter"], "/api/kernels": refused('{"message": "Forbidden"}', "403 Forbidden", TORNADO)},
    "langflow": {**OPEN["langflow"], "/api/v1/users/whoami": refused(status="403 Forbidden")},
    "flowise": {**OPEN["flowise"], "/api/v1/chatflows": refused('{"error":"Unauthorized Access"}')},
    "n8n": {**OPEN["n8n"], "/rest/settings": http('{"data":{"userManagement":{"showSetupOnFirstLoad":false}}}')},
    "open-webui": {**OPEN["open-webui"], "/api/config": http('{"name":"Open WebUI","version":"0.6.5","features":{"auth":true,"enable_signup":false}}')},
    "gradio": {**OPEN["gradio"], "/config": refused()},
    "qdrant": {**OPEN["qdrant"], "/collections": refused("Must provide an API key", "403 Forbidden")},
    "weaviate": {**OPEN["weaviate"], "/v1/schema": refused()},
    "chroma": {**OPEN["chroma"], "/api/v2/auth/identity": refused(status="403 Forbidden")},
    "airflow": {**OPEN["airflow"], "/api/v2/dags?limit=1": refused()},
    "label-studio": {**OPEN["label-studio"], "/api/projects?page_size=1": refused()},
    "jupyterhub": {**OPEN["jupyterhub"], "/hub/api/info": refused(status="403 Forbidden")},
    "mcp": {"/mcp": refused("", more='WWW-Authenticate: Bearer resource_metadata="https://x.example/.well-known/oauth-protected-resource"\r\n')},
}  # fmt: skip

UNPROVEN: Mapping[str, Answers] = {
    "mcp": {"/mcp": http(RPC, "406 Not Acceptable")},
    "openclaw": {"/": page("OpenClaw Control", "<openclaw-app></openclaw-app>")},
}
"""Identified; a GET cannot show whether they are open."""

DECOYS: Mapping[str, Answers] = {
    "nginx": {"/": page("Welcome to nginx!"), "*": http("<h1>404</h1>", "404 Not Found", "text/html", "Server: nginx/1.22.1\r\n")},
    "a page for every path": {"*": page("Portal", "Ollama is running, vLLM too; MLflow, Gradio, n8n")},
    "JSON for every path": {"*": http('{"status":"ok","version":"1.2.3"}')},
    "a log-in before everything": {"*": http("", "302 Found", more="Location: https://sso.example/login\r\n")},
    "a page on AI": {"/": http("<h1>How to install</h1><pre>Ollama is running</pre><p>window gradio config, qdrant</p>", kind="text/html"), "*": NOT_FOUND},
}  # fmt: skip
