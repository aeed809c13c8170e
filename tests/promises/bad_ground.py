"""Ground for a bad world: accounts, sshds, disks and sockets beside a fleet, each with one thing wrong."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import hosts
from lab.certificates import Authority
from lab.hosts import known_hosts_line, make_key, make_user, remove_user, start_sshd
from lab.processes import Processes
from lab.shell import run, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Fleet

__all__ = ["PASSPHRASE", "PASSWORD", "Ground", "Place", "a_ground"]

PASSPHRASE, PASSWORD = "a phrase with spaces", "only for the lab"
SLIM = (
    "wp-admin/css",
    "wp-admin/js",
    "wp-admin/images",
    "wp-includes/js",
    "wp-includes/css",
    "*.po",
    "*.map",
)


@dataclass(frozen=True)
class Place:
    """A site and the host it is on, as inventory.yaml will say."""

    name: str
    host: dict[str, Any]
    site: dict[str, Any]
    user: str = ""


@dataclass
class Ground:
    """Everything that was made; `close` takes it away again."""

    fleet: Fleet
    base: Path
    places: dict[str, Place] = field(default_factory=dict)
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: list[str] = field(default_factory=list)
    matches: list[str] = field(default_factory=list)
    mounts: list[Path] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.processes = Processes(self.base / "run", self.base / "log")
        self.exits = contextlib.ExitStack()
        self.key = self.fleet.identity_file
        self.public = self.key.with_suffix(".pub").read_text().strip()
        self.jail = Path(f"/opt/sitecrew-tests-{self.fleet.spec.users}")
        self.address = self.at(30)
        shutil.rmtree(self.base / "log", ignore_errors=True)

    def at(self, number: int) -> str:
        """An address of this fleet's network."""
        return f"{self.fleet.spec.network}.{number}"

    def user(self, name: str) -> str:
        return f"{self.fleet.spec.users}-b-{name}"

    def home(self, name: str) -> Path:
        return self.base / "home" / name

    def account(
        self, name: str, *, login: str = "/bin/sh", path: str = "", ini: str = "", more: str = ""
    ) -> str:
        """A unix user with a key; `path` goes before PATH (`-` leaves wp out), `ini` is for its PHP."""
        user, home, root = self.user(name), self.home(name), self.fleet.spec.root
        make_user(user, home, self.public)
        run("usermod", "-s", login, user)
        self._wp_cli_settings(home, user)
        search = "/usr/local/bin:/usr/bin:/bin"
        front = {"": f"{root}/bin:", "-": ""}.get(path, f"{path}:{root}/bin:")
        scan = f":{root}/etc/php"
        if ini:
            write(self.base / f"ini/{name}/more.ini", ini)
            scan += f":{self.base}/ini/{name}"
        self.matches += [
            f"Match User {user}",
            f'  SetEnv "PATH={front}{search}" "PHP_INI_SCAN_DIR={scan}"',
            *(f"  {line}" for line in more.splitlines()),
        ]
        self.users.append(user)
        return user

    def _wp_cli_settings(self, home: Path, user: str) -> None:
        write(home / ".wp-cli/config.yml", f"require:\n  - {self.fleet.spec.root}/etc/wp-cli.php\n")
        run("chown", "-R", f"{user}:{user}", home / ".wp-cli")

    def host(self, name: str, user: str, *, address: str = "", key: Path | None = None, **more: Any) -> None:
        """A host of the inventory; without `key` there is no identity_file."""
        found: dict[str, Any] = {"address": address or self.address, "port": 2222, "user": user, **more}
        if key is not None:
            found["identity_file"] = str(key)
        self.hosts[name] = found

    def place(self, name: str, host: str, path: Path | str, *, kind: str = "static", **more: Any) -> None:
        """A site of the inventory."""
        docs = self.fleet.sites["globex-docs" if kind == "static" else "acme-blog"]
        site = {"host": host, "path": str(path), "kind": kind, "url": docs.url, "expect": docs.expect, **more}
        self.places[name] = Place(name, self.hosts[host], site, self.hosts[host]["user"])

    def plain(self, name: str, **more: Any) -> None:
        """A host of its own with a static site in its home."""
        user = more.pop("user", None) or self.user(name)
        key = more.pop("key", self.key)
        path = more.pop("path", None) or self.pages(self.home(name) / "www", user)
        self.host(f"web-{name}", user, key=key, **more)
        self.place(name, f"web-{name}", path)

    def pages(self, folder: Path, user: str) -> Path:
        """A static site of one page."""
        write(folder / "index.html", "<html><body>Manuals for every instrument</body></html>\n")
        run("chown", "-R", f"{user}:{user}", folder)
        return folder

    def wordpress(self, folder: Path, user: str, *, whole: bool = False, source: str = "acme-blog") -> str:
        """A copy of a site's files, with a database of its own. Returns the database's name."""
        first = self.fleet.spec.root / "first"
        spec = self.fleet.spec.site(source)
        folder.mkdir(parents=True, exist_ok=True)
        name = f"bad_{len(self.places)}"
        flags = () if whole else tuple(f"--exclude={one}" for one in SLIM)
        run("rsync", "-a", *flags, f"--chown={user}:{user}", f"{first / source}/", f"{folder}/")
        run("chown", "-R", f"{user}:{user}", folder)
        self.fleet.database.make(name, spec.database_password)
        self.fleet.database.replace(name, (first / f"{source}.sql").read_bytes())
        self.config(folder, f"'{spec.database}'", f"'{name}'")
        return name

    def config(self, folder: Path, old: str, new: str) -> None:
        """Replace a text in wp-config.php, which keeps its owner."""
        path = folder / "wp-config.php"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def prefix(self, database: str, new: str) -> None:
        """The tables of WordPress by another prefix."""
        sql = self.fleet.database.sql
        for table in sql("SHOW TABLES", database).split():
            sql(f"RENAME TABLE `{table}` TO `{new}{table.removeprefix('wp_')}`", database)
        for table, column in (("options", "option_name"), ("usermeta", "meta_key")):
            renamed = f"{column} = CONCAT('{new}', SUBSTRING({column}, 4))"
            roles = f"{column} = 'wp_user_roles'" if table == "options" else f"{column} LIKE 'wp\\_%'"
            sql(f"UPDATE `{new}{table}` SET {renamed} WHERE {roles}", database)  # noqa: S608 - our own words

    def disk(self, place: Path, options: str, user: str) -> Path:
        """A small file system at `place`, of a user's own."""
        place.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"{options},mode=755", "tmpfs", place)
        self.mounts.append(place)
        shutil.chown(place, user, user)
        return place

    def fill(self, place: Path) -> None:
        """Until nothing more goes onto the disk."""
        with contextlib.suppress(OSError), (place / "ballast").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    def lock_up(self, name: str) -> Path:
        """A folder with busybox and nothing else, into which sshd locks an account up."""
        jail, home = self.jail, self.home(name)
        for folder in ("bin", "tmp", "dev", "proc", "var/tmp", str(home).lstrip("/")):
            (jail / folder).mkdir(parents=True, exist_ok=True)
        for folder in ("tmp", "var/tmp"):
            (jail / folder).chmod(0o1777)
        shutil.copy("/usr/bin/busybox", jail / "bin/busybox")
        for tool in run("busybox", "--list").split():
            if tool not in {"timeout", "setsid", "busybox", "perl"}:
                (jail / "bin" / tool).unlink(missing_ok=True)
                (jail / "bin" / tool).symlink_to("busybox")
        for kind, number in (("null", "3"), ("zero", "5"), ("urandom", "9")):
            if not (jail / "dev" / kind).exists():
                run("mknod", "-m", "666", jail / "dev" / kind, "c", "1", number)
        run("mount", "-t", "proc", "proc", jail / "proc")
        self.mounts.append(jail / "proc")
        return Path(f"{jail}{home}")

    def encrypted_key(self, name: str) -> Path:
        """A key with a passphrase, which the account `name` knows."""
        path = self.base / f"keys/{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", PASSPHRASE, "-f", path)
        return path

    def agent(self, key: Path) -> None:
        """An agent that holds a key, for whoever runs with `env`."""
        said = run("ssh-agent", "-s")
        words = dict(part.split("=", 1) for part in said.replace(";", "\n").splitlines() if "=" in part)
        self.env["SSH_AUTH_SOCK"] = words["SSH_AUTH_SOCK"]
        self.exits.callback(os.kill, int(words["SSH_AGENT_PID"]), signal.SIGTERM)
        run("ssh-add", "-q", key, env={"SSH_AUTH_SOCK": words["SSH_AUTH_SOCK"]})

    def start(self) -> None:
        """The sshds; the accounts are known by now."""
        public = make_key(self.base / "ssh/host")
        other = make_key(self.base / "ssh/other")
        more = (
            "MaxStartups 1000",
            f"ListenAddress {self.at(31)}",
            f"ListenAddress {self.at(32)}",
            *self.matches,
        )
        self._sshd("sshd", self.address, more)
        self._sshd("sshd-startups", self.at(33), ("MaxStartups 3:100:3", *self.matches))
        for number, key in ((30, public), (32, other), (33, public)):
            self.known.append(known_hosts_line(self.at(number), 2222, key))

    def _sshd(self, name: str, address: str, more: tuple[str, ...]) -> None:
        users = f"{self.fleet.spec.users}-b-*"
        key = self.base / "ssh/host"
        start_sshd(self.processes, name, address=address, port=2222, user=users, key=key, more=more)

    def never_answers(self, number: int) -> str:
        """An address whose port takes no further connection: the kernel drops what knocks."""
        door = self.exits.enter_context(socket.socket())
        door.bind((self.at(number), 2222))
        door.listen(0)
        for _ in range(4):
            knock = self.exits.enter_context(socket.socket())
            knock.setblocking(False)
            knock.connect_ex((self.at(number), 2222))
        return self.at(number)

    def never_greets(self, number: int) -> str:
        """An address where a connection is taken and nobody says a word."""
        door = self.exits.enter_context(socket.socket())
        door.bind((self.at(number), 2222))
        door.listen(200)
        return self.at(number)

    def tls(self, number: int, *, days: int, names: tuple[str, ...] = ()) -> str:
        """A web server whose certificate runs out in `days`; it is signed by an authority in `env`."""
        folder = self.base / "tls"
        made = Authority(folder).issue(f"{number}", names or [self.at(number)], days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made, made.with_suffix(".key"))
        server = ThreadingHTTPServer((self.at(number), 8443), _Page)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.exits.callback(server.server_close)
        self.exits.callback(server.shutdown)
        return f"https://{self.at(number)}:8443"

    def workspace(self, folder: Path, names: tuple[str, ...] = (), settings: str = "") -> Path:
        """inventory.yaml and sitecrew.yaml for these places, all of them without names."""
        chosen = [self.places[name] for name in names or self.places]
        used = {place.site["host"] for place in chosen}
        tree = {
            "hosts": {name: host for name, host in self.hosts.items() if name in used},
            "clients": {
                "acme": {
                    "name": "Acme Bakery",
                    "contacts": [{"name": "Office", "email": "office@acme.example"}],
                    "sites": {place.name: place.site for place in chosen},
                }
            },
        }
        write(folder / "inventory.yaml", json.dumps(tree, indent=1))
        write(folder / "known_hosts", "".join(f"{line}\n" for line in self.known))
        spec = self.fleet.spec
        base = f"wordpress_org: http://{spec.services}:{spec.wporg_port}"
        tools = settings.replace("tools: {", f"tools: {{{base}, ", 1)
        more = "" if "tools: {" in settings else f"tools: {{{base}}}\n"
        write(folder / "sitecrew.yaml", f"ssh: {{known_hosts: known_hosts}}\n{tools}{more}")
        (folder / "playbooks").mkdir(exist_ok=True)
        return folder

    def processes_of(self, user: str) -> list[int]:
        return hosts.jobs(user)

    def close(self) -> None:
        """Stop and take away all of it."""
        self.exits.close()
        for name in ("sshd", "sshd-startups"):
            self.processes.stop(name)
        for user in self.users:
            hosts.end_jobs(user)
        for place in reversed(self.mounts):
            run("umount", "-l", place)
        for user in self.users:
            remove_user(user)
            for root in ("/var/tmp", "/tmp"):
                shutil.rmtree(f"{root}/.sitecrew-{user}", ignore_errors=True)
        numbers = range(len(self.places) + 1)
        self.fleet.database.sql("".join(f"DROP DATABASE IF EXISTS bad_{number};" for number in numbers))
        for folder in (self.base, self.jail):
            shutil.rmtree(folder, ignore_errors=True)


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html><body>Manuals for every instrument</body></html>\n")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def a_ground(fleet: Fleet) -> Iterator[Ground]:
    """Made from nothing, taken away afterwards, also what an earlier process left."""
    ground = Ground(fleet, fleet.spec.root / "bad")
    with contextlib.suppress(Exception):
        for line in Path("/proc/mounts").read_text().splitlines()[::-1]:
            place = Path(line.split()[1])
            if place.is_relative_to(ground.base) or place.is_relative_to(ground.jail):
                run("umount", "-l", place)
    shutil.rmtree(ground.base, ignore_errors=True)
    shutil.rmtree(ground.jail, ignore_errors=True)
    try:
        yield ground
    finally:
        ground.close()
