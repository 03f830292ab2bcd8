"""What a run set out to ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run set out to ask, whatever came of it: a refused login was asked, one that was switched off was not."""

    login: bool = True
    """Whether any host was logged in to; also where none of them can be."""
    network: bool = True
    """Whether any host was looked at from the network; also where none of them has an address."""
    hosts_left_out: int = 0
    """Hosts of the inventory file that nobody wanted to ask."""
    no_login: int = 0
    """Hosts that were not logged in to, where others were."""
    no_look: int = 0
    """Hosts that were not looked at from the network, where others were."""
    vantages_left_out: tuple[str, ...] = ()
    """Places that nobody wanted to look from, where a scan would of itself."""

    @property
    def whole(self) -> bool:
        """Whether everything that the baseline needs was asked of every host."""
        left = self.hosts_left_out or self.no_login or self.no_look or self.vantages_left_out
        return self.login and self.network and not left

    def words(self) -> str:
        """Return what was not asked; empty when everything was."""
        parts = []
        if not self.login:
            parts.append("looked from the network only")
        if not self.network:
            parts.append("logged in only")
        if self.no_login:
            parts.append(f"did not log in to {_hosts(self.no_login)}")
        if self.no_look:
            parts.append(f"did not look at {_hosts(self.no_look)} from the network")
        if self.vantages_left_out:
            parts.append(f"did not look from {', '.join(self.vantages_left_out)}")
        if self.hosts_left_out:
            parts.append(f"left out {_hosts(self.hosts_left_out)}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class NotKnown:
    """What a run set out to ask was not kept: it is from before that was done, or put together of such."""

    @property
    def whole(self) -> bool:
        """Unknown is never good."""
        return False

    def words(self) -> str:
        """Return that nobody can say what was not asked."""
        return "it was not kept what was asked"


@dataclass(frozen=True, slots=True)
class Unlooked:
    """A vantage that did not look at hosts, where others did."""

    vantage: str
    hosts: int
    why: str

    def words(self) -> str:
        """Return it as one sentence."""
        return f"vantage `{self.vantage}` did not look at {_hosts(self.hosts)}: {self.why}"


def _hosts(count: int) -> str:
    return f"{count:,} {'host' if count == 1 else 'hosts'}"
