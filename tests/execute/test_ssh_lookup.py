"""The ssh config, as resolved by `ssh -G` and by our own parser."""

# ruff: noqa: E501 - tables of lines as people write them
from __future__ import annotations

import os
import pwd
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import SshConfigError
from runner.execute import Endpoint, resolve, ssh_program
from runner.execute.ssh_config import read_config
from runner.execute.ssh_lookup import look_up
from runner.execute.ssh_options import IDENTITY_FILES, Login
from runner.execute.ssh_program import ask_ssh

SSH = shutil.which("ssh") or pytest.fail("these tests compare with ssh: apt-get install openssh-client")

HOSTS = ("web1", "web2", "db.example.org", "WEB3", "10.0.0.7")
PATTERNS = (
    "*",
    "web*",
    "web?",
    "web1",
    "*.example.org",
    "!web2",
    "10.0.0.*",
    "w*1",
    "WEB*",
    "db.example.*",
    "*.resolved",
)
USERS = ("deploy", "root", "dep*", "nobody")
OPTIONS = (
    "HostName {h}.resolved", "HostName %h.example.org", "HostName 127.0.0.1", "HostName web1",
    "Port {p}", "Port={p}", "Port = {p} # the usual", "  Port\t{p}",
    "User {u}", 'User "{u}"', "user={u}",
    "IdentityFile ~/.ssh/id_{n}", 'IdentityFile "~/my keys/{n}" # quoted', "IdentityFile %d/.ssh/%r@%h-%p",
    "IdentityFile /keys/%u/%n", "IdentityFile none", "IdentityFile '/single/{n}'", "IdentityFile /back\\ slash",
    "CertificateFile ~/.ssh/id_{n}-cert.pub", "IdentitiesOnly yes", "IdentitiesOnly no",
    "IdentityAgent ~/.agent/%h", "IdentityAgent none", "IdentityAgent SSH_AUTH_SOCK", "IdentityAgent $CREW_AGENT",
    "UserKnownHostsFile ~/.ssh/known_{n}", "UserKnownHostsFile /k/a ~/.ssh/b /k/%h", "GlobalKnownHostsFile /g/{n}",
    "HostKeyAlias alias-{n}", "HashKnownHosts yes", "ProxyJump hop{n}", "ProxyJump {u}@hop{n}:{p},[::1]:22",
    "ProxyJump none", 'ProxyCommand nc -X 5 "%h" %p # part of it', "ProxyCommand none", "ConnectTimeout {n}",
    "ConnectTimeout 1m{n}s", "ServerAliveInterval 15", "Ciphers aes256-ctr,aes128-ctr", "MACs hmac-sha2-256",
    "KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256", "AddressFamily inet6", "BindAddress 127.0.0.{n}",
    "ForwardAgent no", "SendEnv LANG LC_*", "# IdentityFile /commented", "", "PubkeyAuthentication no",
)  # fmt: skip
CRITERIA = (
    "host web*", "host web1,web2", "host *.resolved,!web2.resolved", "host=*.example.org", 'host "web*"',
    "originalhost web?", "originalhost !web1,*", "user deploy", "user !root,*", "localuser root", "!localuser root",
    "!host web1", "exec true", "exec false", 'exec "test %h = web1"', 'exec "test %r = deploy -a %p = 22"',
    "!exec \"test -z '%n'\"", "host web* exec true user dep*", "exec \"test 'a b' = 'a b'\"",
)  # fmt: skip
WRONG = (
    "Port none", "Port 70000", "Port 22 23", "User a b", 'IdentityFile "open', "IdentityFile %y/key", "HostName %p",
    "ConnectTimeout soon", "UserKnownHostsFile ${NO_SUCH_VARIABLE}/known", "Host", "Match", "Match host", "Port",
)  # fmt: skip


