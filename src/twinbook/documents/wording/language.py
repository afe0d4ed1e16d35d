"""Languages as data: a TOML file beside this module for each, the same keys and slots in all.

A language knows its sentences, its words for the terms' own (channels, places, acts), and how it writes numbers, money,
days and lists. What people wrote themselves goes into slots and is never looked at.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cache
from importlib.resources import files

from ...domain.money import Money

DEFAULT = "en"


class Language:
    """One language. Keys are paths into its file, such as ``license.fee``."""

    def __init__(self, code: str, data: Mapping[str, object]) -> None:
        self.code = code
        self._data = data
        self._formats, self._lists, self._words = data["formats"], data["lists"], data["words"]

    def say(self, key: str, /, n: int | None = None, **slots: str) -> str:
        """The sentence with its slots filled; ``n`` fills a slot of that name, and chooses singular or plural where the
        sentence has both."""
        found: object = self._data
        for step in key.split("."):
            found = found[step]
        if n is not None:
            slots["n"] = self.number(n)
            if isinstance(found, Mapping):
                found = found["one" if n in self._formats["one"] else "other"]
        for plain, printed in self._formats["spacing"].items():
            found = found.replace(plain, printed)
        return found.format(**slots)

    def word(self, kind: str, value: str) -> str:
        """What a word of the terms is called; the word itself where this language has none for it."""
        return self._words[kind].get(value, value)

    def words(self, kind: str, values: Iterable[str]) -> str:
        return self.listed(sorted((self.word(kind, value) for value in values), key=str.casefold))

    def place(self, code: str) -> str:
        """``Sweden (SE)``: the code is what counts, so it stands there as well."""
        return self._coded("territory", code)

    def places(self, codes: Iterable[str]) -> str:
        return self.listed(sorted(map(self.place, codes), key=str.casefold))

    def tongue(self, code: str) -> str:
        """``Swedish (sv)``, for a language code."""
        return self._coded("language", code)

    def _coded(self, kind: str, code: str) -> str:
        known = self._words[kind]
        name = known.get(code) or known.get(code.partition("-")[0])
        return self._formats["coded"].format(name=name, code=code) if name else code

    def listed(self, words: Iterable[str]) -> str:
        """``a``, ``a and b``, ``a, b and c``; the word for nothing when there is nothing."""
        words = list(words)
        if len(words) < 2:
            return words[0] if words else self._lists["nothing"]
        return self._lists["last"].join([self._lists["comma"].join(words[:-1]), words[-1]])

    def member(self, name: str, value: object) -> str:
        """A member of a document that has no sentence, for people all the same."""
        return self._lists["member"].format(name=name, value=self._shown(value))

    def _shown(self, value: object) -> str:
        if isinstance(value, bool):
            return self._lists["yes" if value else "no"]
        if isinstance(value, Mapping):
            return "; ".join(self.member(name, inner) for name, inner in value.items()) or self._lists["nothing"]
        if isinstance(value, list | tuple):
            return self._lists["comma"].join(map(self._shown, value)) or self._lists["nothing"]
        return self._lists["nothing"] if value is None or value == "" else str(value)

    # --- numbers, money and days --------------------------------------------------------------------------------

    def number(self, count: int) -> str:
        return f"{count:,}".replace(",", self._formats["group"])

    def percent(self, share: Fraction | int) -> str:
        """Exact: ``12.5%``, and ``33 1/3%`` for what no decimal number holds."""
        return self._formats["percent"].format(number=self.share(share))

    def share(self, share: Fraction | int) -> str:
        """An exact number: ``12.5``, and ``33 1/3`` for what no decimal number holds."""
        share = Fraction(share)
        places = next((places for places in range(7) if (share * 10**places).denominator == 1), None)
        if places is None:
            whole, rest = divmod(share, 1)
            return f"{self.number(whole)}\u00a0{rest}" if whole else str(rest)
        return self._decimal(f"{float(share):.{places}f}")

    def money(self, amount: Money) -> str:
        """With all decimals of its currency and the ISO code: ``1,800.00 EUR``. The minus is a real one."""
        written, _, currency = str(amount).rpartition(" ")
        sign = "\u2212" if amount.minor < 0 else ""
        return self._formats["money"].format(amount=sign + self._decimal(written.lstrip("-")), currency=currency)

    def _decimal(self, written: str) -> str:
        whole, point, decimals = written.partition(".")
        return self.number(int(whole)) + (self._formats["decimal"] + decimals if point else "")

    def day(self, on: date) -> str:
        """``22 November 2026``; of a moment its day in UTC."""
        if isinstance(on, datetime):
            on = on.astimezone(UTC)
        number = self._formats["first_of_month"] if on.day == 1 else str(on.day)
        return self._formats["day"].format(day=number, month=self._formats["months"][on.month - 1], year=on.year)

    def moment(self, at: datetime) -> str:
        """``22 November 2026, 14:03 UTC``, with the seconds if there are any."""
        at = at.astimezone(UTC)
        time = at.strftime("%H:%M:%S" if at.second else "%H:%M")
        return self._formats["moment"].format(day=self.day(at), time=time)


@cache
def languages() -> tuple[str, ...]:
    """The codes of all languages there are."""
    names = (file.name for file in files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def speaks(code: str) -> bool:
    """Whether there is this language, or for one of a region the language itself."""
    return _base(code) in languages()


def _base(code: str) -> str:
    return code.replace("_", "-").partition("-")[0].lower()


def language(code: str) -> Language:
    """The language for a BCP 47 code; of ``sv-FI`` what ``sv`` has, and English for a language that isn't there."""
    base = _base(code)
    return _read(base if base in languages() else DEFAULT)


@cache
def _read(code: str) -> Language:
    file = files(__package__) / f"{code}.toml"
    return Language(code, tomllib.loads(file.read_text(encoding="utf-8")))
