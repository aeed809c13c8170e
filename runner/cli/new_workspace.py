"""Write the files of a new workspace: all of them or none."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from runner.errors import UsageError

__all__ = ["create_workspace", "system_language", "system_timezone"]

_ZONES = "/zoneinfo/"


def create_workspace(
    folder: Path, files: Mapping[str, str], *, replace: frozenset[str] = frozenset()
) -> list[str]:
    """Create the files that do not exist, with the user's umask; return their names.

    They are written under other names first and then renamed, so that an interrupt leaves none of them
    half-written. Existing files are kept, unless they are in `replace`.

    Raises:
        UsageError: a file cannot be written.
    """
    from runner.load import write_schemas
    from runner.modes import user_umask

    new: dict[Path, Path] = {}
    try:
        _make_folder(folder)
        for name, text in files.items():
            path = folder / name
            if path.exists() and name not in replace:
                continue
            _make_folder(path.parent)
            new[path] = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
            new[path].write_text(text, encoding="utf-8")
            new[path].chmod(0o644 & ~user_umask() | 0o600)
        for path, written in new.items():
            written.replace(path)
        if new:
            write_schemas(folder)
    except FileNotFoundError:  # the current folder is gone, which `main` explains
        raise
    except OSError as error:
        raise UsageError(
            f"cannot create the workspace in {folder}: {error.strerror or error}",
            hint=f"check it with: ls -ld {folder}",
        ) from error
    finally:
        for written in new.values():
            with suppress(OSError):
                written.unlink(missing_ok=True)
    return [path.relative_to(folder).as_posix() for path in new]


def _make_folder(folder: Path) -> None:
    """Create a folder with the user's umask, but always usable by the user. Keep an existing one."""
    from runner.modes import user_umask

    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(0o755 & ~user_umask() | 0o700)


def system_timezone(environ: Mapping[str, str]) -> str:
    """Return the IANA name of the time zone of this machine, or UTC."""
    from runner.load.times import zone
    from runner.load.values import Wrong

    found = [environ.get("TZ", "").removeprefix(":")]
    with suppress(OSError):
        found.append(str(Path("/etc/localtime").resolve()))
    with suppress(OSError, UnicodeDecodeError):
        found.append(Path("/etc/timezone").read_text(encoding="utf-8").strip())
    for one in found:
        with suppress(Wrong):
            return zone(one.rpartition(_ZONES)[2])
    return "UTC"


def system_language(environ: Mapping[str, str]) -> str:
    """Return the language of the user's locale, or en."""
    locale = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    word = locale.partition(".")[0].partition("_")[0]
    return word if word.isalpha() and len(word) == len("en") else "en"
