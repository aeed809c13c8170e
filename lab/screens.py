"""Screens of `plan`, `show` and `doctor` without hosts, for pictures and snapshots.

`python -m lab.screens NAME...` prints them. What they show is recorded here as the lab's fleet produced it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lab.terminal import Row, Terminal
from runner.cli.main import _run
from runner.errors import ExitCode
from runner.inspect.check import Check
from runner.model import (
    Action,
    Change,
    ChangeOutcome,
    ItemKind,
    Outcome,
    Plan,
    SitePlan,
    StepOutcome,
    Trigger,
)
from runner.record import Ledger, LookView, NewRun, OrderedSite, OrderedStep
from runner.record.operators import Operator

__all__ = ["COMMANDS", "PICTURES", "SIZES", "screens"]

ROOT = Path(__file__).parents[1]

COMMANDS = {
    "plan": ("plan", "weekly"),
    "show-rolled-back": ("show",),
    "doctor": ("doctor",),
    "list-holds": ("list", "holds"),
}
"""The commands by the name of their screen."""
PICTURES = ("plan", "show-rolled-back", "doctor")
"""The screens that are drawn for the documentation."""
SIZES = ((80, 24), (120, 40))
"""Columns and rows."""
INVENTORY = """\
hosts:
  web1: {address: web1.acme.example, user: acme}
  web2: {address: web2.globex.example, user: globex}
clients:
  acme:
    name: Acme Bakery
    contacts: [{name: Petra Sauer, email: petra@acme.example}]
    sites:
      acme-shop: {url: "https://shop.acme.example", host: web1, path: /home/acme/shop}
      acme-blog: {url: "https://blog.acme.example", host: web1, path: /home/acme/blog}
  globex:
    name: Globex Instruments
    sites:
      globex-www: {url: "https://www.globex.example", host: web2, path: /home/globex/www}
      globex-docs: {url: "https://docs.globex.example", host: web2, path: /home/globex/docs, kind: static}
