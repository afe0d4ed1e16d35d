"""How a party gets a further key: by one that it has, or by an identity check and a wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .errors import SignatureRefused
from .form import Form
from .party import Duty, Key, PaperKind, Role

# How long the loss of a key is in the open before the new one counts: whoever still holds the old one can object.
WAITING_PERIOD = timedelta(days=7)


class KeyGrounds(StrEnum):
    """``added``: beside the others. ``rotated``: in place of one. ``lost``: nobody can sign for it. ``retired``: no new one.
    ``objected``: the holder of a key said lost is still there."""

    ADDED = "added"
    ROTATED = "rotated"
    LOST = "lost"
    RETIRED = "retired"
    OBJECTED = "objected"


@dataclass(frozen=True)
class NewKey(Form):
    id: str
    algorithm: str
    public: str
    rp_id: str
    origin: str
    duties: frozenset[Duty]


@dataclass(frozen=True)
class KeyChange(Form):
    """A change of ``party``'s keys. ``retires`` is the id of a key that stops counting at ``effective``, or empty.

    Signed with a key of the party's own (for agencies and brands one with the duty ``admin``); a loss by the
    ``operator`` (its party id), whose ``identity_check`` says how and by whom the person was recognised.
    """

    KIND = PaperKind.KEY

    party: str
    role: Role
    grounds: KeyGrounds
    new: NewKey | None
    retires: str
    at: datetime
    effective: datetime
    operator: str = ""
    identity_check: str = ""

    def signers(self) -> Mapping[Role, str]:
        return {Role.OPERATOR: self.operator} if self.grounds is KeyGrounds.LOST else {self.role: self.party}

    def key(self) -> Key | None:
        """The new key as it will be registered."""
        if self.new is None:
            return None
        new = self.new
        return Key(
            new.id, new.algorithm, new.public, self.party, self.role, new.rp_id, new.origin, new.duties, self.effective
        )

    def check(self) -> None:
        """Raises SignatureRefused ``key.change`` for a change that nobody can make, whoever signs it."""
        needs_new = self.grounds in (KeyGrounds.ADDED, KeyGrounds.ROTATED, KeyGrounds.LOST)
        if needs_new != (self.new is not None):
            raise _no(f"{self.grounds} takes {'a' if needs_new else 'no'} new key")
        if self.grounds is not KeyGrounds.ADDED and not self.retires:
            raise _no(f"{self.grounds} must name the key concerned")
        if self.effective < self.at:
            raise _no("a change of keys can't reach into the past")
        if self.grounds is KeyGrounds.LOST and self.effective < self.at + WAITING_PERIOD:
            raise _no(f"after a loss {WAITING_PERIOD.days} days must pass, for the holder of the old key to object")
        if self.grounds is KeyGrounds.LOST and not self.identity_check.strip():
            raise _no("a lost key is replaced only after an identity check")
        if self.role is Role.OPERATOR:
            raise _no("the operator's key is the home's own")
        if self.role in (Role.TALENT, Role.ESTATE) and self.new is not None and self.new.duties != frozenset(Duty):
            raise _no("a person's key isn't for some duties only")


def _no(diagnosis: str) -> SignatureRefused:
    return SignatureRefused("key.change", diagnosis)
