"""HTTP requests with limits on time, size, redirects and target addresses."""

from __future__ import annotations

from runner.web.answer import Answer
from runner.web.browser import Browser, fetch
from runner.web.rules import Rules
from runner.web.tls import Certificate, certificate
from runner.web.url import Url, below, join, parse_url

__all__ = [
    "Answer",
    "Browser",
    "Certificate",
    "Rules",
    "Url",
    "below",
    "certificate",
    "fetch",
    "join",
    "parse_url",
]
