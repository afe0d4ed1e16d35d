"""What an agency may do for a talent in a scope that she signed: propose, and accept, and nothing that is hers alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from .consent import Person
from .errors import Reason, reason
from .form import Form
from .license import License
from .money import Money
from .party import PaperKind, Role
from .spelling import Word, plain
from .territory import covers

# What can be handed to an agency. Everything else is hers: to consent and to withdraw, to approve pictures and words,
# to have herself erased, to choose who is paid and with which key she signs.
GRANTABLE = frozenset({"propose", "accept"})


@dataclass(frozen=True)
class Mandate(Form):
    """Empty ``brands`` or ``categories`` mean any. ``until`` is the last day; ``min_fee`` is per image and gross;
    ``max_term_days`` and ``max_images`` bound a single license, ``max_images`` must be stated in it."""

    KIND = PaperKind.MANDATE

    talent: Person
    agency: Person
    acts: frozenset[str]
    brands: frozenset[str]
    categories: frozenset[Word]
    channels: frozenset[str]
    territories: frozenset[str]
    min_fee: Money
    max_term_days: int
    max_images: int
    starts: date
    until: date

    def signers(self) -> Mapping[Role, str]:
        return {Role.TALENT: self.talent.id}

    @property
    def reserved(self) -> frozenset[str]:
        """What it hands over and can't be."""
        return self.acts - GRANTABLE

    def against(self, license: License, act: str, on: date) -> list[Reason]:
        """Why the agency may not do this with this license on its own; empty when she signed that it may."""
        found: list[Reason] = []

        def no(diagnosis: str, clause: str, code: str = "mandate.scope") -> None:
            found.append(reason(code, diagnosis, rests_on=f"mandate, {clause}"))

        if self.reserved:
            no(f"{', '.join(sorted(self.reserved))} can't be handed to anybody", "acts", "mandate.reserved")
        if act not in self.acts:
            no(f"{self.agency.name} was not asked to {act}", "acts")
        if not self.starts <= on <= self.until:
            no(f"it runs from {self.starts.isoformat()} to {self.until.isoformat()}", "until")
        if license.talent.id != self.talent.id or license.agency is None or license.agency.id != self.agency.id:
            no("it is for another talent or another agency", "talent")
        if self.brands and license.brand.id not in self.brands:
            no(f"it doesn't name {license.brand.id}", "brands")
        if self.categories and plain(license.category) not in {plain(word) for word in self.categories}:
            no(f"it doesn't name {license.category!r}", "categories")
        for channel in sorted(license.channels - self.channels):
            no(f"it doesn't name {channel!r}", "channels")
        for territory in sorted(license.territories):
            if not covers(self.territories, territory):
                no(f"it doesn't name {territory}", "territories")
        if license.fee.currency != self.min_fee.currency or license.fee.less_than(self.min_fee):
            no(f"{license.fee} is under {self.min_fee}", "min_fee")
        if license.term_days is None or license.term_days > self.max_term_days:
            no(f"it allows at most {self.max_term_days} days", "max_term_days")
        if license.max_images is None or license.max_images > self.max_images:
            no(f"the license must stop at {self.max_images} images or fewer", "max_images")
        if license.exclusive is not None:
            no("exclusivity is hers to sell", "acts", "mandate.reserved")
        if license.sublicensees or license.vendors:
            no("to let others handle her twin is hers", "acts", "mandate.reserved")
        if license.trains_models:
            no("to let models learn from her images is hers", "acts", "mandate.reserved")
        return found
