"""known_hosts files: the same results as ssh, and edits that keep all other lines."""

from __future__ import annotations

import random
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from ssh_parts import certify, make_key, public, run, sshd

from runner.errors import HostKeyError
from runner.execute import Endpoint, KnownHosts, Pool
from runner.execute.hostkeys import hash_name, parse_line
from runner.execute.keys import HostKey
from runner.execute.recording import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Ground:
    """An sshd with two host keys, one with a certificate."""

    folder: Path
    port: int = 0
    alias: str = ""

    def key(self, name: str) -> str:
        return public(self.folder / name)

    def host_key(self, name: str) -> HostKey:
        found = parse_line(f"x {self.key(name)}")
        assert found is not None
        return found.key

    def endpoint(self) -> Endpoint:
        config = self.folder / "config"
        lines = ["IdentityAgent none", *([f"HostKeyAlias {self.alias}"] if self.alias else [])]
        config.write_text("\n".join(lines) + "\n")
        return Endpoint(
            "127.0.0.1",
            port=self.port,
            user="root",
            name="web1",
            identity_file=self.folder / "login",
            known_hosts=(self.folder / "known_hosts",),
            ssh_config=config,
        )

    def write(self, *lines: str) -> None:
        (self.folder / "known_hosts").write_text("".join(f"{line}\n" for line in lines))

    def ours(self) -> str:
        """The error of our check; empty if it succeeds."""
        with Pool() as pool:
            try:
                pool.link(self.endpoint())
            except HostKeyError as error:
                return str(error)
        return ""

    def ssh_accepts(self) -> bool:
        options = {
            "UserKnownHostsFile": self.folder / "known_hosts",
            "GlobalKnownHostsFile": "none",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "UpdateHostKeys": "no",
            "IdentitiesOnly": "yes",
            "IdentityFile": self.folder / "login",
            **({"HostKeyAlias": self.alias} if self.alias else {}),
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        done = subprocess.run(
            ["ssh", "-F", "none", *words, "-p", str(self.port), "root@127.0.0.1", "true"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0 or "Host key verification failed" in done.stderr, done.stderr
        return done.returncode == 0


@pytest.fixture(scope="module", params=["127.0.0.1", "elsewhere"])
def ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """An sshd with a certificate for this host, and one with a certificate for another."""
    folder = tmp_path_factory.mktemp("known")
    for name in ("ed25519", "wrong-ed25519", "authority", "other-authority", "login"):
        make_key(folder / name)
    for name in ("rsa", "wrong-rsa"):
        make_key(folder / name, "rsa")
    certificate = certify(folder / "authority", folder / "ed25519", "-h", principals=request.param)
    keys = (folder / "ed25519", folder / "rsa")
    found = Ground(folder)
    lines = (f"HostCertificate {certificate}",)
    with sshd(folder / "sshd", *lines, keys=keys, authorized=public(folder / "login")) as found.port:
        yield found


def lines_by(seed: int, ground: Ground) -> list[str]:
    """A random file of a few lines, some of which match the host."""
    chosen = random.Random(seed)  # noqa: S311 - a seed makes the same file again
    host = ground.alias or f"[127.0.0.1]:{ground.port}"
    names = [
        host, host, host, f"web2,{host}", f"{host},web2", f"*,!{host}", "*", f"!web2,{host}", hash_name(host),
        "[127.0.0.*]:*", "web2",
        f"[127.0.0.1]:{ground.port + 1}", host.upper(), "shop*" if ground.alias else "127.0.0.?",
        hash_name("web2"), f"{host[:-1]}?", "shop", f"{host},", f"!{host}",
    ]  # fmt: skip
    if not ground.alias:
        names.append("127.0.0.1")
    keys = ["ed25519", "rsa", "ed25519", "rsa", "wrong-ed25519", "wrong-rsa", "authority", "other-authority"]
    made = []
    for _ in range(chosen.randint(1, 5)):
        marker = chosen.choice(
            ["", "", "", "", "@cert-authority ", "@cert-authority ", "@revoked ", "@unknown "]
        )
        name, key = chosen.choice(names), chosen.choice(keys)
        if marker == "@revoked " and name == "127.0.0.1":
            continue  # stricter than ssh; it has a test of its own
        made.append(
            chosen.choice(["{}{} {}", "{}{} {} comment", "{}{}  {}", " {}{} {}"]).format(
                marker, name, ground.key(key)
            )
        )
    return [*made, chosen.choice(["", "# a comment", "rubbish", "@revoked"])]


@pytest.mark.parametrize("start", range(0, 50, 5))
@pytest.mark.parametrize("alias", ["", "shop"])
def test_host_key_checks_match_ssh(ground: Ground, start: int, alias: str) -> None:
    ground.alias = alias
    for seed in range(start, start + 5):
        lines = lines_by(seed * 2 + bool(alias), ground)
        ground.write(*lines)
        ours = ground.ours()
        if (not ours) is not ground.ssh_accepts():
            # if another key is known for the port, ssh may still accept one that is known without it
            why = "\n".join([f"seed {seed}", *lines, ours])
            assert "CHANGED" in ours, why
            plain = KnownHosts([ground.folder / "known_hosts"]).keys("127.0.0.1")
            assert ground.host_key("ed25519") in plain, why


@pytest.fixture
def certified(ground: Ground) -> Ground:
    """The sshd with a certificate for 127.0.0.1."""
    ground.alias = ""
    if "elsewhere" in run("ssh-keygen", "-L", "-f", ground.folder / "ed25519-cert.pub"):
        ground.alias = "elsewhere"
    return ground


def test_a_host_certificate_needs_a_known_authority(certified: Ground) -> None:
    host = certified.alias or f"[127.0.0.1]:{certified.port}"
    certified.write(f"@cert-authority {host} {certified.key('authority')}")
    assert certified.ours() == ""
    certified.write(f"@cert-authority {host} {certified.key('other-authority')}")
    assert (
        "its certificate is not accepted: it is signed by a key that has no @cert-authority line"
        in certified.ours()
    )
    certified.write(
        f"@cert-authority * {certified.key('authority')}", f"@revoked * {certified.key('authority')}"
    )
    assert "the key that signed its certificate is marked as revoked" in certified.ours()
    certified.write(
        f"@cert-authority * {certified.key('authority')}", f"@revoked * {certified.key('ed25519')}"
    )
    assert "is marked as revoked" in certified.ours()
    certified.alias = "another.example"
    certified.write(f"@cert-authority * {certified.key('authority')}")
    assert "its certificate is not accepted: it is for " in certified.ours()


@pytest.mark.parametrize("valid", ["20200101:20260101", "20500101:20510101"])
def test_a_host_certificate_outside_its_validity_is_refused(tmp_path: Path, valid: str) -> None:
    found = Ground(tmp_path)
    for name in ("ed25519", "authority", "login"):
        make_key(tmp_path / name)
    certificate = certify(
        tmp_path / "authority", tmp_path / "ed25519", "-h", principals="127.0.0.1", valid=valid
    )
    lines = (f"HostCertificate {certificate}",)
    keys = (tmp_path / "ed25519",)
    with sshd(tmp_path / "sshd", *lines, keys=keys, authorized=public(tmp_path / "login")) as found.port:
        found.write(f"@cert-authority * {found.key('authority')}")
        assert ("expired 2026-01-01" if "2020" in valid else "not valid before 2050-01-01") in found.ours()
        assert not found.ssh_accepts()
        found.write(f"@cert-authority * {found.key('authority')}", f"* {found.key('ed25519')}")
        assert found.ours() == ""


def test_a_key_revoked_without_a_port_is_revoked_on_every_port(ground: Ground) -> None:
    ground.alias = ""
    ground.write(
        f"[127.0.0.1]:{ground.port} {ground.key('ed25519')}", f"@revoked 127.0.0.1 {ground.key('ed25519')}"
    )
    assert "is marked as revoked" in ground.ours()


def test_a_key_revoked_for_another_host_is_accepted(ground: Ground) -> None:
    ground.alias = ""
    ground.write(
        f"[127.0.0.1]:{ground.port} {ground.key('ed25519')}", f"@revoked web9 {ground.key('ed25519')}"
    )
    assert ground.ours() == ""


@pytest.mark.parametrize("form", ["list", "krl"])
def test_revokedhostkeys_of_the_config_are_refused(ground: Ground, form: str) -> None:
    ground.alias = ""
    revoked = ground.folder / f"revoked-{form}"
    if form == "krl":
        run("ssh-keygen", "-q", "-k", "-f", revoked, ground.folder / "ed25519.pub")
    else:
        revoked.write_text(f"# compromised\n{ground.key('ed25519')}\n")
    ground.write(f"[127.0.0.1]:{ground.port} {ground.key('ed25519')}")
    endpoint = ground.endpoint()
    assert endpoint.ssh_config
    for file, words in (
        (revoked, "listed as revoked in"),
        (ground.folder / "none", "cannot read RevokedHostKeys"),
    ):
        endpoint.ssh_config.write_text(f"RevokedHostKeys {file}\n")
        with Pool() as pool, pytest.raises(HostKeyError, match=words):
            pool.link(endpoint)
    run("ssh-keygen", "-q", "-k", "-f", ground.folder / "harmless", ground.folder / "rsa.pub")
    endpoint.ssh_config.write_text(f"RevokedHostKeys {ground.folder}/harmless\nIdentityAgent none\n")
    with Pool() as pool:
        assert pool.link(endpoint).alive


def test_trust_shows_the_key_that_a_login_checks(ground: Ground) -> None:
    """Of two host keys, both ask for the known one."""
    ground.alias = ""
    ground.write(
        f"[127.0.0.1]:{ground.port} {ground.key('rsa')}", f"@revoked * {ground.key('wrong-ed25519')}"
    )
    with Pool() as pool:
        assert pool.host_key(ground.endpoint())[1] == ground.host_key("rsa")
    assert ground.ours() == ""


# --- edits ------------------------------------------------------------------------------------------------


def key_of(number: int, kind: str = "ssh-ed25519") -> HostKey:
    name = kind.encode()
    return HostKey(kind, len(name).to_bytes(4, "big") + name + bytes([number]) * 40)


OLD, NEW, RSA, OTHER = key_of(1), key_of(2), key_of(3, "ssh-rsa"), key_of(4)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"web1 {OLD.text}\n", ""),
        (f"web2,web1,10.0.0.1 {OLD.text} comment\n", f"web2,10.0.0.1 {OLD.text} comment\n"),
        (f"WEB1,web2 {OLD.text}\n", f"web2 {OLD.text}\n"),
        (f"web1 {RSA.text}\nweb1 {OLD.text}\n", f"web1 {RSA.text}\n"),
        (f"@revoked * {OTHER.text}\nweb1 {OLD.text}\n", f"@revoked * {OTHER.text}\n"),
        (f"@revoked web1 {OLD.text}\nweb1 {OLD.text}\n", f"@revoked web1 {OLD.text}\n"),
        (f"@cert-authority web1 {OLD.text}\nweb1 {OLD.text}\n", f"@cert-authority web1 {OLD.text}\n"),
        (f"# web1 {OLD.text}\n\n  # mine\nweb1 {OLD.text}\n", f"# web1 {OLD.text}\n\n  # mine\n"),
        (f"*.example,web1 {OLD.text}\n", f"*.example,!web1 {OLD.text}\n"),
        (f"web* {OLD.text}\n", f"web*,!web1 {OLD.text}\n"),
        (f"web1,!web2 {OLD.text}\n", ""),
        (f"{hash_name('web2')} {OLD.text}\n", None),
        (f"\tweb1,web2\t{OLD.text}\r\n", f"\tweb2\t{OLD.text}\r\n"),
        (f"web2 {OLD.text}\nrubbish web1\n[web1]:2222 {OLD.text}\n", None),
        (f"web1 {OLD.text}\nweb2 {OLD.text}", f"web2 {OLD.text}\n"),
    ],
)
def test_replacing_changes_only_this_host_and_type(tmp_path: Path, before: str, after: str | None) -> None:
    path = tmp_path / "known_hosts"
    path.write_bytes(before.encode())
    record([path], "web1", 22, NEW, replace=True)
    assert path.read_bytes().decode() == f"{before if after is None else after}web1 {NEW.text}\n"
    KnownHosts([path]).check("web1", 22, NEW)
    with pytest.raises(HostKeyError):
        KnownHosts([path]).check("web1", 22, OLD)


