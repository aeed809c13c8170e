"""Authentication, in the order of ssh: certificates, keys in files and agents, a password."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from runner.errors import LoginRefusedError
from runner.execute.agent import AgentIdentity, held_keys
from runner.execute.certificates import Certificate, NotACertificateError, parse_certificate
from runner.execute.identities import IdentityFile, UnusableKeyError, with_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from paramiko import PKey, Transport
    from paramiko.agent import AgentKey

    from runner.execute.endpoint import Endpoint, Target

__all__ = ["Credentials", "CutLoginError", "UnusableKeyError"]

_FILE = 1 << 16
_CERTIFICATE = "-cert-v01@openssh.com"


class CutLoginError(Exception):
    """The connection closed during the login: it broke, or the host allows no further attempt."""


@dataclass(slots=True)
class _Problem:
    what: str
    hint: str


@dataclass(slots=True)
class _Wallet:
    """The credentials for one target. Files are read at each login, because certificates are renewed."""

    endpoint: Endpoint
    target: Target
    _held: Mapping[bytes, AgentKey]
    problems: list[_Problem] = field(default_factory=list)
    _certificates: list[tuple[str, Certificate]] = field(default_factory=list)

    def offers(self) -> Iterator[tuple[str, PKey]]:
        """Names and keys, each loaded when it is tried.

        Raises:
            UnusableKeyError: the key named in the inventory cannot be used.
        """
        options = self.target.options
        if not options.public_keys:
            return
        files = [IdentityFile(path) for path in self.target.identities]
        self._certificates = [*self._read_certificates(options.certificate_files, missing=True)]
        self._certificates += self._read_certificates(
            [file.certificate_path for file in files], missing=False
        )
        shown: set[bytes] = set()
        for name, blob, load in self._candidates(files):
            if blob is None or blob not in shown:
                if blob is not None:
                    shown.add(blob)
                key = load()
                if key is not None:
                    yield name, key

    def _candidates(
        self, files: list[IdentityFile]
    ) -> Iterator[tuple[str, bytes | None, Callable[[], PKey | None]]]:
        chosen = files[:1] if self.target.chosen else []
        for file in chosen:
            yield from self._certified([file])
            yield from self._in_agent([file])
            yield from self._of_files([file], required=True)
        yield from self._certified(files)
        configured = {file.public_key() for file in files}
        if not self.target.options.identities_only:
            for blob, key in self._held.items():
                if key.name.endswith(_CERTIFICATE):
                    yield "certificate of the agent", blob, partial(AgentIdentity, key)
        yield from self._in_agent(files)
        if not self.target.options.identities_only:
            for blob, key in self._held.items():
                if blob not in configured:
                    yield "key of the agent", blob, partial(AgentIdentity, key)
        yield from self._of_files(files, required=False)

    def _certified(self, files: list[IdentityFile]) -> Iterator[tuple[str, bytes, Callable[[], PKey | None]]]:
        by_key = {key: file for file in files if (key := file.public_key())}
        for name, certificate in self._certificates:
            held, file = self._held.get(certificate.key), by_key.get(certificate.key)
            if held is not None:
                yield name, certificate.blob, partial(AgentIdentity, held, certificate.blob)
            elif file is not None and file.holds_private_key:
                yield name, certificate.blob, partial(self._load_certified, file, certificate)

    def _in_agent(self, files: list[IdentityFile]) -> Iterator[tuple[str, bytes, Callable[[], PKey | None]]]:
        for file in files:
            blob = file.public_key()
            if blob is not None and (held := self._held.get(blob)) is not None:
                yield f"key {file.path} of the agent", blob, partial(AgentIdentity, held)

    def _of_files(
        self, files: list[IdentityFile], *, required: bool
    ) -> Iterator[tuple[str, bytes | None, Callable[[], PKey | None]]]:
        for file in files:
            if required or file.exists:
                yield f"key {file.path}", file.public_key(), partial(self._load, file, required=required)

    def _load(self, file: IdentityFile, *, required: bool) -> PKey | None:
        try:
            return file.load(self.endpoint.called, self.endpoint.passphrase)
        except UnusableKeyError as error:
            if required:
                raise
            self._note(str(error).removeprefix(f"{self.endpoint.called}: "), error.hint)
            return None

    def _load_certified(self, file: IdentityFile, certificate: Certificate) -> PKey | None:
        key = self._load(file, required=file.path == self.target.chosen)
        return with_certificate(key, certificate) if key else None

    def _read_certificates(
        self, paths: Iterable[Path], *, missing: bool
    ) -> Iterator[tuple[str, Certificate]]:
        """The valid ones. `missing`: report files that do not exist."""
        for path in paths:
            try:
                certificate = parse_certificate(_text(path))
            except OSError as error:
                if missing or not isinstance(error, FileNotFoundError):
                    reason = f"cannot read the certificate {path}: {error.strerror}"
                    self._note(reason, "Correct CertificateFile in the ssh config.")
                continue
            except NotACertificateError as error:
                self._note(f"{path} is not a certificate: {error}", f"Check it with: ssh-keygen -L -f {path}")
                continue
            if fault := certificate.expired():
                self._note(f"the certificate {path} {fault}", "Renew it.")
            else:
                yield f"certificate {path}", certificate

    def _note(self, what: str, hint: str) -> None:
        self.problems.append(_Problem(what, hint))


class Credentials:
    """Tries all credentials of a target. Paramiko calls `authenticate`."""

    def __init__(self, endpoint: Endpoint, target: Target) -> None:
        self._endpoint = endpoint
        self._target = target

    def mark(self) -> tuple[object, ...]:
        """A value that changes when other keys or certificates would be used."""
        paths = [*self._target.identities, *self._target.options.certificate_files]
        paths += [IdentityFile(path).certificate_path for path in self._target.identities]
        with held_keys(self._target.options.agent) as held:
            return (self._target.key, *map(_mark, paths), *held)

    def authenticate(self, transport: Transport) -> list[str]:
        """Log in over a transport whose host key has been checked.

        Raises:
            LoginRefusedError: nothing was accepted.
            CutLoginError, TimeoutError: the connection broke or the host was silent.
        """
        with held_keys(self._target.options.agent) as held:
            wallet = _Wallet(self._endpoint, self._target, held)
            shown: list[str] = []
            for name, attempt in self._attempts(transport, wallet):
                shown.append(name)
                if not _try(attempt, transport, attempts=len(shown)):
                    break
                if transport.is_authenticated():
                    return []
        raise self._refused(shown, wallet.problems)

    def _refused(self, shown: list[str], problems: list[_Problem]) -> LoginRefusedError:
        called, target = self._endpoint.called, self._target
        others = "".join(f"; {problem.what}" for problem in problems[:3])
        hint = f"Try: ssh -p {target.port} {target.user}@{target.host}. Set identity_file, or run ssh-add."
        if problems:
            hint = problems[0].hint
        if not shown:
            return UnusableKeyError(f"{called}: no key to log in as {target.user}{others}", hint=hint)
        return LoginRefusedError(
            f"{called}: {target.host} refused the login as {target.user} (tried: {', '.join(shown)}){others}",
            hint=hint,
        )

    def _attempts(self, transport: Transport, wallet: _Wallet) -> Iterator[tuple[str, Callable[[], Any]]]:
        user = self._target.user
        for name, key in wallet.offers():
            yield name, partial(transport.auth_publickey, user, key)
        password = self._endpoint.password
        if password is not None:
            yield "password", lambda: transport.auth_password(user, password())


def _try(attempt: Callable[[], Any], transport: Transport, *, attempts: int) -> bool:
    """Make an attempt; return whether the host allows another one."""
    from paramiko import AuthenticationException

    try:
        attempt()
    except AuthenticationException as error:
        _raise_cut(error, transport, attempts=attempts)
        return transport.is_active()
    return True


def _raise_cut(error: Exception, transport: Transport, *, attempts: int) -> None:
    """Paramiko reports broken and slow connections as failed authentication too."""
    if "timeout" in str(error):
        raise TimeoutError("no answer to the login") from error
    if not transport.is_active() and attempts == 1:  # later on, the host has a limit of attempts
        raise CutLoginError("the connection closed during the login") from error


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_FILE).decode("utf-8", "replace")
