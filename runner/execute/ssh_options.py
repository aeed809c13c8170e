"""The ssh options of one host, from `ssh -G` or from our own parser."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from runner.addresses import ascii_domain
from runner.errors import SshConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "ALGORITHMS",
    "Login",
    "Options",
    "SshOptions",
    "Tokens",
    "host_name",
    "local_user",
    "options_from",
    "port_number",
    "seconds",
]

Options: TypeAlias = "Mapping[str, Sequence[str]]"
"""Values by lower-case keyword, before tokens and tildes are expanded."""

USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
IDENTITY_FILES = tuple(
    f"~/.ssh/id_{name}" for name in ("rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "xmss", "dsa")
)
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
ALGORITHMS = ("kexalgorithms", "ciphers", "macs", "hostkeyalgorithms", "pubkeyacceptedalgorithms")


@dataclass(frozen=True, slots=True)
class Login:
    """The host to look up, with the port and user that override the ssh config."""

    host: str
    port: int | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class SshOptions:
    """The ssh options of one host, fully expanded."""

    hostname: str
    port: int
    user: str
    identity_files: tuple[Path, ...] = ()
    certificate_files: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: str = ""
    """The agent's socket; empty: no agent."""
    user_known_hosts: tuple[Path, ...] = ()
    """New keys are written to the first."""
    global_known_hosts: tuple[Path, ...] = ()
    hash_known_hosts: bool = False
    revoked_host_keys: Path | None = None
    host_key_alias: str = ""
    proxy_jump: str = ""
    proxy_command: str = ""
    connect_timeout: float | None = None
    """Seconds; None: not configured."""
    address_family: str = "any"
    bind_address: str = ""
    public_keys: bool = True
    """False: ``PubkeyAuthentication no``."""
    algorithms: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Lists by keyword; only configured ones."""
    notes: tuple[str, ...] = ()
    """Configured options that are ignored, with the reasons."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The values of tokens such as ``%h``."""

    values: Mapping[str, str]

    def expand(self, text: str) -> str:
        """Replace the tokens in a text.

        Raises:
            SshConfigError: there is no such token.
        """

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name not in self.values:
                raise SshConfigError(
                    f"unknown token %{name} in the ssh config: {text!r}",
                    hint="Correct it, or write %% for a percent sign. See: man ssh_config",
                )
            return self.values[name]

        return re.sub(r"%(.?)", value, text, flags=re.DOTALL)


def options_from(
    options: Options, login: Login, *, notes: Sequence[str] = (), known_hosts_expanded: bool = False
) -> SshOptions:
    """Expand and check options.

    Args:
        options: The options as read.
        login: The host that they were read for.
        notes: Options that the reader had to ignore.
        known_hosts_expanded: Tokens in the paths of known_hosts files and of the agent are expanded already.

    Raises:
        SshConfigError: a value is invalid.
    """
    user = login.user or _first(options, "user") or local_user()
    port = login.port or port_number(_first(options, "port") or "22")
    hostname = _wire_name(host_name(options, login.host))
    alias = _first(options, "hostkeyalias").lower()
    jump = _configured(options, "proxyjump")
    tokens = _tokens(login.host, hostname, port=port, user=user, alias=alias, jump=jump)

    def paths(keyword: str, default: Sequence[str] = ()) -> tuple[Path, ...]:
        given = options.get(keyword) or default
        plain = known_hosts_expanded and keyword.endswith("knownhostsfile")
        expand: Callable[[str], str] = str if plain else tokens.expand
        return tuple(_path(expand(_environment(text))) for text in given if text.lower() != "none")

    revoked = paths("revokedhostkeys")
    return SshOptions(
        hostname=hostname,
        port=port,
        user=user,
        identity_files=_unique(paths("identityfile", IDENTITY_FILES)),
        certificate_files=_unique(paths("certificatefile")),
        identities_only=_yes(options, "identitiesonly"),
        agent=_agent(_first(options, "identityagent"), str if known_hosts_expanded else tokens.expand),
        user_known_hosts=paths("userknownhostsfile", USER_KNOWN_HOSTS),
        global_known_hosts=paths("globalknownhostsfile", GLOBAL_KNOWN_HOSTS),
        hash_known_hosts=_yes(options, "hashknownhosts"),
        revoked_host_keys=revoked[0] if revoked else None,
        host_key_alias=alias,
        proxy_jump=tokens.expand(jump),
        proxy_command=tokens.expand(_configured(options, "proxycommand")),
        connect_timeout=seconds(_first(options, "connecttimeout")),
        address_family=_first(options, "addressfamily") or "any",
        bind_address=_first(options, "bindaddress"),
        public_keys=_first(options, "pubkeyauthentication").lower() not in {"no", "false"},
        algorithms=tuple(
            (name, tuple(_first(options, name).split(","))) for name in ALGORITHMS if options.get(name)
        ),
        notes=(*notes, *_not_honoured(options)),
    )


