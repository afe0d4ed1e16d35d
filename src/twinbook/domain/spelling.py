"""One spelling for the words that terms are held against: categories of goods and what a picture shows or promotes.

Nobody gets round "fast fashion" with "Fast-Fashion", two spaces, a soft hyphen or an accent written as two characters. That
two words mean the same, or that letters of two alphabets look alike, nobody here can tell: a person reads what she signs.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NewType

Word = NewType("Word", str)
"""A word or phrase in its one spelling, as forms write it; a document with any other is unreadable."""

# Nothing to be seen, and yet no format characters by Unicode's classes: fillers, joiners, selectors of a glyph's variant.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | {chr(c) for c in range(0xFE00, 0xFE10)}
_HYPHENS = frozenset("_\u2212\u2043")


@lru_cache(maxsize=1 << 16)
def plain(words: str) -> str:
    """Letters folded to one case and composed (NFKC), without what can't be seen, hyphens and spaces as one space each."""
    before = None
    while words != before:  # what is taken out may leave letters side by side that compose
        before = words
        seen = "".join(_seen(c) for c in unicodedata.normalize("NFKC", words))
        words = " ".join(unicodedata.normalize("NFKC", seen.casefold()).split())
    return words


def _seen(c: str) -> str:
    kind = unicodedata.category(c)
    if c.isspace() or kind == "Pd" or c in _HYPHENS:
        return " "
    return "" if kind in ("Cf", "Cc") or c in _INVISIBLE else c
