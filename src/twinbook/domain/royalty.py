"""Who gets what of a fee."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .license import License
from .money import Money


def talent_account(talent: str) -> str:
    return f"talent:{talent}"


def agency_account(agency: str) -> str:
    return f"agency:{agency}"


def crew_account(name: str) -> str:
    return f"crew:{name}"


def shares(license: License) -> dict[str, Money]:
    """The license's fee by account, to the last minor unit. The talent gets what agency and crew don't."""
    split = license.split
    percent = {crew_account(name): share for name, share in split.crew.items()}
    if split.agency:
        percent[agency_account(license.agency)] = split.agency
    percent[talent_account(license.talent)] = 100 - split.agency - sum(split.crew.values())
    return license.fee.allocate(percent)


@dataclass(frozen=True)
class StatementLine:
    """One amount on a talent's statement. ``paper`` is the digest of the license that allows it: no line without."""

    at: datetime
    kind: str
    release: str
    brand: str
    party: str
    amount: Money
    paper: str


@dataclass(frozen=True)
class Statement:
    """What was earned with a twin. ``lines`` holds the gross fee of each image and each share deducted from it."""

    talent: str
    talent_name: str
    made_at: datetime
    lines: tuple[StatementLine, ...]

    @property
    def images(self) -> int:
        return sum(line.kind == "fee" for line in self.lines)

    def totals(self) -> dict[str, dict[str, Money]]:
        """By currency: ``gross``, ``deducted`` and ``net``."""
        found: dict[str, dict[str, Money]] = {}
        for line in self.lines:
            currency = line.amount.currency
            sums = found.setdefault(currency, {k: Money(currency, 0) for k in ("gross", "deducted", "net")})
            sums["gross" if line.kind == "fee" else "deducted"] += line.amount
            sums["net"] += line.amount
        return found
