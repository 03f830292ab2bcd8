"""Starts real AI services on a port of this machine's loopback, or of a lab host: open, and with a login."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.posture.store.real_postgres import programs

CACHE = Path(
    os.environ.get("POSTURE_AI_CACHE") or ("/var/cache/posture-ai" if os.geteuid() == 0 else "~/.cache/posture-ai")
).expanduser()
WAIT_S = 300  # Ray and MLflow import for a minute on a busy machine
SECRET = "kanarie-0123456789abcdef"

Argv = Callable[[str, int, Path], Sequence[str]]
"""From address, port and a folder of its own to the arguments after the program."""


@dataclass(frozen=True, slots=True)
class Real:
    """One product in one state."""

    service: str
    access: str
    """What the collector has to say of it."""
    argv: Argv
    venv: str = ""
    """Environment below the cache; empty for a program of this machine."""
    env: dict[str, str] = field(default_factory=dict)
    ready: str = "/"
    """Path that is answered once it is up."""

    @property
    def id(self) -> str:
        """Return its name."""
        return f"{self.service}-{self.access}"

    @property
    def installed(self) -> bool:
        """Return whether its environment is there."""
        return not self.venv or (CACHE / self.venv / ".posture").exists()


def _python(venv: str, *words: str) -> tuple[str, ...]:
    return (str(CACHE / venv / "bin" / "python"), *words)


def _jupyter(*more: str) -> Argv:
    def argv(address: str, port: int, folder: Path) -> Sequence[str]:
        words = ("--no-browser", "--allow-root", f"--ServerApp.ip={address}", f"--ServerApp.port={port}")
        return _python("jupyter", "-m", "jupyter_server", *words, f"--ServerApp.root_dir={folder}", *more)

    return argv


def _script(venv: str, text: str) -> Argv:
    def argv(address: str, port: int, folder: Path) -> Sequence[str]:
        path = folder / "serve.py"
        path.write_text(text)
        return _python(venv, str(path), address, str(port), str(folder))

    return argv


_MCP = """
import sys
from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
auth = {auth}
server = FastMCP("lab", auth=auth)
@server.tool
def kanarie() -> str:
    return "x"
server.run(transport="http", host=sys.argv[1], port=int(sys.argv[2]), show_banner=False)
"""
_TOKEN = f'StaticTokenVerifier(tokens={{"{SECRET}": {{"client_id": "a", "scopes": []}}}})'

LIGHT: tuple[Real, ...] = (
    Real("jupyter", "open", _jupyter("--IdentityProvider.token=", "--ServerApp.password="), "jupyter"),
    Real("jupyter", "guarded", _jupyter(f"--IdentityProvider.token={SECRET}"), "jupyter"),
    Real("mcp", "unknown", _script("mcp", _MCP.format(auth="None")), "mcp"),
    Real("mcp", "guarded", _script("mcp", _MCP.format(auth=_TOKEN)), "mcp"),
)


def _chroma(address: str, port: int, folder: Path) -> Sequence[str]:
    return (
        str(CACHE / "chroma/bin/chroma"),
        "run",
        "--host",
        address,
        "--port",
        str(port),
        "--path",
        str(folder / "data"),
    )


_GRADIO = """
import sys, gradio
with gradio.Blocks() as demo:
    gradio.Textbox(label="kanarie")
