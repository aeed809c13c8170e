"""Make the agency's accent color readable on light and dark backgrounds."""

from __future__ import annotations

import re

__all__ = ["contrast", "legible"]

_DEFAULT = "#0b6b57"
_STEPS = 20
_AA = 4.5
"""WCAG 2 level AA for text."""


def legible(accent: str, background: str) -> str:
    """Darken or lighten the accent until it is readable on `background`.

    Args:
        accent: `#rrggbb`; anything else is replaced by the default.
        background: `#rrggbb`.
    """
    accent = accent.lower() if re.fullmatch(r"#[0-9a-fA-F]{6}", accent) else _DEFAULT
    towards = "#000000" if contrast("#000000", background) > contrast("#ffffff", background) else "#ffffff"
    mixes = (_mix(accent, towards, step / _STEPS) for step in range(_STEPS + 1))
    return next((color for color in mixes if contrast(color, background) >= _AA), towards)


def contrast(one: str, other: str) -> float:
    """Return the WCAG 2 contrast of two colors, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB


def _mix(color: str, towards: str, share: float) -> str:
    mixed = (round(a + (b - a) * share) for a, b in zip(_channels(color), _channels(towards), strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
