"""Our own parser of ssh config files, for machines without a usable ssh.

It supports ``Host``, ``Match``, ``Include``, quotes, comments and the keywords that Sitecrew uses. Anything
else is ignored and reported in the notes; a block with an unknown condition does not apply.
"""

from __future__ import annotations

import glob
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import SshConfigError
from runner.execute.ssh_options import (
    ALGORITHMS,
    Login,
    host_name,
    local_user,
    options_from,
    port_number,
    seconds,
)
from runner.execute.ssh_patterns import matches_any
from runner.execute.ssh_words import match_words, split_keyword, split_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.execute.ssh_options import SshOptions

__all__ = ["SYSTEM_CONFIG", "is_same_for_all_hosts", "read_config", "sources"]

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")

_DEPTH = 16
_SIZE = 1 << 20
_EXEC_SECONDS = 20.0
_LISTS = frozenset(ALGORITHMS)
_RELATIVE = ("+", "-", "^")
_ADDED = frozenset({"identityfile", "certificatefile"})
_SEVERAL = frozenset({"userknownhostsfile", "globalknownhostsfile"})
_VERBATIM = frozenset({"proxycommand", "knownhostscommand", "match"})
_UNREAD = {"canonicalizehostname": "CanonicalizeHostname is not supported without ssh"}
_SINGLE = frozenset(
    {
        *("hostname", "port", "user", "hostkeyalias", "addressfamily", "bindaddress", "connecttimeout"),
        *("identitiesonly", "identityagent", "pubkeyauthentication", "pkcs11provider", "securitykeyprovider"),
        *("hashknownhosts", "revokedhostkeys", "knownhostscommand"),
        *("proxyjump", "proxycommand", "proxyusefdpass", "controlpath"),
    }
)
_DIFFERS = frozenset({"match", "hostname", "proxyjump"})
"""Keywords whose effect depends on the host, whatever their value; as that of `Host` and Canonicalize*."""
_READ = _SINGLE | _LISTS | _ADDED | _SEVERAL | _UNREAD.keys()


def read_config(login: Login, user_config: Path | None, system_config: Path | None) -> SshOptions:
    """Return the options of a host. The first value counts, and the user's file comes before the system's.

    Raises:
        SshConfigError: a line is invalid.
    """
    reader = _Reader(login)
    reader.read(user_config, system_config)
    if reader.wants_final:
        reader.begin_final_pass()
        reader.read(user_config, system_config)
    return options_from(reader.options, login, notes=tuple(dict.fromkeys(reader.notes)))


def sources(config: Path) -> frozenset[Path]:
    """The file, all files that it includes, and the folders of patterns in ``Include``."""
    return frozenset(_sources(config, config.parent, 0))


def is_same_for_all_hosts(files: Iterable[Path]) -> bool:
    """Whether no line of these files depends on the name of the host."""
    lines = (line for file in files for line in _lines(file))
    return all(
        keyword not in _DIFFERS
        and not keyword.startswith("canonical")
        and "%" not in rest
        and (keyword != "host" or split_words(rest) == ["*"])
        for _, keyword, rest in lines
    )


def _sources(config: Path, base: Path, depth: int) -> Iterator[Path]:
    yield config
    if depth > _DEPTH:
        return
    for _, keyword, rest in _lines(config):
        if keyword == "include":
            for pattern in split_words(rest) or ():
                path = _include_path(pattern, base)
                yield Path(path).parent
                for file in sorted(glob.glob(path)):  # noqa: PTH207 - the pattern is absolute
                    yield from _sources(Path(file), base, depth + 1)


