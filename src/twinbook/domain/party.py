"""Who acts, with which key, and which acts only the talent may sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    __hash__ = str.__hash__  # an enum's own hash is written in Python, and the gate looks up a great many

    TALENT = "talent"
    ESTATE = "estate"
    AGENCY = "agency"
    BRAND = "brand"
    CREW = "crew"
    OPERATOR = "operator"


class Duty(StrEnum):
    """What a key of an agency or a brand is for. A key that says nothing has all of them."""

    __hash__ = str.__hash__  # an enum's own hash is written in Python, and the gate looks up a great many

    PROPOSE = "propose"
    SIGN = "sign"
    BRIEF = "brief"
    ADMIN = "admin"


@dataclass(frozen=True)
class Party:
    """``id`` is short and stable (``mira``); ``name`` is how people know them; ``born`` is known of talents."""

    id: str
    role: Role
    name: str
    born: date | None = None


@dataclass(frozen=True)
class Key:
    """A registered public key. ``id`` names the key by its hash, ``public`` is in hex; a key belongs to one party for
    ever, so no key of an agency can become a talent's.

    ``rp_id`` and ``origin`` bind a passkey to the page it was made on; both are empty for key files. ``since`` and
    ``until`` (not included) are when its signatures count; None for as long as the key is known, and without an end.
    """

    id: str
    algorithm: str
    public: str
    party: str
    role: Role
    rp_id: str = ""
    origin: str = ""
    duties: frozenset[Duty] = frozenset(Duty)
    since: datetime | None = None
    until: datetime | None = None

    def counts(self, at: datetime) -> bool:
        """Whether a signature that was made at this moment counts."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


@dataclass(frozen=True)
class Signature:
    """``key`` is the key's id, ``value`` is in hex. ``evidence`` is empty for Ed25519 files; a WebAuthn assertion puts
    its authenticator data and client data there, and its challenge is the SHA-256 of the message."""

    key: str
    algorithm: str
    value: str
    evidence: Mapping[str, str] = field(default_factory=dict)


class Verify(Protocol):
    """What the rules ask of cryptography; ``keys`` implements it."""

    def __call__(self, message: bytes, signature: Signature, key: Key) -> bool:
        """Whether ``signature`` is ``key``'s over exactly ``message``. Offline, total: False, never an exception."""


class PaperKind(StrEnum):
    """What can be signed. The value is the document's ``type``, so that no signature fits two kinds of paper."""

    CONSENT = "twinbook.consent/1"
    LICENSE = "twinbook.license/1"
    MANDATE = "twinbook.mandate/1"
    PROPOSAL = "twinbook.proposal/1"
    WORDS = "twinbook.words/1"
    APPROVAL = "twinbook.approval/1"
    REVOCATION = "twinbook.revocation/1"
    ERASURE = "twinbook.erasure/1"
    PAYEE = "twinbook.payee/1"
    KEY = "twinbook.key/1"
    ALIVE = "twinbook.alive/1"
    ACCESS = "twinbook.access/1"


_HERS = frozenset({Role.TALENT})
_HERS_OR_ESTATE = frozenset({Role.TALENT, Role.ESTATE})
_EVERYBODY = frozenset(Role)

# Whose key can be asked for on each kind, in the role that the terms themselves name. What stands here with TALENT alone
# nobody can sign in her place: there is no power of attorney over a replica (New York Labor Law art. 36), and the gate
# holds every signature against this table. An estate acts only after her death and only where her consent names it; an
# agency accepts a license only under a mandate that she signed, and not where a law forbids that.
SIGNERS: dict[PaperKind, frozenset[Role]] = {
    PaperKind.CONSENT: _HERS,
    PaperKind.LICENSE: _HERS_OR_ESTATE | {Role.AGENCY, Role.BRAND},
    PaperKind.MANDATE: _HERS,
    PaperKind.PROPOSAL: _HERS_OR_ESTATE | {Role.AGENCY, Role.BRAND},
    PaperKind.WORDS: _HERS,
    PaperKind.APPROVAL: _HERS_OR_ESTATE,
    PaperKind.REVOCATION: _HERS_OR_ESTATE | {Role.BRAND},
    PaperKind.ERASURE: _HERS_OR_ESTATE,
    PaperKind.PAYEE: _HERS_OR_ESTATE,
    PaperKind.KEY: _EVERYBODY,
    PaperKind.ALIVE: _HERS,
    PaperKind.ACCESS: _HERS_OR_ESTATE,
}

# What it takes of an agency's or a brand's key to sign each kind.
DUTIES: dict[PaperKind, Duty] = {
    PaperKind.LICENSE: Duty.SIGN,
    PaperKind.PROPOSAL: Duty.PROPOSE,
    PaperKind.KEY: Duty.ADMIN,
}


def age(born: date, on: date) -> int:
    """Whole years; somebody born on 29 February turns a year older on 1 March of common years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
