"""One SSH connection: Fabric's, with strict host keys and a limit on every wait."""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.errors import HostKeyError, LoginRefusedError, SecretError, UnreachableError
from runner.execute.credentials import Credentials, CutLoginError, UnusableKeyError
from runner.execute.hostkeys import HostKey, KnownHosts
from runner.execute.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramiko import Transport

    from runner.execute.endpoint import Endpoint, Target

__all__ = ["Logins", "Waits", "connect", "fetch_host_key"]

_REKEY = 2**36
"""Bytes after which we want new keys: 2**32 blocks of a cipher with blocks of 16 bytes."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Limits of opening a connection, in seconds where not said otherwise."""

    connect: float = 10.0
    banner: float = 15.0
    login: float = 20.0
    tries: int = 6
    """Attempts when the greeting fails or the connection is reset: a busy sshd drops logins at random."""
    silence: float = 900.0
    """After a refused login: no further attempt, since the host may ban us."""


class Logins:
    """At most `limit` logins in flight to one sshd, which drops more at random, and peace after a refusal."""

    def __init__(self, limit: int = 4, silence: float = 900.0) -> None:
        self._limit = limit
        self._silence = silence
        self._lock = threading.Lock()
        self._places: dict[tuple[str, int], threading.BoundedSemaphore] = {}
        self._refused: dict[tuple[object, ...], float] = {}

    def place(self, host: str, port: int) -> threading.BoundedSemaphore:
        """Hold it while logging in."""
        with self._lock:
            return self._places.setdefault((host, port), threading.BoundedSemaphore(self._limit))

    def refused(self, target: Target) -> None:
        """Remember that this login was refused."""
        self._refused[(target.key, target.identities)] = time.monotonic() + self._silence

    def check(self, target: Target, called: str) -> None:
        """Raise while a refusal is too young for another attempt.

        Raises:
            LoginRefusedError: with the time to wait in its hint.
        """
        left = self._refused.get((target.key, target.identities), 0.0) - time.monotonic()
        if left > 0:
            raise LoginRefusedError(
                f"{called}: login as {target.user} was refused a moment ago",
                hint=f"Not tried again for {left / 60:.0f} min, lest the host ban us. Mend the key first.",
            )


def connect(
    endpoint: Endpoint,
    target: Target,
    *,
    gateway: Link | None = None,
    logins: Logins | None = None,
    waits: Waits | None = None,
) -> Link:
    """Log in. Retries only where the greeting failed or the connection was reset.

    Raises:
        HostKeyError: the host's key is not on record, or another one is.
        LoginRefusedError: no key or password was accepted.
        UnreachableError: no connection.
    """
    waits = waits or Waits()
    logins = logins or Logins()
    credentials = Credentials(endpoint, target)
    for attempt in range(1, waits.tries + 1):
        logins.check(target, endpoint.called)
        began = time.monotonic()
        try:
            with logins.place(target.host, target.port):
                return _log_in(endpoint, target, credentials, gateway, waits)
        except UnusableKeyError:
            raise
        except LoginRefusedError:
            logins.refused(target)
            raise
        except SecretError as error:
            raise LoginRefusedError(f"{endpoint.called}: {error}", hint=error.hint) from error
        except (HostKeyError, UnreachableError):
            raise
        except Exception as error:
            # a host that hangs up on our key may be counting: it is asked twice, not six times
            last = 2 if isinstance(error, CutLoginError) else waits.tries
            waited = time.monotonic() - began
            if _is_passing(error) and waited >= 0.9 * min(waits.connect, waits.banner):
                raise _silent(endpoint, target, waited) from error
            if attempt >= last or not _is_passing(error):
                raise _unreachable(endpoint, target, error) from error
        time.sleep(random.uniform(0.05, 0.3) * attempt)  # noqa: S311 - jitter
    raise AssertionError


def fetch_host_key(
    endpoint: Endpoint, target: Target, *, gateway: Link | None = None, waits: Waits | None = None
) -> HostKey:
    """The key that the host shows now, whether known or not. Nobody logs in.

    Raises:
        UnreachableError: no connection.
    """
    from paramiko import Transport

    from runner.execute.careful import bound_transport

    waits = waits or Waits()
    sock = transport = None
    try:
        sock = _socket(target, gateway, waits)
        transport = Transport(sock)
        bound_transport(transport, waits.banner)
        transport.banner_timeout = waits.banner
        transport.start_client(timeout=waits.connect)
        key = transport.get_remote_server_key()
        return HostKey(key.get_name(), key.asbytes())
    except Exception as error:
        raise _unreachable(endpoint, target, error) from error
    finally:
        for thing in (transport, sock):
            if thing is not None:
                thing.close()