class Configurations:
    """Random ssh configs of realistic lines, by a seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a seed makes the same configuration again
        self.folder, self.count = folder, 0

    def write(self) -> tuple[Path, Login]:
        path = self.file(depth=0)
        user = self.random.choice([None, None, "deploy", "root"])
        return path, Login(self.random.choice(HOSTS), self.random.choice([None, None, 2200]), user)

    def file(self, depth: int) -> Path:
        self.count += 1
        path = self.folder / f"{'part' if depth else 'config'}{self.count}.conf"
        lines = self.settings(depth) if self.random.random() < 0.6 else []
        for _ in range(self.random.randint(1, 4)):
            lines += [self.condition(), *self.settings(depth)]
        path.write_text("\n".join(lines) + self.random.choice(["", "\n"]))
        return path

    def condition(self) -> str:
        kind = self.random.random()
        if kind < 0.5:
            names = [self.random.choice(PATTERNS) for _ in range(self.random.randint(1, 3))]
            return f"{self.random.choice(['Host ', 'host=', 'Host  '])}{' '.join(names)}{self.comment()}"
        if kind < 0.65:
            return self.random.choice(
                [
                    "Match all",
                    "Match final all",
                    "Match canonical",
                    "Match final host *.resolved",
                    "match !final",
                ]
            )
        return f"Match {self.random.choice(CRITERIA)}"

    def settings(self, depth: int) -> list[str]:
        lines = [self.setting() for _ in range(self.random.randint(0, 5))]
        if depth < 3 and self.random.random() < 0.3:
            included = self.file(depth + 1)
            name = self.random.choice([str(included), f'"{included}"', f"{included}*", f"={included}"])
            lines.insert(self.random.randint(0, len(lines)), f"Include {name}{self.comment()}")
        if self.random.random() < 0.05:
            lines.append(f"Include {self.folder}/no-such-*")
        if self.random.random() < 0.01:
            lines.append(self.random.choice(WRONG))
        return lines

    def setting(self) -> str:
        values = {"h": self.random.choice(["web1", "front"]), "p": self.random.choice([22, 2222]),
                  "u": self.random.choice(["deploy", "root", "ops"]), "n": self.random.randint(1, 9)}  # fmt: skip
        indent = self.random.choice(["", "  ", "\t"])
        return indent + self.random.choice(OPTIONS).format(**values)

    def comment(self) -> str:
        return self.random.choice(["", "", "", " # why"])


@pytest.fixture(autouse=True)
def agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setenv("CREW_AGENT", "/run/other")
    monkeypatch.setenv("SHELL", "/bin/sh")


def answer(read, *arguments):
    try:
        return read(*arguments)
    except SshConfigError as error:
        return error


@pytest.mark.parametrize("start", range(0, 300, 10))
def test_our_parser_agrees_with_ssh(start: int, tmp_path: Path) -> None:
    for seed in range(start, start + 10):
        folder = tmp_path / str(seed)
        folder.mkdir()
        path, login = Configurations(seed, folder).write()
        theirs, ours = answer(ask_ssh, SSH, login, path), answer(read_config, login, path, None)
        if isinstance(theirs, SshConfigError):
            assert isinstance(ours, SshConfigError), (seed, str(theirs), ours)
            continue
        assert not isinstance(ours, SshConfigError), (seed, str(ours))
        if ours.identity_files == tuple(Path(name).expanduser() for name in IDENTITY_FILES):
            theirs = replace(theirs, identity_files=ours.identity_files)  # each version has its own defaults
        assert ours == theirs, seed


def test_a_block_with_an_unknown_condition_is_reported(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "Match tagged shop\n  User tagged\nMatch !sessiontype shell\n  Port 1\nHost *\n  User deploy\n"
    )
    found = read_config(Login("web1"), config, None)
    assert (found.user, found.port) == ("deploy", 22)
    assert [note.split(": ", 1)[1] for note in found.notes] == [
        "`Match tagged` is not supported; its block is ignored",
        "`Match sessiontype` is not supported; its block is ignored",
    ]


def test_unsupported_options_are_reported(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "CanonicalizeHostname yes\nKexAlgorithms +diffie-hellman-group1-sha1\nPKCS11Provider /usr/lib/token.so\n"
    )
    found = read_config(Login("web1"), config, None)
    assert found.algorithms == ()
    assert "line 1: CanonicalizeHostname is not supported without ssh" in found.notes[0]
    assert "line 2: algorithms with '+'" in found.notes[1]
    assert (
        found.notes[2] == "PKCS11Provider is not supported: load the token's keys into an agent (ssh-add -s)"
    )


def test_an_include_loop_is_an_error(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"User deploy\nInclude {config}\n")
    with pytest.raises(SshConfigError, match="nested more than"):
        read_config(Login("web1"), config, None)
    with pytest.raises(SshConfigError):
        look_up(Login("web1"), config)


def test_the_user_config_overrides_the_system_config(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("User mine\nIdentityFile /mine\n")
    (tmp_path / "system").write_text("User theirs\nPort 2200\nIdentityFile /theirs\n")
    found = read_config(Login("web1"), tmp_path / "user", tmp_path / "system")
    assert (found.user, found.port) == ("mine", 2200)
    assert found.identity_files == (Path("/mine"), Path("/theirs"))


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wrapper of ssh that counts how often it is started."""
    folder, count = tmp_path / "bin", tmp_path / "count"
    folder.mkdir()
    count.touch()
    (folder / "ssh").write_text(f'#!/bin/sh\necho x >>{count}\nexec {SSH} "$@"\n')
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", pwd.getpwuid(os.getuid()).pw_dir)
    return count


