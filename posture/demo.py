"""The made-up agency: recorded answers of lab hosts, replayed."""
from __future__ import annotations
from datetime import datetime
from posture.store import Store

def replay(store: Store, now: datetime) -> str:
    raise NotImplementedError
