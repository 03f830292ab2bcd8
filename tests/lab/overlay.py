"""The root file system of a host before it runs: the base below, and what is written for this host above it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Overlay:
    """An upper directory over the base; every path is absolute as the host will see it."""

    base: Path
    upper: Path

    def write(self, path: str, text: str | bytes, *, mode: int = 0o644, owner: tuple[int, int] = (0, 0)) -> None:
        """Put a file on the host; directories that are missing come along, as the base has them or 0755 root."""
        target = self._place(path)
        # The upper file may be a hard link or a whiteout of an earlier fault: a new one, not a changed one.
        target.unlink(missing_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.chown(target, *owner)
        target.chmod(mode)

    def read(self, path: str) -> str:
        """Return the text of a file as the host will see it; empty when it has none."""
        for root in (self.upper, self.base):
            found = root / path.lstrip("/")
            if found.exists():
                return found.read_text()
        return ""

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        """Rewrite a file of the host, its mode and owner kept."""
        found = next(
            (root / path.lstrip("/") for root in (self.upper, self.base) if (root / path.lstrip("/")).exists()), None
        )
        status = found.stat() if found else None
        mode = stat.S_IMODE(status.st_mode) if status else 0o644
        self.write(path, change(self.read(path)), mode=mode, owner=(status.st_uid, status.st_gid) if status else (0, 0))

    def append(self, path: str, text: str) -> None:
        """Add to the end of a file of the host."""
        self.edit(path, lambda before: before + text)

    def directory(self, path: str, *, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> None:
        """Make a directory on the host."""
        target = self._place(path)
        target.mkdir(exist_ok=True)
        os.chown(target, *owner)
        target.chmod(mode)

    def remove(self, path: str) -> None:
        """Make a file of the base (or of an earlier step) disappear."""
        target = self._place(path)
        target.unlink(missing_ok=True)
        if (self.base / path.lstrip("/")).exists():
            # overlayfs: a character device 0/0 in the upper directory hides what is below.
            os.mknod(target, stat.S_IFCHR, os.makedev(0, 0))

    def _place(self, path: str) -> Path:
        parts = Path(path.lstrip("/")).parts
        for depth in range(1, len(parts)):
            self._mirror(Path(*parts[:depth]))
        return self.upper.joinpath(*parts)

    def _mirror(self, relative: Path) -> None:
        here = self.upper / relative
        if here.is_dir():
            return
        below = self.base / relative
        if below.is_symlink():
            raise ValueError(
                f"/{relative} is a link in the base (such as /lib): a directory over it would break the host"
            )
        here.mkdir()
        if below.is_dir():
            status = below.stat()
            os.chown(here, status.st_uid, status.st_gid)
            here.chmod(stat.S_IMODE(status.st_mode))
        else:
            here.chmod(0o755)
