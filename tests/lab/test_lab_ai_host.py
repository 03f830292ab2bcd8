"""AI on a lab host as the host tells it: programs, settings of agents, weights, packages; and no value of any."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from collectors.ai import host as ai_host
from posture.model.observation import FactDocument
from tests.lab.host import Build, Host
from tests.lab.looking import facts, transcript_of
from tests.lab.network import Network
from tests.lab.remedying import new_host

pytestmark = pytest.mark.lab

SECRET = "kanarie0123456789abcdef"
MCP = {
    "mcpServers": {
        "github": {
            "command": "npx",
            "args": ["-y", "@modelcontextprotocol/server-github"],
            "env": {"GITHUB_TOKEN": SECRET, "LOG_LEVEL": SECRET},
        },
        "files": {"command": "/usr/bin/npx", "args": ["-y", "server-files@1.2.3", f"--key={SECRET}"], "env": {"API_KEY": "${API_KEY}"}},
        "remote": {"type": "http", "url": f"http://tools.example:8000/mcp?key={SECRET}", "headers": {"Authorization": f"Bearer {SECRET}"}},
        "hidden": {"url": f"https://{SECRET}:x@tools.example/mcp"},
    }
}  # fmt: skip


def _plant(build: Build) -> None:
    root = build.root
    root.write("/home/posture/.mcp.json", json.dumps(MCP, indent=2), mode=0o644)
    root.write("/opt/app/.cursor/mcp.json", json.dumps(MCP), mode=0o600)
    root.write("/opt/models/chat.safetensors", "x" * 70_000)
    root.write("/opt/models/old.pt", "x" * 70_000, mode=0o666)
    root.write("/opt/models/small.pt", "x")
    site = "/opt/app/venv/lib/python3.11/site-packages"
    root.write(f"{site}/litellm-1.82.7.dist-info/METADATA", "Name: litellm\n")
    root.write(f"{site}/requests-2.0.0.dist-info/METADATA", "Name: requests\n")
    root.write("/etc/systemd/system/ollama.service", "[Service]\nExecStart=/usr/bin/ollama serve\n")
    for name in ("vllm", "jupyter-server", "ollama.md"):
        root.write(f"/usr/local/bin/{name}", "import time\ntime.sleep(600)\n")
    root.write("/usr/local/bin/edit", "import time\ntime.sleep(600)\n")
    build.services += [
        f"OPENAI_API_KEY={SECRET} VLLM_SERVER_DEV_MODE=1 PLAIN={SECRET} python3 /usr/local/bin/vllm "
        f"serve --host 0.0.0.0 --trust-remote-code --api-key {SECRET} &",
        "setpriv --reuid 65534 --clear-groups python3 -u /usr/local/bin/jupyter-server "
        "--ServerApp.token= --ServerApp.ip=127.0.0.1 &",
        # No AI, whatever they are about.
        "python3 /usr/local/bin/edit /usr/local/bin/ollama.md --litellm &",
        "python3 -c 'import time; time.sleep(600)' mlflow server &",
    ]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Network() as network, new_host(network, "ssh-ed25519 AAAA", _plant) as host:
        yield host


@pytest.fixture(scope="module")
def said(host: Host) -> Mapping[str, Any]:
    document = facts(host, {"ai_host"})["ai_host"]
    assert isinstance(document, FactDocument), document
    body = msgspec.json.decode(document.content)
    assert body["holes"] == []
    return body["facts"]


def test_programs_are_told_with_their_account_switches_and_names_of_their_environment(said: Mapping[str, Any]) -> None:
    programs = {one["service"]: one for one in said["processes"]["items"]}
    assert set(programs) == {"vllm", "jupyter"}
    assert programs["vllm"]["as_root"] is True
    assert programs["vllm"]["switches"] == ["every-address", "trust-remote-code"]
    assert {"OPENAI_API_KEY", "VLLM_SERVER_DEV_MODE"} <= set(programs["vllm"]["environment"])
    assert programs["vllm"]["keys"] == ["OPENAI_API_KEY"]
    assert programs["jupyter"]["as_root"] is False
    assert programs["jupyter"]["switches"] == ["empty-token"]
    assert said["processes"]["complete"] is True


def test_settings_of_agents_are_told_by_structure(said: Mapping[str, Any]) -> None:
    configs = {one["path"]: one for one in said["configs"]["items"]}
    assert set(configs) == {"/home/posture/.mcp.json", "/opt/app/.cursor/mcp.json"}
    for config in configs.values():
        servers = {one["name"]: one for one in config["servers"]}
        assert (servers["github"]["command"], servers["github"]["fetched_unpinned"]) == ("npx", True)
        assert (servers["files"]["command"], servers["files"]["fetched_unpinned"]) == ("/usr/bin/npx", False)
        assert (servers["remote"]["host"], servers["remote"]["encrypted"]) == ("tools.example:8000", False)
        assert config["literal_secrets"] == ["Authorization", "GITHUB_TOKEN"]
    assert (configs["/home/posture/.mcp.json"]["readable_by_others"], configs["/home/posture/.mcp.json"]["mode"]) == (True, "0644")  # fmt: skip
    assert configs["/opt/app/.cursor/mcp.json"]["readable_by_others"] is False


def test_weights_packages_and_units_are_told(said: Mapping[str, Any]) -> None:
    models = {
        one["path"]: (one["format"], one["runs_code"], one["writable_by_others"]) for one in said["models"]["items"]
    }
    assert models == {
        "/opt/models/chat.safetensors": ("safetensors", False, False),
        "/opt/models/old.pt": ("pickle", True, True),
    }
    assert [(one["name"], one["version"]) for one in said["packages"]["items"]] == [("litellm", "1.82.7")]
    assert [(one["service"], one["path"]) for one in said["units"]["items"]] == [("ollama", "/etc/systemd/system/ollama.service")]  # fmt: skip
    assert (said["gpus"], said["container_toolkit"], said["images"]["items"]) == ([], None, [])


def test_no_value_leaves_the_host(host: Host) -> None:
    transcript = transcript_of(host, {"ai_host"})
    assert set(transcript.answers) == {
        command.id for command in (*ai_host.COLLECTOR.commands, *ai_host.COLLECTOR.second)
    }
    leaks = [id_ for id_, one in transcript.answers.items() if b"kanarie" in one.stdout + one.stderr]
    assert leaks == []
