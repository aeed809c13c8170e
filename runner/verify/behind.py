"""What is behind the pages of a WordPress, and what is wrong with its answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runner.verify.causes import REST
from runner.verify.judge import Expectation, judge
from runner.verify.machines import json_of
from runner.web import Answer, join

__all__ = ["NOWHERE", "judge_nowhere", "programs"]

NOWHERE = "a page that is not there"
_SERVER_ERROR = 500
_CONTENT = ("/?rest_route=/wp/v2/pages", "/?rest_route=/wp/v2/posts")
"""Programs show a site by these where no visitor gets pages of WordPress."""
_NOT_JSON = ("the REST interface answers something that is not JSON",)


def programs(base: str, folder: str) -> Iterator[tuple[str, str, Callable[[Answer], tuple[str, ...]]]]:
    """What only programs ask for: its name, its address and what is wrong with an answer.

    Args:
        base: the site's address.
        folder: of WordPress below it, like `wp/`, where it has one of its own.
    """
    ajax = f"{folder}wp-admin/admin-ajax.php?action=sitecrew_look"
    content = ((name, f"{name[1:]}&per_page=1", _content) for name in _CONTENT)
    for name, page, judged in ((REST, REST[1:], _rest), *content, (f"/{ajax}", ajax, _ajax)):
        yield name, join(base.rstrip("/") + "/", page), judged


def judge_nowhere(answer: Answer) -> tuple[str, ...]:
    """The theme's page for what is not there, which no cache can have; only an error is a finding."""
    return judge(answer, Expectation(status=(answer.status if _works(answer) else None) or 404))


def _works(answer: Answer) -> bool:
    return answer.status is not None and answer.status < _SERVER_ERROR


def _rest(answer: Answer) -> tuple[str, ...]:
    """A REST root that was switched off (401, 403, 404) is no finding; one that cannot be parsed is."""
    if not _works(answer):
        return judge(answer, Expectation())
    if answer.status != 200:  # noqa: PLR2004
        return ()
    root = json_of(answer.body)
    if root is None:
        return _NOT_JSON
    return () if isinstance(root, dict) else ("the REST interface answers something else than its root",)


def _content(answer: Answer) -> tuple[str, ...]:
    """As of the root: it may be switched off, or be another thing; only an error is a finding."""
    return () if _works(answer) else judge(answer, Expectation())


def _ajax(answer: Answer) -> tuple[str, ...]:
    """WordPress answers 400 to an unknown action, a firewall may say 403. Only an error is a finding."""
    return () if _works(answer) else (f"answers {answer.status}: wp-admin does not work",)
