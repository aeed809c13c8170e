"""Translation packs as wordpress.org makes them: .po, .mo and .l10n.php of the same texts."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import write_po

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TRANSLATIONS", "pack"]

TRANSLATIONS: tuple[tuple[str, str, str, str, dict[str, str]], ...] = (
    ("core", "default", "de_DE", "2026-02-03 08:00:00", {"Log In": "Einloggen"}),
    ("core", "default", "de_DE", "2026-09-14 10:30:00", {"Log In": "Anmelden", "Posts": "Beiträge"}),
    ("plugins", "harbour-forms", "de_DE", "2026-03-01 12:00:00", {"Send": "Schicken"}),
    ("plugins", "harbour-forms", "de_DE", "2026-10-05 12:00:00", {"Send": "Absenden"}),
    ("core", "default", "fr_FR", "2026-08-20 09:00:00", {"Log In": "Se connecter"}),
    ("plugins", "harbour-forms", "fr_FR", "2026-08-21 09:00:00", {"Send": "Envoyer"}),
    ("themes", "millstone", "fr_FR", "2026-08-22 09:00:00", {"Read more": "Lire la suite"}),
)
"""Kind, slug, language, date, texts."""


def pack(slug: str, language: str, updated: str, words: Mapping[str, str]) -> dict[str, bytes]:
    """The files of a pack by name; `updated` is a date in UTC."""
    when = datetime.fromisoformat(updated).replace(tzinfo=UTC)
    catalogue = Catalog(
        locale=language,
        project=slug,
        charset="utf-8",
        revision_date=when,
        creation_date=when,
        last_translator="",
        language_team="",
    )
    for english, translated in words.items():
        catalogue.add(english, translated)
    po, mo = BytesIO(), BytesIO()
    write_po(po, catalogue, omit_header=False)
    write_mo(mo, catalogue)
    name = language if slug == "default" else f"{slug}-{language}"
    short, full = f"{when:%Y-%m-%d %H:%M}+0000".encode(), f"{when:%Y-%m-%d %H:%M:%S}+0000".encode()
    files = {
        f"{name}.po": po.getvalue().replace(short, full),
        f"{name}.mo": mo.getvalue(),
        f"{name}.l10n.php": php(updated, language, words).encode(),
    }
    if slug == "default":
        files |= {f"admin-{file}": data for file, data in files.items()}
    return files


def php(updated: str, language: str, words: Mapping[str, str]) -> str:
    """The same as PHP, the way that WordPress 6.5 and newer reads it first."""
    texts = ",".join(f"{quoted(english)}=>{quoted(text)}" for english, text in words.items())
    head = f"'translation-revision-date'=>'{updated}+0000','language'=>{quoted(language)}"
    return f"<?php\nreturn [{head},'messages'=>[{texts}]];\n"


def quoted(text: str) -> str:
    """A PHP string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
