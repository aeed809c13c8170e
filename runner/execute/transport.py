"""Opening an SSH connection with Fabric, with strict host keys and a limit on every wait."""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from runner.errors import HostKeyError, LoginRefusedError, SecretError, UnreachableError
from runner.execute.connect_errors import is_transient, silent_server, unreachable
from runner.execute.credentials import Credentials, CutLoginError, UnusableKeyError
from runner.execute.hostkey_policy import HostKeyPolicy
from runner.execute.hostkeys import KnownHosts
from runner.execute.keys import HostKey
from runner.execute.link import Link
from runner.execute.logins import Logins, Waits
from runner.execute.proxy import ProxySocket, start_proxy

if TYPE_CHECKING:
    from paramiko import Transport

    from runner.execute.endpoint import Endpoint, Target

__all__ = ["connect", "fetch_host_key"]


def connect(
    endpoint: Endpoint,
    target: Target,
    *,
    gateway: Link | None = None,
    logins: Logins | None = None,
    waits: Waits | None = None,
) -> Link:
    """Log in. Tries again only if the greeting failed or the connection was reset.

    Raises:
        HostKeyError: the host's key is unknown, has changed or is revoked.
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
            # a host that closes the connection during the login may count attempts: try twice, not six times
            last = 2 if isinstance(error, CutLoginError) else waits.tries
            waited = time.monotonic() - began
            if is_transient(error) and waited >= 0.9 * min(waits.connect, waits.banner):
                raise silent_server(endpoint, target, waited) from error
            if attempt >= last or not is_transient(error):
                raise unreachable(endpoint, target, error) from error
        time.sleep(random.uniform(0.05, 0.3) * attempt)  # noqa: S311 - jitter
    raise AssertionError


def fetch_host_key(
    endpoint: Endpoint, target: Target, *, gateway: Link | None = None, waits: Waits | None = None
) -> HostKey:
    """Fetch the host's key, known or not, without logging in.

    Raises:
        UnreachableError: no connection.
    """
    from runner.execute.handshake import handshake

    waits = waits or Waits()
    sock = transport = None
    try:
        sock = _open_socket(target, gateway, waits)
        transport = handshake(sock, KnownHosts(target.known_hosts), target, waits.banner)
        transport.banner_timeout = waits.banner
        transport.start_client(timeout=waits.connect)
        key = transport.get_remote_server_key()
        return HostKey(key.get_name(), key.asbytes())
    except Exception as error:
        raise unreachable(endpoint, target, error) from error
    finally:
        for opened in (transport, sock):
            if opened is not None:
                opened.close()


def _log_in(
    endpoint: Endpoint, target: Target, credentials: Credentials, gateway: Link | None, waits: Waits
) -> Link:
    from fabric import Connection

    known = KnownHosts(target.known_hosts)
    sock = _open_socket(target, gateway, waits)
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
    connection.client.set_missing_host_key_policy(HostKeyPolicy(known, target, endpoint.called))
    try:
        connection.open()
    except BaseException as error:
        connection.client.close()
        sock.close()
        complaint = sock.complaint if isinstance(sock, ProxySocket) else ""
        if complaint and not isinstance(error, UnreachableError):
            raise UnreachableError(
                f"{endpoint.called}: the ProxyCommand of the ssh config failed: {complaint}",
                hint=f"Check it with: ssh -v {endpoint.address}",
            ) from error
        raise
    return Link(endpoint, connection)


def _fabric_config() -> Any:
    """A configuration for one connection. Threads must not share one: each connection writes into its own.

    It has no ssh config: `resolve` has read that, and Fabric would follow a ProxyJump without checking its
    key.
    """
    _quiet()
    from fabric import Config
    from paramiko import SSHConfig, SSHConfigDict

    class NoConfig(SSHConfig):
        """Does not look up the user name of this process: there may be none."""

        def lookup(self, hostname: str) -> SSHConfigDict:
            return SSHConfigDict({"hostname": hostname})

    return Config(ssh_config=NoConfig(), lazy=True)


def _quiet() -> None:
    """Stop paramiko from logging tracebacks: the errors are raised here anyway."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)


def _transport(known: KnownHosts, target: Target, banner: float, sock: Any, **options: Any) -> Transport:
    from runner.execute.handshake import handshake

    return handshake(sock, known, target, banner, **options)


def _open_socket(target: Target, gateway: Link | None, waits: Waits) -> Any:
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
