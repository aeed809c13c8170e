"""Promise: a secret is in no log, event, plan, ledger, engine table, job folder, report or process list.

Secrets are put wherever one can stand, a run is made that uses them all and fails with some of them, and then
every place is searched: plain, in base64 at each of its three offsets, and inside whatever zlib can unpack.
"""

from __future__ import annotations

import base64
import re
import shutil
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.shell import run
from tests.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
CANARIES = {
    "environment": "canary-environment-7f3a9",
    "file": "canary-file-0b81c",
    "given": "canary-given-44ab2",
    "given_env": "canary-given-env-7c0de",
    "given_file": "canary-given-file-9e1d0",
    "command": "canary-command-55e02",
    "licence": "canary-licence-a94d1",
    "mail": "canary-mail-c0ffe",
    "site": "canary-site-61bd8",
    "passphrase": "canary-passphrase-3d7e1",
    "userinfo": "canary-userinfo-91d3e",
    "database": 'it\'s $HOME "quoted" \\ and # marked',  # of this site in the lab
}
ENVIRONMENT = {
    "FIRST": "environment",
    "GIVEN": "given_env",
    "MAIL": "mail",
    "PASSPHRASE": "passphrase",
    "SITE": "site",
}
PLAYBOOK = """\
name: Canary
steps:
  - backup: {include: [database]}
  - shell:
      run: |
        printf 'quietly %s\\n' "$(printf %s "$FIRST" | wc -c)"
        printf 'aloud %s %s %s\\n' "$FIRST" "$SECOND" "$THIRD"
        printf 'given %s %s\\n' "$BY_ENV" "$BY_FILE"
        printf 'of the site %s\\n' "$SHOP_TOKEN"
        sleep 1
      env:
        FIRST: {env: CANARY_FIRST}
        SECOND: {file: second.txt}
        THIRD: {command: cat third.txt}
  - wordpress.plugins: {update: all}
    on_failure: continue
  - shell:
      run: printf '%s' "$FIRST" >&2; exit 7
      env: {FIRST: {env: CANARY_FIRST}}
"""
PLAIN = """\
name: Given
steps:
  - shell: {run: 'printf "plainly %s\\n" "$PLAIN"; exit 7'}
"""
GIVEN = ("-e", "BY_ENV={env: CANARY_GIVEN}", "-e", "BY_FILE=@given.txt")
PREMIUM = """
add_filter( 'site_transient_update_plugins', function ( $known ) {
	if ( is_object( $known ) ) {
		$known->response['vault/vault.php'] = (object) array(
			'id' => 'vendor.example/vault', 'slug' => 'vault', 'plugin' => 'vault/vault.php',
			'new_version' => '2.0', 'url' => 'https://vendor.example', 'package' => 'https://agency:USERINFO@vendor.example/vault.zip?licence=LICENCE',
		);
	}
	return $known;
} );
"""


@pytest.fixture
def crew(fresh_fleet: Fleet, tmp_path: Path) -> Crew:
    fleet = fresh_fleet
    php = PREMIUM.replace("LICENCE", CANARIES["licence"]).replace("USERINFO", CANARIES["userinfo"])
    fleet.catalogue.plugin("vault", "1.0", php=php, headers={"Update URI": "https://vendor.example/vault"})
    fleet.install(SITE, "plugins", "vault", "1.0")
    fleet.wp(SITE, "plugin", "activate", "vault")
    crew = Crew(fleet, tmp_path / "crew", PLAYBOOK)
    (crew.folder / "second.txt").write_text(CANARIES["file"] + "\n")
    (crew.folder / "given.txt").write_text(CANARIES["given_file"] + "\n")
    (crew.folder / "playbooks" / "given.yaml").write_text(PLAIN)
    (crew.folder / "third.txt").write_text(CANARIES["command"] + "\n")
    crew.edit(
        "sitecrew.yaml", "security: none", "security: none, username: care, password: {env: CANARY_MAIL}"
    )
    key = shutil.copy(fleet.identity_file, tmp_path / "key")
    run("ssh-keygen", "-q", "-p", "-P", "", "-N", CANARIES["passphrase"], "-f", key)
    inventory = crew.folder / "inventory.yaml"
    locked = f"identity_file: {key}\n    passphrase: {{env: CANARY_PASSPHRASE}}"
    inventory.write_text(inventory.read_text().replace(f"identity_file: {fleet.identity_file}", locked))
    path = f"path: {fleet.sites[SITE].path}\n"
    crew.edit("inventory.yaml", path, f"{path}        env: {{SHOP_TOKEN: {{env: CANARY_SITE}}}}\n")
    return crew