def test_a_hashed_name_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"{hash_name('web1')} {OLD.text}\n{hash_name('web2')} {OLD.text}\n")
    record([path], "web1", 22, NEW, replace=True, hashed=True)
    assert path.read_text().count("\n") == 2
    assert "web1" not in path.read_text()
    for name, key in (("web1", NEW), ("web2", OLD)):
        KnownHosts([path]).check(name, 22, key)


def test_replacing_keeps_mode_and_symbolic_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles", tmp_path / "known_hosts"
    real.write_text(f"web1 {OLD.text}\n")
    real.chmod(0o644)
    link.symlink_to(real)
    record([link], "web1", 22, NEW, replace=True)
    assert link.is_symlink()
    assert real.read_text() == f"web1 {NEW.text}\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o644
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dotfiles", "known_hosts"]


def test_replacing_removes_old_keys_from_every_file(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("a", "b", "c"))
    second.write_text(f"web1 {OLD.text}\n")
    record([first, second, third], "web1", 22, NEW, replace=True)
    assert (first.read_text(), second.read_text(), third.exists()) == (f"web1 {NEW.text}\n", "", False)


def test_a_revoked_key_is_never_recorded(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    text = f"@revoked * {NEW.text}\nweb1 {OLD.text}\n"
    path.write_text(text)
    for replace in (False, True):
        with pytest.raises(HostKeyError, match="marked as revoked"):
            record([path], "web1", 22, NEW, replace=replace)
    assert path.read_text() == text


@pytest.mark.parametrize("seed", range(100))
def test_ssh_keygen_finds_what_we_record(tmp_path: Path, seed: int) -> None:
    """For each host in a random file, ssh-keygen -F finds what we find, before and after an edit."""
    chosen = random.Random(seed)  # noqa: S311 - a seed makes the same file again
    hosts = ["web1", "web2", "[web1]:2222", "10.0.0.1", "db.example.org"]
    patterns = [
        *hosts,
        *hosts,
        "*.example.org",
        "web?",
        "!web2",
        hash_name("web1"),
        hash_name("[web1]:2222"),
        "WEB2",
    ]
    keys = [OLD, RSA, OTHER]
    lines = []
    for _ in range(chosen.randint(1, 6)):
        names = chosen.choice([chosen.choice(patterns), ",".join(chosen.sample(patterns[:13], 2))])
        marker = chosen.choice(["", "", "", "@revoked ", "@cert-authority "])
        lines.append(f"{marker}{names} {real(chosen.choice(keys)).text}")
    path = tmp_path / "known_hosts"
    path.write_text("\n".join(lines) + "\n")
    wanted = chosen.choice(["web1", "web2", "db.example.org"])
    before = {host: found(path, host) for host in hosts}
    assert before == {host: ours(path, host) for host in hosts}, path.read_text()
    record([path], wanted, 22, real(NEW), replace=True)
    after = {host: found(path, host) for host in hosts}
    assert after == {host: ours(path, host) for host in hosts}, path.read_text()
    for host in hosts:
        if host == wanted:
            kept = [line for line in before[host] if not line.startswith("ssh-ed25519 ")]
            assert after[host] == [*kept, real(NEW).text]
        else:
            assert after[host] == before[host]


def real(key: HostKey) -> HostKey:
    """A key of the same type that ssh-keygen can parse."""
    if key.type == "ssh-ed25519":
        return HostKey(key.type, key.blob[:15] + (32).to_bytes(4, "big") + key.blob[-32:])
    exponent, modulus = b"\x01\x00\x01", b"\x00" + b"\xc1" * 256
    fields = b"".join(len(field).to_bytes(4, "big") + field for field in (exponent, modulus))
    return HostKey(key.type, key.blob[:11] + fields)


def found(path: Path, host: str) -> list[str]:
    """Markers and keys of the host, as found by ssh-keygen."""
    done = subprocess.run(
        ["ssh-keygen", "-F", host, "-f", str(path)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    parsed = [parse_line(line) for line in done.stdout.splitlines() if not line.startswith("#")]
    return [f"{line.marker} {line.key.text}".strip() for line in parsed if line]


def ours(path: Path, host: str) -> list[str]:
    parsed = [parse_line(line) for line in path.read_text().splitlines()]
    return [f"{line.marker} {line.key.text}".strip() for line in parsed if line and line.matches(host)]
