"""`crew` in sitecrew.yaml: its shape, the conversion to the model, and checks across its keys."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from runner.load import fields as f
from runner.load.fields import EMPTY_MAPPING, LISTED, NOTHING, D, Reads, Shape
from runner.load.nodes import Node, Problems
from runner.load.text import joined, quoted
from runner.load.values import Wrong, line, scalar, secret
from runner.model import Crew, Preset, SecretRef, Webhook

__all__ = ["CrewShape", "check_crew", "crew_of", "is_loopback"]

_OWN_HEADERS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection"})
_LIKE = "like https://hooks.chat.example/services/..., or {env: NAME}, {file: PATH}, {command: CMD}"


def _secret_url(value: object) -> str | SecretRef:
    """Parse a URL or a reference to one. Messages do not repeat the URL, since it may contain a token."""
    if isinstance(value, dict):
        return secret(value)
    found = scalar(value, "a URL or a reference to a secret")
    try:
        parts = urlsplit(found)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Wrong("the URL is invalid", _LIKE) from None
    if parts.scheme not in {"http", "https"} or not host or not re.fullmatch(r"[!-~]+", found):
        raise Wrong("the URL is invalid", _LIKE)
    if parts.username is not None or parts.password is not None:
        raise Wrong("the URL has a user or password in it", "use `token` or `headers` instead")
    if parts.scheme == "http" and not is_loopback(host):
        raise Wrong("the URL would be requested without encryption", "use https")
    return found


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _header(value: object) -> str:
    found = scalar(value, "the name of a header")
    if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", found):
        raise Wrong(f"{quoted(found)} is not the name of a header", "like X-Auth-Token")
    if found.lower() in _OWN_HEADERS:
        raise Wrong(f"{quoted(found)} cannot be set")
    return found


def _room(value: object) -> str:
    found = line(value)
    if not re.fullmatch(r"![^\s/?#]{1,250}", found):
        hint = "the internal room id, like !abcdef:northwind.example; an alias (#crew:...) cannot be used"
        raise Wrong(f"{quoted(found)} is not the id of a room", hint)
    return found


_SecretUrl = Annotated[
    str | SecretRef, Reads(_secret_url, anyOf=[{"type": "string", "format": "uri"}, f.SECRET])
]
_Header = Annotated[str, Reads(_header, type="string", pattern=r"^[A-Za-z0-9-]+$")]
_Room = Annotated[str, Reads(_room, type="string", pattern="^!")]


class WebhookShape(Shape):
    """A URL that gets notices as JSON."""

    url: Annotated[_SecretUrl, D("URL or reference to a secret; for matrix, the homeserver.")]
    preset: Annotated[Preset | None, f.choice(Preset), D("The chat service.")] = None
    template: Annotated[
        f.Line | None, D("Jinja2 template of the JSON, relative to this file, instead of a preset.")
    ] = None
    room: Annotated[_Room | None, D("Id of the Matrix room.")] = None
    token: Annotated[f.Secret | None, D("Access token, sent as `Authorization: Bearer`.")] = None
    headers: Annotated[dict[_Header, f.Secret], EMPTY_MAPPING, D("Further headers; values are secrets.")] = (
        NOTHING
    )


class CrewShape(Shape):
    """Who is notified of failures, and how."""

    mail: Annotated[tuple[f.Email, ...], LISTED, D("Addresses that get notices.")] = ()
    webhooks: Annotated[
        dict[f.Name, WebhookShape],
        EMPTY_MAPPING,
        D("Chat services and other URLs that get notices, by name."),
    ] = NOTHING
    heartbeat: Annotated[
        _SecretUrl | None,
        D("URL or reference to a secret, requested every minute while the scheduler works."),
    ] = None
    quiet: Annotated[f.Boolean, D("Send no notice of a window in which all went well.")] = True


def crew_of(shape: CrewShape) -> Crew:
    """Convert to the model. Paths are already absolute."""
    webhooks = tuple(
        Webhook(
            name=name,
            url=one.url,
            preset=one.preset,
            template=Path(one.template) if one.template else None,
            room=one.room,
            token=one.token,
            headers=one.headers,
        )
        for name, one in shape.webhooks.items()
    )
    return Crew(mail=shape.mail, webhooks=webhooks, heartbeat=shape.heartbeat, quiet=shape.quiet)


def check_crew(settings: Node, problems: Problems) -> None:
    """Check that each key has an effect, and that templates exist."""
    crew = settings.get("crew")
    if crew is None:
        return
    addresses, webhooks, quiet = crew.get("mail"), crew.get("webhooks"), crew.get("quiet")
    if addresses and addresses.value and not settings.get("mail"):
        problems.append(
            addresses.problem("crew.mail", "there is no mail server", "set `mail` in sitecrew.yaml")
        )
    if quiet and not (addresses and addresses.value) and not (webhooks and webhooks.value):
        message = "it has no effect without `mail` or `webhooks`"
        problems.append(crew.key_problem("quiet", "crew.quiet", message, "remove it, or add one of them"))
    for name, webhook in crew.below("webhooks"):
        _check_webhook(webhook, joined("crew", "webhooks", name), problems)


def _check_webhook(webhook: Node, path: str, problems: Problems) -> None:
    if not isinstance(webhook.value, dict):
        return
    preset, template, room = webhook.get("preset"), webhook.get("template"), webhook.get("room")
    is_matrix = bool(preset and preset.value == Preset.MATRIX)
    if not preset and not template:
        message, hint = "`preset` is missing", f"add one: {', '.join(Preset)}; or add a `template`"
        problems.append(webhook.problem(path, message, hint))
    if preset and template and not is_matrix:
        message = "`preset` has no effect together with `template`"
        problems.append(webhook.key_problem("preset", joined(path, "preset"), message, "remove one of them"))
    if is_matrix:
        problems += [
            webhook.problem(path, f"`{key}` is missing", f"matrix needs it: add `{key}:`")
            for key in ("room", "token")
            if not webhook.get(key)
        ]
    elif room:
        message = "`room` has an effect only with `preset: matrix`"
        problems.append(webhook.key_problem("room", joined(path, "room"), message, "remove it"))
    file = template.value if template else None
    if template and isinstance(file, str) and file and not Path(file).is_file():
        shown = file.removeprefix(f"{template.origin.base}/")
        problems.append(
            template.problem(joined(path, "template"), f"no file {quoted(shown)}", "paths start at this file")
        )
