"""`init` creates a workspace from answers or flags: all files or none."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.terminal import CTRL_C, Terminal
from runner.cli.first_host import named_sites
from runner.cli.mail_setup import mail_of_options
from runner.cli.new_workspace import system_language, system_timezone
from runner.errors import UsageError
from runner.inspect.discover import FoundSite
from runner.load import load_workspace
from runner.load.additions import NewClient, NewSite
from runner.load.starter import StarterMail, inventory_text, settings_text
from runner.model import MailSecurity, SecretRef, SecretSource, SiteKind
from tests.crew import ROOT, sitecrew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Fleet

FILES = {"inventory.yaml", "sitecrew.yaml", "playbooks/weekly.yaml", ".gitignore"}


def files_in(folder: Path) -> set[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith(".sitecrew/")}


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """`sitecrew init new` on a terminal of 80x24, for a user without SSH files."""
    with started(tmp_path) as terminal:
        yield terminal


def started(folder: Path, *words: str) -> Terminal:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    env = {
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "LANG": "de_DE.UTF-8",
        "LC_ALL": None,
        "TZ": "Asia/Tokyo",
    }
    argv = [sys.executable, "-m", "runner", "init", "new", *words]
    return Terminal(argv, folder=folder, env=env, columns=80, rows=24)


def test_questions_without_a_host_create_a_workspace(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait_for(r"Name of your agency \[Your web care\]")
    terminal.type_line('Nord: "web" & Söhne')
    terminal.wait_for("First host .*later")
    terminal.type_line()
    terminal.wait_for("Mail server .*later")
    terminal.type_line("not a server")
    terminal.wait_for("is not an address")
    terminal.type_line("mail.example")
    terminal.wait_for(r"Port \[587\]")
    terminal.type_line()
    terminal.wait_for(r"Encryption \[starttls\]")
    terminal.type_line()
    terminal.wait_for("Sender address")
    terminal.type_line("care@nord.example")
    terminal.wait_for("User name at the server .*none")
    terminal.type_line("care")
    terminal.wait_for(r"Password \[env:SMTP_PASSWORD\]")
    terminal.type_line("hunter2")
    terminal.wait_for("expected a reference")
    terminal.type_line()
    terminal.wait_for("Send a test mail to .*nobody")
    terminal.type_line()
    assert terminal.wait_for_exit() == 0
    assert max(len(line) for line in terminal.text.splitlines()) <= 80
    settings = load_workspace(tmp_path / "new", environ={}).settings
    assert settings.agency.name == 'Nord: "web" & Söhne'
    assert settings.mail is not None
    assert (settings.mail.host, settings.mail.sender) == ("mail.example", "care@nord.example")
    assert settings.mail.password == SecretRef(SecretSource.ENV, "SMTP_PASSWORD")
    assert files_in(tmp_path / "new") == FILES


def test_interrupt_before_the_last_answer_leaves_nothing(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait_for("Name of your agency")
    terminal.type_line("Nord")
    terminal.wait_for("First host")
    terminal.type(CTRL_C)
    assert terminal.wait_for_exit() == 130
    assert not (tmp_path / "new").exists()


def test_host_that_refuses_the_connection_is_written_without_sites(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    with started(
        tmp_path, "--agency", "Nord", "--host", "127.0.0.1", "--user", "me", "--port", port
    ) as terminal:
        terminal.wait_for("refused the connection")
        terminal.wait_for("Try again with other values")
        terminal.type_line("n")
        terminal.wait_for("Mail server")
        terminal.type_line()
        assert terminal.wait_for_exit() == 0
        assert "sitecrew -w new trust 127.0.0.1" in terminal.text
    inventory = load_workspace(tmp_path / "new", environ={}).inventory
    assert (inventory.hosts["127.0.0.1"].port, dict(inventory.sites)) == (int(port), {})


def test_existing_file_is_replaced_only_after_a_question(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    path = tmp_path / "new/sitecrew.yaml"
    for answer, kept in (("", True), ("y", False)):
        path.write_text("agency: {name: Ours}\n")
        with started(tmp_path, "--agency", "Nord") as terminal:
            terminal.wait_for(r"sitecrew\.yaml exists\. Replace it\? \[y/N\]")
            terminal.type_line(answer)
            terminal.wait_for("First host")
            terminal.type_line()
            terminal.wait_for("Mail server")
            terminal.type_line()
            assert terminal.wait_for_exit() == 0
        assert ("Ours" in path.read_text()) is kept
        for name in FILES - {"sitecrew.yaml"}:
            (tmp_path / "new" / name).unlink()


FOUND = (
    FoundSite(path="/srv/shop", kind=SiteKind.WORDPRESS, url="https://shop.example/"),
    FoundSite(path="/srv/docs", kind=SiteKind.STATIC, url="https://docs.example"),
    FoundSite(path="/srv/old", kind=SiteKind.STATIC, url="https://old.example", note="not readable"),
)


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        ((), ["/srv/shop", "/srv/docs"]),
        (("https://docs.example/",), ["/srv/docs"]),
        (("docs.example", "/srv/shop/"), ["/srv/docs", "/srv/shop"]),
        (("shop.example", "/srv/shop"), ["/srv/shop"]),
    ],
)
def test_sites_are_named_by_url_domain_or_folder(names: tuple[str, ...], paths: list[str]) -> None:
    assert [site.path for site in named_sites(FOUND, names)] == paths


@pytest.mark.parametrize("name", ["old.example", "nothing.example"])
def test_site_that_cannot_be_added_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        named_sites(FOUND, (name,))
    assert refused.value.hint == "found: https://shop.example/, https://docs.example"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--host", "web1.example", "--host-name", "a b"], "--host-name:"),
        (["--mail-host", "m.example", "--mail-password", "hunter2"], "--mail-password: expected a reference"),
        (["--host", "a b"], "--host:"),
        (["--agency", "a\nb"], "--agency:"),
        (["--mail-host", "m.example", "--mail-from", "nobody"], "--mail-from:"),
    ],
)
def test_invalid_flag_creates_nothing(tmp_path: Path, words: list[str], message: str) -> None:
    said = sitecrew("init", str(tmp_path / "new"), *words)
    assert (said.code, message in said.err, "hunter2" in said.err) == (2, True, False)
    assert not (tmp_path / "new").exists()


@pytest.mark.long
def test_flags_for_a_host_create_a_workspace_that_passes_doctor(fleet: Fleet, tmp_path: Path) -> None:
    host = fleet.hosts["web2"]
    (tmp_path / "known").write_text(host.known_hosts_line() + "\n")
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(tmp_path / "known")], check=True, capture_output=True, text=True
    ).stdout
    env = {
        "HOME": str(tmp_path),
        "SITECREW_SSH_KNOWN_HOSTS": str(tmp_path / "recorded"),
        "SITECREW_TOOLS_WORDPRESS_ORG": f"http://{fleet.spec.services}:{fleet.spec.wporg_port}",
    }
    common = ["--host", host.address, "--port", str(host.port), "--user", host.user]
    common += ["--identity", str(fleet.identity_file), "--mail-host", fleet.spec.services]
    common += ["--mail-port", str(fleet.spec.mail_ports[0]), "--mail-security", "none"]
    common += ["--mail-from", "care@nord.example", "--mail-test", "me@nord.example"]
    common += ["--client", "Acme Bakery", "--email", "office@acme.example"]
    other = sitecrew("init", str(tmp_path / "other"), *common, "--fingerprint", "SHA256:x", env=env)
    assert "has another key than expected" in other.err
    assert not (tmp_path / "recorded").exists()
    fleet.mailbox.clear()
    said = sitecrew("init", str(tmp_path / "new"), *common, "--fingerprint", shown.split()[1], env=env)
    assert said.code == 0, said
    [letter] = fleet.mailbox.letters()
    assert letter.recipients == ("me@nord.example",)
    assert (tmp_path / "recorded").exists()
    workspace = load_workspace(tmp_path / "new", environ={})
    expected = {str(site.path): site.url for site in fleet.sites.values() if site.host == "web2"}
    assert {site.path: site.url for site in workspace.inventory.sites.values()} == expected
    doctor = sitecrew("doctor", folder=tmp_path / "new", env=env)
    assert doctor.code == 0, doctor


@pytest.mark.long
def test_questions_with_a_host_find_its_sites(fleet: Fleet, tmp_path: Path) -> None:
    host = fleet.hosts["web2"]
    flags = ["--agency", "Nord", "--identity", str(fleet.identity_file)]
    with started(tmp_path, *flags) as terminal:
        terminal.wait_for("First host")
        terminal.type_line(host.address)
        terminal.wait_for("User")
        terminal.type_line(host.user)
        terminal.wait_for(r"Port \(Enter")
        terminal.type_line(str(host.port))
        terminal.wait_for("Is this the key that the host itself prints")
        terminal.type_line("y")
        terminal.wait_for(r"Sites to maintain \[all\]")
        terminal.type_line("9")
        terminal.wait_for("not a selection")
        terminal.type_line("2")
        terminal.wait_for("Client of these sites")
        terminal.type_line("Globex: Instruments")
        terminal.wait_for(r"Its time zone \[Asia/Tokyo\]")
        terminal.type_line()
        terminal.wait_for(r"Language of its reports \[de\]")
        terminal.type_line()
        terminal.wait_for("Email address for its reports")
        terminal.type_line("web@globex.example")
        terminal.wait_for("Mail server")
        terminal.type_line()
        assert terminal.wait_for_exit() == 0
    inventory = load_workspace(tmp_path / "new", environ={}).inventory
    [client] = inventory.clients.values()
    assert (client.name, client.timezone, client.language) == ("Globex: Instruments", "Asia/Tokyo", "de")
    assert len(inventory.sites) == 1
    assert (tmp_path / "home/.ssh/known_hosts").exists()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda text: text.isprintable() and text.strip()
)


@given(agency=TEXT, client=TEXT)
def test_any_name_is_read_back_from_the_new_files(agency: str, client: str) -> None:
    from runner.load.yamlnodes import read_yaml

    site = NewSite(name="a", url="https://a.example", host="h", path="/srv/a")
    mail = StarterMail(host="m.example", port=25, security=MailSecurity.TLS, sender="a@b.example")
    problems: list[object] = []
    inventory = read_yaml(
        inventory_text([], [NewClient(id="c", name=client, sites=(site,))]).encode(), "x", Path(), problems
    )
    settings = read_yaml(settings_text(agency, mail).encode(), "x", Path(), problems)
    assert not problems
    assert inventory.get("clients").get("c").get("name").value == client
    assert settings.get("agency").get("name").value == agency


def test_mail_options_have_defaults() -> None:
    options = dict.fromkeys(("mail_port", "mail_security", "mail_from", "mail_user", "mail_password"))
    assert mail_of_options({**options, "mail_host": None}, "A") is None
    found = mail_of_options({**options, "mail_host": "smtp.nord.example", "mail_port": 465}, "Nord & Co")
    assert found is not None
    assert (found.security, found.sender) == (MailSecurity.TLS, "Nord & Co <care@nord.example>")
    with pytest.raises(UsageError) as refused:
        mail_of_options({**options, "mail_host": "m.example", "mail_password": "env:a b c"}, "A")
    assert "a b c" not in str(refused.value)


@pytest.mark.parametrize(
    ("environ", "zone", "language"),
    [
        ({"TZ": ":Europe/Berlin", "LANG": "pt_BR.UTF-8"}, "Europe/Berlin", "pt"),
        ({"TZ": "/usr/share/zoneinfo/Asia/Tokyo", "LC_ALL": "C.UTF-8"}, "Asia/Tokyo", "en"),
    ],
)
def test_defaults_come_from_the_system(environ: dict[str, str], zone: str, language: str) -> None:
    assert (system_timezone(environ), system_language(environ)) == (zone, language)
