"""Webhooks: a real HTTP server that answers well, badly or not at all."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.deliver import RecipientResult, SendStatus, by_webhook, ping, send_directly, webhook_delivery
from runner.deliver import webhook as module
from runner.errors import DeliveryError
from runner.model import Preset, SecretRef, SecretSource, Webhook
from tests.deliver.conftest import Certificate
from tests.web.hostile import Hostile, page

TOKEN = "T0K3N-abcdefgh"
BODY = b'{"text": "caf\xc3\xa9"}'


@pytest.fixture
def server() -> Iterator[Hostile]:
    found = Hostile()
    yield found
    found.close()


def secret(ref: SecretRef) -> str:
    return ref.value


def ref(value: str) -> SecretRef:
    return SecretRef(SecretSource.ENV, value)


def post(url: str, **more: object) -> RecipientResult:
    webhook = Webhook(name="chat", url=ref(url), **{"preset": Preset.SLACK, **more})
    new = webhook_delivery("chat", "window weekly x", "weekly", BODY)
    return send_directly(new, by_webhook({"chat": webhook}, secret))["chat"]


def test_json_is_posted_with_headers(server: Hostile):
    bodies: list[bytes] = []

    def take(link: socket.socket, head: bytes) -> None:
        rest = head.partition(b"\r\n\r\n")[2]
        bodies.append(rest if len(rest) == len(BODY) else rest + link.recv(1000))
        link.sendall(page(b"ok"))

    server.plays["/hook"] = take
    result = post(f"{server.url}/hook?k={TOKEN}", headers={"X-Auth": ref("header-secret")})
    assert result == RecipientResult(SendStatus.ACCEPTED, "200 ok")
    assert bodies == [BODY]
    head = server.heads[0].decode("latin-1")
    assert head.startswith(f"POST /hook?k={TOKEN} ")
    assert "X-Auth: header-secret" in head
    assert "Content-Type: application/json" in head


def test_matrix_message_has_token_and_same_transaction(server: Hostile):
    matrix = {"preset": Preset.MATRIX, "room": "!a/b:x.example".replace("/", ""), "token": ref(TOKEN)}
    for _ in range(2):
        post(server.url, **matrix)
    first, second = (head.decode().splitlines()[0] for head in server.heads)
    assert first == second
    assert first.startswith("PUT /_matrix/client/v3/rooms/%21ab%3Ax.example/send/m.room.message/")
    assert f"Authorization: Bearer {TOKEN}" in server.heads[0].decode()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (b"204 No Content", SendStatus.ACCEPTED),
        (b"202 Accepted", SendStatus.ACCEPTED),
        (b"500 Oops", SendStatus.LATER),
        (b"503 Busy", SendStatus.LATER),
        (b"429 Slow down", SendStatus.LATER),
        (b"404 Gone", SendStatus.REFUSED),
        (b"401 No", SendStatus.REFUSED),
    ],
)
def test_status_decides_whether_to_try_again(server: Hostile, status: bytes, expected: SendStatus):
    server.plays["/hook"] = page(b"", status=status)
    assert post(f"{server.url}/hook").status is expected


def test_redirect_is_not_followed(server: Hostile):
    server.plays["/hook"] = page(b"", b"Location: /other", status=b"307 Moved")
    result = post(f"{server.url}/hook")
    assert (result.status, server.asked) == (SendStatus.REFUSED, ["/hook"])
    assert "redirect" in result.reply


def test_answer_is_read_up_to_limit_and_without_secrets(server: Hostile):
    server.plays[f"/hook/{TOKEN}"] = page(
        f"no such hook {TOKEN} ".encode() + b"x" * 5_000_000, status=b"404 No"
    )
    result = post(f"{server.url}/hook/{TOKEN}")
    assert result.reply.startswith("404 no such hook ***")
    assert len(result.reply) <= 200


def test_silent_server_is_given_up(server: Hostile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "WEBHOOK_LIMIT", 0.5)
    server.plays["/hook"] = lambda *_: server.ending.wait(5)
    started = time.monotonic()
    result = post(f"{server.url}/hook")
    assert result.status is SendStatus.LATER
    assert "does not answer within 0.5 s" in result.reply
    assert time.monotonic() - started < 3


def test_untrusted_certificate_is_refused(certificate: Certificate):
    server = Hostile(certificate.context())
    result = post(f"{server.url}/hook/{TOKEN}")
    server.close()
    assert (result.status, server.asked) == (SendStatus.LATER, [])
    assert "certificate" in result.reply
    assert TOKEN not in result.reply


@pytest.mark.parametrize("url", ["http://chat.example/x", "ftp://x.example", "nonsense"])
def test_bad_url_of_a_secret_is_an_error_without_it(url: str):
    with pytest.raises(DeliveryError) as raised:
        post(f"{url}?{TOKEN}")
    assert TOKEN not in raised.value.with_hint


def test_header_cannot_contain_a_line_break(server: Hostile):
    with pytest.raises(DeliveryError, match="header"):
        post(f"{server.url}/hook", headers={"X-Auth": ref("a\r\nX-Other: b")})
    assert server.asked == []


def test_heartbeat_is_requested(server: Hostile):
    assert ping(ref(f"{server.url}/beat/{TOKEN}"), secret) == ""
    server.plays[f"/beat/{TOKEN}"] = page(b"no", status=b"500 Oops")
    assert ping(ref(f"{server.url}/beat/{TOKEN}"), secret) == "500 no"
    server.plays[f"/beat/{TOKEN}"] = page(b"", b"Location: http://other.example/", status=b"302 Moved")
    assert "another site" in ping(ref(f"{server.url}/beat/{TOKEN}"), secret)
    assert server.heads[0].startswith(b"GET ")


def test_removed_webhook_is_refused():
    new = webhook_delivery("gone", "t", "s", json.dumps({}).encode())
    assert send_directly(new, by_webhook({}, secret))["gone"].status is SendStatus.REFUSED


def test_url_in_the_settings_needs_no_secret(server: Hostile, tmp_path: Path):
    new = webhook_delivery("chat", "t", "s", BODY)
    webhook = Webhook(name="chat", url=f"{server.url}/plain", template=tmp_path / "x")
    assert send_directly(new, by_webhook({"chat": webhook}, secret))["chat"].status is SendStatus.ACCEPTED
