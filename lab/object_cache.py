"""Persistent object caches: a Redis of the fleet's own, and a drop-in of the lab's."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lab import packages
from lab.shell import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.fleet import Fleet

__all__ = ["Redis", "answering", "object_cache", "put_drop_in"]

_DROP_INS = Path(__file__).parent / "dropins"
_PACKAGES = ("php-apcu", "php-redis", "redis-server")


class Redis:
    """A server of the fleet's own on a socket, started by who needs it."""

    def __init__(self, fleet: Fleet) -> None:
        self.folder = fleet.spec.root / "redis"
        self.processes = fleet.processes

    @property
    def socket(self) -> Path:
        """Where PHP connects, whoever it runs as."""
        return self.folder / "redis.sock"

    def start(self) -> bool:
        """Starts it, empty. Returns whether it was started now."""
        packages.ensure(_PACKAGES)
        self.folder.mkdir(parents=True, exist_ok=True)
        argv = ["/usr/bin/redis-server", "--port", "0", "--save", "", "--appendonly", "no"]
        argv += ["--dir", str(self.folder), "--unixsocket", str(self.socket), "--unixsocketperm", "777"]
        return self.processes.start("redis", argv, ready=self._answers)

    def stop(self) -> bool:
        """Ends it. Returns whether it ran."""
        return self.processes.stop("redis")

    def say(self, *command: str) -> str:
        """What it answers to a command."""
        return run("redis-cli", "-s", self.socket, *command)

    def _answers(self) -> bool:
        argv = ["redis-cli", "-s", str(self.socket), "ping"]
        return "PONG" in subprocess.run(argv, capture_output=True, text=True, check=False).stdout


@contextmanager
def object_cache(
    fleet: Fleet,
    site: str,
    *,
    backend: Literal["redis", "apcu"] = "redis",
    manners: Literal["tolerant", "strict"] = "tolerant",
) -> Iterator[Redis]:
    """The site with an object cache, whose server is stopped at the end; `strict` dies without it."""
    redis = Redis(fleet)
    redis.start()
    fleet.web.start_php()
    drop_in = put_drop_in(fleet, site, backend=backend, manners=manners)
    try:
        yield redis
    finally:
        drop_in.unlink(missing_ok=True)
        redis.stop()


def put_drop_in(fleet: Fleet, site: str, *, backend: str = "redis", manners: str = "tolerant") -> Path:
    """The lab's drop-in in a site."""
    found = fleet.sites[site]
    values = {
        "PREFIX": f"{site}:",
        "SOCKET": str(Redis(fleet).socket),
        "MANNERS": manners,
    }
    store = (_DROP_INS / f"{backend}.php").read_text().removeprefix("<?php\n")
    text = (_DROP_INS / "object-cache.php").read_text().replace("// @STORE@\n", store)
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    drop_in = found.path / "wp-content/object-cache.php"
    drop_in.write_text(text)
    user = fleet.spec.user(found.host)
    run("chown", f"{user}:{user}", drop_in)
    return drop_in


def answering(fleet: Fleet, site: str, php: str) -> str:
    """A command that has visitors' PHP run something, by a file of the site's own, as people set it up."""
    found = fleet.sites[site]
    (found.path / "reset-8842.php").write_text(f"<?php {php};")
    return f"curl -sf {found.url}/reset-8842.php"
