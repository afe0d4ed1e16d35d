"""How a party gets a further key: by one that it has, or by an identity check and a wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .errors import SignatureRefused
from .form import Form
from .party import Duty, Key, PaperKind, Role

# How long the loss of a key is in the open before the new one counts: whoever still holds the old one can object.
WAITING_PERIOD = timedelta(days=7)
# How long after it was drawn up a change can still be made: one that was signed and dropped isn't found years later.
GOOD_FOR = timedelta(days=7)
# A key's last signature is the one that retires it, so the end comes the least moment later.
NEXT_MOMENT = timedelta.resolution
# The party whose key announces losses: this home's own.
OPERATOR = "operator"
# Whose keys carry duties. A person's key is for everything that is the person's.
WITH_DUTIES = frozenset({Role.AGENCY, Role.BRAND})


class KeyGrounds(StrEnum):
    """``first``: nobody's word stands behind it but its own. ``added``: beside the others. ``rotated``: in place of one.
    ``lost``: nobody can sign for it. ``retired``: no new one. ``objected``: the holder of a key said lost is still there."""

    FIRST = "first"
    ADDED = "added"
    ROTATED = "rotated"
    LOST = "lost"
    RETIRED = "retired"
    OBJECTED = "objected"


_WITH_NEW = frozenset({KeyGrounds.FIRST, KeyGrounds.ADDED, KeyGrounds.ROTATED, KeyGrounds.LOST})
_WITH_OLD = frozenset({KeyGrounds.ROTATED, KeyGrounds.LOST, KeyGrounds.RETIRED, KeyGrounds.OBJECTED})


@dataclass(frozen=True)
class NewKey(Form):
    id: str
    algorithm: str
    public: str
    rp_id: str
    origin: str
    duties: frozenset[Duty]

    @classmethod
    def of(cls, key: Key) -> NewKey:
        return cls(key.id, key.algorithm, key.public, key.rp_id, key.origin, key.duties)


@dataclass(frozen=True)
class KeyChange(Form):
    """A change of ``party``'s keys. ``retires`` is the id of a key that stops counting, or for ``objected`` of the one that
    was said lost and goes on; empty for none. A change takes effect at once, a loss not before ``effective``.

    Signed with a key of the party's own (for agencies and brands one with the duty ``admin``); a first key's with that
    key; a loss by the ``operator``, whose ``identity_check`` says how and by whom the person was recognised. Whatever
    brings a new key is signed with the new key as well.
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

    def key(self, since: datetime) -> Key | None:
        """The new key as it is registered, counting from a moment on."""
        if self.new is None:
            return None
        new = self.new
        return Key(new.id, new.algorithm, new.public, self.party, self.role, new.rp_id, new.origin, new.duties, since)

    def check(self) -> None:
        """Raises SignatureRefused ``key.change`` for a change that nobody can make, whoever signs it."""
        lost = self.grounds is KeyGrounds.LOST
        if self.role is Role.OPERATOR:
            raise refused("the operator's key is the home's own")
        if (self.grounds in _WITH_NEW) != (self.new is not None):
            raise refused(f"{self.grounds} takes {'a' if self.new is None else 'no'} new key")
        if (self.grounds in _WITH_OLD) != bool(self.retires):
            raise refused(f"{self.grounds} {'names no other key' if self.retires else 'must name the key concerned'}")
        if lost and self.effective < self.at + WAITING_PERIOD:
            raise refused(f"after a loss {WAITING_PERIOD.days} days must pass, for the holder of the old key to object")
        if not lost and self.effective != self.at:
            raise refused("a change of keys takes effect at once, neither in the past nor later")
        if lost and not self.identity_check.strip():
            raise refused("a lost key is replaced only after an identity check")
        if lost != (self.operator == OPERATOR) or (not lost and (self.operator or self.identity_check)):
            raise refused("the operator announces a loss, and changes no keys otherwise")
        if self.new is not None and self.role not in WITH_DUTIES and self.new.duties != frozenset(Duty):
            raise refused("a person's key isn't for some duties only")
        if self.new is not None and not self.new.duties:
            raise refused("a key must be for something")

    def check_drawn(self, now: datetime) -> None:
        """Raises SignatureRefused ``key.change`` for one that was drawn up too long ago, or in the future."""
        if not self.at <= now <= self.at + GOOD_FOR:
            raise refused(
                f"the change was drawn up at {self.at.isoformat()}, and is good for {GOOD_FOR.days} days",
                "draw it up again",
            )

    def check_duties(self, of: Key) -> None:
        """Raises SignatureRefused ``key.change`` when the new key is for more than the one it comes from."""
        wider = self.new.duties - of.duties if self.new and self.role in WITH_DUTIES else ()
        if wider:
            raise refused(f"{of.id} isn't for {', '.join(sorted(wider))}, and can't hand that on")


def check_kept(keys: Iterable[Key], now: datetime) -> None:
    """Whether a party with these keys can sign at every moment from now on, and an agency or a brand change its keys.

    Raises SignatureRefused ``key.change``.
    """
    keys = list(keys)
    turns = {moment for key in keys for moment in (key.since, key.until) if moment is not None and moment > now}
    for moment in sorted({now, *turns}):
        live = [key for key in keys if key.counts(moment)]
        if not live:
            raise refused("this is the party's last key", "add or rotate to another one first")
        if not any(Duty.ADMIN in key.duties for key in live if key.role in WITH_DUTIES) and live[0].role in WITH_DUTIES:
            raise refused("no key would be left that may change keys", "give another key the duty admin first")


def refused(diagnosis: str, remedy: str = "") -> SignatureRefused:
    return SignatureRefused("key.change", diagnosis, remedy)
