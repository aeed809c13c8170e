"""The client of wordpress.org: cached offers and checksums, untrusted responses."""

from __future__ import annotations

import json
import os
import stat
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from runner.model import Asked
from runner.web import Answer
from runner.wporg import Wporg
from runner.wporg.cache import Cache
from runner.wporg.parse import AnswerError, closed, core_releases, core_sums, plugin_sums, releases
from tests.fuzz import endure, hostile

DOWNLOADS = "https://downloads.wordpress.org"
ACME = {
    "new_version": "1.2",
    "package": f"{DOWNLOADS}/plugin/acme.1.2.zip",
    "requires": "6.0",
    "requires_php": "7.4",
}
UPDATES = {"plugins": {"acme/acme.php": ACME}, "no_update": [], "translations": []}
CORE = {
    "offers": [
        {"response": "upgrade", "current": "7.1", "download": f"{DOWNLOADS}/release/wordpress-7.1.zip"}
    ]
}
SUMS = {"checksums": {"wp-load.php": "a" * 32}}
PLUGIN = {"files": {"acme.php": {"md5": ["a" * 32, "b" * 32], "sha256": "c" * 64}}}
ACME_ASKED = Asked("plugins", "acme/acme.php", "Acme", "1.2")


class Org:
    """Sends prepared responses and records the requests."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    def __call__(self, url, body):
        self.requests.append((url, parse_qs(body.decode()) if body else None))
        data = self.answers.pop(0)
        if isinstance(data, Answer):
            return data
        return Answer(
            asked=url,
            url=url,
            status=200,
            body=data if isinstance(data, bytes) else json.dumps(data).encode(),
        )


DOWN = Answer(asked="", failure="does not answer within 20 s")
GONE = Answer(asked="", status=404)


def test_offers_of_all_items_take_one_request(tmp_path):
    org = Org(UPDATES)
    client = Wporg(tmp_path / "cache", fetch=org)
    items = [ACME_ASKED, Asked("plugins", "own/own.php", "Own"), ACME_ASKED]
    for _ in range(2):
        offers = client.offers(items)
        assert offers.known["plugins", "acme/acme.php"].version == "1.2"
        assert offers.known["plugins", "own/own.php"] is None
        assert offers.problem == ""
    ((url, form),) = org.requests
    assert url == "https://api.wordpress.org/plugins/update-check/1.1/"
    assert set(json.loads(form["plugins"][0])["plugins"]) == {"acme/acme.php", "own/own.php"}


def test_offer_that_differs_from_the_site_is_requested_again(tmp_path):
    newer = {"plugins": {"acme/acme.php": {**ACME, "new_version": "1.3"}}}
    org = Org(UPDATES, newer)
    client = Wporg(tmp_path, fetch=org)
    client.offers([ACME_ASKED])
    offers = client.offers([Asked("plugins", "acme/acme.php", "Acme", "1.3")])
    assert offers.known["plugins", "acme/acme.php"].version == "1.3"
    assert len(org.requests) == 2


def test_cached_offer_is_used_during_an_outage(tmp_path):
    client = Wporg(tmp_path, fetch=Org(DOWN, UPDATES, DOWN))
    nothing = client.offers([ACME_ASKED])
    assert (dict(nothing.known), nothing.problem) == (
        {}, "wordpress.org could not be reached: does not answer within 20 s",
    )  # fmt: skip
    client.offers([ACME_ASKED])
    for file in tmp_path.iterdir():
        os.utime(file, (file.stat().st_mtime - 7200,) * 2)
    old = client.offers([ACME_ASKED])
    assert old.known["plugins", "acme/acme.php"].version == "1.2"
    assert 7190 < old.age < 7300
    assert old.problem


def test_checksums_and_unknown_plugins_are_cached(tmp_path):
    org = Org(PLUGIN, SUMS, GONE)
    client = Wporg(tmp_path, "http://127.0.0.1:1/", fetch=org)
    for _ in range(2):
        assert client.plugin_sums("acme", "1.2").files == {"acme.php": ("a" * 32, "b" * 32)}
        assert client.core_sums("7.1", "de_DE").files == {"wp-load.php": ("a" * 32,)}
        assert client.plugin_sums("pro", "1.0") == type(client.plugin_sums("pro", "1.0"))()
    assert [url for url, _ in org.requests] == [
        "http://127.0.0.1:1/plugin-checksums/acme/1.2.json",
        "http://127.0.0.1:1/core/checksums/1.0/?version=7.1&locale=de_DE",
        "http://127.0.0.1:1/plugin-checksums/pro/1.0.json",
    ]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    "change",
    [
        {"package": "http://downloads.wordpress.org/plugin/acme.zip"}, {"package": "https://evil.example/a.zip"},
        {"package": "https://downloads.wordpress.org@evil.example/a"}, {"package": 7}, {"new_version": None},
        {"new_version": "1.2/../../x"}, {"new_version": "1 2"}, {"requires_php": "8;id"}, {"package": "https://[x"},
    ],
    ids=repr,
)  # fmt: skip
def test_invalid_offer_is_refused(change):
    with pytest.raises(AnswerError):
        releases("plugins", json.dumps({"plugins": {"acme/acme.php": {**ACME, **change}}}).encode())


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a//b", "a\nb", "x" * 600, "a\\b", ""])
def test_checksum_of_file_outside_folder_is_refused(name):
    with pytest.raises(AnswerError):
        core_sums(json.dumps({"checksums": {name: "a" * 32}}).encode())


@pytest.mark.parametrize(
    ("parse", "good"),
    [
        (lambda d: releases("plugins", d), UPDATES), (core_releases, CORE),
        (core_sums, SUMS), (plugin_sums, PLUGIN),
    ],
    ids=["updates", "core", "core sums", "plugin sums"],
)  # fmt: skip
def test_hostile_response_is_refused_in_time(parse, good):
    assert parse(json.dumps(good).encode())
    endure(parse, hostile((json.dumps(good).encode(), b'{"plugins": []}'), 10_000))


def test_cache_is_limited_and_ignores_writable_files(tmp_path):
    cache = Cache(tmp_path, max_bytes=1 << 20)
    for number in range(130):
        cache.store(str(number), b"x" * (64 << 10))
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert size <= (1 << 20) + 65 * (64 << 10)
    assert cache.find("129").body == b"x" * (64 << 10)
    assert cache.find("0") is None
    for file in tmp_path.iterdir():
        file.chmod(0o666)
    assert cache.find("129") is None


@contextmanager
def server(body):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()


@pytest.mark.parametrize(
    ("body", "why"),
    [(b"{" + b" " * (20 << 20), "too large"), (b"<html>", "invalid response: it is not JSON")],
)  # fmt: skip
def test_invalid_response_is_a_problem_and_not_cached(tmp_path, body, why):
    with server(body) as base:
        sums = Wporg(tmp_path / "cache", base).core_sums("7.1")
    assert why in sums.problem
    assert not (tmp_path / "cache").exists()


def test_closed_plugin_has_date_and_reason():
    response = {
        "error": "closed",
        "closed": True,
        "closed_date": "2026-10-01",
        "reason_text": "Security Issue",
    }
    assert closed(json.dumps(response).encode()) == (
        "closed on wordpress.org since 2026-10-01 (Security Issue)"
    )
    assert closed(json.dumps({"error": "closed", "closed_date": 7}).encode()) == "closed on wordpress.org"
    assert closed(b'{"error": "Plugin not found."}') == ""
    endure(closed, hostile((json.dumps(response).encode(),), 2_000))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(["woocommerce"], ("woocommerce",)), ([], ()), ("x", ()), (["a b", 7, "c"], ("c",))],
)
def test_invalid_names_of_required_plugins_are_ignored(value, wanted):
    body = json.dumps({"plugins": {"acme/acme.php": {**ACME, "requires_plugins": value}}}).encode()
    assert releases("plugins", body)["acme/acme.php"].requires_plugins == wanted
