"""Column types that clean text before it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Text, TypeDecorator

from runner.untrusted import clean

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["Document", "Prose", "clean_json"]

_TEXT = 20_000
_DEEPEST = 60


class Prose(TypeDecorator[str]):
    """Untrusted text, without control characters and cut to about `limit` characters."""

    impl = Text
    cache_ok = True

    def __init__(self, limit: int = _TEXT) -> None:
        super().__init__()
        self.limit = limit

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Clean a value before it is stored."""
        return None if value is None else clean(value, self.limit)


class Document(TypeDecorator[Any]):
    """JSON whose texts, keys included, are cleaned like `Prose`."""

    impl = JSON
    cache_ok = True

    def __init__(self, *, none_as_null: bool = False) -> None:
        super().__init__(none_as_null=none_as_null)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """Clean all texts of a document before it is stored."""
        return clean_json(value)


def clean_json(value: Any, depth: int = 0) -> Any:
    """Return a JSON document with all texts cleaned. Values deeper than 60 levels become None."""
    if isinstance(value, str):
        return clean(value, _TEXT)
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {clean(str(key), _TEXT): clean_json(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_json(inner, depth + 1) for inner in value]
    return value
