"""Send notices to webhooks. URLs and headers contain tokens, which no result and no error repeats."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from runner.deliver.attempt import Transport
from runner.deliver.results import RecipientResult, SendStatus
from runner.errors import DeliveryError
from runner.load import Redactor
from runner.load.crew import is_loopback
from runner.model import Preset, SecretRef, Webhook
from runner.record import DeliveryView, Recipient
from runner.untrusted import sentence
from runner.web import Answer, Rules, Url, fetch, parse_url

__all__ = ["WEBHOOK_LIMIT", "by_webhook", "ping"]

WEBHOOK_LIMIT = 20.0
"""Seconds for one request, with everything."""
_PING_LIMIT = 10.0
_SIZE = 16 << 10
"""Bytes of an answer that are read."""
_REPLY = 200
_SHORTEST_SECRET = 8
_AGAIN = frozenset({408, 425, 429})
_OK, _SERVER_ERRORS = range(200, 300), range(500, 600)

Resolve = Callable[[SecretRef], str]
"""Returns the value of a secret."""


def by_webhook(webhooks: Mapping[str, Webhook], resolve: Resolve) -> Transport:
    """Return the transport for webhooks: a recipient is the name of one in sitecrew.yaml."""

    def sent(
        view: DeliveryView, content: bytes, recipients: Sequence[Recipient]
    ) -> Iterator[Mapping[str, RecipientResult]]:
        for one in recipients:
            webhook = webhooks.get(one.address)
            if webhook is None:
                yield {one.address: RecipientResult(SendStatus.REFUSED, "no longer in sitecrew.yaml")}
            else:
                yield {one.address: _post(webhook, view.message_id, content, resolve)}

    return sent


def ping(url: str | SecretRef, resolve: Resolve) -> str:
    """Request a heartbeat URL; return why that failed, empty if it did not.

    Raises:
        SecretError: the URL cannot be resolved.
        DeliveryError: the URL is invalid.
    """
    target, redactor = _target(url, resolve)
    answer = fetch(str(target), _rules(target), _PING_LIMIT)
    return "" if answer.status in _OK and not answer.failure else _reply(answer, redactor)


def _post(webhook: Webhook, name: str, content: bytes, resolve: Resolve) -> RecipientResult:
    target, redactor = _target(webhook.url, resolve)
    headers = {key: redactor.add(resolve(value)) for key, value in webhook.headers.items()}
    if webhook.token:
        headers["Authorization"] = f"Bearer {redactor.add(resolve(webhook.token))}"
    if any(not value.isprintable() or not value.isascii() for value in headers.values()):
        raise DeliveryError("a header of the webhook has characters that cannot be sent")
    method, url = "POST", str(target)
    if webhook.preset is Preset.MATRIX and webhook.room:
        method, url = "PUT", f"{url.rstrip('/')}{_matrix_path(webhook.room, name)}"
    headers["Content-Type"], headers["Accept"] = "application/json; charset=utf-8", "*/*"
    answer = fetch(url, _rules(target), WEBHOOK_LIMIT, headers=headers, body=content, method=method)
    return RecipientResult(_status(answer), _reply(answer, redactor))


def _matrix_path(room: str, name: str) -> str:
    """Return the path for a message. The server drops a second one with the same transaction id."""
    transaction = hashlib.sha256(name.encode()).hexdigest()[:32]
    return f"/_matrix/client/v3/rooms/{quote(room, safe='')}/send/m.room.message/{transaction}"


def _target(url: str | SecretRef, resolve: Resolve) -> tuple[Url, Redactor]:
    """Return the URL, and what removes it from texts."""
    redactor = Redactor()
    text = redactor.add(resolve(url) if isinstance(url, SecretRef) else url)
    target = parse_url(text)
    if target is None:
        raise DeliveryError("the value of the URL is not a URL", hint="check `crew` in sitecrew.yaml")
    if target.scheme == "http" and not is_loopback(target.host):
        raise DeliveryError(
            f"{target.host} would be requested without encryption", hint="use https in the URL"
        )
    for part in (*target.path.split("/"), *target.query.replace("=", "&").split("&")):
        if len(part) >= _SHORTEST_SECRET:
            redactor.add(part)
    return target, redactor


def _rules(target: Url) -> Rules:
    """Allow only this host and port, also in a private network."""
    found = Rules.of(str(target), private=True, size=_SIZE)
    return replace(found, origins=frozenset({target.origin}))


def _status(answer: Answer) -> SendStatus:
    if answer.status in _OK:
        return SendStatus.ACCEPTED
    if answer.status is None or answer.status in _AGAIN or answer.status in _SERVER_ERRORS:
        return SendStatus.LATER
    return SendStatus.REFUSED


def _reply(answer: Answer, redactor: Redactor) -> str:
    """Return the status and the start of the answer, without secrets."""
    if answer.status is None or answer.failure:
        return redactor.redact(answer.failure)
    if answer.header("location"):
        return f"{answer.status}, a redirect, which is not followed"
    is_text = "html" not in answer.header("content-type")
    text = redactor.redact(answer.body.decode("utf-8", "replace")) if is_text else ""
    return sentence(f"{answer.status} {text}", _REPLY)
