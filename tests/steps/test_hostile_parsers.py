"""Parsers of host output about files, packages and sudo: any bytes give a result or an error, in time."""

from __future__ import annotations

import json
import time

import pytest

from runner.errors import HostError
from runner.model import Outcome, Step
from runner.steps.base import Context, Result
from runner.steps.become import refusal
from runner.steps.packages import PackagesOptions, Sections, arguments, judge, parse_system
from runner.steps.packages.grammar import checked_package, is_package
from runner.steps.static.gather import parse_look
from runner.steps.static.names import name_problem
from runner.steps.static.release import StaticRelease
from runner.steps.static.tree import parse_listing, parse_sums
from runner.steps.sync import FilesSync
from runner.steps.sync_find import parse_found, surplus
from tests.fuzz import endure, hostile
from tests.steps.test_packages import INSTALLED, POLICY, UBUNTU

MARK = "m" * 32
END = f"\n{MARK} ".encode()
COUNT = 10_000
SUMS = b"a" * 64 + b"  ./a b/c\n" + b"\\" + b"b" * 64 + b"  ./x\\ny\\\\z\n"
LISTING = SUMS + b"=\n644 12 ./a b/c\n755 0 ./x\n=\n"
FOUND = END + END.join(
    [b"exists\n", b"files\n" + LISTING, b"staged\n" + LISTING, b"names\n./a\0./b/c\0../x\0", b"end\n"]
)
LOOK = END + END.join(
    [
        b"path link\n",
        b"target\nreleases/x\n",
        b"releases\nx\0y\0",
        b"tree serving\n" + LISTING,
        b"odd\n./a\0",
        b"end\n",
    ]
)
SECTIONS = {
    "who": "0",
    "boot": "b",
    "before": INSTALLED,
    "update": "E: x",
    "upgrade": UBUNTU,
    "full": UBUNTU + "Remv x\n",
    "policy": POLICY,
    "advisories": "RHSA bash-0:5.1.8-9.el9.x86_64",
    "all": "bash.x86_64 5.1 base",
    "reboot": "k",
    "repair": "dpkg: error processing package half (--configure):\n installed half package post\n",
    "after": INSTALLED,
    "restart:x": "no",
    "services": "x",
}
SYSTEM = "".join(f"\n{MARK} begin {name}\n{text}\n{MARK} end {name} 0" for name, text in SECTIONS.items())
ROW = {"item": "half", "from_version": "1", "to_version": "2", "action": "change", "why": "", "title": "x"}
PLAN = json.dumps([ROW])
HEAD = f"\n{MARK} manager apt\n{MARK} native amd64\n{MARK} plan {PLAN}\n"
APT = f"{HEAD}{MARK} locked 12 apt\n{SYSTEM}".encode()
DNF = APT.replace(b"manager apt", b"manager dnf")
STEP = Step(id="system.packages", kind="system.packages", options=PackagesOptions(upgrade="all"))
SYNC = (
    f"\n{MARK} done 1 1\n+ - aaaaaaaa x\n~ aaaaaaaa bbbbbbbb y\n{MARK} problem leads-out {{0.x}}\n".encode()
)
RELEASE = f"\n{MARK} from a\n{MARK} to b\n{MARK} pruned x\n{MARK} gap y\n{MARK} problem moved z\n".encode()


def text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def system(data: bytes) -> object:
    facts = parse_system(Sections.of(text(data), MARK))
    assert all(is_package(one.name) for one in facts.packages)
    return facts


def judged(data: bytes) -> object:
    after = judge(STEP, Result(status=1, seconds=1, output=text(data)), text(data), MARK)
    shown = [after.outcome.why, *(change.item for change in after.outcome.changes)]
    assert all("\x1b" not in one and "\n" not in one for one in shown)
    return after


def understood(kind: StaticRelease | FilesSync, data: bytes) -> object:
    context = Context(site=None, host=None, plan=None, mark=MARK)  # type: ignore[arg-type]
    step = Step(id="step", kind=kind.name, options=None)
    found = kind.understand(step, Result(status=3, seconds=1, output=text(data)), context)
    assert found.outcome in {Outcome.FAILED, Outcome.CHANGED}
    assert found.why.isprintable()
    return found


