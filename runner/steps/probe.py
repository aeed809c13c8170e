"""`probe.http`: the site looked at from outside, as a visitor does. The looking is done elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.model import Step
from runner.steps.base import Context, StepKind, Where

__all__ = ["ProbeHttp", "ProbeHttpOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeHttpOptions:
    """What may stand below `probe.http`."""

    expect: str | None = field(
        default=None,
        metadata={
            "doc": "a text that visitors must read on every page; default: `expect` of the site",
            "scalar": "expect",
        },
    )
    pages: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "paths to look at; default: `pages` of the site"},
    )
    status: int = field(default=200, metadata={"doc": "the HTTP status that each page must answer"})

    def __post_init__(self) -> None:
        if not 100 <= self.status <= 599:  # noqa: PLR2004
            raise ValueError(f"{self.status} is not an HTTP status")
        for page in self.pages:
            if not page.startswith("/"):
                raise ValueError(f"a page is a path that begins with a slash, not {page!r}")


class ProbeHttp(StepKind):
    """Succeeds when every page answers with the status and holds the text."""

    name = "probe.http"
    summary = "Looks at the site's pages from outside: status and expected text."
    options = ProbeHttpOptions
    example = """\
- probe.http: "</html>"
- probe.http: {expect: Add to cart, pages: [/, /cart/], status: 200}
"""
    reads = "the pages from outside, as a visitor does, past caches."
    plans = "nothing."
    changes = "nothing."
    understood = (
        "by the pages: `ok` when every one answers with the status and holds the text, else `failed` "
        "with the page and what was wrong with it."
    )
    undone = "by nothing: there is nothing to undo."
    where = Where.OUTSIDE

    def script(self, step: Step, context: Context) -> None:  # noqa: ARG002
        """Nothing runs on the host."""
        return