@dataclass(slots=True)
class _Reader:
    login: Login
    options: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    wants_final: bool = False
    final: bool = False
    host: str = ""
    """The name that ``Host`` patterns are matched against."""

    def __post_init__(self) -> None:
        self.host = self.login.host

    def read(self, user_config: Path | None, system_config: Path | None) -> None:
        for path, base in ((user_config, Path.home() / ".ssh"), (system_config, SYSTEM_CONFIG.parent)):
            if path is not None:
                self._file(path, base, depth=0)

    def begin_final_pass(self) -> None:
        self.host = host_name(self.options, self.login.host)
        self.options["hostname"] = [self.host]
        self.final = True

    def _file(self, path: Path, base: Path, *, depth: int, applies: bool = True) -> None:
        """`applies`: false for a file included in an inactive block; only ``Match final`` counts there."""
        if depth > _DEPTH:
            raise SshConfigError(
                f"{path}: Include is nested more than {_DEPTH} levels deep",
                hint="Check whether a file includes itself.",
            )
        active = applies
        for number, keyword, rest in _lines(path):
            where = f"{path} line {number}"
            words = self._words(keyword, rest, where)
            if keyword == "match":
                active = self._match(rest, where, applies=applies)
            elif keyword == "host":
                active = applies and matches_any(self.host, words)
            elif keyword == "include":
                for pattern in words:
                    for file in sorted(glob.glob(_include_path(pattern, base))):  # noqa: PTH207
                        self._file(Path(file), base, depth=depth + 1, applies=active)
            elif keyword in _READ:
                _check(keyword, words, where)
                if active:
                    self._set(keyword, words, where)

    def _words(self, keyword: str, rest: str, where: str) -> list[str]:
        words = [rest] if keyword in _VERBATIM else split_words(rest)
        if words is None:
            raise SshConfigError(f"{where}: unclosed quote", hint="Close it, or remove it.")
        if words in ([], [""]):
            raise SshConfigError(f"{where}: {keyword} has no value", hint="Add one, or remove the line.")
        return words

    def _set(self, keyword: str, value: list[str], where: str) -> None:
        if keyword in _UNREAD:
            if value[0].lower() not in {"no", "false"}:
                self.notes.append(f"{where}: {_UNREAD[keyword]}")
        elif keyword in {"proxyjump", "proxycommand"}:
            # after `ProxyJump none` a ProxyCommand still counts, but no other ProxyJump
            ways = [self.options.get("proxycommand"), self.options.get("proxyjump")]
            if ways == [None, None] or (keyword == "proxycommand" and ways == [None, ["none"]]):
                self.options[keyword] = value
        elif keyword in _ADDED:
            known = self.options.setdefault(keyword, [])
            known += [word for word in value if word not in known]
        elif keyword in _LISTS and value[0].startswith(_RELATIVE):
            self.notes.append(f"{where}: algorithms with {value[0][0]!r} are not supported without ssh")
        else:
            self.options.setdefault(keyword, value)

    def _match(self, rest: str, where: str, *, applies: bool) -> bool:
        words = match_words(rest)
        if words is None:
            raise SshConfigError(f"{where}: unclosed quote", hint="Close it, or remove it.")
        result = applies
        while words:
            word = words.pop(0)
            if word.startswith("#"):
                break
            negated, criterion = word.startswith("!"), word.lstrip("!").lower()
            if criterion == "all":
                continue
            if criterion in {"canonical", "final"}:
                self.wants_final = self.wants_final or criterion == "final"
                result = result and self.final is not negated
                continue
            if not words:
                raise SshConfigError(f"{where}: Match {criterion} without a value", hint="Add the value.")
            value = words.pop(0)
            judge = self._criteria.get(criterion)
            if judge is None and applies:
                self.notes.append(f"{where}: `Match {criterion}` is not supported; its block is ignored")
                result = False
            elif judge is not None and result:
                result = judge(self, value) is not negated
        return result

    def _is_host(self, patterns: str) -> bool:
        return _listed(host_name(self.options, self.host), patterns.lower())

    def _is_original_host(self, patterns: str) -> bool:
        return _listed(self.login.host.lower(), patterns.lower())

    def _is_user(self, patterns: str) -> bool:
        return _listed(self._user(), patterns)

    def _is_local_user(self, patterns: str) -> bool:
        return _listed(local_user(), patterns)

    def _user(self) -> str:
        return self.login.user or next(iter(self.options.get("user", ())), "") or local_user()

    def _runs(self, command: str) -> bool:
        names = ("user", "port", "hostname", "hostkeyalias", "proxyjump")
        so_far = {name: self.options[name] for name in names if name in self.options}
        expanded = options_from({**so_far, "proxycommand": [command]}, self.login).proxy_command
        shell = os.environ.get("SHELL") or "/bin/sh"
        try:
            done = subprocess.run(  # noqa: S603 - the user's own configuration, run as ssh does
                [shell, "-c", expanded],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_EXEC_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SshConfigError(
                f"the command of a `Match exec` did not exit within {_EXEC_SECONDS:.0f} s: {command[:80]!r}",
                hint="Correct it in the ssh config.",
            ) from error
        return done.returncode == 0

    _criteria = {  # noqa: RUF012
        "host": _is_host,
        "originalhost": _is_original_host,
        "user": _is_user,
        "localuser": _is_local_user,
        "exec": _runs,
    }


def _check(keyword: str, words: list[str], where: str) -> None:
    """Refuse what ssh refuses, even in a block that does not apply."""
    if len(words) > 1 and keyword not in _SEVERAL:
        raise SshConfigError(
            f"{where}: more than one value: {' '.join(words)[:80]!r}",
            hint="Put a value with spaces in quotes.",
        )
    try:
        if keyword == "port":
            port_number(words[0])
        elif keyword == "connecttimeout":
            seconds(words[0])
    except SshConfigError as error:
        raise SshConfigError(f"{where}: {error}", hint=error.hint) from error


def _listed(text: str, patterns: str) -> bool:
    return matches_any(text, patterns.split(","))


def _lines(path: Path) -> Iterator[tuple[int, str, str]]:
    """Number, lower-case keyword and rest of every line that is not blank or a comment."""
    try:
        with path.open("rb") as file:
            text = file.read(_SIZE).decode("utf-8", "surrogateescape")
    except OSError:
        return
    for number, line in enumerate(text.split("\n"), 1):
        keyword, rest = split_keyword(line)
        if keyword and not keyword.startswith("#"):
            yield number, keyword.lower(), rest


def _include_path(pattern: str, base: Path) -> str:
    return str(base / os.path.expanduser(pattern))  # noqa: PTH111
