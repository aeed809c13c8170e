"""How long a site's certificate is good."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from runner.web.place import split
from runner.web.reasons import reason
from runner.web.rules import Rules

__all__ = ["Certificate", "certificate"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """Of a site: when it ends, or what is wrong."""

    ends: datetime | None
    problem: str = ""


def certificate(url: str, *, private: bool = False, limit: float = 8.0) -> Certificate | None:
    """The certificate that visitors of the address get; None where it is without TLS.

    `private`: its name may lead to an address of a private network.
    """
    from runner.web.browser import authorities
    from runner.web.wire import Allowance, connect, resolve

    place = split(url)
    if place is None or place.scheme != "https":
        return None
    allowance = Allowance(time.monotonic() + limit)
    try:
        addresses = resolve(Rules.of(url, private=private), place.host, allowance)
        with connect(addresses, place.port, allowance) as link:
            link.settimeout(allowance.left())
            with authorities().wrap_socket(link, server_hostname=place.host) as tls:
                shown = tls.getpeercert() or {}
        return Certificate(datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC))
    except TimeoutError:
        return Certificate(None, f"it does not answer within {limit:g} s")
    except Exception as error:  # noqa: BLE001 - whatever a server makes a library raise
        return Certificate(None, reason(error))