def test_no_secret_is_anywhere_afterwards_nor_in_a_process_list(crew: Crew) -> None:
    env = {f"CANARY_{name}": CANARIES[of] for name, of in ENVIRONMENT.items()}
    said = []
    with watched_arguments() as arguments:
        said.append(crew.say("plan", "canary", "-l", SITE, "--json", env=env))
        said.append(crew.say("run", "canary", "-l", SITE, *GIVEN, "--json", env=env))
        said.append(crew.say("report", "acme", "--period", month(), "--send", env=env))
    said.append(crew.say("logs", said[1].out.split('"run": "')[1].split('"')[0], SITE, env=env))
    assert "aloud *** *** ***" in said[-1].out, "the step must really have printed its secrets"
    assert "given *** ***" in said[-1].out, "the step must really have had its variables"
    assert "of the site ***" in said[-1].out, "the step must really have had the site's variable"
    given = f"PLAIN={CANARIES['given']}"
    said.append(crew.say("run", "given", "-l", SITE, "-e", given, "--json", env=env))
    said.append(crew.say("show", "last", "--json", env=env))
    said.append(crew.say("logs", "last", SITE, env=env))
    assert said[1].code == 3
    assert "plainly ***" in said[-1].out, "the step must really have had its variable"

    places = {f"what command {n} said": (one.out + one.err).encode() for n, one in enumerate(said)}
    places |= {str(path): path.read_bytes() for path in files_of(crew)}
    places["arguments of processes"] = b"\n".join(sorted(arguments))
    found = [f"{name} of {where}" for where, content in places.items() for name in leaked(content)]
    assert not found


def test_the_search_finds_what_is_hidden() -> None:
    secret = CANARIES["file"].encode()
    assert leaked(b"..." + secret) == ["file"]
    for offset in range(3):
        assert leaked(b"x" + base64.b64encode(b"y" * offset + secret + b"zz")) == ["file"]
    assert leaked(b"head" + zlib.compress(b"some text " + secret) + b"tail") == ["file"]


def month() -> str:
    from datetime import UTC, datetime

    return f"{datetime.now(UTC):%Y-%m}"


def files_of(crew: Crew) -> Iterator[Path]:
    """Everything that the run has written, but for the client's own files in snapshots and restore points."""
    for root in (crew.folder / ".sitecrew", crew.folder / "reports"):
        yield from (p for p in root.rglob("*") if p.is_file() and "backups" not in p.parts)
    home = crew.fleet.hosts[crew.fleet.sites[SITE].host].home
    for name in (".sitecrew", "marks"):
        yield from (p for p in (home / name).rglob("*") if p.is_file() and "restore" not in p.parts)
    yield from (letter.path for letter in crew.fleet.mailbox.letters())


class watched_arguments:  # noqa: N801  # reads as a function
    """The arguments of every process of this machine that is seen while the block runs."""

    def __enter__(self) -> set[bytes]:
        self.seen: set[bytes] = set()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self.seen

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def watch(self) -> None:
        while not self.stop.wait(0.05):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    continue


def leaked(content: bytes) -> list[str]:
    """Names of the secrets that stand in these bytes, however they are wrapped."""
    wrapped = [content, *unpacked(content)]
    return [name for name, secret in CANARIES.items() if any(holds(one, secret.encode()) for one in wrapped)]


def holds(content: bytes, secret: bytes) -> bool:
    if secret in content:
        return True
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret)
        # the ends share characters with their neighbours: what lies between them is the same everywhere
        first, last = (0, 2, 3)[offset], len(encoded) - 4
        if encoded[first + 1 : last] in content:
            return True
    return False


def unpacked(content: bytes) -> Iterator[bytes]:
    for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", content):
        try:
            yield zlib.decompressobj().decompress(content[start.start() :], 1 << 20)
        except zlib.error:
            continue
