"""Promise: what goes wrong in a ring does not reach the next one."""

from __future__ import annotations

import signal
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lab.gauntlet import CASES, SLUG, prepare
from runner.model import Outcome
from runner.workflows.orders import new_order
from runner.workflows.rings import wait_for_next_ring
from runner.workflows.run import begin
from tests.crew import Crew, at_work, ended, forget_marks, kill, marks, read_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet
    from runner.apply.session import Session
    from runner.model import Order

pytestmark = pytest.mark.fleet

SITES = ["acme-blog", "acme-shop", "globex-docs"]
"""One a ring, each on a host of its own."""
HOSTS = dict(zip(SITES, ["web2", "web1", "web3"], strict=True))
MARK = """\
name: Mark
steps:
  - shell: {run: 'echo done >>"$HOME/marks"', changes: true}
"""
UPDATE = f"""\
name: Update
steps:
  - wordpress.plugins: {{update: [{SLUG}]}}
"""


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    for host in HOSTS.values():
        forget_marks(fleet, host)
    yield Crew(fleet, tmp_path / "crew", MARK, UPDATE)
    for host in HOSTS.values():
        forget_marks(fleet, host)


def in_rings(crew: Crew, playbook: str, *sites: str) -> subprocess.Popen[str]:
    """A run, each site a ring."""
    limits = [word for site in sites for word in ("-l", site)]
    return crew.start("run", playbook, *limits, "--rings", ",".join(sites), "--json")


def outcomes(crew: Crew) -> dict[str, str]:
    return {site["site"]: site["outcome"] for site in crew.show()["sites"]}


def done(crew: Crew) -> list[str]:
    """The sites that the playbook was done on."""
    assert all(count == 1 for host in HOSTS.values() for count in marks(crew.fleet, host).values())
    return [site for site, host in HOSTS.items() if marks(crew.fleet, host)]


def told(events: list[dict[str, Any]], event: str) -> dict[str, Any]:
    [found] = [one for one in events if one["event"] == event]
    return found


def test_a_bad_update_stays_in_its_ring(crew: Crew) -> None:
    fatal = next(case for case in CASES if case.name == "fatal on load")
    prepare(crew.fleet, "acme-blog", fatal)
    said = ended(in_rings(crew, "update", "acme-blog", "acme-shop"))
    assert said.code == 5
    assert outcomes(crew) == {"acme-blog": "undone", "acme-shop": "skipped"}
    why = "not started: ring 1 failed (1 undone of 1 site; the limit is 10%)"
    assert crew.site("acme-shop")["why"] == why
    stopped = told(said.events, "ring.stopped")
    assert (stopped["ring"], stopped["sites"], stopped["why"]) == (2, ["acme-shop"], why)
    assert [e["site"] for e in said.events if e["event"] == "site.started"] == ["acme-blog"]


def test_rings_go_in_the_order_of_the_settings(crew: Crew) -> None:
    crew.settings("policy: {rings: {order: [globex-docs, acme-shop, all], failures: 0%}}\n")
    said = crew.say("run", "mark", "--exclude", "globex-www", "--json")
    started = [e for e in said.events if e["event"] == "ring.started"]
    assert said.code == 0
    assert [(e["ring"], e["of"], e["sites"]) for e in started] == [
        (1, 3, ["globex-docs"]),
        (2, 3, ["acme-shop"]),
        (3, 3, ["acme-blog"]),
    ]
    assert done(crew) == SITES


@pytest.mark.long
def test_as_many_may_fail_as_the_policy_says(crew: Crew) -> None:
    crew.settings("policy: {rings: {failures: 50%}}\n")
    crew.playbook("mark", MARK.replace("echo done", '[ "${PWD##*/}" != acme-shop ] && echo done'))
    said = crew.say("run", "mark", "-l", ",".join(SITES), "--rings", "client:acme,client:globex", "--json")
    assert (said.code, done(crew)) == (3, ["acme-blog", "globex-docs"]), said


