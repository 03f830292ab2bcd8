"""A real process is killed while it writes; nothing that was committed is lost, nothing half-written is seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from store_samples import NOW, baseline, host_id, inventory, results, run, transcript

from posture.errors import StoreError
from posture.model.assessment import RunState
from posture.store import Store
from posture.store.owner import Alive, alive, this_process

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

WRITER = """
import sys
from pathlib import Path
from store_samples import NOW, baseline, host_id, inventory, observations, run, transcript
from posture.store import Store

store = Store.open(Path(sys.argv[1]))
store.begin_run(run(), inventory(400), baseline())
print("begun", flush=True)
if sys.argv[2] == "inside":
    with store.database.write() as conn:
        store.save_host(run().id, host_id(0), transcripts=[transcript(host_id(0))])
        print("inside", flush=True)
        sys.stdin.read()
for number in range(400):
    id_ = host_id(number)
    store.save_host(run().id, id_, transcripts=[transcript(id_)], observations=observations(id_), platform="Debian")
    print(id_, flush=True)
sys.stdin.read()
"""


@contextmanager
def writer(path: Path, how: str = "all") -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            pipe.close()


def read_until(child: subprocess.Popen[str], line: str) -> list[str]:
    assert child.stdout is not None
    lines = []
    for said in child.stdout:
        lines.append(said.strip())
        if lines[-1] == line:
            return lines
    raise AssertionError(f"the writer ended early: {lines[-3:]}")


@pytest.mark.parametrize("killed_after", ["begun", host_id(0), host_id(7), host_id(61)])
def test_a_run_killed_in_mid_write_is_incomplete_and_resumes_with_all_it_had(path: Path, killed_after: str):
    with writer(path) as child:
        saved = read_until(child, killed_after)[1:]
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with Store.open(path) as store:
        stored = store.load_run("latest")
        assert stored.run.state is RunState.INCOMPLETE
        assert stored.pid is None
        resumed = store.resume_run(stored.run.id, NOW)
        assert set(saved) <= resumed.collected  # more may have been committed before the signal came
        assert resumed.inventory == inventory(400)
        for id_ in sorted(resumed.collected):
            assert list(store.read_transcripts(stored.run.id, id_)) == [transcript(id_)]
            assert store.read_host(stored.run.id, id_).platform == "Debian"
        assert dict(store.read_blobs())  # every digest verified
        store.verify_chain()
        missing = [host.id for host in resumed.inventory.hosts if host.id not in resumed.collected][:3]
        for id_ in missing:
            store.save_host(stored.run.id, id_, transcripts=[transcript(id_)])
            store.save_results(stored.run.id, results(id_))
        assert store.finish_run(stored.run.id, NOW).run.state is RunState.COMPLETE
        store.verify_run(stored.run.id)


def test_half_a_host_is_never_seen(path: Path):
    with writer(path, "inside") as child:
        read_until(child, "inside")
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with Store.open(path) as store:
        assert store.resume_run("latest", NOW).visits == frozenset()
        assert list(store.read_transcripts("latest")) == []
        assert not any(content.startswith(b"os.release") for _, content in store.read_blobs())


def test_a_living_run_is_left_alone(path: Path):
    with writer(path, "inside") as child:
        read_until(child, "inside")
        with Store.open(path) as store:
            stored = store.load_run("latest")
            assert (stored.run.state, stored.pid) == (RunState.RUNNING, child.pid)
    with Store.open(path) as store:
        assert store.load_run("latest").run.state is RunState.INCOMPLETE


def test_another_process_may_neither_resume_nor_write_a_living_run(path: Path):
    with writer(path) as child:
        read_until(child, host_id(399))
        with Store.open(path) as store:
            with pytest.raises(StoreError, match=f"running as process {child.pid}"):
                store.resume_run("latest", NOW)
            with pytest.raises(StoreError, match="another process"):
                store.save_host(run().id, host_id(0), transcripts=[transcript(host_id(0))])


def test_a_dashboard_that_stays_open_notices_a_dead_run(path: Path):
    Store.open(path).close()
    with Store.open(path) as dashboard:
        with writer(path) as child:
            read_until(child, host_id(3))
            assert dashboard.load_run("latest").run.state is RunState.RUNNING
        assert dashboard.runs()[0].run.state is RunState.INCOMPLETE


def test_a_process_is_told_from_others_with_its_pid():
    me = this_process()
    assert alive(me) is Alive.YES
    assert alive(replace(me, started_ticks=me.started_ticks - 1)) is Alive.NO  # the pid was given out again
    assert alive(replace(me, pid=2**22 + 1)) is Alive.NO  # beyond the largest pid_max
    assert alive(replace(me, boot="another")) is Alive.NO
    assert alive(replace(me, boot="another", machine="elsewhere")) is Alive.UNKNOWN
    assert alive(replace(me, pid_namespace="pid:[1]")) is Alive.UNKNOWN


def test_a_store_closed_in_good_order_still_knows_its_unfinished_run(path: Path):
    with Store.open(path) as store:
        store.begin_run(run(), inventory(), baseline())
    with Store.open(path) as store:  # we are that process, and we live
        assert store.load_run("latest").run.state is RunState.RUNNING
        assert store.resume_run("latest", NOW).collected == frozenset()
