"""Requests stay within their limits and never raise, whatever the server sends."""

from __future__ import annotations

import gzip
import resource
import socket
import time
import zlib

import pytest

from runner.web import Answer, Browser, Rules, fetch
from tests.web.hostile import Hostile, page


def get(hostile: Hostile, path: str = "/", *, limit: float = 5.0, size: int = 1 << 20) -> Answer:
    return fetch(hostile.url + path, Rules.of(hostile.url, size=size), limit)


def test_page_is_fetched(hostile):
    answer = get(hostile)
    assert (answer.status, answer.body, answer.failure, answer.url) == (200, b"hello", "", f"{hostile.url}/")


def test_body_is_posted(hostile):
    hostile.plays["/api"] = lambda link, head: link.sendall(
        page(head.partition(b"\r\n\r\n")[2] or link.recv(99))
    )
    answer = fetch(f"{hostile.url}/api", Rules.of(hostile.url), 5, body=b"a=1", headers={"X-Kind": "form"})
    assert (answer.status, answer.body) == (200, b"a=1")
    assert hostile.heads[0].startswith(b"POST /api HTTP/1.1\r\n")
    assert b"X-Kind: form" in hostile.heads[0]


def test_connection_is_reused_by_next_request(hostile):
    def twice(link: socket.socket, _: bytes) -> None:
        for _ in range(2):
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            link.recv(65536)

    hostile.plays["/"] = twice
    with Browser(Rules.of(hostile.url)) as browser:
        assert [browser.fetch(hostile.url, 5).body for _ in range(2)] == [b"ok", b"ok"]
    assert hostile.asked == ["/"]


def test_gzip_is_decompressed(hostile):
    hostile.plays["/"] = page(gzip.compress(b"hello" * 1000), b"Content-Encoding: gzip")
    assert get(hostile).body == b"hello" * 1000


BOMB = gzip.compress(bytes(64 << 20))


@pytest.mark.parametrize(
    ("coding", "body", "failure"),
    [
        (b"gzip", BOMB, ""),
        (b"gzip, gzip", gzip.compress(gzip.compress(bytes(64 << 20))), "unsupported content encoding"),
        (b"gzip,gzip", BOMB, "unsupported content encoding"),
        (b"deflate", zlib.compress(bytes(64 << 20)), "unsupported content encoding"),
        (b"br", b"\xcf\xff\xff\x7f\xf8'\x00\xe2\xb1\x40 \xf7\xfe\x9f", "unsupported content encoding"),
        (b"zstd", b"\x28\xb5\x2f\xfd", "unsupported content encoding"),
        (b"gzip, br", BOMB, "unsupported content encoding"),
        (b"gzip", b"not gzip at all", "claims to be gzip"),
        (b"gzip", b"\x1f\x8b", ""),
    ],
)
def test_compressed_body_is_limited(hostile, coding, body, failure):
    hostile.plays["/"] = page(body, b"Content-Encoding: " + coding)
    before = peak()
    answer = get(hostile)
    assert failure in answer.failure
    assert bool(failure) == bool(answer.failure)
    assert len(answer.body) <= 1 << 20
    assert answer.cut is (body is BOMB and not failure)
    assert peak() - before < 48 << 20


def test_repeated_encoding_header_stays_within_limit(hostile):
    hostile.plays["/"] = page(gzip.compress(BOMB), b"Content-Encoding: gzip", b"Content-Encoding: gzip")
    assert len(get(hostile).body) <= 1 << 20