@pytest.mark.long
def test_a_soak_goes_on_where_a_killed_run_left_it(crew: Crew) -> None:
    crew.settings("policy: {rings: {soak: 8s}}\n")
    run = in_rings(crew, "mark", "acme-blog", "acme-shop")
    soaking = read_until(run, "ring.soaking")
    kill(run)
    assert done(crew) == ["acme-blog"]
    crew.edit("sitecrew.yaml", "soak: 8s", "soak: 1h")
    said = crew.say("resume", "--json")
    assert said.code == 0
    assert told(said.events, "ring.soaking")["until"] == soaking["until"]
    began = told(said.events, "ring.started")
    assert (began["ring"], began["sites"]) == (2, ["acme-shop"])
    assert datetime.fromisoformat(began["at"]) >= datetime.fromisoformat(soaking["until"])
    assert done(crew) == ["acme-blog", "acme-shop"]


@pytest.mark.long
def test_ctrl_c_ends_a_soak_at_once_and_resume_goes_on_with_it(crew: Crew) -> None:
    crew.settings("policy: {rings: {soak: 1h}}\n")
    run = in_rings(crew, "mark", "acme-blog", "acme-shop")
    until = read_until(run, "ring.soaking")["until"]
    run.send_signal(signal.SIGINT)
    assert ended(run, patience=20).code == 130
    assert outcomes(crew) == {"acme-blog": "changed", "acme-shop": "cancelled"}
    resumed = crew.start("resume", "--json")
    assert read_until(resumed, "ring.soaking")["until"] == until
    resumed.send_signal(signal.SIGINT)
    assert ended(resumed, patience=20).code == 130
    assert done(crew) == ["acme-blog"]


def test_cancel_ends_a_soak_too(crew: Crew) -> None:
    crew.settings("policy: {rings: {soak: 1h}}\n")
    run = in_rings(crew, "mark", *SITES)
    read_until(run, "ring.soaking")
    assert crew.say("cancel").code == 0
    assert ended(run).code == 130
    assert done(crew) == SITES[:1]


def ended_with(session: Session, outcome: Outcome, **order: Any) -> Order:
    """A run whose first ring, one site, has ended; the second has not begun."""
    workspace, now = session.workspace, session.now()
    rings = [[workspace.inventory.sites[name]] for name in ("acme-blog", "acme-shop")]
    made = new_order(workspace, workspace.playbooks["mark"], rings, now=now, **order)
    begin(session, made, trigger="manual")
    session.ledger.sites.finished(made.run, "acme-blog", outcome, "", now)
    return made


def test_where_the_window_closes_before_a_soak_ends_the_rest_is_missed(crew: Crew) -> None:
    crew.settings("policy: {rings: {soak: 1h}}\n")
    with at_work(crew) as session:
        closes = session.now() + timedelta(minutes=20)
        stopped = wait_for_next_ring(session, ended_with(session, Outcome.CHANGED, closes=closes), 0)
    assert stopped is not None
    assert stopped.outcome is Outcome.MISSED
    assert stopped.why.startswith(f"the window closes at {closes:%Y-%m-%d %H:%M} UTC, ring 1 soaks until ")


def test_what_is_left_of_a_stopped_run_is_not_skipped_for_a_failure_but_left_to_resume(crew: Crew) -> None:
    with at_work(crew) as session:
        order = ended_with(session, Outcome.FAILED)
        assert wait_for_next_ring(session, order, 0) is not None
        session.drain(order.run)
        assert wait_for_next_ring(session, order, 0) is None


@pytest.mark.long
def test_a_site_that_breaks_while_its_ring_soaks_ends_the_run(crew: Crew) -> None:
    crew.settings("policy: {rings: {soak: 3s}}\n")
    page = crew.fleet.sites["globex-docs"].path / "index.html"
    run = in_rings(crew, "mark", "globex-docs", "acme-shop")
    read_until(run, "ring.soaking")
    page.rename(page.with_suffix(".gone"))
    try:
        assert ended(run).code == 3
    finally:
        page.with_suffix(".gone").rename(page)
    assert outcomes(crew) == {"globex-docs": "failed", "acme-shop": "skipped"}
    assert crew.site("globex-docs")["why"].startswith("unhealthy after the soak time of its ring: ")
    assert done(crew) == ["globex-docs"]
