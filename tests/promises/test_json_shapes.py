"""Promise: other people's scripts can rely on what `--json` prints and on the exit codes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from runner.model import Phase
from tests.crew import NIGHTLY, Crew, forget_marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Fleet
    from tests.crew import Said

pytestmark = pytest.mark.fleet

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
OUTCOMES = set("ok changed skipped held undone failed unreachable lost missed cancelled".split())  # noqa: SIM905
SITES = ("acme-blog", "globex-docs")
FAILING = "name: Failing\nsteps:\n  - shell: {run: 'exit 7'}\n  - shell: {run: 'true'}\n"


def instant(value: str) -> bool:
    return bool(INSTANT.fullmatch(value))


def outcome(value: str) -> bool:
    return value in OUTCOMES


def action(value: str) -> bool:
    return value in {"change", "hold", "skip", "unknown"}


def phase(value: str) -> bool:
    return value in set(Phase)


def maybe(shape: Any) -> Any:
    return lambda value: value is None or fits(value, shape)


def fits(value: Any, shape: Any, path: str = "$") -> bool:
    """A dict has these keys (others may stand beside them), a list only such entries, and so on."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), f"{path} is {value!r}"
        for key, inner in shape.items():
            assert key in value, f"{path} lacks {key}: {sorted(value)}"
            fits(value[key], inner, f"{path}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), f"{path} is {value!r}"
        for number, entry in enumerate(value):
            fits(entry, shape[0], f"{path}[{number}]")
    elif isinstance(shape, type | tuple):
        assert isinstance(value, shape), f"{path} is {value!r}, not {shape}"
    else:
        assert shape(value), f"{path} is {value!r}"
    return True


NUMBER = (int, float)
PLAN = {
    "playbook": str,
    "sites": [
        {
            "site": str,
            "client": str,
            "problems": [str],
            "changes": [{"step": str, "item": str, "from": str, "to": str, "action": action, "why": str}],
        }
    ],
}
SHOWN = {
    "run": str,
    "playbook": str,
    "started": instant,
    "finished": maybe(instant),
    "outcome": maybe(outcome),
    "sites": [
        {
            "site": str,
            "client": str,
            "outcome": maybe(outcome),
            "steps": [
                {
                    "step": str,
                    "outcome": maybe(outcome),
                    "seconds": maybe(NUMBER),
                    "why": str,
                    "changes": [{"item": str, "from": str, "to": str, "outcome": outcome, "why": str}],
                }
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def crew(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    fleet.reset(*SITES)
    for host in ("web2", "web3"):
        forget_marks(fleet, host)
    yield Crew(fleet, tmp_path_factory.mktemp("shapes"), NIGHTLY, FAILING)
    fleet.reset(*SITES)


@pytest.fixture(scope="module")
def plan(crew: Crew) -> Said:
    return crew.say("plan", "nightly", "-l", ",".join(SITES), "--detailed-exitcode", "--json")


@pytest.fixture(scope="module")
def ran(crew: Crew, plan: Said) -> Said:
    assert plan
    return crew.say("run", "nightly", "-l", ",".join(SITES), "--json")


def test_validate(crew: Crew) -> None:
    said = crew.say("validate", "--json")
    assert (said.code, said.json) == (0, {"ok": True, "errors": []})
    crew.playbook(
        "broken", "name: Broken\nsteps:\n  - shel: {run: x}\n  - shell: {run: x}\n    timeout: 10 minutes\n"
    )
    try:
        said = crew.say("validate", "--json")
    finally:
        (crew.folder / "playbooks/broken.yaml").unlink()
    assert said.code == 2
    shape = {"file": str, "line": int, "column": int, "path": str, "message": str, "hint": str}
    assert fits(said.json, {"ok": bool, "errors": [shape]})
    assert said.json["ok"] is False
    assert [error["line"] for error in said.json["errors"]] == [3, 5]


def test_plan(plan: Said) -> None:
    assert plan.code == 20
    assert fits(plan.json, PLAN)
    assert [site["site"] for site in plan.json["sites"]] == list(SITES)
    [change] = [change for change in plan.json["sites"][0]["changes"] if change["action"] == "change"]
    assert (change["step"], change["item"], change["from"], change["to"]) == (
        "wordpress.plugins",
        "harbour-forms",
        "1.8.2",
        "1.8.3",
    )


def test_plan_changes_nothing_and_exits_with_0_unless_asked(crew: Crew, ran: Said) -> None:
    said = crew.say("plan", "nightly", "-l", "acme-blog", "--detailed-exitcode", "--json")
    assert ran.code == said.code == 0
    assert not [change for change in said.json["sites"][0]["changes"] if change["action"] == "change"]


def test_check_is_a_plan(crew: Crew, ran: Said) -> None:
    assert ran
    said = crew.say("run", "nightly", "--check", "-l", "acme-blog", "--json")
    assert said.code == 0
    assert fits(said.json, PLAN)
    assert len(crew.say("list", "runs", "--playbook", "nightly", "--json").json) == 1


def test_run(ran: Said) -> None:
    assert ran.code == 0
    assert [*map(str, ran.out.splitlines())] != []
    for event in ran.events:
        assert fits(event, {"event": str, "at": instant, "run": str})
        for key in ("site", "step"):
            assert isinstance(event.get(key, ""), str)
    assert len(ran.events) == len(ran.out.splitlines())
    first, last = ran.events[0], ran.events[-1]
    assert first["event"] == "run.started"
    assert last["event"] == "run.finished"
    assert last["outcome"] == "changed"
    assert last["sites"] == dict.fromkeys(SITES, "changed")
    finished = [event for event in ran.events if event["event"] == "step.finished"]
    assert all(event["outcome"] in OUTCOMES for event in finished)
    assert {event["site"] for event in finished} == set(SITES)
    assert ran.err == ""


def test_progress_of_a_run(ran: Said) -> None:
    started = [event for event in ran.events if event["event"] == "step.started"]
    numbers = [(event["number"], event["of"]) for event in started if event["site"] == "acme-blog"]
    assert numbers == [(number, 7) for number in range(1, 8)]
    progress = [event for event in ran.events if event["event"] == "step.progress"]
    for event in progress:
        assert fits(event, {"site": str, "step": str, "number": int, "of": int, "phase": phase})
        for key in ("bytes", "bytes_total", "rate", "seconds_left"):
            assert isinstance(event.get(key, 0), int)
    mine = [(event["step"], event["phase"]) for event in progress if event["site"] == "acme-blog"]
    plugins = ["checking", "saving", "fetching", "applying", "verifying"]
    assert list(dict.fromkeys(mine)) == [
        ("backup", "backing up"),
        ("backup", "verifying"),
        *(("wordpress.plugins", one) for one in plugins),
        ("probe.http", "checking"),
    ]


def test_show(crew: Crew, ran: Said) -> None:
    for name in ("last", ran.events[0]["run"], ran.events[0]["run"][:20]):
        said = crew.say("show", name, "--json")
        assert said.code == 0
        assert fits(said.json, SHOWN)
        assert said.json["run"] == ran.events[0]["run"]
    [blog, docs] = said.json["sites"]
    order = "shell backup shell-2 wordpress.plugins shell-3 probe.http shell-4".split()  # noqa: SIM905
    assert [step["step"] for step in blog["steps"]] == order
    assert [step["step"] for step in docs["steps"]] == order
    assert blog["steps"][3]["changes"][0]["to"] == "1.8.3"
    assert docs["steps"][3]["outcome"] == "skipped"
    assert blog["looks"]


def test_lists(crew: Crew, ran: Said) -> None:
    runs = crew.say("list", "runs", "--json").json
    assert fits(runs, [{"run": str, "playbook": str, "started": instant, "outcome": maybe(outcome)}])
    assert ran.events[0]["run"] in {run["run"] for run in runs}
    sites = crew.say("list", "sites", "--json").json
    assert fits(sites, [{"site": str, "client": str, "kind": str, "url": str, "host": str}])
    assert {site["site"] for site in sites} == set(crew.fleet.sites)
    assert fits(
        crew.say("list", "playbooks", "--json").json, [{"playbook": str, "name": str, "steps": [str]}]
    )
    assert fits(crew.say("list", "steps", "--json").json, [{"step": str, "summary": str}])


def test_schedule_next(crew: Crew) -> None:
    said = crew.say("schedule", "next", "--from", "2026-11-24T00:00:00Z", "--count", "5", "--json")
    assert said.code == 0
    assert len(said.json) == 5
    assert fits(
        said.json,
        [
            {
                "window": str,
                "client": str,
                "starts": instant,
                "starts_local": str,
                "closes": instant,
                "paused": maybe({"until": str, "why": str}),
            }
        ],
    )
    starts = [one["starts"] for one in said.json]
    assert starts == sorted(starts)
    assert (said.json[0]["client"], starts[0][:16]) == ("acme", "2026-11-24T01:00")
    assert said.json[0]["starts_local"].startswith("2026-11-24T02:00")


def test_backup_list(crew: Crew, ran: Said) -> None:
    assert ran
    said = crew.say("backup", "list", "acme-blog", "--json")
    assert said.code == 0
    assert fits(
        said.json,
        [{"snapshot": str, "site": str, "taken": instant, "bytes": int, "verified": maybe(instant)}],
    )
    assert len(said.json) == 1


def test_report(crew: Crew, ran: Said) -> None:
    assert ran
    said = crew.say("report", "acme", "--period", f"{datetime.now(UTC):%Y-%m}", "--json")
    assert said.code == 0, said
    status = {"good", "attention", "action"}.__contains__
    assert fits(
        said.json, {"client": (str, dict), "period": (str, dict), "status": status, "done": (list, dict)}
    )


def test_a_failed_site_exits_with_3_and_names_the_step(crew: Crew) -> None:
    said = crew.say("run", "failing", "-l", "globex-docs", "--json")
    assert said.code == 3
    assert said.events[-1]["outcome"] == "failed"
    steps = crew.site("globex-docs")["steps"]
    assert [(step["outcome"], step["why"]) for step in steps] == [
        ("failed", "exit status 7"),
        ("skipped", "not started: an earlier step failed"),
    ]


def test_a_person_gets_lines_on_stderr_and_nothing_on_stdout(crew: Crew) -> None:
    said = crew.say("run", "failing", "-l", "globex-docs")
    assert said.code == 3
    assert said.out == ""
    assert "\x1b" not in said.err
    assert "exit status 7" in said.err
    assert re.search(r"for details: sitecrew show failing-\S+", said.err)
    quiet = crew.say("run", "failing", "-l", "globex-docs", "-q")
    assert (quiet.out, len(quiet.err.splitlines())) == ("", 3)
    assert quiet.err.startswith("globex-docs: failed (")


def test_logs_and_failed_sites(crew: Crew) -> None:
    crew.playbook(
        "talking", "name: Talking\nsteps:\n  - shell: {run: 'printf \"hi \\033[31mred\\a\"; exit 1'}\n"
    )
    assert crew.say("run", "talking", "-l", "globex-docs", "--json").code == 3
    said = crew.say("logs", "last", "globex-docs")
    assert said.code == 0
    assert "hi red" in said.out
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", said.out)
    assert [one["site"] for one in crew.say("list", "sites", "--json").json] != ["globex-docs"]
    again = crew.say("run", "talking", "-l", "@failed", "--json")
    assert set(again.events[-1]["sites"]) == {"globex-docs"}


def test_lists_of_the_inventory(crew: Crew) -> None:
    contact = {"name": str, "email": str}
    clients = crew.say("list", "clients", "--json").json
    assert fits(
        clients,
        [
            {
                "client": str,
                "name": str,
                "sites": [str],
                "timezone": str,
                "language": str,
                "contacts": [contact],
            }
        ],
    )
    assert {site for client in clients for site in client["sites"]} == set(crew.fleet.sites)
    host = {"host": str, "group": str, "user": str, "address": str, "port": int, "gateway": maybe(str)}
    hosts = crew.say("list", "hosts", "--json").json
    assert fits(hosts, [{**host, "become": maybe(str), "sites": [str], "clients": [str]}])
    assert {host["host"] for host in hosts} == set(crew.fleet.hosts)
    window = {
        "window": str,
        "playbook": str,
        "days": [str],
        "at": str,
        "seconds": int,
        "timezone": maybe(str),
    }
    opening = {"window": str, "client": str, "starts": instant, "starts_local": str, "closes": instant}
    windows = crew.say("list", "windows", "--json").json
    assert fits(
        windows, [{**window, "sites": [str], "clients": [str], "rings": [str], "next": maybe(opening)}]
    )
    assert windows


def test_holds(crew: Crew) -> None:
    made = crew.say("hold", "copper-crumbs", "-l", "acme-blog", "--why", "Sale", "--json")
    shape = {"item": str, "version": str, "until": maybe(str), "why": str, "sites": [str], "replaced": [str]}
    assert fits(made.json, shape)
    assert made.err == ""
    held = crew.say("list", "holds", "--json").json
    one = {"selector": str, "sites": [str], "item": str, "version": str, "until": maybe(str), "set_by": str}
    assert fits(held, [{**one, "why": str, "since": maybe(instant)}])
    assert [hold["item"] for hold in held] == ["copper-crumbs"]
    lifted = crew.say("unhold", "copper-crumbs", "-l", "acme-blog", "--json").json
    removed = {"site": str, "version": str, "why": str, "operator": maybe(str), "until": maybe(str)}
    still = {"place": str, "sites": [str]}
    assert fits(lifted, {"item": str, "removed": [{**removed, "since": instant}], "still_held": [still]})
    assert [one["site"] for one in lifted["removed"]] == ["acme-blog"]


def test_list_reports(crew: Crew) -> None:
    said = crew.say("list", "reports", "--period", "2026-10", "--json")
    report = {
        "client": str,
        "period": str,
        "created": maybe(instant),
        "final": maybe(bool),
        "status": maybe(str),
    }
    assert fits(said.json, [report])
    assert {one["client"] for one in said.json} == {"acme", "globex"}


def test_exec(crew: Crew) -> None:
    said = crew.say("exec", "-l", "globex-docs", "--json", "--", "echo hello")
    assert said.code == 0, said
    [finished] = [event for event in said.events if event["event"] == "step.finished"]
    assert fits(finished, {"site": str, "outcome": outcome, "seconds": NUMBER, "status": int, "output": str})
    assert (finished["status"], finished["output"].strip()) == (0, "hello")
    assert fits(said.events[-1], {"event": str, "run": str, "outcome": outcome, "sites": dict})


def test_facts(crew: Crew) -> None:
    found = crew.say("facts", "acme-blog", "--json").json
    item = {"kind": str, "item": str, "title": str, "version": str, "active": bool, "why": str}
    hold = {"item": str, "version": str, "why": str, "since": instant}
    site = {"site": str, "client": str, "kind": str, "url": str, "path": str, "host": dict, "wordpress": dict}
    update = {"update": maybe(str), "action": maybe(action)}
    assert fits(found, {**site, "items": [item | update], "holds": [hold], "problems": [str], "notes": [str]})
    assert "composer" not in {one["item"] for one in found["items"]}
    assert "Composer" not in str(found["notes"] + found["problems"])


def test_discover(crew: Crew) -> None:
    said = crew.say("discover", "web2", "--json")
    text = maybe(str)
    site = {
        "kind": str,
        "url": text,
        "path": str,
        "version": text,
        "multisite": bool,
        "note": text,
        "site": text,
    }
    assert fits(said.json, {"host": str, "complete": bool, "limits": [str], "sites": [site]})
    assert "acme-blog" in {one["site"] for one in said.json["sites"]}
