"""No wait on an exec lasts longer than it was given, whatever its other threads wait for."""

from __future__ import annotations

import threading

import pytest
from paramiko import Channel, Message
from paramiko.common import cMSG_CHANNEL_DATA

from lab.hostile import MODES, HostileHost
from runner.errors import UnreachableError
from runner.execute import Command, Pool, read
from tests.promises.evil_endpoint import evil_endpoint

LONGEST = 8.0
"""Seconds; two readings with a limit of half a second have ended long before."""


@pytest.fixture(autouse=True)
def interleaved(monkeypatch):
    """Another thread sets its own timeout on the channel before the first one has begun to wait."""
    monkeypatch.setattr(Channel, "settimeout", lambda channel, _: setattr(channel, "timeout", None))


def empty_data(talk):
    """Messages that hold no byte of output, and then silence."""
    talk.greet()
    for _ in range(20):
        message = Message()
        message.add_byte(cMSG_CHANNEL_DATA)
        message.add_int(talk.channel.remote_chanid)
        message.add_string(b"")
        talk.channel.get_transport()._send_user_message(message)
        talk.pause(0.05)
    talk.stay()


@pytest.mark.parametrize("mode", ["silent-hello", "empty-data"])
def test_a_silent_host_is_given_up_although_stderr_is_waited_for_without_a_limit(mode, tmp_path, monkeypatch):
    monkeypatch.setitem(MODES, "empty-data", empty_data)
    failures = []

    def look(pool, endpoint):
        try:
            read(pool, endpoint, (Command("about", "true"),), silence=0.5)
        except UnreachableError as error:
            failures.append(str(error))

    with HostileHost(mode) as host, Pool() as pool:
        endpoint = evil_endpoint(host, tmp_path)
        looker = threading.Thread(target=look, args=(pool, endpoint), daemon=True)
        looker.start()
        looker.join(LONGEST)
        ended = not looker.is_alive()
    assert ended
    assert "no data for" in failures[0]
