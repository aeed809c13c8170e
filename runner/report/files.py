"""Reports as files, and the agency's logo."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from runner.errors import UsageError
from runner.model import Agency
from runner.report.data import ReportData
from runner.report.render import render_html, render_text

__all__ = ["Logo", "find_announcements", "find_reports", "read_logo", "write", "write_pair"]

LOGO_LIMIT = 100_000
"""Bytes; the picture is part of every mail."""
_KINDS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif"}


@dataclass(frozen=True, slots=True)
class Logo:
    """An image that mail programs show; `subtype` is png, jpeg or gif."""

    subtype: str
    content: bytes

    @property
    def data_uri(self) -> str:
        """The image as a `data:` URL."""
        return f"data:image/{self.subtype};base64,{b64encode(self.content).decode()}"


def read_logo(agency: Agency) -> Logo | None:
    """Return the agency's logo, or None if none is set.

    Raises:
        UsageError: The file cannot be read, is too large, or is not a PNG, JPEG or GIF.
    """
    if not agency.logo:
        return None
    hint = "fix agency.logo in sitecrew.yaml"
    try:
        content = Path(agency.logo).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the logo: {error}", hint=hint) from error
    if len(content) > LOGO_LIMIT:
        raise UsageError(f"the logo has {len(content)} bytes; the limit is {LOGO_LIMIT}", hint=hint)
    for magic, subtype in _KINDS.items():
        if content.startswith(magic):
            return Logo(subtype, content)
    raise UsageError(f"{agency.logo} is not a PNG, JPEG or GIF", hint=hint)


def write(report: ReportData, folder: Path, *, templates: Path | None = None) -> tuple[Path, Path]:
    """Write `<client>-<period>.html` and `.txt` into a folder; see `write_pair`.

    Args:
        report: The report.
        folder: The output folder, usually `reports/out` in the workspace.
        templates: A folder with templates that override the shipped ones.

    Returns:
        The two paths, HTML first.

    Raises:
        UsageError: The files cannot be written, or the logo cannot be used.
    """
    logo = read_logo(report.agency)
    html = render_html(report, logo=logo.data_uri if logo else None, templates=templates)
    text = render_text(report, templates=templates)
    return write_pair(folder, f"{report.client}-{report.period.key}", html=html, text=text)


def write_pair(folder: Path, stem: str, *, html: str, text: str) -> tuple[Path, Path]:
    """Write a document as HTML and as text into a folder, which is created if needed; return the paths.

    Only the owner can read the folder and the files, because they show what runs on a client's sites.

    Raises:
        UsageError: The files cannot be written.
    """
    stem = re.sub(r"[^\w.-]+", "-", stem).lstrip(".")
    paths = folder / f"{stem}.html", folder / f"{stem}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        for path, content in zip(paths, (html, text), strict=True):
            _replace(path, content)
    except OSError as error:
        raise UsageError(f"cannot write {paths[0].name}: {error}", hint=f"check {folder}") from error
    return paths


def find_reports(folder: Path, client: str) -> list[Path]:
    """Return the files that `write` made for a client, by name."""
    name = re.compile(rf"{re.escape(client)}-[0-9]{{4}}(-[WQ]?[0-9]{{1,2}})?\.(html|txt)")
    return sorted(path for path in folder.glob("*") if name.fullmatch(path.name) and not path.is_dir())


def find_announcements(folder: Path, client: str) -> list[Path]:
    """Return the files of a client's announcements, by name."""
    name = re.compile(rf"{re.escape(client)}-announcement-.+-[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}\.(html|txt)")
    return sorted(path for path in folder.glob("*") if name.fullmatch(path.name) and not path.is_dir())


def _replace(path: Path, content: str) -> None:
    """Write a file atomically, so that a reader never sees half a report."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(content)
    draft.replace(path)
