"""Where something may be shown: ISO 3166-1 countries, ISO 3166-2 subdivisions, the EU and the world."""

from __future__ import annotations

import re
from collections.abc import Collection

WORLD = "WORLD"
EU = "EU"
# Member states of the European Union since 2020-02-01.
MEMBER_STATES = frozenset(
    (
        *("AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI"),
        *("FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT", "LU"),
        *("MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE"),
    )
)
_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


def is_territory(code: str) -> bool:
    """Whether a code has the shape of a territory: ``SE``, ``US-NY``, ``EU`` or ``WORLD``."""
    return code == WORLD or bool(_CODE.fullmatch(code))


def within(code: str) -> tuple[str, ...]:
    """The territory itself and everything that contains it, narrowest first."""
    country = code.partition("-")[0]
    wider = (code, country) if country != code else (code,)
    if country in MEMBER_STATES:
        wider += (EU,)
    return wider if code == WORLD else (*wider, WORLD)


def covers(allowed: Collection[str], code: str) -> bool:
    """Whether a territory is allowed: itself, or one that contains it (``US`` covers ``US-NY``, ``EU`` covers ``SE``)."""
    return code in allowed or any(wider in allowed for wider in within(code))


def overlap(one: Collection[str], other: Collection[str]) -> bool:
    """Whether two sets of territories have ground in common."""
    return any(covers(one, code) for code in other) or any(covers(other, code) for code in one)
