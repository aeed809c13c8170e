"""A crew at work on the lab's fleet: a workspace of its own, and the command line as a real process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.shell import until
from tests.warm import WarmProcess, can_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab import Fleet
    from runner.apply.session import Session
    from runner.apply.site import Ending

__all__ = [
    "NIGHTLY",
    "Crew",
    "Said",
    "again",
    "at_work",
    "check_settled",
    "ended",
    "sitecrew",
    "start_sitecrew",
    "work",
]

ROOT = Path(__file__).parent.parent
PATIENCE = 240.0

NIGHTLY = """\
name: Nightly
steps:
  - shell: {run: 'echo first >>"$HOME/marks"', changes: true}
  - backup: {include: [database, files], exclude: [wp-admin, wp-includes]}
  - shell: {run: 'echo second >>"$HOME/marks"', changes: true}
  - wordpress.plugins: {update: [harbour-forms]}
  - shell: {run: 'echo third >>"$HOME/marks"', changes: true}
  - probe.http: {expect: "</html>"}
  - shell: {run: 'echo fourth >>"$HOME/marks"', changes: true}
"""
"""Segments, a stream and a look; each shell step leaves a mark that can be counted."""


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Lines that were cut by a kill are left out."""
        return [json.loads(line) for line in self.out.splitlines() if line.endswith("}")]


class Crew:
    """A workspace and its command line. Several may work on one fleet."""

    def __init__(self, fleet: Fleet, folder: Path, *playbooks: str) -> None:
        self.fleet = fleet
        self.folder = fleet.write_workspace(folder)
        (folder / "playbooks/weekly.yaml").unlink()
        for text in playbooks or (NIGHTLY,):
            self.playbook(re.findall(r"^name: (\w+)", text)[0].lower(), text)

    def playbook(self, name: str, text: str) -> None:
        (self.folder / f"playbooks/{name}.yaml").write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that a file of the workspace holds."""
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def settings(self, text: str) -> None:
        """Add to sitecrew.yaml."""
        with (self.folder / "sitecrew.yaml").open("a") as file:
            file.write(text)

    def move_host(self, host: str, port: int, address: str = "127.0.0.1") -> None:
        """Reach a host by another door, such as a proxy's; its key is the same."""
        known = self.fleet.hosts[host]
        self.edit(
            "inventory.yaml",
            f"address: {known.address}\n    port: {known.port}",
            f"address: {address}\n    port: {port}",
        )
        with (self.folder / "known_hosts").open("a") as file:
            file.write(known.known_hosts_line(address, port) + "\n")

    def start(
        self, *arguments: str, module: str = "runner", env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """A command as a process, in a group of its own."""
        return start_sitecrew(*arguments, folder=self.folder, env=env, module=module)

    def say(
        self,
        *arguments: str,
        module: str = "runner",
        env: Mapping[str, str] | None = None,
        patience: float = PATIENCE,
    ) -> Said:
        """A command, to its end."""
        return ended(self.start(*arguments, module=module, env=env), patience)

    def show(self, run: str = "last") -> dict[str, Any]:
        """What the ledger says of a run, as `show --json`."""
        from runner.load import load_workspace
        from runner.record import Ledger

        with Ledger.open(load_workspace(self.folder).settings.ledger, read_only=True) as ledger:
            shown = ledger.runs.show(ledger.runs.find(run)).as_json()
        return json.loads(json.dumps(shown))

    def site(self, name: str, run: str = "last") -> dict[str, Any]:
        """One site of a run, as the ledger has it."""
        found: dict[str, Any] = next(one for one in self.show(run)["sites"] if one["site"] == name)
        return found


def start_sitecrew(
    *arguments: str,
    folder: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    module: str = "runner",
    umask: int = -1,
) -> subprocess.Popen[str]:
    """Start the command line in `folder`, in a process group of its own. A variable that is None is unset."""
    merged = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    variables = {name: value for name, value in merged.items() if value is not None}
    if can_fork(variables):
        return WarmProcess(module, *arguments, folder=folder, env=variables, umask=umask)
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        umask=umask,
    )


def sitecrew(
    *arguments: str,
    folder: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    umask: int = -1,
    patience: float = PATIENCE,
) -> Said:
    """Run the command line in `folder` to its end."""
    return ended(start_sitecrew(*arguments, folder=folder, env=env, umask=umask), patience)


def ended(process: subprocess.Popen[str], patience: float = PATIENCE) -> Said:
    """Wait for a process; one that hangs is killed and fails the test."""
    try:
        out, err = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"did not end within {patience:.0f} s\n{out[-3000:]}\n{err[-3000:]}") from None
    return Said(process.returncode, out, err)


