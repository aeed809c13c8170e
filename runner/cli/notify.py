"""`notify`: send notices to the crew, test the channels, print what would be sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from runner.cli.open_ledger import open_for_writing, open_if_exists
from runner.cli.options import as_json, with_workspace
from runner.cli.output import closest_hint, emit_json, print_attempts, say
from runner.cli.screen import out
from runner.errors import ExitCode, UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.apply.session import Session
    from runner.load import Workspace
    from runner.workflows.scheduler import Scheduler

__all__ = ["notify", "send_due_notices"]


@click.command()
@with_workspace
@click.argument("window", required=False)
@click.option("--test", is_flag=True, help="Send a test message on every channel, and print the results.")
@click.option(
    "--print", "print_", is_flag=True, help="Print the notice of the last window, or of WINDOW, unsent."
)
@as_json
def notify(workspace: Workspace, window: str | None, *, test: bool, print_: bool, json_: bool) -> int:
    """Send the notices to the crew that are due, and try queued ones again now.

    `serve` and `tick` do this by themselves. The channels are set with `crew` in sitecrew.yaml.
    """
    if test and print_:
        raise UsageError("--test and --print exclude each other")
    if window and not print_:
        raise UsageError("WINDOW has no effect without --print", hint="add --print")
    if print_:
        return _print_last(workspace, window, json_=json_)
    crew = workspace.settings.crew
    if not crew.mail and not crew.webhooks and not (test and crew.heartbeat):
        raise UsageError(
            "no channel to the crew is set", hint="set crew.mail or crew.webhooks: sitecrew docs be-notified"
        )
    return _test(workspace, json_=json_) if test else _send(workspace, json_=json_)


def _test(workspace: Workspace, *, json_: bool) -> int:
    from runner.deliver import SendStatus
    from runner.notify import test_notice
    from runner.workflows.crew import send_now
    from runner.workflows.heartbeat import beat

    now, rows = datetime.now(UTC), []
    for sent in send_now(workspace, test_notice(now), now):
        good = sent.status is SendStatus.ACCEPTED
        rows.append({**sent.as_json(), "result": "sent" if good else "failed"})
    if workspace.settings.crew.heartbeat is not None:
        why = beat(workspace)
        rows.append({"channel": "heartbeat", "to": "", "result": "failed" if why else "sent", "reply": why})
    if json_:
        emit_json(rows)
    for row in rows if not json_ else ():
        to = " ".join(filter(None, (str(row["channel"]), str(row["to"]))))
        out(f"{to}: {row['result']}: {row['reply']}".removesuffix(": "))
    return ExitCode.OK if all(row["result"] == "sent" for row in rows) else ExitCode.FAILED


def _send(workspace: Workspace, *, json_: bool) -> int:
    from runner.record import DeliveryState
    from runner.workflows.notices import CrewNotifier

    with open_for_writing(workspace) as ledger:
        notifier = CrewNotifier(ledger, lambda: workspace)
        notifier.queue_due()
        tried = list(notifier.send(waiting=False))
    if json_:
        emit_json([{"state": one.state, "to": [each.as_json() for each in one.recipients]} for one in tried])
    elif not tried:
        say("no notice is due")
    for one in tried if not json_ else ():
        print_attempts(one)
    return ExitCode.OK if all(one.state is DeliveryState.SENT for one in tried) else ExitCode.FAILED


def _print_last(workspace: Workspace, window: str | None, *, json_: bool) -> int:
    from runner.workflows.crew import preview
    from runner.workflows.notices import last_window

    ledger = open_if_exists(workspace, quiet=True)
    if window and window not in workspace.inventory.windows and not (ledger and ledger.windows.list(window)):
        hint = closest_hint(window, workspace.inventory.windows)
        raise UnknownNameError(f"there is no window {window!r}", hint=hint)
    notice = last_window(ledger, window, quiet=workspace.settings.crew.quiet) if ledger else None
    if notice is None:
        out("null" if json_ else "there is nothing to notify the crew of")
        return ExitCode.OK
    rendered = list(preview(workspace, notice))
    if json_:
        emit_json([{"channel": name, "message": text} for name, text in rendered])
        return ExitCode.OK
    for number, (name, text) in enumerate(rendered):
        out(f"{'' if number == 0 else chr(10)}{name}:\n\n{text.rstrip()}")
    return ExitCode.OK


def send_due_notices(
    workspace: Workspace, session: Session, scheduler: Scheduler, write: Callable[[str], object]
) -> None:
    """Queue and send the notices that are due, and request the heartbeat URL if the scheduler works."""
    from runner.errors import SitecrewError
    from runner.workflows.heartbeat import beat
    from runner.workflows.notices import CrewNotifier

    notifier = CrewNotifier(session.ledger, lambda: workspace, lambda: scheduler.not_resumed)
    try:
        notifier.queue_due()
        for delivery in notifier.send():
            print_attempts(delivery, write)
    except SitecrewError as error:
        write(f"the crew was not notified: {error.with_hint}")
        return
    if not scheduler.problems and (why := beat(workspace)):
        write(f"the heartbeat failed: {why}")
