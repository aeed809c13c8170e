"""One SSH connection: Fabric's, with strict host keys and a limit on every wait."""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from runner import crashlog
from runner.errors import HostKeyError, LoginRefusedError, SecretError, SitecrewError, UnreachableError
from runner.execute.credentials import Credentials, CutLoginError, UnusableKeyError
from runner.execute.hostkeys import HostKey, KnownHosts
from runner.execute.link import Link
from runner.execute.proxy import ProxySocket, start_proxy
from runner.execute.revoked import check_revoked

if TYPE_CHECKING:
    from paramiko import Transport

    from runner.execute.endpoint import Endpoint, Target

__all__ = ["Logins", "Waits", "connect", "fetch_host_key"]


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
        """Until when, by what was shown."""

    def place(self, host: str, port: int) -> threading.BoundedSemaphore:
        """Hold it while logging in."""
        with self._lock:
            return self._places.setdefault((host, port), threading.BoundedSemaphore(self._limit))

    def refused(self, credentials: Credentials) -> None:
        """Remember that this login was refused."""
        self._refused[credentials.mark()] = time.monotonic() + self._silence

    def check(self, credentials: Credentials, target: Target, called: str) -> None:
        """Raise while a refusal of the same keys is too young for another attempt.

        Raises:
            LoginRefusedError: with the time to wait in its hint.
        """
        if not self._refused:
            return
        left = self._refused.get(credentials.mark(), 0.0) - time.monotonic()
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
    try:
        return _connect(endpoint, target, gateway, logins or Logins(), waits or Waits())
    except UnreachableError as error:
        error.hint = " ".join((error.hint, *(f"{note}." for note in target.options.notes))).strip()
        raise


def _connect(endpoint: Endpoint, target: Target, gateway: Link | None, logins: Logins, waits: Waits) -> Link:
    credentials = Credentials(endpoint, target)
    for attempt in range(1, waits.tries + 1):
        logins.check(credentials, target, endpoint.called)
        began = time.monotonic()
        try:
            with logins.place(target.host, target.port):
                return _log_in(endpoint, target, credentials, gateway, waits)
        except UnusableKeyError:
            raise
        except LoginRefusedError:
            logins.refused(credentials)
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
    from runner.execute.handshake import handshake

    waits = waits or Waits()
    sock = transport = None
    try:
        sock = _socket(target, gateway, waits)
        transport = handshake(sock, KnownHosts(target.known_hosts), target, waits.banner)
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
            "transport_factory": partial(_transport, known, target, waits.banner),
        },
    )
    connection.client.set_missing_host_key_policy(_Strict(known, target, endpoint.called))
    try:
        connection.open()
    except BaseException as error:
        connection.client.close()
        sock.close()
        said = sock.complaint if isinstance(sock, ProxySocket) else ""
        if said and not isinstance(error, UnreachableError):
            raise UnreachableError(
                f"{endpoint.called}: the ProxyCommand of ssh's configuration failed: {said}",
                hint=f"Compare with: ssh -v {endpoint.address}",
            ) from error
        raise
    return Link(endpoint, connection)


def _fabric_config() -> Any:
    """One for each connection, which writes into it: threads that share one read it half written.

    No ssh config: `resolve` has read it, and Fabric would follow a ProxyJump without checking its key.
    """
    _quiet()
    from fabric import Config
    from paramiko import SSHConfig, SSHConfigDict

    class NoConfig(SSHConfig):
        """Does not ask for the name of this process's user, who may have none."""

        def lookup(self, hostname: str) -> SSHConfigDict:
            return SSHConfigDict({"hostname": hostname})

    return Config(ssh_config=NoConfig(), lazy=True)


def _quiet() -> None:
    """Paramiko logs tracebacks of what is raised here anyway."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class _Strict:
    """Asked by paramiko about every host key, since none is given to it: there is one judge."""

    def __init__(self, known: KnownHosts, target: Target, called: str) -> None:
        self._known, self._target, self._called = known, target, called

    def missing_host_key(self, _client: object, _hostname: str, key: Any) -> None:
        name, port = self._target.key_name, self._target.key_port
        plain = HostKey(key.get_name(), key.asbytes())
        self._check_lists(plain)
        fault = self._certificate_fault(key, name, port)
        if fault == "" and not self._known.is_revoked(name, port, plain.blob):
            return
        try:
            self._known.check(name, port, plain, called=self._called)
        except HostKeyError as error:
            if not fault or not self._known.authorities(name, port):
                raise
            raise HostKeyError(
                f"{error}; its certificate is not accepted: {fault}", hint=error.hint
            ) from error

    def _check_lists(self, *keys: HostKey) -> None:
        revoked = self._target.options.revoked_host_keys
        if revoked is not None:
            for key in keys:
                check_revoked(revoked, key, self._called)

    def _certificate_fault(self, key: Any, name: str, port: int) -> str | None:
        """Empty: the certificate is good; None: the host showed none."""
        if key.public_blob is None:
            return None
        from runner.execute.certificates import NotACertificateError, parse_certificate

        shown = HostKey(key.public_blob.key_type, key.public_blob.key_blob)
        try:
            certificate = parse_certificate(shown.text)
        except NotACertificateError as error:
            return str(error)
        self._check_lists(shown, certificate.authority)
        return self._known.check_certificate(name, port, certificate, called=self._called)


def _transport(known: KnownHosts, target: Target, banner: float, sock: Any, **options: Any) -> Transport:
    from runner.execute.handshake import handshake

    return handshake(sock, known, target, banner, **options)


def _socket(target: Target, gateway: Link | None, waits: Waits) -> Any:
    limit = target.options.connect_timeout or waits.connect
    if gateway is not None:
        return gateway.forward(target.host, target.port, limit)
    if target.proxy_command:
        return start_proxy(target.proxy_command)
    sock = _connected(target, limit)
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


def _connected(target: Target, limit: float) -> socket.socket:
    source = (target.options.bind_address, 0) if target.options.bind_address else None
    family = _FAMILIES.get(target.options.address_family, socket.AF_UNSPEC)
    if family is socket.AF_UNSPEC:
        return socket.create_connection((target.host, target.port), limit, source)
    last: OSError | None = None
    for *_, address in socket.getaddrinfo(target.host, target.port, family, socket.SOCK_STREAM):
        try:
            return socket.create_connection((str(address[0]), target.port), limit, source)
        except OSError as error:
            last = error
    raise last or OSError(f"{target.host} has no address of this family")


_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


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
    from runner.execute.handshake import NoCommonAlgorithmError

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
    if isinstance(error, NoCommonAlgorithmError):
        return UnreachableError(f"{called}: {where}: {error}", hint=error.hint)
    return UnreachableError(
        f"{called}: no connection to {where}: {_reason(error)}",
        hint=f"Is the address right, does sshd run there? {attempt}",
    )


def _reason(error: Exception) -> str:
    """What the system or the protocol says; an error that is neither's goes to the log."""
    from paramiko import SSHException

    if isinstance(error, OSError | EOFError | SSHException | SitecrewError):
        return getattr(error, "strerror", None) or str(error) or "it was closed"
    return f"unexpected error {crashlog.record(error).id}, see .sitecrew/logs"
