"""Read the certificate of a site."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from runner.web.reasons import reason
from runner.web.rules import Rules
from runner.web.url import parse_url

__all__ = ["Certificate", "certificate"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """The end of a certificate's validity, or the problem with it."""

    ends: datetime | None
    problem: str = ""


def certificate(url: str, *, private: bool = False, limit: float = 8.0) -> Certificate | None:
    """Return the certificate that visitors of a URL get; None for http.

    Args:
        url: URL of a site.
        private: whether the host name may resolve to a private address.
        limit: seconds for everything.
    """
    import ssl

    from runner.web.browser import authorities
    from runner.web.connections import Allowance, connect, resolve

    site = parse_url(url)
    if site is None or site.scheme != "https":
        return None
    allowance = Allowance(time.monotonic() + limit)
    try:
        addresses = resolve(Rules.of(url, private=private), site.host, allowance)
        with connect(addresses, site.port, allowance) as connection:
            connection.settimeout(allowance.left())
            with authorities().wrap_socket(connection, server_hostname=site.host) as tls:
                shown = tls.getpeercert() or {}
        return Certificate(datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC))
    except TimeoutError:
        return Certificate(None, f"it does not answer within {limit:g} s")
    except Exception as error:  # noqa: BLE001 - a server can make libraries raise anything
        return Certificate(None, reason(error))