def test_ssh_runs_once_per_host_until_a_file_changes(counted: Path, tmp_path: Path) -> None:
    config, part, folder = tmp_path / "config", tmp_path / "part", tmp_path / "parts"
    folder.mkdir()
    config.write_text(f"Include {part}\nInclude {folder}/*.conf\nUser first\n")
    for _ in range(500):
        assert look_up(Login("web1"), config).user == "first"
    once = len(counted.read_text())
    part.write_text("User second\n")
    assert look_up(Login("web1"), config).user == "second"
    part.unlink()
    (folder / "a.conf").write_text("User third\n")
    assert look_up(Login("web1"), config).user == "third"
    config.write_text("User other\n")
    assert look_up(Login("web1"), config).user == "other"
    assert once <= 2 * len("x\n")  # the defaults of ssh are read once per process
    assert len(counted.read_text()) == once + 3 * len("x\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "User deploy\nPort 2200\nIdentityFile ~/.ssh/crew\nCiphers aes256-ctr\n",
        "Host *\n  HashKnownHosts yes\n",
    ],
)
def test_one_answer_serves_all_hosts_of_a_uniform_config(counted: Path, tmp_path: Path, text: str) -> None:
    config = tmp_path / "config"
    config.write_text(text)
    logins = [Login("web1"), Login("db.example.org"), Login("10.0.0.7"), Login("::1")]
    found = [look_up(login, config) for login in logins]
    assert len(counted.read_text()) <= 2 * len("x\n")  # the defaults of ssh are read once per process
    assert found == [ask_ssh(SSH, login, config) for login in logins]
    config.write_text("User other\n")
    assert look_up(Login("web1"), config).user == "other"


@pytest.mark.parametrize(
    "line",
    [
        *("Host web*", "Match host web1", "HostName web9", "ProxyJump web9", "CanonicalizeHostname yes"),
        *("IdentityFile /keys/%h", 'Include "{folder}/*.conf"'),
    ],
)
def test_ssh_is_asked_for_each_host_of_other_configs(counted: Path, tmp_path: Path, line: str) -> None:
    (tmp_path / "of-web1.conf").write_text("Host web1\n  Port 2200\n")
    config = tmp_path / "config"
    config.write_text(line.format(folder=tmp_path) + "\n")
    look_up(Login("web1"), config)
    before = counted.read_text()
    look_up(Login("web2"), config)
    assert len(counted.read_text()) == len(before) + len("x\n")


