"""Colours: the agency's accent, made legible on light and on dark paper."""

from __future__ import annotations

import re

__all__ = ["contrast", "legible"]

_FALLBACK = "#0b6b57"
_STEPS = 20
_AA = 4.5
"""WCAG 2 level AA for text."""


def legible(accent: str, paper: str) -> str:
    """The accent, as far darkened or lightened as it takes to be read on `paper`.

    Args:
        accent: `#rrggbb`; anything else gives the fallback.
        paper: `#rrggbb` of the background.
    """
    accent = accent.lower() if re.fullmatch(r"#[0-9a-fA-F]{6}", accent) else _FALLBACK
    towards = "#000000" if contrast("#000000", paper) > contrast("#ffffff", paper) else "#ffffff"
    mixes = (_mix(accent, towards, step / _STEPS) for step in range(_STEPS + 1))
    return next((colour for colour in mixes if contrast(colour, paper) >= _AA), towards)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours by WCAG 2, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB


def _mix(colour: str, towards: str, share: float) -> str:
    mixed = (round(a + (b - a) * share) for a, b in zip(_channels(colour), _channels(towards), strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
