"""The made-up agency: a dozen hosts whose recorded answers are replayed; no host is touched.

``tools/record_demo.py`` makes the recordings from the hosts of the tests' lab and gives them other names.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from collectors.transports.replay import read_transcripts
from posture.catalogue.load import load
from posture.catalogue.waivers import read_waivers
from posture.gather import Job, Work
from posture.inputs import inventory
from posture.inputs.config import Config
from posture.inputs.disputes import read_disputes
from posture.inputs.scope import Scope, Window
from posture.judged import Circumstances
from posture.model.clock import Campaign
from posture.model.host import Vantage
from posture.run import replay
from posture.store import Store

HOME = Path(__file__).parent / "demo_agency"
MARKING = "made-up agency, replayed"
FIRST_HOST = "grants-app1"
"""A host worth looking at first."""
AUTHORISATION = "DEMO-0001 (nothing is touched)"
_CAMPAIGN_BEFORE_RECORDING = timedelta(days=12)  # so that the report shows a campaign under way


def run_demo(store: Store, config: Config, now: datetime, work: Work | None = None) -> str:
    """Return the id of a run made of the recordings, judged as of the day they were made."""
    transcripts = list(read_transcripts(HOME / "transcripts"))
    recorded = max(one.session.started_at for one in transcripts).replace(microsecond=0)
    return replay(store, transcripts, demo_job(config, recorded), now, work or Work(), as_of=recorded)


def demo_job(config: Config, recorded: datetime) -> Job:
    """Return the job of replaying the agency as it was recorded at a moment."""
    catalogue = load(None)
    agency = inventory.read(HOME / "inventory.yaml")
    return Job(
        inventory=agency,
        scope=Scope(AUTHORISATION, "", Window(recorded, recorded + timedelta(seconds=1)), cidrs=()),
        config=config,
        baseline=catalogue.baseline("fceb"),
        circumstances=Circumstances(
            rulebook=catalogue.rulebook,
            disputes=read_disputes(config.folder),
            campaign=Campaign(recorded.date() - _CAMPAIGN_BEFORE_RECORDING),
            clocks=catalogue.clocks,
            waivers=read_waivers(HOME / "waivers.yaml"),
            weights=catalogue.weights,
            taxonomy=dict(catalogue.taxonomy),
            families=catalogue.families,
            marking=MARKING,
        ),
        vantage=agency.vantages[0] if agency.vantages else Vantage("replay", ""),
        network=False,
        login=False,
    )
