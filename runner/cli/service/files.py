"""Read, write and delete unit files, and find what they refer to on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from runner.cli.service.units import Unit, is_edited, is_ours
from runner.errors import UsageError

__all__ = ["create_folders", "delete_units", "differing", "enabled", "installed", "program", "write_units"]


def differing(folder: Path, units: Iterable[Unit]) -> tuple[tuple[Unit, ...], tuple[str, ...]]:
    """Return the units whose files are missing or differ, and the names of files that a person has edited."""
    new, edited = [], []
    for unit in units:
        there = _read(folder / unit.name)
        if there == unit.text:
            continue
        new.append(unit)
        if there is not None and is_edited(there):
            edited.append(unit.name)
    return tuple(new), tuple(edited)


def installed(folder: Path, names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of unit files that Sitecrew wrote, and of those that were edited since."""
    texts = {name: text for name in names if (text := _read(folder / name)) is not None and is_ours(text)}
    return tuple(texts), tuple(name for name, text in texts.items() if is_edited(text))


def enabled(folder: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Return the units that systemd starts at boot."""
    return tuple(name for name in names if any(folder.glob(f"*.wants/{name}")))


def write_units(folder: Path, units: Iterable[Unit]) -> None:
    """Write unit files, each completely or not at all.

    Raises:
        UsageError: a file cannot be written.
    """
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for unit in units:
            path = folder / unit.name
            new = path.with_name(f".{unit.name}.new")
            new.write_text(unit.text, encoding="utf-8")
            new.chmod(0o644)
            new.replace(path)
    except OSError as error:
        raise _refused(folder, error) from error


def delete_units(folder: Path, names: Iterable[str]) -> None:
    """Delete unit files.

    Raises:
        UsageError: a file cannot be deleted.
    """
    try:
        for name in names:
            (folder / name).unlink()
    except OSError as error:
        raise _refused(folder, error) from error


def create_folders(folders: Iterable[Path], *, owner: Path) -> None:
    """Create missing folders for the owner of a folder, since the service cannot create them.

    Raises:
        UsageError: a folder cannot be created.
    """
    status = owner.stat()
    for folder in folders:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        try:
            for one in reversed(missing):
                one.mkdir(mode=0o700)
                if os.geteuid() == 0:
                    os.chown(one, status.st_uid, status.st_gid)
        except OSError as error:
            raise _refused(folder, error) from error


def program() -> Sequence[str]:
    """Return the absolute path of this program, else of Python with the arguments that start it."""
    called = shutil.which(sys.argv[0]) or ""
    if Path(called).name == "sitecrew":
        return (str(Path(called).absolute()),)
    beside = Path(sys.executable).with_name("sitecrew")
    return (str(beside),) if os.access(beside, os.X_OK) else (sys.executable, "-m", "runner")


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> UsageError:
    hint = "use sudo, or --user for a service of your own" if isinstance(error, PermissionError) else ""
    return UsageError(f"{error.filename or path}: {error.strerror or error}", hint=hint)
