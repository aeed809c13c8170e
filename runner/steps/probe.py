"""`probe.http`: a check of the site's pages from outside. The requests are made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.model import Step
from runner.steps.base import Context, StepKind, Where

__all__ = ["ProbeHttp", "ProbeHttpOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeHttpOptions:
    """Options of `probe.http`."""

    expect: str | None = field(
        default=None,
        metadata={
            "doc": "text that every page must contain; default: `expect` of the site",
            "scalar": "expect",
        },
    )
    pages: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "paths of the pages to check; default: `pages` of the site"},
    )
    status: int = field(default=200, metadata={"doc": "HTTP status that every page must return"})

    def __post_init__(self) -> None:
        if not 100 <= self.status <= 599:  # noqa: PLR2004
            raise ValueError(f"{self.status} is not an HTTP status")
        for page in self.pages:
            if not page.startswith("/"):
                raise ValueError(f"a page is a path that starts with a slash, not {page!r}")


class ProbeHttp(StepKind):
    """Succeeds if every page returns the expected status and contains the expected text."""

    name = "probe.http"
    summary = "Checks the site's pages from outside: HTTP status and expected text."
    options = ProbeHttpOptions
    example = """\
- probe.http: "</html>"
- probe.http: {expect: Add to cart, pages: [/, /cart/], status: 200}
"""
    reads = "the pages from outside, as a visitor does, bypassing caches."
    plans = "nothing."
    changes = "nothing."
    understood = (
        "by the pages: `ok` if every page returns the status and contains the text, otherwise `failed` with "
        "the page and what is wrong with it."
    )
    undone = "not needed: the step changes nothing."
    where = Where.OUTSIDE

    def script(self, step: Step, context: Context) -> None:  # noqa: ARG002
        """Return None: nothing runs on the host."""
        return