demo.launch(server_name=sys.argv[1], server_port=int(sys.argv[2]), quiet=True, auth={auth})
"""
_LITELLM = """\
model_list:
  - model_name: kanarie-model
    litellm_params: {model: openai/kanarie, api_key: kanarie, api_base: http://127.0.0.1:9}
"""


def _litellm(address: str, port: int, folder: Path) -> Sequence[str]:
    (folder / "config.yaml").write_text(_LITELLM)
    words = ("--config", str(folder / "config.yaml"), "--host", address, "--port", str(port))
    return (str(CACHE / "litellm/bin/litellm"), *words)


def _mlflow(*more: str) -> Argv:
    def argv(address: str, port: int, folder: Path) -> Sequence[str]:
        store = ("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1")
        return _python("mlflow", "-m", "mlflow", "server", "--host", address, "--port", str(port), *store, *more)

    return argv


_RAY = """
import sys, time, ray
ray.init(num_cpus=1, include_dashboard=True, dashboard_host=sys.argv[1], dashboard_port=int(sys.argv[2]), object_store_memory=80_000_000)
time.sleep(3600)
"""
_TRITON = """
import sys, numpy
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig
@batch
def infer(x):
    return [x]
port = int(sys.argv[2])
with Triton(config=TritonConfig(http_address=sys.argv[1], http_port=port, grpc_port=port + 1, metrics_port=port + 2)) as triton:
    one = [Tensor(dtype=numpy.float32, shape=(1,))]
    triton.bind(model_name="kanarie", infer_func=infer, inputs=[Tensor(name="x", dtype=numpy.float32, shape=(1,))], outputs=one, config=ModelConfig(max_batch_size=1))
    triton.serve()
"""

HEAVY: tuple[Real, ...] = (
    Real("chroma", "open", _chroma, "chroma", ready="/api/v2/heartbeat"),
    Real("gradio", "open", _script("gradio", _GRADIO.format(auth="None")), "gradio"),
    Real("gradio", "guarded", _script("gradio", _GRADIO.format(auth=f'("a", "{SECRET}")')), "gradio"),
    # It refuses to start without a key now, unless it is told that this is meant.
    Real(
        "litellm",
        "open",
        _litellm,
        "litellm",
        {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"},
        "/health/liveliness",
    ),
    Real("litellm", "guarded", _litellm, "litellm", {"LITELLM_MASTER_KEY": f"sk-{SECRET}"}, "/health/liveliness"),
    Real("mlflow", "open", _mlflow(), "mlflow"),
    Real(
        "mlflow",
        "guarded",
        _mlflow("--app-name", "basic-auth"),
        "mlflow",
        {"MLFLOW_FLASK_SERVER_SECRET_KEY": SECRET, "MLFLOW_AUTH_ADMIN_PASSWORD": SECRET},
    ),
    Real("ray", "open", _script("ray", _RAY), "ray", {"RAY_AUTH_MODE": "disabled"}),
    Real("ray", "guarded", _script("ray", _RAY), "ray", {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": SECRET * 2}),
    Real("triton", "open", _script("triton", _TRITON), "triton", ready="/v2"),
)
"""About a minute each on an idle machine."""


def _redis(address: str, port: int, folder: Path) -> Sequence[str]:
    return ("redis-server", "--bind", address, "--port", str(port), "--save", "", "--dir", str(folder))


def _nginx(address: str, port: int, folder: Path) -> Sequence[str]:
    text = (
        f"daemon off; user root; pid {folder}/pid; error_log {folder}/error.log; events {{}} "
        f"http {{ access_log off; server {{ listen {address}:{port}; location = / {{ return 200 'Welcome to nginx!'; }} }} }}"
    )
    (folder / "nginx.conf").write_text(text)
    return ("nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf"))


_POSTGRES = """
place=$(mktemp -d /tmp/pg-decoy-XXXXXX); trap 'rm -rf "$place"' EXIT; trap 'kill "$server"; wait "$server"; exit 0' TERM
nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"; [ "$(id -u)" = 0 ] && chown 65534:65534 "$place" || nobody=
cd "$place"; $nobody "$1/initdb" -D "$place/data" -U nobody --auth=trust --no-sync >/dev/null
$nobody "$1/postgres" -D "$place/data" -k "$place" -c listen_addresses="$2" -c fsync=off -p "$3" & server=$!; wait "$server"
"""


def _postgres(address: str, port: int, folder: Path) -> Sequence[str]:
    return ("sh", "-c", _POSTGRES, "sh", str(programs()), address, str(port))


DECOYS: tuple[Real, ...] = (
    Real("redis", "", _redis, ready=""),
    Real("nginx", "", _nginx),
    Real("postgres", "", _postgres, ready=""),
)


@contextlib.contextmanager
def running(
    real: Real, folder: Path, address: str = "127.0.0.1", port: int = 0, *, within: Sequence[str] = ()
) -> Iterator[int]:
    """Yield the port of a running service; ``within`` are words that enter a namespace.

    Raises:
        RuntimeError: it did not come up; with the end of what it said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    argv = [*within, *real.argv(address, port, folder)]
    env = {"PATH": os.defpath + ":/usr/sbin:/sbin", "HOME": str(folder), "LANG": "C.UTF-8", **_QUIET, **real.env}
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=env, cwd=folder, start_new_session=True)  # fmt: skip
        try:
            _until_ready(process, real, address, port, folder, within)
            yield port
        finally:
            _end(process)
    shutil.rmtree(folder, ignore_errors=True)


_QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "ANONYMIZED_TELEMETRY": "False",
    "RAY_USAGE_STATS_ENABLED": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_PROXY": "*",
}


def free_port() -> int:
    """Return a port that was free a moment ago, with two free ones after it likely."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _until_ready(
    process: subprocess.Popen[bytes], real: Real, address: str, port: int, folder: Path, within: Sequence[str]
) -> None:
    ask = [*within, "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}; " + _QUESTION.format(path=real.ready)]
    if not real.ready:
        ask = [*within, "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"]
    ends = time.monotonic() + WAIT_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            if subprocess.run(ask, capture_output=True, check=False, timeout=10).returncode == 0:
                return
        except subprocess.TimeoutExpired:
            pass
        time.sleep(0.3)
    raise RuntimeError(f"{real.id} did not come up:\n" + (folder / "said").read_text(errors="replace")[-3000:])


_QUESTION = (
    "printf 'GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3; "
    "read -r line <&3; case $line in HTTP/1.?\\ 5*) exit 1;; HTTP*) exit 0;; *) exit 1;; esac"
)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the service and whatever it started: its session is its own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
