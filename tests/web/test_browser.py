"""A question to the web ends in time, in few bytes and with an answer, whatever the server does."""

from __future__ import annotations

import gzip
import resource
import socket
import time
import zlib

import pytest

from runner.web import Answer, Browser, Rules, fetch
from tests.web.hostile import Hostile, page


def ask(hostile: Hostile, path: str = "/", *, limit: float = 5.0, size: int = 1 << 20) -> Answer:
    return fetch(hostile.url + path, Rules.of(hostile.url, size=size), limit)


def test_a_page_is_fetched(hostile):
    answer = ask(hostile)
    assert (answer.status, answer.body, answer.failure, answer.url) == (200, b"hello", "", f"{hostile.url}/")


def test_a_body_is_posted(hostile):
    hostile.plays["/api"] = lambda link, head: link.sendall(
        page(head.partition(b"\r\n\r\n")[2] or link.recv(99))
    )
    answer = fetch(f"{hostile.url}/api", Rules.of(hostile.url), 5, body=b"a=1", headers={"X-Kind": "form"})
    assert (answer.status, answer.body) == (200, b"a=1")
    assert hostile.heads[0].startswith(b"POST /api HTTP/1.1\r\n")
    assert b"X-Kind: form" in hostile.heads[0]


def test_connections_are_kept_between_questions(hostile):
    def twice(link: socket.socket, _: bytes) -> None:
        for _ in range(2):
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            link.recv(65536)

    hostile.plays["/"] = twice
    with Browser(Rules.of(hostile.url)) as browser:
        assert [browser.fetch(hostile.url, 5).body for _ in range(2)] == [b"ok", b"ok"]
    assert hostile.asked == ["/"]


def test_gzip_is_undone_once(hostile):
    hostile.plays["/"] = page(gzip.compress(b"hello" * 1000), b"Content-Encoding: gzip")
    assert ask(hostile).body == b"hello" * 1000


BOMB = gzip.compress(bytes(64 << 20))


@pytest.mark.parametrize(
    ("coding", "body", "failure"),
    [
        (b"gzip", BOMB, ""),
        (b"gzip, gzip", gzip.compress(gzip.compress(bytes(64 << 20))), "packed in a way"),
        (b"gzip,gzip", BOMB, "packed in a way"),
        (b"deflate", zlib.compress(bytes(64 << 20)), "packed in a way"),
        (b"br", b"\xcf\xff\xff\x7f\xf8'\x00\xe2\xb1\x40 \xf7\xfe\x9f", "packed in a way"),
        (b"zstd", b"\x28\xb5\x2f\xfd", "packed in a way"),
        (b"gzip, br", BOMB, "packed in a way"),
        (b"gzip", b"not gzip at all", "says that it is gzip"),
        (b"gzip", b"\x1f\x8b", ""),
    ],
)
def test_a_packed_body_has_a_ceiling(hostile, coding, body, failure):
    hostile.plays["/"] = page(body, b"Content-Encoding: " + coding)
    before = peak()
    answer = ask(hostile)
    assert failure in answer.failure
    assert bool(failure) == bool(answer.failure)
    assert len(answer.body) <= 1 << 20
    assert answer.cut is (body is BOMB and not failure)
    assert peak() - before < 48 << 20


def test_a_coding_in_two_headers_is_refused_or_undone_once(hostile):
    hostile.plays["/"] = page(gzip.compress(BOMB), b"Content-Encoding: gzip", b"Content-Encoding: gzip")
    assert len(ask(hostile).body) <= 1 << 20


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
        pytest.param(drip(each=b"H"), id="status line by the byte"),
        pytest.param(drip(OK, each=b"X-A: b\r\n"), id="headers that trickle"),
        pytest.param(drip(OK, each=b"X"), id="a header without end"),
        pytest.param(drip(OK + b"\r\n", each=b"x"), id="body that trickles"),
        pytest.param(
            drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", each=b"1\r\nx\r\n"), id="chunks that trickle"
        ),
        pytest.param(
            drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", each=b"0"), id="a chunk's size without end"
        ),
        pytest.param(drip(each=b"HTTP/1.1 100 Continue\r\n\r\n"), id="announcements that trickle"),
    ],
)
def test_one_limit_holds_for_everything(hostile, play):
    hostile.plays["/"] = play
    began = time.monotonic()
    answer = ask(hostile, limit=0.5)
    assert time.monotonic() - began < 1.2
    assert "within 0.5 s" in answer.failure or "cannot be reached" in answer.failure


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(drip(OK, each=b"X-A: b\r\n" * 5000, pause=0), id="headers without end"),
        pytest.param(drip(OK, each=b"X" * 50_000, pause=0), id="a header without end"),
        pytest.param(
            drip(each=b"HTTP/1.1 100 Continue\r\n\r\n" * 500, pause=0), id="announcements without end"
        ),
        pytest.param(drip(OK + b"\r\n", each=b"x" * 50_000, pause=0), id="body without end"),
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
def test_what_never_ends_is_cut_after_few_bytes_and_little_work(hostile, play):
    hostile.plays["/"] = play
    before, began = peak(), time.thread_time()
    answer = ask(hostile, limit=20)
    assert answer.cut or answer.failure
    assert "within" not in answer.failure
    assert len(answer.body) <= 1 << 20
    assert peak() - before < 32 << 20
    assert time.thread_time() - began < 1.5


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
def test_nonsense_is_an_answer_or_a_failure_and_never_an_exception(hostile, answer):
    hostile.plays["/"] = answer
    found = ask(hostile, limit=1)
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
def test_a_redirect_to_nonsense_is_not_followed(hostile, location):
    hostile.plays["/"] = page(b"", b"Location: " + location, status=b"302 Found")
    answer = ask(hostile)
    assert answer.failure.startswith("leads to")
    assert hostile.asked == ["/"]


def test_redirects_in_a_loop_end(hostile):
    hostile.plays["/"] = page(b"", b"Location: /", status=b"302 Found")
    assert ask(hostile).failure == "redirects in a loop"
    assert len(hostile.asked) == 9


def test_a_thousand_cookies_are_neither_kept_nor_sent(hostile):
    cookies = [b"Set-Cookie: c%d=%s" % (n, b"x" * 50) for n in range(1000)]
    hostile.plays["/"] = page(b"", b"Location: /next", *cookies, status=b"302 Found")
    answer = ask(hostile)
    assert answer.status == 200
    assert b"Cookie" not in hostile.heads[1]
    assert len(answer.headers) <= 100


@pytest.mark.parametrize(
    "url", ["", "http://[x", "x" * 100_000, "http://", "ftp://127.0.0.1/", "\0", "http://\ud800/"]
)
def test_an_address_that_is_none_is_a_failure(url):
    answer = fetch(url, Rules.of(url, "http://127.0.0.1"), 1)
    assert answer.failure == "is not an address that can be asked"


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
