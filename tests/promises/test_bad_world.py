"""Promise: whatever is wrong with one site's world is named, with what to type, and harms no other site."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.shell import until
from tests.crew import ended, sitecrew, start_sitecrew
from tests.promises.bad_ground import a_ground
from tests.promises.bad_places import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from syrupy.assertion import SnapshotAssertion

    from lab import Fleet
    from tests.crew import Said
    from tests.promises.bad_ground import Ground

pytestmark = pytest.mark.fleet

NIGHT = """\
name: Night
steps:
  - shell: {run: 'echo "here I am"', changes: true}
  - backup: {include: [database, files], exclude: [wp-admin, wp-includes]}
  - wordpress.plugins: {update: all}
  - probe.http
"""
CORE = """\
  - wordpress.core: {update: minor}
    when: tag:core
"""
PATCH = "name: Patch\nsteps:\n  - system.packages: {upgrade: security}\n"
SLOW = "name: Slow\nsteps:\n  - shell: {run: 'echo begun; sleep 8', changes: true}\n"
PATIENCE = 240.0

DONE = (
    "plain",
    "password",
    "passphrase",
    "agent",
    "one-session",
    "startups-0",
    "startups-1",
    "startups-2",
    "startups-3",
    "startups-4",
    "startups-5",
    "banners",
    "csh",
    "busybox",
    "noexec",
    "read-only",
    "homeless",
    "php-chosen",
    "memory-64m",
    "no-proc-open",
    "no-wp-cli",
    "well",
    "config-above",
    "prefix",
    "odd-path",
    "escapes",
    "hostile-json",
    "echoes",
    "links",
    "tls-soon",
)
UNREACHABLE = (
    "unknown-key",
    "changed-key",
    "down",
    "black-hole",
    "silent",
    "refused-key",
    "refused-password",
    "secret-missing",
    "passphrase-missing",
    "passphrase-wrong",
    "key-missing",
    "no-session",
    "rc-exits",
    "rc-floods",
    "rc-hangs",
    "sftp-only",
    "no-login",
)
FAILED = (
    "home-full",
    "quota",
    "two-php",
    "php-cgi",
    "memory-capped",
    "database-down",
    "database-refuses",
    "config-unreadable",
    "no-entry",
    "no-wordpress-org",
    "mu-broken",
    "disk-full",
    "path-missing",
    "static-missing",
    "no-wordpress",
    "floods",
    "name-unknown",
    "tls-expired",
    "tls-wrong-name",
    "tls-nobody",
    "page-silent",
)
HELD = ("wrong-owner", "mods-off")
OUTCOMES = {
    **dict.fromkeys(DONE, "changed"),
    **dict.fromkeys(UNREACHABLE, "unreachable"),
    **dict.fromkeys(FAILED, "failed"),
    **dict.fromkeys(HELD, "held"),
}
SLOW_PLACES = {
    "config-above",
    "echoes",
    "memory-64m",
    "no-proc-open",
    "no-wordpress-org",
    "php-chosen",
    "rc-hangs",
}
"""They take 15 to 40 seconds each, to update WordPress or to wait for a login: for `scripts/test long`."""


def places(*names: str) -> list[Any]:
    """Return the places as parameters; the slow ones are marked `long`."""
    return [pytest.param(name, marks=[pytest.mark.long] if name in SLOW_PLACES else []) for name in names]


@dataclass
class World:
    """The ground, a workspace for all of it, and what was said about it."""

    ground: Ground
    folder: Path
    doctor: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    doctor_text: str = ""
    doctor_code: int = -1
    run_text: str = ""
    run_code: int = -1
    run_seconds: float = 0.0
    doctor_seconds: float = 0.0
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    shown_text: str = ""

    def say(self, *arguments: str, folder: Path | None = None) -> Said:
        """A command to its end."""
        return sitecrew(*arguments, folder=folder or self.folder, env=self.env, patience=PATIENCE)

    @property
    def env(self) -> dict[str, str]:
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        return {"HOME": str(home), "NO_COLOR": "1", **self.ground.env}

    def seen(self, name: str) -> str:
        """What the person sees of a site: in `show`, and in `doctor` of the site and its host."""
        section = re.search(
            rf"^{re.escape(name)} \(.*?(?=\n\n|\Z)", self.shown_text, re.MULTILINE | re.DOTALL
        )
        assert section
        host = self.ground.places[name].site["host"]
        lines = [f"{section[0]}", "", "doctor:"]
        for check in (*self.doctor.get(host, ()), *self.doctor.get(name, ())):
            lines += [f"{'ok' if check['ok'] else '!!'}  {check['about']}: {check['finding']}"]
            lines += [f"      {check['hint']}"] if check["hint"] else []
        return self.normal("\n".join(lines))

    def normal(self, text: str) -> str:
        """Without what differs from day to day and from machine to machine."""
        spec = self.ground.fleet.spec
        text = text.replace(str(self.ground.base), "BASE").replace(str(spec.root), "FLEET")
        text = text.replace(str(self.folder), "WORKSPACE")
        text = text.replace(f"{spec.network}.", "127.0.0.").replace(f"{spec.users}-b-", "crew-")
        text = re.sub(r"SHA256:\S{43}", "SHA256:FINGERPRINT", text)
        text = re.sub(r"\bjob [0-9a-f]+\b", "job ID", text)
        text = re.sub(r" +(\d+\.\d|\d+) s(?= |$)(?! waited)", " N s", text, flags=re.MULTILINE)
        text = re.sub(r"[\d.]+ [kMG]?B(?= (?:free|are free))", "N MB", text)
        text = re.sub(r"PHP 8\.\d+\.\d+", "PHP 8", text)
        text = re.sub(r"expires in \d+ days, on \S+", "expires in N days, on DAY", text)
        return re.sub(r"\d{8}T\d+\S*|\b\d{8}-\d{4}\S*", "STAMP", text)


@pytest.fixture(scope="module")
def ground(fleet: Fleet) -> Iterator[Ground]:
    with a_ground(fleet) as ground:
        build(ground)
        yield ground


@pytest.fixture(scope="module")
def world(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Every place at once, except the slow ones."""
    return looked_at(ground, tmp_path_factory.mktemp("bad"), set(OUTCOMES) - SLOW_PLACES)