def test_inventory_settings_count_in_match(counted: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "Match user deploy\n  Port 2201\n  IdentityFile /keys/%r@%p\nHost *\n  User root\n  Port 1\n"
    )
    assert look_up(Login("web1", user="deploy"), config).identity_files == (Path("/keys/deploy@2201"),)
    assert look_up(Login("web1", user="deploy", port=5), config).identity_files == (Path("/keys/deploy@5"),)
    assert look_up(Login("web1"), config).user == "root"


def test_a_host_name_is_never_an_option(counted: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("User deploy\n")
    touched = tmp_path / "touched"
    with pytest.raises(SshConfigError, match="invalid characters"):
        look_up(Login(f"-oProxyCommand=touch {touched}"), config)
    assert not touched.exists()


def test_our_parser_is_used_without_ssh_or_its_home(
    counted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("User fromhome\nIdentityFile ~/key\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = look_up(Login("web1"), Path("~/.ssh/config"))
    assert (found.user, found.identity_files) == ("fromhome", (tmp_path / "key",))
    assert counted.read_text() == ""
    monkeypatch.setenv("HOME", pwd.getpwuid(os.getuid()).pw_dir)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert look_up(Login("web1"), tmp_path / ".ssh" / "config").user == "fromhome"


def test_a_hanging_match_exec_times_out(
    counted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text('Match exec "sleep 300"\n  User never\n')
    monkeypatch.setattr(ssh_program, "_SECONDS", 0.5)
    with pytest.raises(SshConfigError, match="did not answer within") as caught:
        look_up(Login("web1"), config)
    assert "Match exec" in caught.value.hint


@pytest.mark.parametrize("line", ["Port none", "Port 70000", "Prot 22", "IdentityFile %y"])
def test_errors_of_ssh_have_host_and_hint(counted: Path, tmp_path: Path, line: str) -> None:
    config = tmp_path / "config"
    config.write_text(f"Host web1\n  {line}\n")
    with pytest.raises(SshConfigError) as caught:
        resolve(Endpoint("web1", name="shop-host", ssh_config=config))
    assert str(caught.value).startswith("shop-host: ")
    assert caught.value.hint


def test_a_loop_of_proxyjumps_is_an_error(counted: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")

    def follow(endpoint: Endpoint | None) -> None:
        while endpoint is not None:
            endpoint = resolve(endpoint).gateway

    with pytest.raises(SshConfigError, match="form a loop"):
        follow(Endpoint("a", ssh_config=config))


@pytest.mark.parametrize("with_ssh", [True, False], ids=["ssh", "reader"])
@pytest.mark.parametrize(
    ("address", "config", "host"),
    [
        ("straße.example", "", "xn--strae-oqa.example"),
        ("STRASSE.example", "", "strasse.example"),
        ("bücher.example", "Host b*\n  Port 2222\n", "xn--bcher-kva.example"),
        ("höfe_1", "Host höfe_1\n  HostName web1.example\n", "web1.example"),
        ("web1", "Host web1\n  HostName faß.example\n", "xn--fa-hia.example"),
    ],
)
def test_non_ascii_names_resolve_like_in_browsers(  # noqa: PLR0917
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    config: str,
    host: str,
    with_ssh: bool,  # noqa: FBT001
) -> None:
    if not with_ssh:
        monkeypatch.setattr("runner.execute.ssh_lookup.usable_ssh", lambda: None)
    file = tmp_path / "config"
    file.write_text(config)
    target = resolve(Endpoint(address, ssh_config=file))
    assert (target.host, target.key_name) == (host, host)


def test_a_proxycommand_gets_the_ascii_name(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("Host *\n  ProxyCommand nc %h %p\n")
    target = resolve(Endpoint("straße.example", ssh_config=file))
    assert target.proxy_command == "nc xn--strae-oqa.example 22"


def test_an_invalid_non_ascii_name_is_refused() -> None:
    with pytest.raises(SshConfigError, match=r"invalid host name: .* is not a domain") as caught:
        resolve(Endpoint("büro..example", ssh_config=None))
    assert "in the inventory" in caught.value.hint
