"""The command that repeats a run on one site."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.apply.rerun import rerun_command
from runner.model import Order, Playbook, SecretRef, SecretSource, UndoOrder

ORDER = Order(
    run="r",
    playbook=Playbook(name="weekly", title="", steps=()),
    sites=(),
    rings=(),
    hosts={},
    clients={},
)
NARROW = replace(
    ORDER, tags=("a b", "c"), playbook=replace(ORDER.playbook, skip_tags=("d",), start_at="shell-2")
)
GIVEN = replace(
    ORDER,
    variables={
        "word": "scrypt$digest",
        "file": SecretRef(SecretSource.FILE, "my file"),
        "env": SecretRef(SecretSource.ENV, "X"),
    },
)
UNDO = replace(ORDER, undo=UndoOrder(run="weekly-1", database=False, force=True))
WHOLE = replace(UNDO, undo=UndoOrder(run="r", database=True, force=False))


@pytest.mark.parametrize(
    ("order", "more", "line"),
    [
        (ORDER, (), "sitecrew run weekly -l shop"),
        (ORDER, ("--unverified",), "sitecrew run weekly -l shop --unverified"),
        (NARROW, (), "sitecrew run weekly -l shop -t 'a b' -t c --skip-tags d --start-at shell-2"),
        (GIVEN, (), "sitecrew run weekly -l shop -e word=... -e 'file=@my file' -e 'env={env: X}'"),
        (UNDO, (), "sitecrew undo weekly-1 -l shop --force"),
        (UNDO, ("--database",), "sitecrew undo weekly-1 -l shop --force --database"),
        (WHOLE, ("--database",), "sitecrew undo r -l shop --database"),
    ],
)
def test_rerun_command(order: Order, more: tuple[str, ...], line: str) -> None:
    assert rerun_command(order, "shop", *more) == line