@pytest.fixture(scope="module")
def slow_world(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> World:
    return looked_at(ground, tmp_path_factory.mktemp("slow"), SLOW_PLACES)


@pytest.fixture
def world_of_place(request: pytest.FixtureRequest) -> World:
    """The world that the test's place is in."""
    slow = request.node.callspec.params["name"] in SLOW_PLACES
    found: World = request.getfixturevalue("slow_world" if slow else "world")
    return found


def looked_at(ground: Ground, folder: Path, names: set[str]) -> World:
    """`doctor` looks at the places in the evening, and one run goes over them at night."""
    folder /= "workspace"
    folder.mkdir()
    phar = ground.fleet.spec.root / "bin/wp"
    digest = hashlib.sha512(phar.read_bytes()).hexdigest()
    settings = f"parallel: {{per_host: 8}}\ntools: {{wp_cli: {{file: {phar}, sha512: {digest}}}}}\n"
    chosen = tuple(name for name in ground.places if name in names)
    made = World(ground, ground.workspace(folder, chosen, settings=settings))
    (folder / "playbooks/night.yaml").write_text(NIGHT + CORE)
    began = time.monotonic()
    doctor = made.say("doctor", "--json")
    made.doctor_seconds, made.doctor_code = time.monotonic() - began, doctor.code
    made.doctor_text = doctor.out + doctor.err
    assert doctor.out, doctor.err
    for check in doctor.json["checks"]:
        made.doctor.setdefault(check["about"], []).append(check)
    began = time.monotonic()
    ran = made.say("run", "night")
    made.run_seconds, made.run_code, made.run_text = time.monotonic() - began, ran.code, ran.out + ran.err
    made.shown = {site["site"]: site for site in made.say("show", "--json").json["sites"]}
    made.shown_text = made.say("show").out
    return made


def test_every_place_has_its_outcome(world: World) -> None:
    assert {name: site["outcome"] for name, site in world.shown.items()} == {
        name: outcome for name, outcome in OUTCOMES.items() if name not in SLOW_PLACES
    }
    assert set(OUTCOMES) == set(world.ground.places)


@pytest.mark.long
def test_every_slow_place_has_its_outcome(slow_world: World) -> None:
    found = {name: site["outcome"] for name, site in slow_world.shown.items()}
    assert found == {name: OUTCOMES[name] for name in SLOW_PLACES}


@pytest.mark.parametrize("name", places(*OUTCOMES))
def test_what_the_person_sees(world_of_place: World, name: str, snapshot: SnapshotAssertion) -> None:
    assert world_of_place.seen(name) == snapshot


@pytest.mark.parametrize("name", places(*UNREACHABLE, *FAILED))
def test_it_is_said_why_and_what_to_do(world_of_place: World, name: str) -> None:
    why = world_of_place.shown[name]["why"]
    assert why
    assert "Traceback" not in why
    assert "Errno" not in why
    assert len(why) < 900


@pytest.mark.parametrize("name", places(*UNREACHABLE, *FAILED, *HELD))
def test_doctor_finds_it_before_the_night(world_of_place: World, name: str) -> None:
    host = world_of_place.ground.places[name].site["host"]
    checks = [*world_of_place.doctor.get(host, ()), *world_of_place.doctor.get(name, ())]
    found = [check for check in checks if not check["ok"] or (name in HELD and check["hint"])]
    assert found, checks
    assert all(check["hint"] for check in found)


@pytest.mark.parametrize("name", places(*DONE))
def test_doctor_finds_nothing_where_all_goes_well(world_of_place: World, name: str) -> None:
    host = world_of_place.ground.places[name].site["host"]
    checks = [*world_of_place.doctor.get(host, ()), *world_of_place.doctor.get(name, ())]
    assert [check for check in checks if not check["ok"]] == []


def test_the_worst_decides_the_exit_code(world: World) -> None:
    assert world.run_code == 3
    assert world.doctor_code == 3


def test_every_wait_has_a_limit(world: World) -> None:
    assert world.doctor_seconds < 120
    assert world.run_seconds < 150


@pytest.mark.long
def test_every_long_wait_has_a_limit(slow_world: World) -> None:
    """The longest is a login whose shell never comes to our command: three times 20 seconds."""
    assert slow_world.doctor_seconds < 150
    assert slow_world.run_seconds < 200


def test_no_escape_of_a_host_reaches_screen_ledger_or_files(world: World) -> None:
    check_no_escapes(world, "banners", "escapes")


@pytest.mark.long
def test_no_escape_of_a_loud_site_reaches_screen_ledger_or_files(slow_world: World) -> None:
    check_no_escapes(slow_world, "echoes")


def check_no_escapes(world: World, *names: str) -> None:
    seen = world.run_text + world.shown_text + world.doctor_text + json.dumps(world.shown, ensure_ascii=False)
    for name in names:
        seen += world.say("logs", "last", name).out
    seen += world.say("report", "acme", "--period", time.strftime("%Y-%m"), "--json").out
    assert not set(re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", seen))
    for path in world.folder.rglob("ledger.db*"):
        assert b"\x1b]0;" not in path.read_bytes()


def test_a_flood_leaves_a_small_row(world: World) -> None:
    assert all(len(json.dumps(site)) < 100_000 for site in world.shown.values())
    assert len(world.say("logs", "last", "floods").out) < 100_000


def test_wp_cli_is_brought_whole_and_kept_from_others(world: World) -> None:
    [brought] = (world.ground.home("no-wp-cli") / ".sitecrew/tools").iterdir()
    digest = hashlib.sha512(brought.read_bytes()).hexdigest()
    assert digest.startswith(brought.stem.removeprefix("wp-cli-"))
    assert brought.stat().st_mode & 0o077 == 0
    assert brought.parent.stat().st_mode & 0o077 == 0
    assert brought.owner() == world.ground.user("no-wp-cli")


def test_a_wp_cli_that_is_another_is_not_brought(world: World, tmp_path: Path) -> None:
    phar = tmp_path / "wp-cli.phar"
    phar.write_bytes(b"<?php // not it\n")
    settings = f"tools: {{wp_cli: {{file: {phar}, sha512: {'0' * 128}}}}}\n"
    folder = world.ground.workspace(tmp_path / "w", ("no-wp-cli",), settings)
    (folder / "playbooks/night.yaml").write_text(NIGHT)
    ran = world.say("run", "night", folder=folder)
    assert ran.code == 3
    assert "does not match tools.wp_cli.sha512" in ran.out + ran.err
    assert world.say("doctor", folder=folder).code == 2
    assert len(list((world.ground.home("no-wp-cli") / ".sitecrew/tools").iterdir())) == 1


def test_without_wp_cli_it_is_said_how_to_have_it_brought(world: World, tmp_path: Path) -> None:
    folder = world.ground.workspace(tmp_path / "w", ("no-wp-cli",))
    (folder / "playbooks/night.yaml").write_text(NIGHT)
    ran = world.say("run", "night", folder=folder)
    assert ran.code == 3
    assert "wp-cli not found on the host" in ran.err + ran.out
    assert "tools.wp_cli" in ran.err + ran.out


def test_links_are_kept_as_links(world: World) -> None:
    [archive] = world.folder.glob(".sitecrew/backups/links/*/files.tar.gz")
    with gzip.open(archive) as unzipped, tarfile.open(fileobj=unzipped) as tar:  # type: ignore[arg-type]
        kept = {member.name: member.linkname for member in tar if member.issym()}
        assert kept == {"./out": "/etc", "./passwd": "/etc/passwd", "./loop": "."}
        assert len(tar.getnames()) == 5


def test_nothing_is_left_on_the_hosts(world: World) -> None:
    ground = world.ground
    homes = [ground.home(name) for name in ("plain", "csh", "noexec", "sites", "one-session", "no-wp-cli")]
    homes += [
        Path(f"/var/tmp/.sitecrew-{ground.user('read-only')}"),
        Path(f"{ground.jail}{ground.home('busybox')}"),
    ]
    for home in homes:
        room = home if home.name.startswith(".sitecrew") else home / ".sitecrew"
        for job in (room / "jobs").iterdir():
            assert {one.name for one in job.iterdir()} == {"id", "done"}, job
        locks = list((room / "locks").rglob(".lock"))
        assert locks, home
        for lock in locks:
            last = max(lock.glob("g.*"), key=lambda one: int(one.name[2:]))
            assert last.read_text().startswith("free"), lock
        assert not list(home.glob(".sitecrew-try*"))
    for user in ground.users:
        if not user.endswith("-rc-hangs"):  # what its own start-up file began is not ours to end
            until(lambda user=user: not ground.processes_of(user), f"processes of {user} to end", seconds=45)


SEVEN = ("plain", "password", "passphrase", "agent", "one-session", "csh", "busybox")
BROKEN = ("black-hole", "refused-key", "database-down")


@pytest.mark.long
def test_three_of_ten_broken_in_different_ways_leave_seven_done(world: World, tmp_path: Path) -> None:
    folder = world.ground.workspace(tmp_path / "w", (*SEVEN, *BROKEN))
    (folder / "playbooks/night.yaml").write_text(NIGHT)
    began = time.monotonic()
    ran = world.say("run", "night", "--json", folder=folder)
    seconds = time.monotonic() - began
    assert ran.code == 3
    finished = json.loads(ran.out.splitlines()[-1])
    expected = {**dict.fromkeys(SEVEN, "changed"), **{name: OUTCOMES[name] for name in BROKEN}}
    assert finished["sites"] == expected
    shown = json.loads(world.say("show", "--json", folder=folder).out)
    assert shown["outcome"] == "failed"
    assert {site["site"]: site["outcome"] for site in shown["sites"]} == expected
    assert seconds < 60
    report = world.say("report", "acme", "--period", time.strftime("%Y-%m"), "--json", folder=folder)
    assert report.code == 0, report.err
    data = json.loads(report.out)
    assert data["status"] == "action"
    states = {site["site"]: site["state"] for site in data["sites"]}
    assert states == {**dict.fromkeys(SEVEN, "healthy"), **{name: OUTCOMES[name] for name in BROKEN}}
    assert (data["cards"]["healthy"]["value"], data["cards"]["healthy"]["of"]) == (7, 10)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("plain", 0),
        ("down", 4),
        pytest.param("path-missing", 3, marks=pytest.mark.long),
        pytest.param("wrong-owner", 0, marks=pytest.mark.long),
    ],
)
def test_the_exit_code_of_one_site(world: World, tmp_path: Path, name: str, code: int) -> None:
    folder = world.ground.workspace(tmp_path / "w", (name,))
    (folder / "playbooks/night.yaml").write_text(NIGHT)
    assert world.say("plan", "night", folder=folder).code == code
    assert world.say("run", "night", folder=folder).code == code


