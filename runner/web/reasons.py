"""Why a connection failed, in words."""

from __future__ import annotations

from runner.untrusted import sentence

__all__ = ["reason"]

_REASONS = (
    ("certificate has expired", "its certificate has expired"),
    ("not yet valid", "its certificate is not valid yet"),
    ("mismatch", "its certificate is for another name"),
    ("self-signed certificate in", "its certificate comes from an unknown authority"),
    ("self-signed", "its certificate is self-signed"),
    ("unable to get", "its certificate's chain is incomplete, or its authority unknown"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate cannot be trusted"),
    ("WRONG_VERSION_NUMBER", "no TLS is spoken at that port"),
    ("Connection refused", "the connection is refused"),
    ("Name or service not known", "its name cannot be resolved"),
    ("No address associated", "its name has no address"),
    ("Temporary failure in name resolution", "its name cannot be resolved just now"),
    ("Network is unreachable", "there is no way to its network"),
    ("No route to host", "there is no way to it"),
    ("Connection reset", "the connection is cut"),
    ("Server disconnected", "the connection is cut"),
)
_OWN = frozenset({"Refused", "BodyError"})
_LONGEST = 200


def reason(error: Exception) -> str:
    """What an error of a connection means for the address that was asked.

    Libraries quote a server in theirs: what is not known here is told by the error's kind.
    """
    text = str(error)
    found = next((words for sign, words in _REASONS if sign in text), "")
    if found:
        return found
    if type(error).__name__ in _OWN:
        return sentence(text, _LONGEST)
    if isinstance(error, OSError) and error.strerror:
        return sentence(error.strerror, _LONGEST)
    return f"what it sends cannot be read ({type(error).__name__})"
