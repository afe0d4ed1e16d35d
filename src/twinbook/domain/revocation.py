"""How what was signed is taken back: by whom, on what grounds, and from when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .consent import Consent, Part
from .errors import SignatureRefused
from .form import Form
from .license import License
from .party import PaperKind, Role


class Grounds(StrEnum):
    """``withdrawn``: she no longer consents, which needs no reason. ``breach``: the other side broke the license.
    ``notice``: the license's own wind-down rule."""

    WITHDRAWN = "withdrawn"
    BREACH = "breach"
    NOTICE = "notice"


@dataclass(frozen=True)
class Revocation(Form):
    """``targets`` maps digests of papers to the parts withdrawn, an empty set for the whole paper. ``by`` and ``party`` say
    whose key signs. ``effective`` is never before ``at``; ``statement`` says what was breached."""

    KIND = PaperKind.REVOCATION

    talent: str
    by: Role
    party: str
    grounds: Grounds
    targets: Mapping[str, frozenset[Part]]
    at: datetime
    effective: datetime
    statement: str = ""

    def signers(self) -> Mapping[Role, str]:
        # Hers is hers: another talent's key, named as the party, would be in the right role and of the wrong person.
        return {self.by: self.talent if self.by is Role.TALENT else self.party}


@dataclass(frozen=True)
class Erasure(Form):
    """Everything held about her is to be destroyed. ``estate`` signs in her place, if any."""

    KIND = PaperKind.ERASURE

    talent: str
    at: datetime
    estate: str = ""

    def signers(self) -> Mapping[Role, str]:
        return {Role.ESTATE: self.estate} if self.estate else {Role.TALENT: self.talent}


def effective(terms: Form, parts: frozenset[Part], grounds: Grounds, by: Role, at: datetime) -> datetime:
    """When a revocation of this paper bites.

    A consent, or a part of it, at once and for no reason (GDPR art. 7(3): as easy to withdraw as to give), and only by
    her or her estate. A license at once for breach, or after its own notice, by either side. Raises SignatureRefused
    ``revocation.grounds``.
    """
    if isinstance(terms, License):
        if parts:
            raise _no("a license has no parts", "withdraw the part of the consent")
        if grounds is Grounds.NOTICE and terms.wind_down_days:
            return at + timedelta(days=terms.wind_down_days)
        if grounds is Grounds.NOTICE:
            raise _no("this license has no wind-down rule", "state the breach, or withdraw the consent it rests on")
        if grounds is Grounds.BREACH and by is not Role.BRAND:
            return at
        raise _no("a license ends for breach or by notice", "state the breach, give notice, or withdraw the consent")
    if by is Role.BRAND:
        raise _no("a brand can end its own licenses only", "")
    if isinstance(terms, Consent) and parts - terms.parts:
        raise _no(f"the consent doesn't have {', '.join(sorted(parts - terms.parts))}", "name parts that she gave")
    return at


def _no(diagnosis: str, remedy: str) -> SignatureRefused:
    return SignatureRefused("revocation.grounds", diagnosis, remedy)
