"""Scripts: one page may load two of them if they were brought; else there are none, and nothing else changes."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from served import served

from posture.model.account import Role
from posture.serve import app
from posture.serve.scripts import Scripts
from reports import dashboard

OURS = next(iter(dashboard.__path__))
THEIRS = b"window.cytoscape = () => 0;"


def static(place: Path, *, vendor: bytes | None, says: bytes = THEIRS) -> Path:
    """Return the folder of our own static files with a library in it, and what the manifest says of it."""
    folder = place / "static"
    shutil.copytree(Path(OURS) / "static", folder, ignore=shutil.ignore_patterns("vendor"))
    if vendor is not None:
        (folder / "vendor").mkdir()
        (folder / "vendor" / "cytoscape.min.js").write_bytes(vendor)
        manifest = {"cytoscape.min.js": hashlib.sha256(says).hexdigest()}
        (folder / "vendor" / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_with_the_library_the_paths_alone_may_load_scripts(
    tmp_path: Path, demo_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_STATIC", static(tmp_path, vendor=THEIRS))
    with served(tmp_path, demo_store) as agency:
        browser = agency.signed_in(Role.VIEWER)
        page = browser.get("/paths")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        scripts = [part.split('"')[0] for part in page.text.split('<script src="')[1:]]
        assert [one.split("?")[0] for one in scripts] == ["/assets/cytoscape.min.js", "/assets/paths.js"]
        assert page.text.count("<script") == 2
        assert browser.get(scripts[0]).content == THEIRS
        assert browser.get(scripts[1]).headers["content-type"].startswith("text/javascript")
        assert browser.get("/assets/manifest.json").status_code == 404
        other = browser.get("/plan")
        assert "script-src" not in other.headers["content-security-policy"]
        assert "<script" not in other.text


@pytest.mark.parametrize("vendor", [None, b"something else"], ids=["not brought", "not what the manifest says"])
def test_without_it_the_page_has_its_tables_and_runs_nothing(
    tmp_path: Path, demo_store: Path, monkeypatch: pytest.MonkeyPatch, vendor: bytes | None
) -> None:
    monkeypatch.setattr(app, "_STATIC", static(tmp_path, vendor=vendor))
    with served(tmp_path, demo_store) as agency:
        browser = agency.signed_in(Role.VIEWER)
        page = browser.get("/paths")
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert 'id="map-hops"' in page.text
        assert browser.get("/assets/cytoscape.min.js").status_code == 404


def test_a_manifest_of_rubbish_is_no_manifest(tmp_path: Path) -> None:
    folder = static(tmp_path, vendor=THEIRS)
    (folder / "vendor" / "manifest.json").write_text("{")
    assert Scripts.read(folder).addresses == ()


def test_the_lock_file_holds_one_package_by_its_hash() -> None:
    lock = json.loads((Path(OURS) / "assets" / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert list(packages) == ["node_modules/cytoscape"]
    assert packages["node_modules/cytoscape"]["integrity"].startswith("sha512-")
    assert packages["node_modules/cytoscape"]["license"] == "MIT"
