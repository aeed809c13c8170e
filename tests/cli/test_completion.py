"""Shell completion: what is offered, how fast, and in real shells."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from lab.terminal import TAB, Terminal
from runner.cli.completion.answer import completions
from runner.cli.completion.calendar import periods
from runner.cli.docpages import pages
from runner.record import HoldByHand, Ledger
from tests.cli.open_runs import start_run
from tests.cli.workspaces import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TAGGED = """\
name: Tagged
steps:
  - shell: {run: 'true'}
    id: first
    tags: [quick, safe]
  - shell: {run: 'true'}
    name: second
    tags: safe
"""


@pytest.fixture
def tagged(workspace: Path) -> Path:
    """The workspace with a playbook that has tags and names of steps."""
    (workspace / "playbooks/tagged.yaml").write_text(TAGGED)
    return workspace


def offered(line: str) -> list[str]:
    return list(completions(line)[1])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("sitecrew val", ["validate"]),
        ("sitecrew list pl", ["playbooks"]),
        ("sitecrew plan ", ["patch", "weekly", "nightly", "tagged"]),
        ("sitecrew plan ni", ["nightly"]),
        ("sitecrew plan nightly --detailed", ["--detailed-exitcode"]),
        ("sitecrew plan nightly -l acme-s", ["acme-shop"]),
        ("sitecrew plan nightly -l tag:", ["tag:quiet"]),
        ("sitecrew plan nightly -l client:", ["client:acme"]),
        ("sitecrew plan nightly -l host:", ["host:web1"]),
        ("sitecrew plan nightly -l kind:", ["kind:wordpress", "kind:static"]),
        ("sitecrew plan nightly -l acme-shop,tag:", ["acme-shop,tag:quiet"]),
        ("sitecrew plan nightly -l '!acme-d", ["!acme-docs"]),
        ("sitecrew plan nightly --limit=tag:q", ["--limit=tag:quiet"]),
        ("sitecrew plan nightly --exclude cl", ["client:"]),
        ("sitecrew run tagged -t ", ["quick", "safe"]),
        ("sitecrew run tagged -t q", ["quick"]),
        ("sitecrew run nightly -t ", []),
        ("sitecrew run -t s", ["safe"]),
        ("sitecrew plan tagged --start-at ", ["first", "second"]),
        ("sitecrew trust ", ["web1"]),
        ("sitecrew trust web1 w", ["web1"]),
        ("sitecrew host clean ", ["web1"]),
        ("sitecrew report ", ["acme"]),
        ("sitecrew backup list acme-", ["acme-shop", "acme-docs"]),
        ("sitecrew completion ", ["bash", "zsh", "fish"]),
        ("sitecrew nonsense ", []),
        ("sitecrew show ", []),
        ("SITECREW_OPERATOR=ann /opt/bin/sitecrew report a", ["acme"]),
    ],
)
@pytest.mark.usefixtures("tagged")
def test_names_of_the_workspace_are_offered(line: str, found: list[str]) -> None:
    assert offered(line) == found


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("sitecrew -w ", "folders"),
        ("sitecrew plan nightly --out ", "files"),
        ("sitecrew plan nightly -l client", "unfinished"),
        ("sitecrew plan nightly -l acme", "words"),
    ],
)
@pytest.mark.usefixtures("workspace")
def test_files_and_prefixes_are_marked(line: str, kind: str) -> None:
    assert completions(line)[0] == kind


def test_several_inventory_files_are_read(workspace: Path) -> None:
    (workspace / "inventory").mkdir()
    (workspace / "inventory/globex.yaml").write_text(
        "clients:\n  globex:\n    name: Globex\n    sites:\n      globex-docs: {url: 'https://g.example'}\n"
    )
    assert offered("sitecrew plan nightly -l site") == []
    assert offered("sitecrew facts ") == ["acme-shop", "acme-docs", "globex-docs"]
    (workspace / "inventory.yaml").unlink()
    assert offered("sitecrew report ") == ["globex"]


def test_named_workspace_is_used(workspace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("/")
    assert offered("sitecrew report ") == []
    assert offered(f"sitecrew -w {workspace} report ") == ["acme"]
    assert offered(f"sitecrew report --workspace={workspace} ") == ["acme"]
    monkeypatch.setenv("SITECREW_WORKSPACE", str(workspace))
    assert offered("sitecrew report ") == ["acme"]


def test_runs_and_held_items_come_from_the_ledger(workspace: Path, ledger: Ledger) -> None:
    for run in ("nightly-20261128-0100-aaaa", "nightly-20261129-0100-bbbb"):
        start_run(ledger, run)
    now = datetime(2026, 11, 28, tzinfo=UTC)
    ledger.holds.add("acme-shop", "harbour-forms", "5.8", why="it broke the site", evidence={}, since=now)
    assert offered("sitecrew show nightly-20261129") == ["nightly-20261129-0100-bbbb"]
    assert sorted(offered("sitecrew undo ")) == ["nightly-20261128-0100-aaaa", "nightly-20261129-0100-bbbb"]
    assert completions("sitecrew unhold ")[1] == {"harbour-forms": "acme-shop 5.8"}


def test_ledger_in_postgresql_offers_no_names_of_an_earlier_file(workspace: Path, ledger: Ledger) -> None:
    start_run(ledger, "nightly-20261128-0100-aaaa")
    assert offered("sitecrew show nightly-2026") == ["nightly-20261128-0100-aaaa"]
    for setting in ("postgresql://u@127.0.0.1:9/x", "{url: 'postgresql://u@127.0.0.1:9/x'}"):
        (workspace / "sitecrew.yaml").write_text(f"ledger: {setting}\n")
        assert offered("sitecrew show nightly-2026") == []


def test_held_items_of_other_sites_and_past_days_are_not_offered(workspace: Path, ledger: Ledger) -> None:
    assert workspace
    ledger.holds.add("acme-shop", "forms", "5.8", why="it broke the site")
    ledger.holds.add("acme-docs", "slider", "4.2", why="it broke the site")
    past = HoldByHand(item="gallery", until=date(2020, 1, 31))
    ledger.holds.set_by_hand({"acme-shop": "acme"}, past)
    assert offered("sitecrew unhold ") == ["forms", "slider"]
    assert offered("sitecrew unhold -l acme-docs ") == ["slider"]
    assert offered("sitecrew unhold -l client:acme ") == ["forms", "slider"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["2027-01", "2026-12", "2026-11"]),
        ("2027-Q", ["2027-Q1", "2026-Q4", "2026-Q3"]),
        ("2027-W", ["2026-W53", "2026-W52", "2026-W51"]),
    ],
)
def test_latest_periods_come_first(typed: str, found: list[str]) -> None:
    assert list(periods(typed, datetime(2027, 1, 2, 12, tzinfo=UTC).timestamp()))[:3] == found


@pytest.mark.usefixtures("workspace")
def test_periods_and_pages_are_offered() -> None:
    this_month = f"{datetime.now(UTC).astimezone():%Y-%m}"
    for line in ("report acme", "open acme", "list reports"):
        assert offered(f"sitecrew {line} --period {this_month}") == [this_month]
    assert offered("sitecrew docs pre") == ["prepare-a-host"]
    assert offered("sitecrew docs steps/files.s") == ["steps/files.sync"]
    known = {page.name for page in pages()}
    assert set(offered("sitecrew docs ")) <= known
    assert len(known) - len(offered("sitecrew docs ")) <= 1, "only the index of the steps is left out"


def test_cache_follows_the_files(workspace: Path) -> None:
    (workspace / ".sitecrew").mkdir(exist_ok=True)
    assert offered("sitecrew report ") == ["acme"]
    kept = json.loads((workspace / ".sitecrew/completion.json").read_text())
    assert list(kept["names"]["site"]) == ["acme-shop", "acme-docs"]
    inventory = workspace / "inventory.yaml"
    inventory.write_text(inventory.read_text().replace("  acme:", "  initech:"))
    assert offered("sitecrew report ") == ["initech"]
    (workspace / ".sitecrew/completion.json").write_text("[broken")
    assert offered("sitecrew report ") == ["initech"]


def ask(folder: Path, line: str, shell: str = "fish", **env: str) -> subprocess.CompletedProcess[str]:
    """Ask for completions as the script of a shell does."""
    return subprocess.run(
        [sys.executable, "-m", "runner"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "_SITECREW_COMPLETE": shell,
            "_SITECREW_LINE": line,
            **env,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("text", ["clients: [\n", "\x00\x01", "- a\n", "clients: 7\nhosts: [web1]\n", ""])
def test_broken_file_offers_and_prints_nothing(workspace: Path, text: str) -> None:
    (workspace / "inventory.yaml").write_text(text)
    (workspace / "playbooks/nightly.yaml").write_text(text)
    (workspace / ".sitecrew").mkdir()
    (workspace / ".sitecrew/ledger.db").write_text("no database")
    for words in ("facts ", "report ", "show ", "plan nightly -t ", "trust "):
        done = ask(workspace, f"sitecrew {words}")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout in {"", "words\n", "unfinished\n"}


def test_names_that_need_quotes_are_not_offered(workspace: Path) -> None:
    for name in ("two words", "$(reboot)", "esc\x1b[2J", "it's"):
        (workspace / f"playbooks/{name}.yaml").write_text(TAGGED)
    assert ask(workspace, "sitecrew run ").stdout.split("\n")[1:-1] == [
        "patch\tPatch the servers",
        "weekly\tWeekly patch window",
        "nightly\tNightly",
    ]


def test_bash_gets_what_follows_a_colon(tagged: Path) -> None:
    line = "sitecrew plan nightly -l tag:q"
    assert ask(tagged, line, "bash", _SITECREW_BREAKS=" \t\n\"'><=;|&(:").stdout == "words\nquiet\n"
    assert ask(tagged, line, "bash", _SITECREW_BREAKS=" \t\n\"'><=;|&(").stdout == "words\ntag:quiet\n"


def test_answer_takes_under_100_ms_of_cpu(workspace: Path) -> None:
    clients = "".join(
        f"  c{n}:\n    name: Client {n}\n    sites:\n"
        f"      site-{n}: {{url: 'https://{n}.example', host: web1, path: /srv/{n}, tags: [ring-{n % 5}]}}\n"
        for n in range(300)
    )
    (workspace / "inventory.yaml").write_text(f"hosts:\n  web1: {{address: 127.0.0.1}}\nclients:\n{clients}")
    (workspace / ".sitecrew").mkdir()

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert ask(workspace, "sitecrew plan nightly -l site-299").stdout.startswith("words\nsite-299")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    seconds()  # fills the caches
    assert min(seconds() for _ in range(5)) < 0.1


def test_answer_imports_nothing_slow(workspace: Path) -> None:
    program = (
        "import sys; from runner.__main__ import main\ntry: main()\nexcept SystemExit: pass\n"
        "slow = {'click', 'pydantic', 'rich', 'sqlalchemy', 'runner.model', 'runner.load'}\n"
        "print(sorted(slow & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=workspace,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "_SITECREW_COMPLETE": "fish",
            "_SITECREW_LINE": "sitecrew show ",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(sitecrew completion bash)"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -Uz compinit; compinit -u -D; eval "$(sitecrew completion zsh)"',
    ),
    "fish": (["fish", "--no-config", "-i"], "sitecrew completion fish | source"),
}


@pytest.fixture
def open_shell(tagged: Path, tmp_path: Path) -> Iterator[Callable[[str], Terminal]]:
    """Open a shell in which `sitecrew` is installed and its completion is loaded."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    program = bin_ / "sitecrew"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m runner "$@"\n')
    program.chmod(0o755)
    opened = []

    def open_(shell: str) -> Terminal:
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        argv, load = SHELLS[shell]
        env = {"PATH": f"{bin_}:{os.environ['PATH']}", "HOME": str(tmp_path), "PS1": "$ ", "PROMPT": "$ "}
        terminal = Terminal(argv, folder=tagged, env=env, columns=100, rows=40, patience=30)
        opened.append(terminal)
        terminal.type_line(f"{load}; echo load''ed")
        terminal.wait_for(r"(?m)^loaded")
        return terminal

    yield open_
    for terminal in opened:
        terminal.close()


