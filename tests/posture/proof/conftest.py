"""A signed bundle of a replayed run, one for each file of tests."""

from __future__ import annotations

import pytest

from posture.gather import Work
from posture.proof import signing
from posture.proof.bundle import Sealing, write_bundle
from posture.run import replay
from posture.store import Store
from reports.formats import chosen
from tests.posture.proof.bundles import FORMATS, Made, keys_of, new_key
from tests.posture.replays import DAY, FAULTY, HARDENED, START, job, recorded, write_inventory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    home = tmp_path_factory.mktemp("bundle")
    key = new_key(home / "key")
    database = home / "posture.db"
    inventory = write_inventory(home / "inventory.yaml", HARDENED, FAULTY)
    with Store.open(database) as store:
        said = [recorded(HARDENED), recorded(FAULTY)]
        replay(store, said, job(inventory, home), START, Work(clock=lambda: START + DAY / 24), as_of=START)
        formats = chosen(FORMATS)
        write_bundle(store, "latest", home / "e.tar", formats, sealing=Sealing(signing.Signer.read(key)), marking="CUI")
    return Made(home, database, home / "e.tar", key, keys_of(key))
