"""How a test reaches a hostile host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.execute import Endpoint

if TYPE_CHECKING:
    from pathlib import Path

    from lab.hostile import HostileHost

__all__ = ["evil_endpoint"]


def evil_endpoint(host: HostileHost, folder: Path) -> Endpoint:
    """The host as an endpoint that trusts its key; the key is noted in the folder."""
    known = folder / f"known-{host.port}"
    known.write_text(host.known_hosts_line)
    return Endpoint(
        address=host.address,
        port=host.port,
        user=host.user,
        name="evil",
        password=lambda: "any",
        known_hosts=(known,),
        ssh_config=None,
    )