def kill(process: subprocess.Popen[str]) -> None:
    """`kill -9`, and gone."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.communicate()


def read_until(process: subprocess.Popen[str], event: str, site: str | None = None) -> dict[str, Any]:
    """Read event lines up to this one."""
    assert process.stdout is not None
    for line in process.stdout:
        found: dict[str, Any] = json.loads(line)
        if found["event"] == event and site in {None, found.get("site")}:
            return found
    raise AssertionError(f"{event} never came: {process.stderr.read() if process.stderr else ''}")


def marks(fleet: Fleet, host: str) -> Counter[str]:
    """What shell steps wrote into the host's home."""
    path = fleet.spec.home(host) / "marks"
    return Counter(path.read_text().split()) if path.exists() else Counter()


def forget_marks(fleet: Fleet, host: str) -> None:
    (fleet.spec.home(host) / "marks").unlink(missing_ok=True)


def plugin_version(fleet: Fleet, site: str, slug: str) -> str:
    """As the plugin's own file says."""
    text = (fleet.sites[site].path / f"wp-content/plugins/{slug}/{slug}.php").read_text()
    return re.findall(r"^\s*\*?\s*Version:\s*(\S+)", text, re.MULTILINE)[0]


def check_settled(crew: Crew, site: str, said: Said) -> None:
    """The nightly run is over, and host, ledger and exit code say the same: everything once, nothing left."""
    fleet, found = crew.fleet, crew.fleet.sites[site]
    wordpress = found.kind == "wordpress"
    assert said.code == 0, said
    shown = crew.site(site)
    outcomes = {step["step"]: step["outcome"] for step in shown["steps"]}
    assert outcomes == {
        "shell": "changed",
        "backup": "ok",
        "shell-2": "changed",
        "wordpress.plugins": "changed" if wordpress else "skipped",
        "shell-3": "changed",
        "probe.http": "ok",
        "shell-4": "changed",
    }, said
    assert shown["outcome"] == crew.show()["outcome"] == "changed"
    assert marks(fleet, found.host) == Counter({"first": 1, "second": 1, "third": 1, "fourth": 1})
    if wordpress:
        [change] = shown["steps"][3]["changes"]
        assert (change["item"], change["from"], change["to"], change["outcome"]) == (
            "harbour-forms",
            "1.8.2",
            "1.8.3",
            "changed",
        )
        assert plugin_version(fleet, site, "harbour-forms") == "1.8.3"
        assert not (found.path / ".maintenance").exists()
    check_host_is_clean(fleet, found.host)
    assert not list(crew.folder.glob(f".sitecrew/backups/{site}/.*.part"))


def check_host_is_clean(fleet: Fleet, host: str) -> None:
    """Of jobs only their tombstones are left, and every lock is free."""
    room = fleet.spec.home(host) / ".sitecrew"
    for job in (room / "jobs").iterdir():
        until(lambda job=job: names(job) == {"id", "done"}, f"job {job.name} to be forgotten: {names(job)}")
    for lock in (room / "locks").rglob(".lock"):
        last = max(lock.glob("g.*"), key=lambda one: int(one.name[2:]))
        until(
            lambda last=last: not last.exists() or last.read_text().startswith("free"), f"{lock} to be free"
        )


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def check_nobody_is_left(fleet: Fleet, *hosts: str) -> None:
    """No process of the hosts' users; the warden of a job looks once a second whether it has ended."""
    for host in hosts:
        until(lambda host=host: not fleet.jobs(host), f"processes of {host} to end", seconds=15)


_OPENING = threading.Lock()
"""The library that migrates ledgers keeps its state in its module: one new ledger at a time in a process."""


@contextmanager
def at_work(crew: Crew) -> Iterator[Session]:
    """A session in this process, without the engine: for one site at a time."""
    from runner.apply.session import Session
    from runner.load import find_workspace, load_workspace

    with _OPENING:
        session = Session(load_workspace(find_workspace(crew.folder)))
    try:
        yield session
    finally:
        session.close()


def work(session: Session, playbook: str, site: str, **order: Any) -> Ending:
    """One site of a new run, from its first reading to its outcome."""
    from runner.apply.site import work_on
    from runner.workflows.orders import new_order
    from runner.workflows.run import begin

    workspace = session.workspace
    found = workspace.inventory.sites[site]
    ordered = new_order(workspace, workspace.playbooks[playbook], [[found]], now=session.now(), **order)
    begin(session, ordered, trigger="manual")
    return work_on(session, ordered, found, 1)


def again(session: Session, site: str, run: str = "last") -> Ending:
    """The next attempt of a run that was left."""
    from runner.apply.site import work_on
    from runner.load import thaw
    from runner.workflows.run import reopen

    run = session.ledger.runs.find(run)
    assert reopen(session, run) == (site,)
    attempt = session.ledger.runs.summary(run).attempt
    return work_on(
        session, thaw(session.ledger.runs.order_text(run)), session.workspace.inventory.sites[site], attempt
    )


@contextmanager
def upon(session: Session, event: str, act: Callable[[], object]) -> Iterator[None]:
    """Do something the first time that an event is told, before it is told."""
    tell, done = session.emit, []

    def emit(name: str, *arguments: Any, **data: Any) -> None:
        if name == event and not done:
            done.append(act())
        tell(name, *arguments, **data)

    session.emit = emit  # type: ignore[method-assign]
    yield
