"""Commands that run as root. Only this module resolves a host's sudo password."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from runner.execute import Command
from runner.load import Redactor
from runner.model import Host, Site, Step
from runner.steps.become import PASSWORD, Refusal, as_root, cannot_become, refusal

__all__ = ["sudo_problems", "sudo_refusal", "with_sudo"]


def with_sudo(command: Command, host: Host, mark: str, redactor: Redactor, folder: Path) -> Command:
    """Return the command, changed to run as root with its variables.

    Args:
        command: the command to run.
        host: the host that it runs on.
        mark: nonce that starts the line by which `sudo_refusal` sees that the command was started.
        redactor: redacts the password from now on.
        folder: folder of the workspace, to which secret references are relative.

    Raises:
        SecretError: the password cannot be resolved.
    """
    secret = dict(command.secret)
    if host.become_password is not None:
        secret[PASSWORD] = redactor.resolve(host.become_password, base=folder)
    text = as_root(command.text, mark, [*command.env, *command.secret])
    return replace(command, text=text, secret=secret)


def sudo_refusal(host: Host, output: str, mark: str) -> Refusal | None:
    """Return why sudo did not start a command of `with_sudo`, by its stdout and stderr; None if it did."""
    return refusal(output, mark, password=host.become_password is not None)


def sudo_problems(steps: Iterable[Step], site: Site, host: Host) -> tuple[str, ...]:
    """Return why steps of a site cannot run as root on this host, by the configuration alone."""
    return tuple(filter(None, (cannot_become(step, host) for step in steps if site.host == host.name)))
