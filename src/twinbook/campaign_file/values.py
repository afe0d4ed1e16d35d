"""Names and small values of a campaign file, checked one by one."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from ..domain.errors import InputError
from ..domain.territory import is_territory

_LONGEST = 36_500
_WORDS = str.maketrans({" ": "-", "_": "-"})


def slug(name: str) -> str:
    """A party's id from its name: lower case, hyphens. ``Tvaton`` becomes ``tvaton``. Raises InputError ``party.name``."""
    name = unicodedata.normalize("NFKC", name)  # an accent is a letter's, however the file wrote it
    kept = "".join(c for c in name.lower().translate(_WORDS) if c.isalnum() or c == "-").strip("-")
    if not kept:
        raise InputError("party.name", f"no id can be made from the name {name!r}")
    return kept[:48]


def shown_name(text: str) -> str:
    """A name that an id can be made from."""
    slug(text)
    return text


def is_id(text: str) -> bool:
    try:
        return slug(text) == text
    except InputError:
        return False


def file_name(name: str) -> str:
    if slug(name) != name:
        raise InputError("campaign.value", f"{name!r} is no name for a shot", "use lower-case letters, digits, hyphens")
    return name


def at_least_one(number: int) -> int:
    if number < 1:
        raise InputError("campaign.value", f"{number} is less than 1", "write a number of 1 or more")
    return number


def some_days(number: int) -> int:
    if not 0 <= number <= _LONGEST:
        raise InputError("campaign.value", f"{number} is no number of days", f"write a number from 0 to {_LONGEST}")
    return number


def days_of_term(number: int) -> int:
    return some_days(at_least_one(number))


def a_percent(number: float) -> Fraction:
    if not 0 <= number <= 1000:
        raise InputError("campaign.value", f"{number} is no percentage", "write a number of 0 or more")
    return Fraction(str(number))


def a_territory(code: str) -> str:
    if not is_territory(code):
        raise InputError("campaign.value", f"{code!r} is no territory", 'write an ISO 3166 code like "SE" or "US-NY"')
    return code


def a_digest(beginning: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{12,64}", beginning):
        remedy = "write the first 12 or more digits of the consent's SHA-256, as its paper shows them"
        raise InputError("campaign.value", f"{beginning!r} is no beginning of a digest", remedy)
    return beginning


def a_language(code: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", code):
        raise InputError("campaign.value", f"{code!r} is no language", 'write a code like "en" or "sv"')
    # Not above: typesetting comes along with the languages, and commands that write no papers needn't wait for it.
    from ..documents.wording import languages, speaks

    if not speaks(code):
        known = ", ".join(f'"{one}"' for one in languages())
        raise InputError("campaign.value", f"papers can't be put before her in {code!r}", f"use one of: {known}")
    return code
