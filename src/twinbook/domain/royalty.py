"""Who gets what of a fee."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from .form import Form
from .license import License
from .money import Money
from .party import PaperKind, Role


@dataclass(frozen=True)
class Payee(Form):
    """To whom and where what she earns is paid: her own choice, which nobody can make for her. ``account`` is an IBAN or
    whatever the bank of the payee goes by; ``estate`` signs in her place after her death."""

    KIND = PaperKind.PAYEE

    talent: str
    name: str
    account: str
    estate: str = ""

    def signers(self) -> Mapping[Role, str]:
        return {Role.ESTATE: self.estate} if self.estate else {Role.TALENT: self.talent}


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
    if split.agency and license.agency:
        percent[agency_account(license.agency.id)] = split.agency
    percent[talent_account(license.talent.id)] = 100 - sum(percent.values())
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
