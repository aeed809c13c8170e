"""The manual page, `sitecrew(1)`, from the same text as `--help` and docs/commands.md."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

import click

from runner import __version__
from runner.cli.commands import COMMANDS
from runner.cli.main import root
from runner.errors import ExitCode

__all__ = ["manual", "subcommands"]

_WIDTH = 79
"""Columns of a line of the source."""
_DESCRIPTION = """\
Maintains WordPress and static websites over SSH: updates with rollback, backups, health checks, maintenance
windows and reports to clients. Playbooks in YAML describe the work; an inventory describes hosts, clients and
sites.

Data is printed on stdout, messages on stderr. The pages of the documentation are shown by `sitecrew docs`.
"""
_EXIT_CODES = {
    ExitCode.OK: "Success.",
    ExitCode.UNEXPECTED: "Unexpected error, or the ledger cannot be used.",
    ExitCode.USAGE: "Mistake on the command line or in an input file.",
    ExitCode.FAILED: "At least one site failed.",
    ExitCode.UNREACHABLE: "A host could not be reached, or its key is not recorded.",
    ExitCode.UNDONE: "Changes were rolled back; the sites are healthy.",
    ExitCode.LOST: "An outcome is lost; `sitecrew resume` finds it out.",
    ExitCode.MISSED: "A window had closed or was missed.",
    ExitCode.LOCKED: "Another run works on a site, or another process on the run.",
    ExitCode.PENDING: "There are changes to apply (`plan --detailed-exitcode`).",
    ExitCode.INTERRUPTED: "Interrupted.",
}
_ENVIRONMENT = {
    "SITECREW_WORKSPACE": "The workspace, like `-w`.",
    "SITECREW_OPERATOR": "Operator name to record, like `--as`.",
    "SITECREW_...": "Any setting of sitecrew.yaml: its path in capitals with underscores.",
    "NO_COLOR": "Print without colors.",
    "PAGER": "Program that shows the pages of `sitecrew docs`.",
}
_FILES = {
    "inventory.yaml, inventory/*.yaml": "Hosts, clients, sites and maintenance windows of a workspace.",
    "sitecrew.yaml": "Settings of a workspace. Defaults of a user: ~/.config/sitecrew/sitecrew.yaml.",
    "playbooks/*.yaml": "Playbooks of a workspace.",
    "reports/out/": "Reports.",
    ".sitecrew/": "Ledger, backups and logs of a workspace.",
}


def manual() -> str:
    """Return the manual page as roff."""
    lines = [f'.TH SITECREW 1 "" "Sitecrew {__version__}" "User Commands"', ".nh", ".ad l"]
    lines += [".SH NAME", r"sitecrew \- maintain WordPress and static websites"]
    lines += [".SH SYNOPSIS", r"\fBsitecrew\fR [\fB\-w\fR \fIDIR\fR] \fICOMMAND\fR [\fIOPTION\fR]..."]
    lines += [".SH DESCRIPTION", *_paragraphs(_DESCRIPTION)]
    context = click.Context(root, info_name="sitecrew")
    lines += [
        ".SH OPTIONS",
        *_options(root, context),
        *_terms({"-h, --help": "Show the help of a command."}),
    ]
    lines += [".SH COMMANDS", *_commands(context)]
    lines += [".SH EXIT STATUS", *_terms({str(code.value): text for code, text in _EXIT_CODES.items()})]
    lines += [".SH ENVIRONMENT", *_terms(_ENVIRONMENT), ".SH FILES", *_terms(_FILES)]
    lines += [".SH SEE ALSO", r"\fBssh\fR(1), \fBssh_config\fR(5), \fBsystemd.timer\fR(5)"]
    return "\n".join(lines) + "\n"


def subcommands(
    command: click.Command, parent: click.Context, name: str
) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield a command, or the commands of a group, each with its context."""
    context = click.Context(command, info_name=name, parent=parent)
    if not isinstance(command, click.Group):
        yield command, context
        return
    for child in command.list_commands(context):
        found = command.get_command(context, child)
        if found is not None:
            yield from subcommands(found, context, child)


def _commands(context: click.Context) -> Iterator[str]:
    for title, names in COMMANDS.items():
        yield f'.SS "{_roff(title)}"'
        for name in names:
            found = root.get_command(context, name)
            for command, inside in subcommands(found, context, name) if found else ():
                yield from _command(command, inside)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")
    yield ".TP"
    yield f"\\fB{_roff(context.command_path)}\\fR \\fI{_roff(usage)}\\fR".removesuffix(" \\fI\\fR")
    yield from _paragraphs(command.help or "", ".IP")
    if options := list(_options(command, context)):
        yield from (".RS", *options, ".RE")


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record and isinstance(parameter, click.Option):
            yield from _terms({record[0]: record[1]})


def _terms(terms: dict[str, str]) -> Iterator[str]:
    for term, text in terms.items():
        yield from (".TP", f"\\fB{_roff(term)}\\fR", *_lines(text))


def _paragraphs(text: str, macro: str = ".PP") -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield macro
        yield from _lines(paragraph)


def _lines(text: str) -> list[str]:
    """Return text as lines of roff, none of which is a request."""
    wrapped = textwrap.wrap(
        _roff(" ".join(text.split())), _WIDTH, break_long_words=False, break_on_hyphens=False
    )
    return [f"\\&{line}" if line.startswith(".") else line for line in wrapped]


def _roff(text: str) -> str:
    """Return text as roff: special characters escaped, `code` in bold."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("^", r"\(ha")
    return re.sub(r"`([^`]*)`", r"\\fB\1\\fR", escaped).replace("`", r"\(ga").replace("~", r"\(ti")
