"""Money as integer minor units, and how it is shared out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from .errors import InputError

# ISO 4217 exponents that are not 2; every other currency has two decimals.
_EXPONENT = {"JPY": 0, "KRW": 0, "ISK": 0, "CLP": 0, "VND": 0, "BHD": 3, "KWD": 3, "JOD": 3, "OMR": 3, "TND": 3}
_AMOUNT = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))? ([A-Z]{3})")


@dataclass(frozen=True, order=True)
class Money:
    """An amount in minor units (cents, öre, yen) of one ISO 4217 currency. Never a float."""

    currency: str
    minor: int

    def __post_init__(self) -> None:
        if not isinstance(self.minor, int) or isinstance(self.minor, bool):
            raise TypeError("money counts whole minor units")

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read ``"450 EUR"`` or ``"450.50 EUR"``. Raises InputError ``money.malformed``."""
        match = _AMOUNT.fullmatch(text) if isinstance(text, str) else None
        if not match:
            raise InputError("money.malformed", f"{text!r} is not an amount of money")
        whole, decimals, currency = match.groups()
        places = _EXPONENT.get(currency, 2)
        if len(decimals or "") > places:
            raise InputError("money.malformed", f"{text!r}: {currency} has {places} decimals")
        return cls(currency, int(whole) * 10**places + int((decimals or "").ljust(places, "0") or 0))

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise InputError("money.currencies", f"{self.currency} and {other.currency} can't be added or compared")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.currency, self.minor + other.minor)

    def __neg__(self) -> Money:
        return Money(self.currency, -self.minor)

    def less_than(self, other: Money) -> bool:
        """Compare two amounts of one currency. Raises InputError ``money.currencies``."""
        self._same(other)
        return self.minor < other.minor

    def allocate(self, shares: Mapping[str, Fraction | int]) -> dict[str, Money]:
        """Share this amount out by weight, to the last minor unit.

        Largest-remainder method (Hamilton): everyone gets the floor of their exact part, and what is left goes, one
        minor unit each, to the largest remainders; ties go to the name that sorts first, so that the result depends
        on nothing but the arguments.
        """
        total = sum(Fraction(share) for share in shares.values())
        if total <= 0 or any(share < 0 for share in shares.values()):
            raise InputError("money.shares", "shares must not be negative and must add up to more than zero")
        exact = {name: Fraction(self.minor) * Fraction(share) / total for name, share in shares.items()}
        floors = {name: part.numerator // part.denominator for name, part in exact.items()}
        left = self.minor - sum(floors.values())
        by_remainder = sorted(exact, key=lambda name: (floors[name] - exact[name], name))
        for name in by_remainder[:left]:
            floors[name] += 1
        return {name: Money(self.currency, minor) for name, minor in floors.items()}

    def __str__(self) -> str:
        places = _EXPONENT.get(self.currency, 2)
        sign, digits = ("-" if self.minor < 0 else ""), str(abs(self.minor)).rjust(places + 1, "0")
        return (
            f"{sign}{digits[:-places]}.{digits[-places:]} {self.currency}"
            if places
            else f"{sign}{digits} {self.currency}"
        )
