"""What a command line runs, and what the structure of an agent's settings says."""

from __future__ import annotations

import pytest

from collectors.ai.config import AgentConfig, config_of
from collectors.ai.host_search import product
from collectors.ai.processes import program
from collectors.records import FoundFile


@pytest.mark.parametrize(
    ("args", "service"),
    [
        ("/usr/bin/ollama serve", "ollama"),
        ("/opt/v/bin/python3.11 -u -X faulthandler -m vllm.entrypoints.openai.api_server --model x", "vllm"),
        ("/opt/v/bin/python /opt/v/bin/ray start --head", "ray"),
        ("/usr/bin/python3 -m uvicorn open_webui.main:app --host 0.0.0.0", "open-webui"),
        ("node /usr/lib/node_modules/flowise/bin/run start", "flowise"),
        ("npx -y @modelcontextprotocol/server-github", "mcp"),
        ("uv run mcp-server-git --repository /srv", "mcp"),
        ("/sbin/tini -- /usr/bin/chroma run --path /data", "chroma"),
        ("vim /srv/ollama/README.md", ""),
        ("grep -r vllm /etc", ""),
        ("python3 -m ipykernel_launcher -f /root/.local/share/jupyter/runtime/kernel.json", ""),
        ("python3 -c import mlflow", ""),
        ("/usr/bin/postgres -D /var/lib/langflow", ""),
        ("", ""),
    ],
)
def test_a_program_is_told_by_what_runs_and_not_by_what_it_is_about(args: str, service: str) -> None:
    assert product(program(args)) == service


def config(text: str, mode: str = "0600") -> AgentConfig:
    return config_of(FoundFile("/home/a/.mcp.json", "f", mode, "a", "a", 10, text))


def test_settings_are_read_from_their_structure_alone() -> None:
    said = config(
        '"mcpServers": {\n"git": {\n"command": "uvx"\n"env": {\n"GIT_TOKEN": "\n"MODE": "\n"far": {\n"url": "https://x.example:1/\n'
    )
    assert [(one.name, one.command, one.host, one.fetched_unpinned) for one in said.servers] == [
        ("git", "uvx", None, True), ("far", None, "x.example:1", False),
    ]  # fmt: skip
    assert said.literal_secrets == ["GIT_TOKEN"]


@pytest.mark.parametrize(
    ("line", "literal"),
    [
        ('"API_KEY": "', True),
        ('"API_KEY": "$', False),
        ('"API_KEY": ""', False),
        ('"Authorization": "Bearer ', True),
        ('"Authorization": "Bearer $', False),
    ],
)
def test_a_reference_and_an_empty_value_are_no_secret(line: str, literal: bool) -> None:
    assert bool(config(line).literal_secrets) is literal


def test_garbage_is_no_server() -> None:
    assert config('"a": {\n"a": {\n\x00"command": \n').servers == []
