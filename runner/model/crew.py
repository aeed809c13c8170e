"""Who of the agency is notified, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from runner.model.secret import SecretRef

__all__ = ["Crew", "Preset", "Webhook"]


class Preset(StrEnum):
    """A chat service with a message template of its own."""

    SLACK = "slack"
    TEAMS = "teams"
    MATTERMOST = "mattermost"
    MATRIX = "matrix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A URL that gets notices as JSON. It has a preset, a template, or for Matrix both."""

    name: str
    url: str | SecretRef
    """For Matrix: the homeserver."""
    preset: Preset | None = None
    template: Path | None = None
    """Absolute."""
    room: str | None = None
    """Id of the Matrix room."""
    token: SecretRef | None = None
    """Sent as `Authorization: Bearer`."""
    headers: Mapping[str, SecretRef] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who is notified of failures, and the URL that is requested while the scheduler works."""

    mail: tuple[str, ...] = ()
    """Addresses."""
    webhooks: tuple[Webhook, ...] = ()
    heartbeat: str | SecretRef | None = None
    quiet: bool = True
    """Whether no notice is sent if all went well."""
