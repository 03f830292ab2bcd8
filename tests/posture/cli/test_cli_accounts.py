"""``posture account``: tokens of the API from a terminal."""

from __future__ import annotations

from posture.store import Store
from tests.posture.cli.conftest import Posture


def test_a_token_is_printed_once_listed_and_revoked(posture: Posture) -> None:
    Store.open("out/posture.db").close()
    made = posture("account", "token", "siem", "--role", "auditor", "--system", "HR", "--days", "10")
    assert made.code == 0
    assert made.out.startswith("posture_")
    assert [row[:3] + row[4:5] for row in posture("account", "tokens").rows] == [["siem", "auditor", "HR", "good"]]
    assert made.out.strip() not in posture("account", "tokens").out
    assert posture("account", "token", "siem").code == 2
    assert posture("account", "token", "x", "--days", "366").code == 2
    assert posture("account", "revoke", "siem").out == "siem is revoked\n"
    assert posture("account", "tokens").rows[0][4] == "revoked"
    assert posture("account", "revoke", "nobody").code == 2
