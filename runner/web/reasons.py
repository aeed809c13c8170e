"""Messages for failed connections."""

from __future__ import annotations

from runner.untrusted import sentence

__all__ = ["reason"]

_REASONS = (
    ("certificate has expired", "its certificate has expired"),
    ("not yet valid", "its certificate is not valid yet"),
    ("mismatch", "its certificate is for another name"),
    ("self-signed certificate in", "its certificate comes from an unknown authority"),
    ("self-signed", "its certificate is self-signed"),
    ("unable to get", "its certificate chain is incomplete or its authority is unknown"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted"),
    ("WRONG_VERSION_NUMBER", "the port does not use TLS"),
    ("Connection refused", "connection refused"),
    ("Name or service not known", "its name cannot be resolved"),
    ("No address associated", "its name has no address"),
    ("Temporary failure in name resolution", "its name cannot be resolved at the moment"),
    ("Network is unreachable", "its network is unreachable"),
    ("No route to host", "no route to the host"),
    ("Connection reset", "the connection was closed"),
    ("Server disconnected", "the connection was closed"),
)
_OWN_ERRORS = frozenset({"Refused", "BodyError"})
_LONGEST = 200


def reason(error: Exception) -> str:
    """Return a message for a connection error.

    Libraries quote the server in their messages, so for unknown errors only the type is given.
    """
    text = str(error)
    found = next((words for sign, words in _REASONS if sign in text), "")
    if found:
        return found
    if type(error).__name__ in _OWN_ERRORS:
        return sentence(text, _LONGEST)
    if isinstance(error, OSError) and error.strerror:
        return sentence(error.strerror, _LONGEST)
    return f"invalid response ({type(error).__name__})"
