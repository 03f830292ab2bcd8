from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

from store_samples import NOW, answer, baseline, host_id, inventory, observations, results, run, transcript

from collectors.base import Transcript
from posture.model.finding import Status
from posture.store import Store

HOSTS = 800  # some three pieces of the inventory
OUTPUT_BYTES = 20_000  # 16 MB in all
LIMIT_BYTES = 3 << 20  # measured: 1.7 MB as a stream; as lists, 3.8 MB of hosts and 12 MB of transcripts


def test_eight_hundred_hosts_are_read_as_a_stream(store: Store, tmp_path: Path):
    store.begin_run(run(), inventory(HOSTS), baseline())
    with store.database.write():
        for number in range(HOSTS):
            spoken = transcript(host_id(number))
            long = answer("os.release", host_id(number), flavour=f" {number}" * (OUTPUT_BYTES // 6))
            store.save_host(
                run().id,
                host_id(number),
                transcripts=[Transcript(spoken.session, spoken.answers | {"os.release": long})],
                observations=observations(host_id(number)),
            )
    store.save_results(run().id, (one for n in range(HOSTS) for one in results(host_id(n), {1: Status.FAIL})))
    store.finish_run(run().id, NOW)
    assert store.coverage("latest").decided == HOSTS * 4

    assert peak_bytes(lambda: sum(1 for _ in store.read_hosts("latest")) == HOSTS) < LIMIT_BYTES
    answers = (len(one.answers) for one in store.read_transcripts("latest"))
    assert peak_bytes(lambda: sum(answers) == HOSTS * 3) < LIMIT_BYTES
    assert peak_bytes(lambda: list(store.diff("latest", "latest")) == []) < LIMIT_BYTES
    assert peak_bytes(lambda: bool(store.export_run("latest", tmp_path / "run.zst"))) < LIMIT_BYTES
    assert peak_bytes(lambda: len(list(store.read_hosts("latest"))) == HOSTS) > LIMIT_BYTES, "the limit tells nothing"


def peak_bytes(holds: Callable[[], bool]) -> int:
    tracemalloc.start()
    try:
        assert holds()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
