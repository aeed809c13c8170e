"""Secrets: resolved when they are needed, and redacted from everything that is shown or stored."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote

from runner.errors import SecretError
from runner.model import SecretRef, SecretSource

__all__ = ["Redactor", "resolve"]

_CREDENTIALS = "${CREDENTIALS_DIRECTORY}/"
_COMMAND_TIMEOUT = 30.0
_MAX_BYTES = 64 * 1024
_MIN_REDACTED = 4
_MIN_REDACTED_LINE = 8


def resolve(ref: SecretRef, *, base: Path) -> str:
    """Return the secret that `ref` refers to. Relative files start at `base`; commands run there.

    Raises SecretError; its message never contains the value.
    """
    if ref.source is SecretSource.ENV:
        value = os.environ.get(ref.value, "")
        if not value:
            raise SecretError(
                f"the environment variable {ref.value} is not set", hint=f"export {ref.value}=..."
            )
        return value
    return _from_file(ref.value, base) if ref.source is SecretSource.FILE else _from_command(ref.value, base)


def _from_file(name: str, base: Path) -> str:
    path = base / _credential(name)
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SecretError(
            f"cannot read the secret's file {path}: {reason}", hint=f"check it with: ls -l {path}"
        ) from None
    return _text(raw, f"the secret's file {path}")


def _credential(name: str) -> Path:
    """Return a secret's file; one in `${CREDENTIALS_DIRECTORY}/` is a credential of a systemd service."""
    if not name.startswith(_CREDENTIALS):
        return Path(name).expanduser()
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder.startswith("/"):
        raise SecretError(
            f"{name}: this process has no credentials",
            hint="they exist only in the systemd service, with LoadCredential= in its unit",
        )
    return Path(folder) / name.removeprefix(_CREDENTIALS)


def _from_command(command: str, base: Path) -> str:
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603  # the command is the user's own, from the workspace
            ["/bin/sh", "-c", command],
            cwd=base,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_COMMAND_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"the secret's command timed out after {_COMMAND_TIMEOUT:.0f} s"
        raise SecretError(message, hint="the command must not prompt for input") from None
    except OSError as error:
        raise SecretError(f"cannot run the secret's command: {error.strerror}") from None
    if done.returncode:
        message = f"the secret's command failed with exit status {done.returncode}"
        raise SecretError(message, hint="test it by running it in the workspace")
    return _text(done.stdout, "the output of the secret's command")


def _text(raw: bytes, what: str) -> str:
    if len(raw) > _MAX_BYTES:
        raise SecretError(f"{what} is larger than {_MAX_BYTES // 1024} KiB")
    try:
        value = raw.decode()
    except UnicodeDecodeError:
        raise SecretError(f"{what} is not UTF-8 text") from None
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise SecretError(f"{what} is empty")
    return value


class Redactor:
    """Replaces known secrets in text. Values under 4 characters are ignored, since they match too often."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> str:
        """Add a secret and return it. Its URL-encoded form and its long lines are redacted too."""
        lines = (line for line in value.splitlines() if len(line) >= _MIN_REDACTED_LINE)
        forms = {value, quote(value, safe=""), *lines}
        self._values |= {form for form in forms if len(form) >= _MIN_REDACTED}
        self._pattern = None
        return value

    def resolve(self, ref: SecretRef, *, base: Path) -> str:
        """Resolve a reference and add its value."""
        return self.add(resolve(ref, base=base))

    def redact(self, text: str) -> str:
        """Replace each secret with `***`, longest first."""
        if not self._values:
            return text
        if self._pattern is None:
            longest_first = sorted(self._values, key=lambda value: (-len(value), value))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub("***", text)