def _log_in(
    endpoint: Endpoint, target: Target, credentials: Credentials, gateway: Link | None, waits: Waits
) -> Link:
    from fabric import Connection

    known = KnownHosts(target.known_hosts)
    sock = _socket(target, gateway, waits)
    connection = Connection(
        target.host,
        user=target.user,
        port=target.port,
        config=_fabric_config(),
        gateway=False,
        connect_kwargs={
            "sock": sock,
            "timeout": waits.connect,
            "banner_timeout": waits.banner,
            "auth_timeout": waits.login,
            "auth_strategy": credentials,
            "transport_factory": _transport_factory(known, target, waits.banner),
        },
    )
    connection.client.set_missing_host_key_policy(_Strict(known, target, endpoint.called))
    try:
        connection.open()
    except BaseException:
        connection.client.close()
        sock.close()
        raise
    return Link(endpoint, connection)


def _fabric_config() -> Any:
    """One for each connection, which writes into it: threads that share one read it half written.

    No ssh config: `resolve` has read it, and Fabric would follow a ProxyJump without checking its key.
    """
    _quiet()
    from fabric import Config
    from paramiko import SSHConfig

    return Config(ssh_config=SSHConfig(), lazy=True)


def _quiet() -> None:
    """Paramiko logs tracebacks of what is raised here anyway."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class _Strict:
    """Asked by paramiko about every host key, since none is given to it: there is one judge."""

    def __init__(self, known: KnownHosts, target: Target, called: str) -> None:
        self._known, self._target, self._called = known, target, called

    def missing_host_key(self, _client: object, _hostname: str, key: Any) -> None:
        self._known.check(
            self._target.key_name,
            self._target.port,
            HostKey(key.get_name(), key.asbytes()),
            called=self._called,
        )


def _transport_factory(known: KnownHosts, target: Target, banner: float) -> Callable[..., Transport]:
    """Transports that ask the host for a key of a type that is on record."""

    def make(sock: Any, **options: Any) -> Transport:
        from paramiko import Transport

        from runner.execute.careful import bound_transport

        transport = Transport(sock, **options)
        bound_transport(transport, banner)
        # New keys as seldom as OpenSSH asks for them: its own thread waits for itself for half a minute, and
        # gives the connection up, where a channel is closed while paramiko awaits the answer to its wish.
        transport.packetizer.REKEY_BYTES = _REKEY
        wanted: list[str] = []
        for key in known.keys(target.key_name, target.port):
            wanted += ["rsa-sha2-512", "rsa-sha2-256"] if key.type == "ssh-rsa" else [key.type]
        security = transport.get_security_options()
        possible = list(security.key_types)
        first = [name for name in dict.fromkeys(wanted) if name in possible]
        security.key_types = [*first, *(name for name in possible if name not in first)]
        # AES-GCM first: the others have a MAC apart, which paramiko compares byte by byte, in Python
        ciphers = sorted(security.ciphers, key=lambda name: "-gcm" not in name)
        security.ciphers = [name for name in ciphers if not name.startswith("3des")]
        return transport

    return make


def _socket(target: Target, gateway: Link | None, waits: Waits) -> Any:
    if gateway is not None:
        return gateway.forward(target.host, target.port, waits.connect)
    if target.proxy_command:
        from paramiko import ProxyCommand

        return ProxyCommand(target.proxy_command)
    sock = socket.create_connection((target.host, target.port), waits.connect)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", 15),
        ("TCP_KEEPINTVL", 15),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", 45_000),
    ):
        if hasattr(socket, name):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return sock


def _is_passing(error: Exception) -> bool:
    """Errors of an sshd that drops logins because there are too many."""
    from paramiko import SSHException

    if isinstance(error, ConnectionResetError | BrokenPipeError | EOFError | CutLoginError):
        return True
    words = str(error)
    return isinstance(error, SSHException) and ("banner" in words or "No existing session" in words)


def _silent(endpoint: Endpoint, target: Target, waited: float) -> UnreachableError:
    """A busy sshd hangs up at once; one that keeps us waiting will do so again."""
    return UnreachableError(
        f"{endpoint.called}: {target.host} port {target.port} takes the connection and then says nothing"
        f" ({waited:.0f} s waited)",
        hint=f"Is that the port of its sshd? Try: ssh -v -p {target.port} {target.user}@{target.host}",
    )


def _unreachable(endpoint: Endpoint, target: Target, error: Exception) -> UnreachableError:
    called, where = endpoint.called, f"{target.host} port {target.port}"
    attempt = f"Try: ssh -p {target.port} {target.user}@{target.host}"
    if isinstance(error, socket.gaierror):
        return UnreachableError(
            f"{called}: the name {target.host} cannot be resolved",
            hint="Correct `address` of the host in the inventory.",
        )
    if isinstance(error, TimeoutError):
        return UnreachableError(
            f"{called}: {where} does not answer", hint=f"A firewall, or the host is down. {attempt}"
        )
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(
            f"{called}: {where} refuses the connection",
            hint=f"Is the port right, does sshd run there? {attempt}",
        )
    if _is_passing(error):
        return UnreachableError(
            f"{called}: {where} hangs up each time: {error or type(error).__name__}",
            hint=f"Are there too many logins at once, or does it ban us? {attempt}",
        )
    reason = getattr(error, "strerror", None) or error or type(error).__name__
    return UnreachableError(
        f"{called}: no connection to {where}: {reason}",
        hint=f"Is the address right, does sshd run there? {attempt}",
    )
