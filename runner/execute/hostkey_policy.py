"""The check of a host's key during the handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.errors import HostKeyError
from runner.execute.certificates import NotACertificateError, parse_certificate
from runner.execute.keys import HostKey
from runner.execute.revoked import check_revoked

if TYPE_CHECKING:
    from runner.execute.endpoint import Target
    from runner.execute.hostkeys import KnownHosts

__all__ = ["HostKeyPolicy"]


class HostKeyPolicy:
    """Paramiko calls this for every host key, because it is given no known keys of its own."""

    def __init__(self, known: KnownHosts, target: Target, called: str) -> None:
        self._known, self._target, self._called = known, target, called

    def missing_host_key(self, _client: object, _hostname: str, key: Any) -> None:
        """Accept the host's key or certificate.

        Raises:
            HostKeyError: it is unknown, has changed or is revoked.
        """
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
        """Empty: the certificate is valid. None: the host presented none."""
        if key.public_blob is None:
            return None
        shown = HostKey(key.public_blob.key_type, key.public_blob.key_blob)
        try:
            certificate = parse_certificate(shown.text)
        except NotACertificateError as error:
            return str(error)
        self._check_lists(shown, certificate.authority)
        return self._known.check_certificate(name, port, certificate, called=self._called)
