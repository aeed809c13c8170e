"""What visitors notice: requests that fail while a site is updated, by `sitecrew run` and by bare wp-cli.

Ten plugins, each download five seconds late; and a major version of WordPress, there and back. The site is in
its first state each time, and a constant stream of visitors asks for its front page past every cache.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.parts.ground import environment
from bench.parts.measure import measured, show
from lab import Fleet, FleetSpec, LabError
from lab.batch import prepare_batch
from lab.shell import write
from lab.visitors import Crowd
from runner.model import Action, Change, Host, ItemKind, Site, SiteFacts, SitePlan
from runner.record import Ledger
from runner.steps import Context
from runner.steps.wordpress.core_guard import core_guard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BLOG, SHOP = "acme-blog", "acme-shop"
OLD, NEW = "6.5.5", "7.1.2"
PLAYBOOKS = {
    "plugins": "name: Plugins\nsteps:\n  - wordpress.plugins: {update: all}\n",
    "core": f'name: Core\nsteps:\n  - wordpress.core: "{NEW}"\n',
}
MAJOR = "policy:\n  updates: {core: {major: {after: 0d}}}\n"
LIMITS = {"plugins": 0, "core": 1}


@dataclass(frozen=True, slots=True)
class Row:
    """What the visitors of one update got."""

    name: str
    crowd: Crowd
    limit: int | None = None
    """Failed requests that are allowed; None where nothing is promised."""

    @property
    def met(self) -> bool:
        """Whether the promise holds."""
        return self.limit is None or self.crowd.failed <= self.limit

    @property
    def cells(self) -> tuple[str, ...]:
        """A line of the table."""
        verdict = "" if self.limit is None else f"{'met' if self.met else 'MISSED'} (at most {self.limit})"
        crowd = self.crowd
        return self.name, str(crowd.failed), str(crowd.asked), f"{crowd.seconds:.2f}", verdict


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and with `--check` return 1 when a promise is missed."""
    options = _parser().parse_args(arguments)
    spec = dataclasses.replace(
        FleetSpec(),
        root=Path("/var/tmp/sitecrew-downtime"),
        network=options.network,
        users="downtime",
        opcache=options.opcache,
    )
    fleet = Fleet(spec)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores")
    try:
        fleet.up()
        with tempfile.TemporaryDirectory() as folder:
            rows = _Bench(fleet, Path(folder), options).rows()
    except LabError as error:
        print(f"the bench: {error}", file=sys.stderr)
        return 2
    finally:
        fleet.wipe()
    show(
        f"visitors, {options.rate:g} requests a second",
        [("", "failed", "of", "seconds shut", ""), *(row.cells for row in rows)],
    )
    return int(options.check and not all(row.met for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench downtime", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a promise is missed")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second (100)")
    parser.add_argument("--plugins", type=int, default=10)
    parser.add_argument("--delay", type=float, default=5.0, help="seconds before each download begins")
    parser.add_argument("--opcache", type=int, default=2, help="seconds that OPcache keeps old files (2)")
    parser.add_argument("--network", default="127.0.19", help="addresses of the lab's fleet")
    return parser


class _Bench:
    def __init__(self, fleet: Fleet, folder: Path, options: argparse.Namespace) -> None:
        self.fleet, self.folder, self.options = fleet, folder, options
        self.workspace = fleet.write_workspace(folder / "workspace")
        for name, text in PLAYBOOKS.items():
            write(self.workspace / f"playbooks/{name}.yaml", text)
        with (self.workspace / "sitecrew.yaml").open("a") as settings:
            settings.write(MAJOR)

    def rows(self) -> list[Row]:
        many = f"{self.options.plugins} plugins, {self.options.delay:g} s a download"
        plugins, core = LIMITS["plugins"], LIMITS["core"]
        self._pending()
        rows = [
            self._row(f"{many}: wp plugin update --all", BLOG, lambda: self._wp(BLOG, "plugin update --all"))
        ]
        self._pending()
        rows += [self._row(f"{many}: sitecrew run", BLOG, lambda: self._run("plugins", BLOG), limit=plugins)]
        self.fleet.catalogue.reset()
        self.fleet.reset(SHOP)
        rows += [self._row(f"{OLD} to {NEW}: wp core update", SHOP, lambda: self._core_by_hand(NEW))]
        rows += [self._row("  and back, by wp core update --force", SHOP, lambda: self._core_by_hand(OLD))]
        self.fleet.reset(SHOP)
        there = self._row(f"{OLD} to {NEW}: sitecrew run", SHOP, lambda: self._run("core", SHOP), limit=core)
        back = self._row("  and back, as it undoes it", SHOP, self._back, limit=core - there.crowd.failed)
        return [*rows, there, back]

    def _row(self, name: str, site: str, work: Callable[[], object], *, limit: int | None = None) -> Row:
        crowd = Crowd(self.fleet.sites[site].url, rate=self.options.rate)
        time.sleep(self.options.opcache + 1)  # or the old files that it keeps would be this update's failures
        with crowd.coming():
            work()
        return Row(name, crowd, limit)

    def _pending(self) -> None:
        prepare_batch(self.fleet, BLOG, {}, count=self.options.plugins)
        self.fleet.catalogue.switch(delay={"*": self.options.delay})
        self.fleet.wp(BLOG, "transient", "delete", "--all", "--network")

    def _wp(self, site: str, command: str) -> None:
        self._on_host(site, f"cd {self.fleet.sites[site].path} && wp {command}\n")

    def _core_by_hand(self, version: str) -> None:
        self._wp(SHOP, f"core update --version={version} --force && wp core update-db")
        self._expect(version)

    def _run(self, playbook: str, site: str) -> None:
        crew = [sys.executable, "-m", "runner", "run", playbook, "-l", site, "-w", str(self.workspace)]
        measured(crew, output=self.folder / playbook, env=environment(), cwd=self.folder)
        if playbook == "core":
            self._expect(NEW)

    def _back(self) -> None:
        """What the host does when the verdict is undo, without the verdict."""
        with Ledger.open(f"sqlite:///{self.workspace}/.sitecrew/ledger.db", read_only=True) as ledger:
            run = ledger.runs.find("last")
            points = ledger.runs.show(run).as_json()["sites"][0]["restore_points"]
        [tag] = {point["path"].partition("/")[0] for point in points}
        known, lab = self.fleet.sites[SHOP], self.fleet.hosts["web1"]
        site = Site(name=SHOP, client=known.client, host="web1", url=known.url, path=str(known.path))
        facts = SiteFacts(
            wordpress=NEW, php="", home=known.url, siteurl=known.url, root=f"{known.path}/", content=""
        )
        change = Change(
            step="core",
            item="core",
            kind=ItemKind.CORE,
            from_version=OLD,
            to_version=NEW,
            action=Action.CHANGE,
        )
        plan = SitePlan(site=SHOP, client=known.client, changes=(change,))
        host = Host(name="web1", address=lab.address)
        guard = core_guard(Context(site=site, host=host, plan=plan, mark="m", before=facts), tag)
        if guard is None:
            raise SystemExit("there is no way back")
        point = f'$(ls -d "$HOME"/.sitecrew/restore/*/{SHOP}/{tag})'
        where = f"point={point}\nexport SITECREW_RESTORE=${{point%/*}}\n"
        self._on_host(SHOP, where + guard.undo.text)
        self._expect(OLD)

    def _on_host(self, site: str, text: str) -> None:
        host = self.fleet.hosts[self.fleet.sites[site].host]
        write(self.folder / "known_hosts", host.known_hosts_line(host.address, host.port) + "\n")
        ssh = ["ssh", "-F", "/dev/null", "-i", str(self.fleet.identity_file), "-p", str(host.port)]
        ssh += ["-o", f"UserKnownHostsFile={self.folder}/known_hosts", "-o", "BatchMode=yes"]
        ssh += [f"{host.user}@{host.address}", "sh"]
        done = subprocess.run(ssh, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"on {host.address}, status {done.returncode}:\n{done.stdout}{done.stderr}")

    def _expect(self, version: str) -> None:
        """What nobody noticed because it did not happen would be no result."""
        found = self.fleet.wp(SHOP, "core", "version").strip()
        if found != version:
            raise SystemExit(f"WordPress is at {found}, not at {version}")


if __name__ == "__main__":
    sys.exit(main())
