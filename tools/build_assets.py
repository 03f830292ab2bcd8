"""The build hook: release wheels carry the dashboard's scripts of others; any other build needs no npm.

A release is built with ``POSTURE_RELEASE=1``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Assets(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the files to the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bring the files before a release wheel is built."""
        if version == "editable" or os.environ.get("POSTURE_RELEASE") != "1":
            return
        sys.path.insert(0, str(Path(self.root)))
        from tools.assets import bring  # noqa: PLC0415 - of this source tree, which is not installed

        bring()
        build_data["artifacts"].append("/reports/dashboard/static/vendor/*")
