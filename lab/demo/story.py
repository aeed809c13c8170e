"""One run of the demo, from the start of the fleet to the reports."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lab.demo.chapters import Chapter, chapter
from lab.demo.result import changes, deviations, summary
from lab.demo.screen import heading, say, waiting
from lab.demo.visitors import visiting
from lab.shell import write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.demo.result import Change, Visits
    from lab.demo.workspace import Workspace
    from lab.fleet import Fleet
    from lab.spec import FleetSpec

__all__ = ["Story", "forget_progress"]

ENDED_WELL = {0, 5}
"""Exit codes of `sitecrew run` that belong to the story: ok, and undone."""
NEXT = (
    ("sitecrew show last", "the result, site by site"),
    ("sitecrew plan weekly", "what is left, and why it is held"),
    ("sitecrew list runs", "every run so far"),
    ("scripts/demo", "the next chapter: what was published since"),
    ("scripts/demo down", "stop everything that the demo has started"),
    ("scripts/demo wipe", "stop it and remove its files"),
)


def progress_file(spec: FleetSpec) -> Path:
    """Which chapter comes next, and for which workspace."""
    return spec.root / "demo.json"


def forget_progress(spec: FleetSpec) -> None:
    """Let the demo start with its first chapter, on reset sites and with an empty ledger."""
    progress_file(spec).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the demo has come.

    Attributes:
        number: The current chapter, from 0.
        since: When it was started for the first time, in ISO 8601; empty before that.
    """

    number: int = 0
    since: str = ""


class Story:
    """A fleet, the workspace that it belongs to, and the chapters that have been shown."""

    def __init__(self, fleet: Fleet, workspace: Workspace) -> None:
        self.fleet = fleet
        self.workspace = workspace

    def show(self) -> int:
        """Start the fleet, run the window with visitors on all sites, send the reports.

        Returns:
            0 if all went as announced, 1 if not.
        """
        started = time.monotonic()
        self.workspace.require_demo(self.fleet.spec.network)
        self._start_fleet()
        progress = self._progress()
        current = chapter(progress.number)
        self._publish(current, progress)
        self._announce(current, time.monotonic() - started)
        with visiting(self.fleet.sites.values()) as counter:
            code = self._run()
        if code not in ENDED_WELL:
            say(f"\nsitecrew ended with exit code {code}: the demo stops here")
            return 1
        with waiting() as note:
            note("read the result")
            done = tuple(changes(self._runs()))
        heading("What happened")
        for line in summary(done, counter.visits, len(self.fleet.sites)):
            say(line)
        self._send_reports()
        return self._conclude(current, done, counter.visits, time.monotonic() - started)

    def _start_fleet(self) -> None:
        say("The demo starts 3 hosts with 3 WordPress sites and a static site on this machine.")
        with waiting() as note:
            self.fleet.up(note)
            if self._is_new():
                note("reset the sites")
                self.workspace.forget()
                self.fleet.reset()
                self.fleet.mailbox.clear()
                self._keep(Progress())
            self.workspace.write_keys(self.fleet)

    def _is_new(self) -> bool:
        """Whether fleet and ledger do not belong together: then the demo starts with its first chapter."""
        if not self._state.exists() or not (self.workspace.state / "demo").is_dir():
            return True
        return bool(json.loads(self._state.read_text())["workspace"] != str(self.workspace.folder))

    @property
    def _state(self) -> Path:
        return progress_file(self.fleet.spec)

    def _progress(self) -> Progress:
        kept = json.loads(self._state.read_text())
        return Progress(kept["number"], kept["since"])

    def _keep(self, progress: Progress) -> None:
        kept = {"workspace": str(self.workspace.folder), "number": progress.number, "since": progress.since}
        write(self._state, json.dumps(kept))

    def _publish(self, current: Chapter, progress: Progress) -> None:
        for release in current.releases:
            self.fleet.catalogue.release(release.slug, release.version, more=release.more)
        if not progress.since:
            self._keep(Progress(progress.number, datetime.now(UTC).isoformat()))

    def _announce(self, current: Chapter, seconds: float) -> None:
        say(f"Ready after {seconds:.0f} s.\n")
        for site in self.fleet.sites.values():
            say(f"  {site.name:<13}{site.url}")
        heading("What will happen")
        for line in current.news:
            say(f"  - {line}")
        say("  - Visitors request the front pages of all sites during the run.")

    def _run(self) -> int:
        """Run the window, or resume the run that was interrupted."""
        with waiting() as note:
            note("look for a run that was interrupted")
            runs = self.workspace.read("list", "runs")
        command = ("run", "weekly")
        if runs and runs[0]["state"] != "ended":
            command = ("resume", runs[0]["run"])
        heading(f"$ sitecrew {' '.join(command)}")
        return self.workspace.run(*command)

    def _runs(self) -> list[dict[str, Any]]:
        """The runs of this chapter, the oldest first: more than one if it was interrupted."""
        since = datetime.fromisoformat(self._progress().since)
        listed = self.workspace.read("list", "runs")
        named = [one["run"] for one in listed if datetime.fromisoformat(one["started"]) >= since]
        return [self.workspace.read("show", name) for name in reversed(named)]

    def _send_reports(self) -> None:
        period = f"{datetime.now(UTC):%Y-%m}"
        for client in self.fleet.spec.clients:
            with waiting() as note:
                note(f"send the report to {client.email}")
                self.workspace.read("report", client.id, "--period", period, "--send", "--again")
            say(f"  {'report':<13}reports/out/{client.id}-{period}.html, mailed to {client.email}")
        mailbox = self.fleet.mailbox
        say(f"  {'mailbox':<13}{mailbox.letters_folder} ({len(mailbox.letters())} messages)")

    def _conclude(self, current: Chapter, done: Sequence[Change], visits: Visits, seconds: float) -> int:
        differing = deviations(current, done, visits)
        for line in differing:
            say(f"  not as announced: {line}")
        if not differing:
            self._keep(Progress(self._progress().number + 1))
        heading("Next")
        for command, purpose in NEXT:
            typed = f".venv/bin/{command}" if command.startswith("sitecrew") else command
            say(f"  {typed:<33}{purpose}")
        say(f"\n{seconds:.0f} s in all")
        return 1 if differing else 0
