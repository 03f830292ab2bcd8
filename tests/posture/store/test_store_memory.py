from __future__ import annotations

import tracemalloc
from pathlib import Path

from store_samples import NOW, answer, baseline, host_id, inventory, observations, results, run, transcript

from collectors.base import Transcript
from posture.model.finding import Status
from posture.store import Store

HOSTS = 2000
OUTPUT_BYTES = 10_000  # 20 MB in all: more than reading may ever hold


def test_two_thousand_hosts_are_written_and_read_as_a_stream(store: Store, tmp_path: Path):
    store.begin_run(run(), inventory(HOSTS), baseline())
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

    tracemalloc.start()
    assert sum(1 for _ in store.read_hosts("latest")) == HOSTS
    assert sum(len(one.answers) for one in store.read_transcripts("latest")) == HOSTS * 3
    assert list(store.diff("latest", "latest")) == []
    store.export_run("latest", tmp_path / "run.zst")
    assert tracemalloc.get_traced_memory()[1] < 12 << 20
    tracemalloc.stop()
