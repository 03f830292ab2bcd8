"""Paths of AI services that are never asked: they cost money, change something, or wait for ever."""

from __future__ import annotations

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
