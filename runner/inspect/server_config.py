"""Sites named in the configuration of nginx and Apache: document root and address. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["ServedFolder", "served_folders"]

_LONGEST = 262_144
_MOST_WORDS = 50_000
_MOST_SERVERS = 2_000
_TOKEN = re.compile(r"""#[^\n]*|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([{};])|([^\s{};"']+)""")
_WORD = re.compile(r'"([^"]*)"|([^\s"]+)')
_LONGEST_LINE = 2_000
_HOST = re.compile(r"(?!-)[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_HTTPS_PORT = "443"
_DIGITS = 5
_USUAL_PORTS = {"http": "80", "https": _HTTPS_PORT}


@dataclass(frozen=True, slots=True)
class ServedFolder:
    """A document root and the address that it is served at; the address is empty if it has no name."""

    root: str
    url: str


def served_folders(text: str) -> list[ServedFolder]:
    """Return the document roots in a configuration file of nginx or Apache."""
    text = text[:_LONGEST]
    found = list(_apache(text)) if "<virtualhost" in text.lower() else list(_nginx(text))
    return found[:_MOST_SERVERS]


def _nginx(text: str) -> Iterator[ServedFolder]:
    """Yield the server blocks. Directives of blocks inside them do not count."""
    words: list[str] = []
    depth, server_depth = 0, 0
    server: dict[str, list[list[str]]] = {}
    for match in list(_TOKEN.finditer(text))[:_MOST_WORDS]:
        if match[0].startswith("#"):
            continue
        if match[3] is None:
            words.append(next(one for one in (match[1], match[2], match[4]) if one is not None))
            continue
        if match[3] == "{":
            depth += 1
            if words[:1] == ["server"] and not server_depth:
                server_depth, server = depth, {}
        elif match[3] == "}":
            if depth == server_depth:
                yield from _nginx_server(server)
                server_depth = 0
            depth -= 1
        elif words and depth == server_depth:
            server.setdefault(words[0], []).append(words[1:])
        words = []


def _nginx_server(server: dict[str, list[list[str]]]) -> Iterator[ServedFolder]:
    roots = server.get("root", [])
    if not roots or not roots[-1]:
        return
    listens = server.get("listen", [["80"]])
    names = [name for names in server.get("server_name", []) for name in names]
    sockets = [(_socket(words[0]), "ssl" in words[1:]) for words in listens if words]
    yield from _served(roots[-1][0], names, [(*one, tls) for one, tls in sockets if one])


def _apache(text: str) -> Iterator[ServedFolder]:
    """Yield the virtual hosts. Directives outside of them do not count."""
    sockets: list[str] | None = None
    host: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        words = [next(filter(None, found), "") for found in _WORD.findall(line[:_LONGEST_LINE])]
        directive = words[0].lower() if words else ""
        if directive == "<virtualhost":
            sockets, host = words[1:], {}
        elif directive == "</virtualhost>" and sockets is not None:
            yield from _virtual_host(sockets, host)
            sockets = None
        elif sockets is not None and directive:
            host.setdefault(directive, []).append(words[1:])


def _virtual_host(sockets: Sequence[str], host: dict[str, list[list[str]]]) -> Iterator[ServedFolder]:
    roots = [words[0] for words in host.get("documentroot", []) if words]
    if not roots:
        return
    tls = ["on"] in [[word.lower() for word in words] for words in host.get("sslengine", [])]
    given = [name for key in ("servername", "serveralias") for words in host.get(key, []) for name in words]
    names = [re.sub(r":\d+$", "", re.sub(r"^https?://", "", name)) for name in given]
    found = [_socket(word.rstrip(">")) for word in sockets]
    yield from _served(roots[-1], names, [(*one, tls) for one in found if one])


def _socket(text: str) -> tuple[str, str] | None:
    """Split `address:port`; the address is empty if there is only a port. None for anything else."""
    address, _, port = text.rpartition(":")
    return (address, port) if port.isascii() and port.isdigit() and len(port) <= _DIGITS else None


def _served(
    root: str, names: Sequence[str], sockets: Sequence[tuple[str, str, bool]]
) -> Iterator[ServedFolder]:
    """Yield the root with the first usable name, over https if one of the sockets has it."""
    if not root.startswith("/") or "$" in root or not root.isprintable():
        return
    address, port, tls = next(
        (one for one in sockets if one[2] or one[1] == _HTTPS_PORT),
        sockets[0] if sockets else ("", "80", False),
    )
    listed = [name.lower() for name in names if name != "localhost" and "." in name]
    own = address if address not in {"", "*", "0.0.0.0", "[::]"} else ""  # noqa: S104  # a configured address
    name = next((one for one in listed if _HOST.fullmatch(one)), own)
    scheme = "https" if tls or port == _HTTPS_PORT else "http"
    suffix = "" if port == _USUAL_PORTS[scheme] else f":{port}"
    yield ServedFolder(root.rstrip("/") or "/", f"{scheme}://{name}{suffix}" if name else "")
