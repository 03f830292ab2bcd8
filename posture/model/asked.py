"""What a run set out to ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run set out to ask, whatever came of it: a refused login was asked, one that was switched off was not."""

    login: bool = True
    network: bool = True
    hosts_left_out: int = 0
    """Hosts of the inventory file that nobody wanted to ask."""

    @property
    def whole(self) -> bool:
        """Whether everything that the baseline needs was asked of every host."""
        return self.login and self.network and not self.hosts_left_out

    def words(self) -> str:
        """Return what was not asked; empty when everything was."""
        parts = []
        if not self.login:
            parts.append("looked from the network only")
        if not self.network:
            parts.append("logged in only")
        if self.hosts_left_out:
            parts.append(f"left out {self.hosts_left_out:,} {'host' if self.hosts_left_out == 1 else 'hosts'}")
        return ", ".join(parts)
