"""Papers: documents that people sign. Once drawn up a paper never changes; new terms are a new paper."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from .canonical import canonical
from .consent import Part
from .errors import InputError, Reason, reason
from .form import Form, read_terms
from .party import DUTIES, SIGNERS, Key, PaperKind, Role, Signature, Verify


@dataclass(frozen=True)
class Signed:
    """One signature on a paper, with the key that made it and when it reached us."""

    signature: Signature
    key: Key
    at: datetime


@dataclass(frozen=True)
class Paper:
    """``document`` is canonical JSON data with its ``type``. ``drawn_at`` is when it was first put before people.
    ``revoked_at`` is when it stops counting, which may lie ahead; ``withdrawn`` the same for parts of a consent."""

    document: Mapping[str, object]
    signatures: tuple[Signed, ...] = ()
    revoked_at: datetime | None = None
    withdrawn: Mapping[Part, datetime] = field(default_factory=dict)
    drawn_at: datetime | None = None

    @classmethod
    def of(cls, terms: Form) -> Paper:
        return cls(terms.document())

    @cached_property
    def message(self) -> bytes:
        """The exact bytes that are signed."""
        return canonical(self.document)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the message, in hex: the paper's name."""
        return hashlib.sha256(self.message).hexdigest()

    @cached_property
    def kind(self) -> PaperKind:
        return PaperKind(self.document["type"])

    @cached_property
    def erased(self) -> bool:
        """Whether nothing is left of it but its kind."""
        return len(self.document) == 1

    @cached_property
    def terms(self) -> Form:
        """What it says. Raises InputError ``signature.invalid`` for what isn't understood to the last member."""
        terms = read_terms(dict(self.document))
        try:
            # Reading and writing are inverse; that they are is too important to rest on the codecs alone.
            same = canonical(terms.document()) == self.message
        except (ValueError, TypeError):  # no canonical form: nobody signed that
            same = False
        if not same:
            raise InputError("signature.invalid", "the document holds something that this version doesn't know")
        return terms

    @cached_property
    def signers(self) -> Mapping[Role, str]:
        """Who must sign: the role and party that the terms name. Nobody for what can't be read."""
        try:
            return self.terms.signers()
        except InputError:
            return {}

    @cached_property
    def _first_signed(self) -> Mapping[Role, datetime]:
        found: dict[Role, datetime] = {}
        for signed in sorted(self.signatures, key=lambda signed: signed.at):
            found.setdefault(signed.key.role, signed.at)
        return found

    def signed_at(self, role: Role) -> datetime | None:
        """When the first signature in this role reached us; whether it is valid `faults` says."""
        return self._first_signed.get(role)

    def unsigned_by(self, verify: Verify) -> dict[Role, str]:
        """Who must still sign: role and party."""
        return {place.role: place.party for place in self._places if not place.holds(self.message, verify)}

    def faults(self, verify: Verify) -> tuple[Reason, ...]:
        """Every reason why this paper is not validly signed by everybody who must sign it; empty when it is."""
        try:
            places = self._places
        except InputError as error:
            return (error.reason,)
        found = [place.fault for place in places if not place.holds(self.message, verify)]
        return tuple(found)

    @cached_property
    def _places(self) -> tuple[_Place, ...]:
        """Where it must be signed, with the signatures that can count there: all that needs no mathematics, done once."""
        return tuple(self._place(role, party) for role, party in self.terms.signers().items())

    def _place(self, role: Role, party: str) -> _Place:
        what = self.kind.name.lower()
        if role not in SIGNERS[self.kind]:
            return _Place(role, party, (), reason("signature.role", f"a {role} can't sign a {what}"))
        theirs = [signed for signed in self.signatures if (signed.key.role, signed.key.party) == (role, party)]
        unfit = [_unfit(self.kind, signed) for signed in theirs]
        able = tuple(signed for signed, fault in zip(theirs, unfit, strict=True) if fault is None)
        strangers = [s.key for s in self.signatures if (s.key.role, s.key.party) not in self.signers.items()]
        if theirs:
            fault = next((fault for fault in unfit if fault), None) or reason(
                "signature.invalid", f"the signature of {party} does not fit the {what}"
            )
        elif strangers:
            who = f"{strangers[0].party} ({strangers[0].role})"
            fault = reason("signature.role", f"the {what} is signed by {who}, not by {party} ({role})")
        else:
            fault = reason("signature.missing", f"{party} ({role}) has not signed the {what}")
        return _Place(role, party, able, fault)


@dataclass(frozen=True)
class _Place:
    """Where somebody must sign. ``able`` are signatures with a key that may; ``fault`` is what is wrong if none is good."""

    role: Role
    party: str
    able: tuple[Signed, ...]
    fault: Reason

    def holds(self, message: bytes, verify: Verify) -> bool:
        for signed in self.able:  # noqa: SIM110  (a generator costs more than a trusted signature)
            if verify(message, signed.signature, signed.key):
                return True
        return False


def _unfit(kind: PaperKind, signed: Signed) -> Reason | None:
    """Why a key that exists doesn't count for this signature, before any mathematics."""
    key = signed.key
    if signed.signature.key != key.id:
        return reason("signature.invalid", f"a signature of {signed.signature.key} is filed under {key.id}")
    if not key.counts(signed.at):
        return reason("signature.key_retired", f"the key {key.id} did not count on {signed.at.date().isoformat()}")
    duty = DUTIES.get(kind)
    if key.role in (Role.AGENCY, Role.BRAND) and duty and duty not in key.duties:
        return reason("signature.duty", f"the key {key.id} of {key.party} is not for {duty}")
    return None
