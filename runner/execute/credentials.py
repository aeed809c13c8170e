"""What we show at the door: keys, each parsed once a process; the agent's; a password."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from runner.errors import LoginRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paramiko import PKey, Transport

    from runner.execute.endpoint import Endpoint, Target

__all__ = ["Credentials", "CutLoginError", "UnusableKeyError"]


class CutLoginError(Exception):
    """The connection ended while we showed a key: a cut link, or a host that has had enough of us."""


class UnusableKeyError(LoginRefusedError):
    """The key cannot be shown to anybody: the host never heard of it."""


class Credentials:
    """Tries what there is, in OpenSSH's order. Paramiko calls `authenticate`."""

    def __init__(self, endpoint: Endpoint, target: Target) -> None:
        self._endpoint = endpoint
        self._target = target

    def authenticate(self, transport: Transport) -> list[str]:
        """Log in over a transport whose host key has been checked.

        Raises:
            LoginRefusedError: nothing was accepted.
            CutLoginError, TimeoutError: the connection broke or the host was silent.
        """
        from paramiko import AuthenticationException

        user = self._target.user
        shown: list[str] = []
        for name, attempt in self._attempts(transport, user):
            shown.append(name)
            try:
                attempt()
            except AuthenticationException as error:
                _raise_cut(error, transport, attempts=len(shown))
                if not transport.is_active():
                    break
            if transport.is_authenticated():
                return []
        raise LoginRefusedError(
            f"{self._endpoint.called}: {self._target.host} refused the login as {user}"
            f" (shown: {', '.join(shown) or 'nothing'})",
            hint=f"Try: ssh -p {self._target.port} {user}@{self._target.host}; set identity_file or ssh-add.",
        )

    def _attempts(self, transport: Transport, user: str) -> Iterator[tuple[str, Callable[[], Any]]]:
        for path in self._target.identities:
            key = self._identity(path)
            if key is not None:
                yield f"key {path}", partial(transport.auth_publickey, user, key)
        if self._target.agent:
            for key in _agent_keys():
                yield "key of the agent", partial(transport.auth_publickey, user, key)
        password = self._endpoint.password
        if password is not None:
            yield "password", lambda: transport.auth_password(user, password())

    def _identity(self, path: Path) -> PKey | None:
        """The key in this file; where it is encrypted and no passphrase known, its twin in the agent."""
        try:
            return _load(path, self._endpoint.passphrase)
        except (OSError, ValueError, TypeError) as error:
            public = path.with_name(f"{path.name}.pub")
            if public.exists():
                words = public.read_text(encoding="utf-8").split()
                for key in _agent_keys():
                    if words[1:2] == [key.get_base64()]:
                        return cast("PKey", key)
            raise self._unusable(path, error) from error

    def _unusable(self, path: Path, error: Exception) -> UnusableKeyError:
        called, missing = self._endpoint.called, isinstance(error, FileNotFoundError)
        if missing:
            return UnusableKeyError(
                f"{called}: there is no key {path}",
                hint="Correct identity_file of the host, or make a key: ssh-keygen -t ed25519",
            )
        if isinstance(error, TypeError):
            return UnusableKeyError(
                f"{called}: the key {path} is locked with a passphrase",
                hint=f"Set passphrase of the host, like {{env: KEY_PASSPHRASE}}, or load it: ssh-add {path}",
            )
        if self._endpoint.passphrase is not None and not isinstance(error, OSError):
            return UnusableKeyError(
                f"{called}: the passphrase does not open the key {path}",
                hint=f"Compare passphrase of the host with: ssh-keygen -y -f {path}",
            )
        return UnusableKeyError(
            f"{called}: the key {path} cannot be used: {getattr(error, 'strerror', None) or error}",
            hint=f"Is it a private key that you may read? Try: ssh-keygen -y -f {path}",
        )


def _raise_cut(error: Exception, transport: Transport, *, attempts: int) -> None:
    """Paramiko calls a connection that broke, or was too slow, a failed authentication too."""
    if "timeout" in str(error):
        raise TimeoutError("the host did not answer the login") from error
    if not transport.is_active() and attempts == 1:  # later on it is the host that has had enough
        raise CutLoginError("the connection ended during the login") from error


_keys: dict[tuple[Path, int], PKey] = {}
_loading = threading.Lock()


def _load(path: Path, passphrase: Callable[[], str] | None) -> PKey:
    from paramiko import PKey

    mark = (path, path.stat().st_mtime_ns)
    with _loading:
        if mark not in _keys:
            try:
                _keys[mark] = PKey.from_path(str(path))
            except TypeError:  # encrypted
                if passphrase is None:
                    raise
                # the annotation says text, the code under it takes bytes only
                _keys[mark] = PKey.from_path(str(path), cast("str", passphrase().encode()))
        return _keys[mark]


def _agent_keys() -> tuple[Any, ...]:
    from paramiko import Agent

    return Agent().get_keys()