def host_name(options: Options, host: str) -> str:
    """The name or address to connect to.

    Raises:
        SshConfigError: ``HostName`` has a token other than %h.
    """
    given = _first(options, "hostname")
    return Tokens({"h": host, "%": "%"}).expand(given).lower() if given else host.lower()


def _wire_name(name: str) -> str:
    """Convert a name to the ASCII form of the DNS: the system's resolver would map some letters differently.

    Raises:
        SshConfigError: it is not a valid domain.
    """
    if name.isascii():
        return name
    try:
        return ascii_domain(name)
    except ValueError as error:
        raise SshConfigError(
            f"invalid host name: {error}",
            hint="Correct `address` of the host in the inventory, or HostName in the ssh config.",
        ) from None


def _path(text: str) -> Path:
    """A path with its tilde expanded."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - leaves unknown accounts unchanged


def local_user() -> str:
    """The user name of this process.

    Raises:
        SshConfigError: its uid has no name.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise SshConfigError(
            f"no user name for the login: this process runs as uid {os.getuid()}, which has no name",
            hint="Set `user` of the host in the inventory.",
        ) from error


def _tokens(name: str, hostname: str, *, port: int, user: str, alias: str, jump: str) -> Tokens:
    local = socket.gethostname()
    jump_host = jump.rpartition(",")[2].rpartition("@")[2].partition(":")[0]
    parts = (local, hostname, str(port), user, jump_host)
    try:
        here = local_user()
    except SshConfigError:
        here = user
    return Tokens(
        {
            "%": "%",
            "C": hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest(),
            "d": str(Path.home()),
            "h": hostname,
            "i": str(os.getuid()),
            "j": jump_host,
            "k": alias or name,
            "L": local.partition(".")[0],
            "l": local,
            "n": name,
            "p": str(port),
            "r": user,
            "u": here,
        }
    )


def _environment(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise SshConfigError(
                f"the ssh config uses the environment variable {match[1]}, which is not set: {text!r}",
                hint=f"Set {match[1]} for Sitecrew too, or write the path in full.",
            )
        return os.environ[match[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)


def _agent(configured: str, expand: Callable[[str], str]) -> str:
    usual = os.environ.get("SSH_AUTH_SOCK", "")
    if configured in {"", "SSH_AUTH_SOCK"}:
        return usual
    if configured.lower() == "none":
        return ""
    if configured.startswith("$") and not configured.startswith("${"):
        return os.environ.get(configured[1:], "")
    return str(_path(expand(_environment(configured))))


def port_number(text: str) -> int:
    """Parse a port.

    Raises:
        SshConfigError: it is not one.
    """
    with contextlib.suppress(OSError):
        return socket.getservbyname(text, "tcp")
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:  # noqa: PLR2004
        return int(text)
    raise SshConfigError(f"{text!r} is not a port", hint="Correct `Port` in the ssh config.")


def seconds(text: str) -> float | None:
    """Parse a time such as ``90``, ``1m30s`` or ``none``.

    Raises:
        SshConfigError: it is not one.
    """
    if text.lower() in {"", "none", "0"}:
        return None
    parts = re.findall(r"(\d+)([smhdw]?)", text.lower())
    if "".join(f"{number}{unit}" for number, unit in parts) != text.lower():
        raise SshConfigError(f"{text!r} is not a time", hint="Correct `ConnectTimeout` in the ssh config.")
    return float(sum(int(number) * SECONDS[unit] for number, unit in parts))


def _not_honoured(options: Options) -> list[str]:
    found = []
    for keyword, (name, instead) in _UNSUPPORTED.items():
        value = _first(options, keyword)
        if value and value.lower() not in {"none", "no", "false", "internal"}:
            found.append(f"{name} is not supported: {instead}")
    return found


_UNSUPPORTED = {
    "pkcs11provider": ("PKCS11Provider", "load the token's keys into an agent (ssh-add -s)"),
    "securitykeyprovider": ("SecurityKeyProvider", "load the key into an agent (ssh-add)"),
    "knownhostscommand": ("KnownHostsCommand", "add the host's key (sitecrew trust)"),
    "proxyusefdpass": ("ProxyUseFdpass", "use a ProxyCommand that passes the data itself"),
    "controlpath": ("ControlPath", "Sitecrew opens its own connection"),
}


def _first(options: Options, keyword: str) -> str:
    return next(iter(options.get(keyword, ())), "")


def _configured(options: Options, keyword: str) -> str:
    value = _first(options, keyword)
    return "" if value.lower() == "none" else value


def _yes(options: Options, keyword: str) -> bool:
    return _first(options, keyword).lower() in {"yes", "true"}


def _unique(paths: Sequence[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(paths))