@pytest.mark.parametrize("playbook", [NIGHT, PATCH], ids=["site", "packages of the host"])
def test_a_plan_says_which_hosts_could_not_be_reached(world: World, tmp_path: Path, playbook: str) -> None:
    folder = world.ground.workspace(tmp_path / "w", ("plain", "down"))
    (folder / "playbooks/night.yaml").write_text(playbook)
    planned = world.say("plan", "night", "-l", "down", "--json", folder=folder)
    assert planned.code == 4
    [site] = json.loads(planned.out)["sites"]
    assert site["unreachable"]
    assert "refused the connection" in site["problems"][0]


@pytest.mark.long
def test_a_site_that_another_controller_works_on_is_left_to_it(world: World, tmp_path: Path) -> None:
    folders = [world.ground.workspace(tmp_path / name, ("csh",)) for name in ("first", "second")]
    for folder in folders:
        (folder / "playbooks/slow.yaml").write_text(SLOW)
    first = start_sitecrew("run", "slow", "--json", folder=folders[0], env=world.env)
    assert first.stdout
    next(line for line in first.stdout if '"step.started"' in line)
    second = world.say("run", "slow", folder=folders[1])
    assert (said := ended(first)).code == 0, said
    assert second.code == 11
    assert "skipped" in second.out + second.err
