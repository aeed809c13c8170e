"""Render a notice as mail, and as the JSON of a chat service or of the workspace's own template."""

from __future__ import annotations

import json
import re
import traceback
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import (
    FunctionLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    Undefined,
    pass_eval_context,
)
from jinja2.filters import do_tojson
from jinja2.nodes import EvalContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runner.errors import UsageError
from runner.load.shipped import shipped
from runner.model import Webhook
from runner.notify.notice import Item, Notice

__all__ = ["TemplateMistake", "render_html", "render_json", "render_text"]

_IN_MAIL, _IN_CHAT = 100, 15
"""Maximum number of items that are shown; the rest is counted. Teams accepts 28 kB, Slack 50 blocks."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#!|~<>&:])")
_OBJECT = re.compile(r"'runner\.[\w.]*?_?(Shown|Item) object'")
_AT = "@\u200b"
"""A zero-width space keeps `@channel` from notifying everyone."""
_LONGEST_TEMPLATE = 256 << 10


class TemplateMistake(UsageError):  # noqa: N818 - named like Problem, which it becomes in `validate`
    """A template cannot be rendered, or its text is not JSON. `line` counts from 1."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message, hint="see: sitecrew docs be-notified")
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """The notice as templates see it."""

    topic: str
    subject: str
    items: tuple[Item, ...]
    good: bool
    more: int
    """Number of items that are left out."""

    @classmethod
    def of(cls, notice: Notice, most: int) -> _Shown:
        return cls(
            topic=notice.topic,
            subject=notice.subject,
            items=notice.items[:most],
            good=notice.good,
            more=max(len(notice.items) - most, 0),
        )


def render_text(notice: Notice, agency: str) -> str:
    """Return the notice as plain text."""
    template = _environment(html=False).get_template("mail.txt.j2")
    return template.render(notice=_Shown.of(notice, _IN_MAIL), agency=agency).strip() + "\n"


def render_html(notice: Notice, agency: str) -> str:
    """Return the notice as HTML."""
    template = _environment(html=True).get_template("mail.html.j2")
    return template.render(notice=_Shown.of(notice, _IN_MAIL), agency=agency)


def render_json(notice: Notice, webhook: Webhook, agency: str) -> bytes:
    """Return the notice as a webhook gets it.

    Raises:
        TemplateMistake: the template of the workspace cannot be rendered, or its text is not JSON.
    """
    shown = _Shown.of(notice, _IN_CHAT)
    if webhook.template is None:
        template = _environment(html=False).get_template(f"{webhook.preset}.json.j2")
        return _as_json(template.render(notice=shown, agency=agency))
    name = webhook.template.name
    try:
        with webhook.template.open("rb") as file:
            source = file.read(_LONGEST_TEMPLATE).decode()
        text = _sandbox().from_string(source).render(notice=shown, agency=agency)
        return _as_json(text)
    except OSError as error:
        raise TemplateMistake(f"{name} cannot be read: {error.strerror}") from None
    except TemplateSyntaxError as error:
        raise TemplateMistake(f"{name}: {error.message}", error.lineno) from None
    except json.JSONDecodeError as error:
        raise TemplateMistake(f"{name}: the rendered text is not JSON: {error}") from None
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        message = _OBJECT.sub(_name_in_templates, str(error))
        raise TemplateMistake(f"{name}: {message}", _line_of(error)) from None


def _line_of(error: Exception) -> int:
    """Return the line of the template in which an error was raised; 1 if it is unknown."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == "<template>"), 1)


def _name_in_templates(found: re.Match[str]) -> str:
    return "`notice`" if found[1] == "Shown" else "an item of `notice.items`"


def _as_json(text: str) -> bytes:
    """Return JSON without the line breaks of its template."""
    return json.dumps(json.loads(text), ensure_ascii=False).encode()


def _slack(text: str) -> str:
    """Escape text for Slack's mrkdwn, so that it contains no links, mentions or code."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")


def _markdown(text: str) -> str:
    """Escape text for Markdown, so that it contains no links, mentions or formatting."""
    return _MARKDOWN.sub(r"\\\1", text).replace("@", _AT)


@pass_eval_context
def _tojson(context: EvalContext, value: Any, indent: int | None = None) -> Any:
    """Return JSON; for a misspelt name, raise the error that names it."""
    return do_tojson(context, str(value) if isinstance(value, Undefined) else value, indent)


@cache
def _environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    """Return the environment of the shipped templates."""
    return _sandbox(html=html, loader=FunctionLoader(_shipped_template))


def _sandbox(*, html: bool = False, loader: FunctionLoader | None = None) -> ImmutableSandboxedEnvironment:
    """Return an environment in which a template sees only what it is given; without `loader`, no files."""
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own: dict[str, Any] = {"slack": _slack, "markdown": _markdown, "tojson": _tojson}
    environment.filters |= own
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return environment


def _shipped_template(name: str) -> str | None:
    found = shipped("reports/crew") / name
    return found.read_text(encoding="utf-8") if found.is_file() else None
