"""Open an address in the user's browser, without a shell."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from runner.errors import UsageError

__all__ = ["open_in_browser"]

_SCHEMES = {"http", "https", "file"}


def open_in_browser(address: str) -> bool:
    """Open a web address or `file:` URL in $BROWSER, else in the browser of the desktop.

    Returns:
        False if there is none: no $BROWSER and no display, or it could not be started.

    Raises:
        UsageError: the address has another scheme.
    """
    if urlsplit(address).scheme.lower() not in _SCHEMES:
        raise UsageError(f"{address} is not a web address", hint="it must start with https:// or http://")
    desktop = sys.platform == "darwin" or any(map(os.environ.get, ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")))
    if not desktop:  # otherwise a browser for terminals could be started in the middle of the output
        return False
    import webbrowser

    return webbrowser.open(address)
