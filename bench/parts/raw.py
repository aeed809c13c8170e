"""The floor: one connection a host by raw paramiko, and on it one attached `sh -s` with framed steps.

Nothing is detached, recorded or repeatable. Reads a JSON object from stdin, prints one with `wall` and `cpu`.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from paramiko import Ed25519Key, PKey, Transport


def script(nonce: str, steps: int) -> bytes:
    """Shell text that runs each step in a shell of its own, between two frames."""
    text = ""
    for number in range(steps):
        text += f"printf '\\036{nonce} begin {number}\\n'\n"
        text += "sh -c true </dev/null 2>&1\n"
        text += f"printf '\\036{nonce} end {number} %s\\n' $?\n"
    return text.encode()


def work_on(address: str, order: dict[str, Any], key: PKey) -> None:
    sock = socket.create_connection((address, order["port"]), 30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = Transport(sock)
    transport.banner_timeout = 60
    transport.start_client(timeout=60)
    shown = transport.get_remote_server_key()
    if f"{shown.get_name()} {shown.get_base64()}" != order["host_key"]:
        raise SystemExit(f"{address} shows another host key")
    transport.auth_publickey(order["user"], key)
    nonce = secrets.token_hex(16)
    channel = transport.open_session()
    channel.exec_command("exec /bin/sh -s")
    channel.sendall(script(nonce, order["steps"]))
    channel.shutdown_write()
    output = b""
    while data := channel.recv(32768):
        output += data
    transport.close()
    ended = sum(f"\036{nonce} end {n} 0\n".encode() in output for n in range(order["steps"]))
    if ended != order["steps"]:
        raise SystemExit(f"{address}: {ended} of {order['steps']} steps ended well")


def main() -> None:
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    order = json.load(sys.stdin)
    key = Ed25519Key.from_private_key_file(order["identity_file"])
    began, before = time.perf_counter(), os.times()
    with ThreadPoolExecutor(order["threads"]) as pool:
        list(pool.map(lambda address: work_on(address, order, key), order["addresses"]))
    wall, after = time.perf_counter() - began, os.times()
    print(json.dumps({"wall": wall, "cpu": after.user + after.system - before.user - before.system}))


if __name__ == "__main__":
    main()
