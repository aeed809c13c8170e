"""Questions to web servers: an address goes in, an answer comes out, with ceilings for everything between."""

from __future__ import annotations

from runner.web.answer import Answer
from runner.web.browser import Browser, fetch
from runner.web.place import Place, below, join, split
from runner.web.rules import Rules
from runner.web.tls import Certificate, certificate

__all__ = [
    "Answer",
    "Browser",
    "Certificate",
    "Place",
    "Rules",
    "below",
    "certificate",
    "fetch",
    "join",
    "split",
]