TYPED = (
    (f"sitecrew plan tag{TAB}", "sitecrew plan tagged"),
    (f"-t qu{TAB}", "sitecrew plan tagged -t quick"),
    (f"-l cli{TAB}", "sitecrew plan tagged -t quick -l client:"),
    (f"ac{TAB}", "sitecrew plan tagged -t quick -l client:acme"),
    (f"--exclude tag:qu{TAB}", "sitecrew plan tagged -t quick -l client:acme --exclude tag:quiet"),
    ("-q", "sitecrew plan tagged -t quick -l client:acme --exclude tag:quiet -q"),
)
"""What is typed, and the line that it is completed to."""


@pytest.mark.parametrize("shell", SHELLS)
def test_real_shell_completes_names_and_selectors(shell: str, open_shell: Callable[[str], Terminal]) -> None:
    terminal = open_shell(shell)
    for typed, line in TYPED:
        terminal.type(typed)
        terminal.wait_for(rf"(?m){line}$")


@pytest.mark.parametrize("shell", SHELLS)
def test_real_shell_lists_candidates(shell: str, open_shell: Callable[[str], Terminal]) -> None:
    terminal = open_shell(shell)
    terminal.type(f"sitecrew backup list acme-{TAB}{TAB}")
    terminal.wait_for(r"acme-docs")
    terminal.wait_for(r"acme-shop")
