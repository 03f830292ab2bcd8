"""Serves written answers of AI services and of decoys in a namespace, and writes down what our collector asked.

python -m tests.lab.ai_places LOG 0.0.0.0:11434=open/ollama 127.0.0.1:6333=open/qdrant 0.0.0.0:80=decoy/nginx
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from collectors.ai.http import USER_AGENT
from tests.collectors.ai_answers import CLOSED, DECOYS, OPEN, UNPROVEN
from tests.collectors.ai_servers import NOT_FOUND, Listening, answering

TABLES = {"open": OPEN, "closed": CLOSED, "unproven": UNPROVEN, "decoy": DECOYS}


def main(log: Path, places: list[str]) -> None:
    """Serve until standard input ends."""
    with contextlib.ExitStack() as stack:
        served: list[tuple[str, Listening]] = []
        for place in places:
            at, _, name = place.partition("=")
            address, _, port = at.rpartition(":")
            table, _, service = name.partition("/")
            told = {"*": NOT_FOUND, **TABLES[table][service]}
            served.append((place, stack.enter_context(answering(told, address, int(port)))))
        print("ready", flush=True)
        sys.stdin.read()
        lines = [
            f"{place}\t{line}"
            for place, one in served
            for line, request in zip(one.lines, one.requests, strict=True)
            if USER_AGENT.encode() in request
        ]
        log.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
