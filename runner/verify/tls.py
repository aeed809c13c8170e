"""Why a connection failed, in words; and how long a site's certificate is good."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

__all__ = ["Certificate", "certificate", "reason"]

_REASONS = (
    ("certificate has expired", "its certificate has expired"),
    ("not yet valid", "its certificate is not valid yet"),
    ("mismatch", "its certificate is for another name"),
    ("self-signed certificate in", "its certificate comes from an unknown authority"),
    ("self-signed", "its certificate is self-signed"),
    ("unable to get", "its certificate's chain is incomplete, or its authority unknown"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate cannot be trusted"),
    ("WRONG_VERSION_NUMBER", "no TLS is spoken at that port"),
    ("Connection refused", "the connection is refused"),
    ("Name or service not known", "its name cannot be resolved"),
    ("No address associated", "its name has no address"),
    ("Temporary failure in name resolution", "its name cannot be resolved just now"),
    ("Network is unreachable", "there is no way to its network"),
    ("No route to host", "there is no way to it"),
    ("Connection reset", "the connection is cut"),
    ("Server disconnected", "the connection is cut"),
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Of a site: when it ends, or what is wrong."""

    ends: datetime | None
    problem: str = ""


def reason(error: Exception) -> str:
    """What an error of a connection means for the address that was asked."""
    text = str(error)
    found = next((words for sign, words in _REASONS if sign in text), "")
    return found or re.sub(r"^\[Errno -?\d+\] |\s*\(_ssl\.c:\d+\)$", "", text) or type(error).__name__


def certificate(url: str, *, limit: float = 8.0) -> Certificate | None:
    """The certificate that visitors of the address get; None where it is without TLS."""
    import httpx  # for the very authorities that looks trust

    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    context = httpx.create_ssl_context()
    try:
        with (
            socket.create_connection((parts.hostname, parts.port or 443), limit) as link,
            context.wrap_socket(link, server_hostname=parts.hostname) as tls,
        ):
            shown = tls.getpeercert() or {}
    except TimeoutError:
        return Certificate(None, f"it does not answer within {limit:g} s")
    except OSError as error:
        return Certificate(None, reason(error))
    ends = ssl.cert_time_to_seconds(str(shown["notAfter"]))
    return Certificate(datetime.fromtimestamp(ends, UTC))
