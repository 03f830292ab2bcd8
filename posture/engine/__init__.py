"""Where work runs: bounded local threads."""

from posture.engine.doors import open_door
from posture.engine.fleet import collect_hosts
from posture.engine.visit import OpenTransport, visit

__all__ = ["OpenTransport", "collect_hosts", "open_door", "visit"]