"""
RUN = "weekly-20261124-0100-4f1c"
START = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
STEPS = (
    "backup",
    "wordpress.plugins",
    "wordpress.core",
    "probe.http",
)
LOOKS = ((5, "before", 200), (13, "after", 500), (15, "undo", 200), (28, "after", 200))
"""Seconds after the start, the phase and the HTTP status."""
WHY = (
    "/checkout/: answers 500: a fatal error; PHP's error: Uncaught Error: Call to undefined function "
    "lantern_register_lightbox() in wp-content/plugins/lantern-gallery/lantern-gallery.php:31"
)
RETRY = "sitecrew unhold lantern-gallery -l acme-shop"
MAJOR = "major updates are held by the policy"
MISSING = "wp-config.php is missing; install WordPress there, or check `path`"
UNPROVEN = (
    "wordpress.org has an item of this name, but nothing shows that this one is from there: the update may "
    "replace it with other code (give it an `Update URI`, or name it in `update`)"
)


def screens(columns: int) -> dict[str, list[Row]]:
    """Return what each command prints on a terminal of that width, by the name of the screen."""
    argv = [sys.executable, "-m", "lab.screens", *COMMANDS]
    env = {"PYTHONPATH": str(ROOT), "NO_COLOR": None}
    with Terminal(argv, env=env, columns=columns, rows=24) as terminal:
        terminal.wait_for_exit()
        text, lines = terminal.text.split("\n"), terminal.lines
    starts = [number for number, line in enumerate(text) if line.startswith("$ ")]
    ends = [*starts[1:], len(text)]
    return {name: lines[start:end] for name, start, end in zip(COMMANDS, starts, ends, strict=True)}


def main(*names: str) -> None:
    """Print these screens after each other, in a workspace that is deleted again."""
    os.environ |= {"TZ": "UTC", "SITECREW_OPERATOR": "ada"}
    time.tzset()
    with tempfile.TemporaryDirectory(prefix="sitecrew-screens-") as folder:
        os.chdir(folder)
        Path("inventory.yaml").write_text(INVENTORY)
        with Ledger.open("sqlite:///.sitecrew/ledger.db", operator=Operator("ada", "ada", "care")) as ledger:
            record_run(ledger)
        with (
            patch("runner.inspect.plan.make_plan", lambda *_, **__: plan()),
            patch("runner.inspect.doctor.examine", lambda *_: checks()),
        ):
            for name in names:
                print(f"$ sitecrew {' '.join(COMMANDS[name])}", flush=True)
                _run(list(COMMANDS[name]))
        os.chdir("/")


def _change(item: str, before: str, to: str, **decided: Any) -> Change:
    kind = ItemKind.CORE if item == "core" else ItemKind.PLUGIN
    step = f"wordpress.{kind}" if item == "core" else "wordpress.plugins"
    return Change(
        **{"step": step, "item": item, "kind": kind, "action": Action.CHANGE} | decided,
        from_version=before,
        to_version=to,
    )


def plan() -> Plan:
    """Return a plan with security fixes, updates that are held for several reasons, and a problem."""
    fix = {"security": True, "why": "a security fix (1.8.3 fixes a known vulnerability), not held"}
    broke = f"held because 2.5.0 broke this site: {WHY} (to retry: {RETRY})"
    shop = (
        _change("akismet", "5.3", "5.7.2", why="a minor update, not held"),
        _change("harbour-forms", "1.8.2", "1.8.3", **fix),
        _change("lantern-gallery", "2.3.0", "2.5.0", action=Action.HOLD, why=broke),
        _change("orchard-seo", "3.0.4", "4.0.0", action=Action.HOLD, why=MAJOR),
        _change("core", "6.5.5", "6.5.6", **fix),
    )
    blog = (_change("harbour-forms", "1.8.2", "1.8.3", **fix), _change("core", "7.1.1", "7.1.2", **fix))
    unread = tuple(
        _change(item, "", "", action=Action.UNKNOWN, why=MISSING) for item in ("plugins", "themes", "core")
    )
    return Plan(
        playbook="weekly",
        sites=(
            SitePlan(site="acme-shop", client="acme", changes=shop),
            SitePlan(site="acme-blog", client="acme", changes=blog),
            SitePlan(site="globex-www", client="globex", changes=unread, problems=(MISSING,)),
            SitePlan(site="globex-docs", client="globex"),
        ),
    )


def checks() -> Iterator[Check]:
    """Yield results of doctor: good ones, warnings with and without a hint, and problems."""
    yield Check(about="controller", finding="the ledger can be written")
    yield Check(about="controller", finding="mail can be sent through smtp.northwind.example:587")
    yield Check(
        about="controller",
        finding="client globex has no contacts: its reports cannot be sent",
        hint="set clients.globex.contacts in inventory.yaml:13",
    )
    yield Check(about="web1", finding="connected as acme on Linux, 68.1 GB free")
    yield Check(
        about="web1",
        finding="other users of the host, such as the web server, can read /home/acme",
        hint="chmod 750 /home/acme, or 711 if the web server serves files in it",
    )
    yield Check(about="web1", finding="PHP 8.2.36 at /usr/bin/php")
    yield Check(about="acme-shop", finding=f"lantern-maps: {UNPROVEN}", holds=True)
    yield Check(about="acme-shop", finding="WordPress 6.5.6 on PHP 8.2.36, 4 updates available")
    yield Check(
        about="acme-shop",
        finding="its certificate expires in 9 days, on 2026-12-03",
        hint="renew it, and check its automatic renewal",
    )
    yield Check(
        about="web2",
        finding="web2.globex.example port 22 refused the connection",
        code=ExitCode.UNREACHABLE,
        hint="Check the port, and that sshd is running. Try: ssh globex@web2.globex.example",
    )
    yield Check(
        about="globex-www",
        finding="/: lacks the text 'Instruments you can trust'",
        code=ExitCode.FAILED,
        hint="open the page; correct `url`, `pages` or `expect`",
    )
    yield Check(about="globex-docs", finding="1 page as expected")


def record_run(ledger: Ledger) -> None:
    """Record a run with an update that broke a site and was rolled back, and a site that was not read."""
    sites = {"acme-shop": "web1", "acme-blog": "web1", "globex-www": "web2", "globex-docs": "web2"}
    run = NewRun(
        order_text="{}",
        run=RUN,
        playbook="weekly",
        title="Weekly updates",
        sites=tuple(
            OrderedSite(site, site.partition("-")[0], host, 0, number)
            for number, (site, host) in enumerate(sites.items())
        ),
        steps=tuple(OrderedStep(step, step, step) for step in STEPS),
        started=START,
        trigger=Trigger.MANUAL,
    )
    with patch("runner.record.acts.now", lambda: START):
        ledger.runs.create(run)
    for site in sites:
        ledger.sites.started(RUN, site, START)
    _record_shop(ledger)
    blog = _updated("harbour-forms", "1.8.2", "1.8.3"), _updated("core", "7.1.1", "7.1.2")
    _record(ledger, "acme-blog", [_ok(0, 4.6), _done(1, 4.7, blog[0]), _done(2, 9.9, blog[1]), _ok(3, 0.1)])
    of_static = [_skipped(number, "does not apply to a static site") for number in (1, 2)]
    _record(ledger, "globex-docs", [_ok(0, 0.2), *of_static, _ok(3, 0.2)])
    for site, outcome, why in (
        ("acme-shop", Outcome.UNDONE, f"wordpress.plugins: lantern-gallery: {WHY}"),
        ("acme-blog", Outcome.CHANGED, ""),
        ("globex-www", Outcome.FAILED, MISSING),
        ("globex-docs", Outcome.OK, ""),
    ):
        ledger.sites.finished(RUN, site, outcome, why, START + timedelta(seconds=29))
    ledger.runs.finished(RUN, Outcome.FAILED, START + timedelta(seconds=30))
    ledger.holds.add("acme-shop", "lantern-gallery", "2.5.0", why=WHY, since=START + timedelta(seconds=22))


def _record_shop(ledger: Ledger) -> None:
    """Record the site with the rollback: the update is bad, the check after the rollback is good."""
    plugins = (
        _updated("harbour-forms", "1.8.2", "1.8.3"),
        _updated("lantern-gallery", "2.3.0", "2.5.0", outcome=Outcome.UNDONE, why=WHY),
        _updated("orchard-seo", "3.0.4", "4.0.0", outcome=Outcome.HELD, why=MAJOR),
    )
    tried = StepOutcome(
        step=STEPS[1],
        outcome=Outcome.UNDONE,
        why=f"lantern-gallery: {WHY}",
        seconds=21,
        changes=plugins,
        trials=3,
        looks=6,
    )
    core = _done(2, 5.2, _updated("core", "6.5.5", "6.5.6"))
    _record(ledger, "acme-shop", [_ok(0, 1.6), tried, core, _ok(3, 0.1)])
    for seconds, phase, status in LOOKS:
        ledger.looks.record(
            LookView(
                run=RUN,
                site="acme-shop",
                at=START + timedelta(seconds=seconds),
                phase=phase,
                signal="page",
                url="https://shop.acme.example/checkout/",
                healthy=status == 200,  # noqa: PLR2004
                status=status,
                seconds=0.1,
                size=48_210,
            )
        )


def _record(ledger: Ledger, site: str, outcomes: list[StepOutcome]) -> None:
    at = START + timedelta(seconds=28)
    ledger.jobs.ended(RUN, site, 1, f"{site}-1", status="ok", outcomes=outcomes, at=at)


def _updated(item: str, before: str, to: str, **ended: Any) -> ChangeOutcome:
    kind = ItemKind.CORE if item == "core" else ItemKind.PLUGIN
    return ChangeOutcome(
        **{"outcome": Outcome.CHANGED} | ended, item=item, kind=kind, from_version=before, to_version=to
    )


def _ok(step: int, seconds: float | None = None) -> StepOutcome:
    return StepOutcome(step=STEPS[step], outcome=Outcome.OK, seconds=seconds)


def _skipped(step: int, why: str) -> StepOutcome:
    return StepOutcome(step=STEPS[step], outcome=Outcome.SKIPPED, why=why)


def _done(step: int, seconds: float, *changes: ChangeOutcome) -> StepOutcome:
    return StepOutcome(step=STEPS[step], outcome=Outcome.CHANGED, seconds=seconds, changes=changes)


if __name__ == "__main__":
    main(*sys.argv[1:])