def drip(*first: bytes, each: bytes, pause: float = 0.02):
    def play(link: socket.socket, _: bytes) -> None:
        for piece in first:
            link.sendall(piece)
        while True:
            link.sendall(each)
            if pause:
                time.sleep(pause)

    return play


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(lambda link, _: link.recv(1), id="silence"),
        pytest.param(drip(each=b"H"), id="slow status line"),
        pytest.param(drip(OK, each=b"X-A: b\r\n"), id="slow headers"),
        pytest.param(drip(OK, each=b"X"), id="slow header"),
        pytest.param(drip(OK + b"\r\n", each=b"x"), id="slow body"),
        pytest.param(drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", each=b"1\r\nx\r\n"), id="slow chunks"),
        pytest.param(drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", each=b"0"), id="endless chunk size"),
        pytest.param(drip(each=b"HTTP/1.1 100 Continue\r\n\r\n"), id="slow interim responses"),
    ],
)
def test_slow_response_ends_at_time_limit(hostile, play):
    hostile.plays["/"] = play
    started = time.monotonic()
    answer = get(hostile, limit=0.5)
    assert time.monotonic() - started < 3
    assert "within 0.5 s" in answer.failure or "cannot be reached" in answer.failure


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(drip(OK, each=b"X-A: b\r\n" * 5000, pause=0), id="endless headers"),
        pytest.param(drip(OK, each=b"X" * 50_000, pause=0), id="endless header"),
        pytest.param(
            drip(each=b"HTTP/1.1 100 Continue\r\n\r\n" * 500, pause=0), id="endless interim responses"
        ),
        pytest.param(drip(OK + b"\r\n", each=b"x" * 50_000, pause=0), id="endless body"),
        pytest.param(
            drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", each=b"1\r\nx\r\n" * 5000, pause=0),
            id="tiny chunks",
        ),
        pytest.param(
            drip(
                OK + b"Transfer-Encoding: chunked\r\n\r\n", each=b"1;" + b"e" * 9000 + b"\r\nx\r\n", pause=0
            ),
            id="chunk extensions",
        ),
        pytest.param(
            drip(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", each=b"X-A: b\r\n" * 500, pause=0),
            id="trailers",
        ),
    ],
)
def test_endless_response_is_cut_at_size_limit(hostile, play):
    hostile.plays["/"] = play
    before, started = peak(), time.thread_time()
    answer = get(hostile, limit=20)
    assert answer.cut or answer.failure
    assert "within" not in answer.failure
    assert len(answer.body) <= 1 << 20
    assert peak() - before < 32 << 20
    assert time.thread_time() - started < 1.5


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0" * 100,
        b"HTTP/9.9 OK\r\n\r\n",
        b"HTTP/1.1 99999 x\r\n\r\n",
        b"HTTP/1.1 -1 x\r\n\r\n",
        OK + b"Content-Length: -5\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        OK + b"Content-Length: 99999999999999999999999999\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello",
        OK + b"Transfer-Encoding: gzip\r\n\r\nhello",
        OK + b"X-\xff\xfe: \0\r\n\r\nhello",
        OK + b"Content-Encoding: \xff\xfe\r\n\r\nhello",
        OK + b"Content-Type: text/html; charset=rot13\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Content-Type: text/html; charset=\xc3\xa4\0x\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"220 mail.example ESMTP\r\n",
    ],
)
def test_malformed_response_never_raises(hostile, answer):
    hostile.plays["/"] = answer
    found = get(hostile, limit=1)
    assert found.failure or found.status is not None
    assert "\0" not in found.failure


@pytest.mark.parametrize(
    "location",
    [
        b"http://[x",
        b"//[x",
        b"http://" + b"a" * 64 + b".example/",
        b"http://" + b"a." * 200 + b"example/",
        "http://ä".encode() + b"a" * 80 + b".example/",
        b"http://\xff\xfe/",
        b"http://127.0.0.1:99999/",
        b"http://127.0.0.1:0/",
        b"http://127.0.0.1:-1/",
        b"http://a b/",
        b"http://%31%32%37.0.0.1/",
        b"file:///etc/passwd",
        b"gopher://127.0.0.1/",
        b"javascript:alert(1)",
        b"/" + b"x" * 90_000,
        b"http://user:pw@[::1",
        "http://127。0。0。1:9/".encode(),
    ],
)
def test_redirect_to_invalid_url_is_not_followed(hostile, location):
    hostile.plays["/"] = page(b"", b"Location: " + location, status=b"302 Found")
    answer = get(hostile)
    assert answer.failure.startswith("redirects to")
    assert hostile.asked == ["/"]


def test_redirect_loop_ends(hostile):
    hostile.plays["/"] = page(b"", b"Location: /", status=b"302 Found")
    assert get(hostile).failure == "redirects in a loop"
    assert len(hostile.asked) == 9


def test_cookies_are_not_kept(hostile):
    cookies = [b"Set-Cookie: c%d=%s" % (n, b"x" * 50) for n in range(1000)]
    hostile.plays["/"] = page(b"", b"Location: /next", *cookies, status=b"302 Found")
    answer = get(hostile)
    assert answer.status == 200
    assert b"Cookie" not in hostile.heads[1]
    assert len(answer.headers) <= 100


@pytest.mark.parametrize(
    "url", ["", "http://[x", "x" * 100_000, "http://", "ftp://127.0.0.1/", "\0", "http://\ud800/"]
)
def test_invalid_url_is_a_failure(url):
    answer = fetch(url, Rules.of(url, "http://127.0.0.1"), 1)
    assert answer.failure == "is not a valid URL"


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