def listed(data: bytes) -> object:
    tree = parse_listing(data)
    assert not any(map(name_problem, tree))
    return tree


def surplus_of(data: bytes) -> object:
    found = parse_found(data, MARK)
    names = surplus(found, {}, ("*.map", "a/*/b", "x/")) if found else ()
    assert not any(map(name_problem, names))
    return names


PARSERS = {
    "listing": (listed, [LISTING]),
    "sums": (parse_sums, [SUMS]),
    "found": (surplus_of, [FOUND]),
    "look": (lambda data: parse_look(data, MARK), [LOOK]),
    "packages": (system, [APT, DNF]),
    "packages changed": (judged, [APT, DNF]),
    "sync": (lambda data: understood(FilesSync(), data), [SYNC]),
    "release": (lambda data: understood(StaticRelease(), data), [RELEASE]),
    "become": (
        lambda data: refusal(text(data), MARK, password=True),
        [f"{MARK} became\n".encode(), f"{MARK} no-sudo\n".encode(), b"sudo: a password is required\n"],
    ),
}


@pytest.mark.parametrize("name", PARSERS)
def test_any_bytes_give_a_result_or_an_error(name: str) -> None:
    parse, corpus = PARSERS[name]
    endure(parse, hostile(corpus, COUNT))


LINES = {
    "inst": "Inst a (b [" * 10,
    "error": "error: (half-" * 10,
    "advisories": "a-" * 60,
    "names": "../" * 40,
    "dpkg": "dpkg: error processing package half (" * 3,
    "words": "x " * 60,
    "brackets": "[[(" * 40,
    "sums": "a" * 120,
}
FLOODED = ("before", "upgrade", "full", "policy", "advisories", "update", "all", "repair", "after")


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("newline", ["", "\n"], ids=["one line", "many lines"])
def test_parsing_time_is_linear_in_output_size(kind: str, newline: str) -> None:
    def took(size: int) -> float:
        flood = (LINES[kind] + newline) * (size // len(LINES[kind]))
        data = b"".join(f"\n{MARK} begin {name}\n{flood}\n{MARK} end {name} 0".encode() for name in FLOODED)
        data = HEAD.encode() + data
        started = time.process_time()
        for parse, given in (
            (system, data), (judged, data), (system, data.replace(b"manager apt", b"manager dnf")),
            (listed, flood.encode()), (surplus_of, FOUND.replace(b"../x", flood.encode())),
            (lambda said: refusal(text(said), MARK, password=False), flood.encode()),
        ):  # fmt: skip
            endure(parse, iter([given]), seconds=20)
        return time.process_time() - started

    small, large = took(32_000), took(256_000)
    assert large < 3 * 8 * small + 0.2, f"{small:.2f} s, then {large:.2f} s"


@pytest.mark.parametrize("name", ["-o=APT::x=id", "a b", "$(id)", "a\nb", "../a", "x" * 300, ""])
def test_invalid_package_names_are_refused(name: str) -> None:
    with pytest.raises(HostError, match="the host lists an invalid package name or version") as caught:
        checked_package(name, "1")
    assert str(caught.value).isprintable()
    with pytest.raises(HostError, match="invalid package name"):
        checked_package("curl", "1", "2 -o x")


def test_hostile_package_name_reaches_no_command() -> None:
    upgrade = "Inst -o=Dir::Etc=/x [1] (2 Debian:12/stable [amd64])"
    said = Sections.of(
        f"{MARK} manager apt\n{MARK} native amd64\n{MARK} begin before\n{INSTALLED}\n{MARK} end before 0\n"
        f"{MARK} begin upgrade\n{upgrade}\n{MARK} end upgrade 0\n",
        MARK,
    )
    with pytest.raises(HostError, match="version: -o=Dir"):
        parse_system(said)
    assert arguments("apt", ()) == []


def test_plan_altered_by_the_host_fails() -> None:
    for plan in ("[1]", "[" * 100_000, '[{"item": "x"}]', '{"a": 1}', "null", "x"):
        output = APT.replace(PLAN.encode(), plan.encode()).replace(b"locked", b"free")
        found = judge(STEP, Result(status=0, seconds=1, output=text(output)), text(output), MARK)
        assert found.outcome.outcome is Outcome.FAILED, plan
