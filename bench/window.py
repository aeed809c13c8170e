"""Twenty good pending updates on one site, each download a second late: `sitecrew run` against bare wp-cli.

By hand is `wp plugin update --all` over ssh, which looks at nothing, keeps nothing and shuts visitors out.
The run has all its safety on. Both meet the same site, in its first state each time, on this machine.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.parts.ground import environment
from bench.parts.measure import Criterion, events, measured, show
from lab import Fleet, FleetSpec, LabError
from lab.batch import prepare_batch
from lab.shell import write

if TYPE_CHECKING:
    from collections.abc import Sequence

SITE = "acme-blog"
FACTOR, PLUS = 1.5, 5.0
PLAYBOOK = "name: Window\nsteps:\n  - wordpress.plugins: {update: all}\n"


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds, both ways of doing the same."""

    bare: float
    run: float
    change: float
    """Of the run: on the host, from the first download to the last exchange and everything around it."""

    @property
    def used(self) -> float:
        """How much of what is allowed was used; 1 is all of it."""
        return self.run / (FACTOR * self.bare + PLUS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and with `--check` return 1 when the criterion is missed."""
    options = _parser().parse_args(arguments)
    fleet = Fleet(
        dataclasses.replace(
            FleetSpec(), root=Path("/var/tmp/sitecrew-window"), network=options.network, users="window"
        )
    )
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores")
    try:
        fleet.up()
        with tempfile.TemporaryDirectory() as folder:
            found = [_round(fleet, Path(folder), options) for _ in range(options.rounds)]
    except LabError as error:
        print(f"the bench: {error}", file=sys.stderr)
        return 2
    finally:
        fleet.wipe()
    _tell(found, options)
    middle = sorted(found, key=lambda one: one.used)[len(found) // 2]
    limit = FACTOR * middle.bare + PLUS
    criterion = Criterion(f"the run against {FACTOR} x bare + {PLUS:.0f} s", middle.run, limit)
    show(
        "criterion",
        [
            ("", "measured", "limit", ""),
            (
                criterion.name,
                f"{middle.run:.2f} s",
                f"{limit:.2f} s",
                "met" if criterion.met else "MISSED",
            ),
        ],
    )
    return int(options.check and not criterion.met)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench window", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when the criterion is missed")
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many (3)")
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--delay", type=float, default=1.0, help="seconds before each download begins")
    parser.add_argument("--network", default="127.0.18", help="addresses of the lab's fleet")
    return parser


def _round(fleet: Fleet, folder: Path, options: argparse.Namespace) -> Round:
    slugs = _pending(fleet, options)
    site = fleet.sites[SITE]
    host = fleet.hosts[site.host]
    write(folder / "known_hosts", host.known_hosts_line(host.address, host.port) + "\n")
    ssh = ["ssh", "-F", "/dev/null", "-i", str(fleet.identity_file), "-p", str(host.port)]
    ssh += ["-o", f"UserKnownHostsFile={folder}/known_hosts", "-o", "BatchMode=yes"]
    by_hand = [*ssh, f"{host.user}@{host.address}", f"cd {site.path} && wp plugin update --all"]
    bare = measured(by_hand, output=folder / "bare", env=environment(), cwd=folder)
    _expect_all_done(fleet, slugs)

    _pending(fleet, options)
    workspace = fleet.write_workspace(folder / "workspace")
    write(workspace / "playbooks/window.yaml", PLAYBOOK)
    crew = [sys.executable, "-m", "runner", "run", "window", "-l", SITE, "-w", str(workspace), "--json"]
    run = measured(crew, output=folder / "run", env=environment(), cwd=folder)
    _expect_all_done(fleet, slugs)
    step = next(line for line in events(folder / "run") if line["event"] == "step.finished")
    return Round(bare=bare.wall, run=run.wall, change=step["seconds"])


def _pending(fleet: Fleet, options: argparse.Namespace) -> tuple[str, ...]:
    """The site with so many updates on offer, and no others."""
    slugs = prepare_batch(fleet, SITE, {}, count=options.updates)
    fields = ("--update=available", "--format=csv", "--fields=name,update_version")
    rows = [row.split(",") for row in fleet.wp(SITE, "plugin", "list", *fields).splitlines()[1:]]
    others = tuple(f"plugins/{name}/{version}" for name, version in rows if name not in slugs)
    fleet.catalogue.switch(delay={"*": options.delay}, hidden=others)
    fleet.wp(SITE, "transient", "delete", "--all", "--network")
    return slugs


def _expect_all_done(fleet: Fleet, slugs: tuple[str, ...]) -> None:
    """What was fast and did not do the work would be no result."""
    fields = ("--format=csv", "--fields=name,version")
    rows = dict(row.split(",") for row in fleet.wp(SITE, "plugin", "list", *fields).splitlines()[1:])
    if left := [slug for slug in slugs if rows.get(slug) != "1.1"]:
        raise SystemExit(f"not updated: {', '.join(left)}")


def _tell(found: Sequence[Round], options: argparse.Namespace) -> None:
    def row(name: str, seconds: Sequence[float]) -> tuple[str, ...]:
        return name, f"{median(seconds):.2f}", f"{min(seconds):.2f} to {max(seconds):.2f}"

    show(
        f"{options.updates} updates, each download {options.delay:g} s late, {options.rounds} rounds",
        [
            ("", "wall s", "all rounds"),
            row("by hand: ssh HOST wp plugin update --all", [one.bare for one in found]),
            row("sitecrew run, whole command", [one.run for one in found]),
            row("  its step: looks, restore point, change", [one.change for one in found]),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
