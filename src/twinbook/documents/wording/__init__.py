"""How papers for people are worded: languages, and how names, dates, parties and digests are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from .language import DEFAULT, Language, language, languages, speaks

__all__ = [
    "DEFAULT",
    "Language",
    "counted",
    "day",
    "inline",
    "language",
    "languages",
    "legible",
    "listed",
    "moment",
    "party",
    "short",
    "speaks",
]

# What may not stand on a paper: controls (but tab and line feed), lone surrogates and non-characters, which no file in
# UTF-8, HTML or PDF can hold, and the marks that reorder text, with which a name could make an amount read backwards.
_ILLEGIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")

_BREAK = re.compile(r"[\t\n\r\x0b\x0c\x85\u2028\u2029]+")

_ACCOUNT_KINDS = ("talent", "agency", "crew", "brand")


def legible(text: str) -> str:
    """``text`` with a replacement character for whatever can't be printed or would reorder what stands around it."""
    return _ILLEGIBLE.sub("\ufffd", text)


def inline(text: str) -> str:
    """``text`` for a line of a paper: a line break in it is shown, so that nobody's name or purpose can pass for a line
    of its own."""
    return legible(_BREAK.sub("\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}", text))


def day(at: datetime) -> str:
    """``22 November 2026``: the day in UTC, in English, with ordinary spaces."""
    return language(DEFAULT).day(at.astimezone(UTC)).replace("\u00a0", " ")


def moment(at: datetime) -> str:
    """``22 November 2026, 14:03 UTC``."""
    return f"{day(at)}, {at.astimezone(UTC):%H:%M} UTC"


def short(digest: str) -> str:
    """The first twelve characters of a digest or key id, enough to find it by."""
    return f"{digest[:12]}…" if len(digest) > 12 else digest


def party(account: str) -> tuple[str, str]:
    """Name and role of an account: ``agency:Nordlight`` is Nordlight, agency. The role is empty for a bare name."""
    kind, colon, name = account.partition(":")
    return (name, kind) if colon and name and kind in _ACCOUNT_KINDS else (account, "")


def counted(number: int, noun: str) -> str:
    """``1 image``, ``2 images``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; nothing for nothing."""
    return language(DEFAULT).listed(names) if names else ""
