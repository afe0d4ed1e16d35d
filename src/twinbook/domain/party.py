"""Who acts, with which key, and which acts only the talent may sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    TALENT = "talent"
    AGENCY = "agency"
    BRAND = "brand"
    CREW = "crew"
    OPERATOR = "operator"


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
    ever, so no key of an agency can become a talent's."""

    id: str
    algorithm: str
    public: str
    party: str
    role: Role


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
    APPROVAL = "twinbook.approval/1"
    REVOCATION = "twinbook.revocation/1"
    ERASURE = "twinbook.erasure/1"
    PAYEE = "twinbook.payee/1"


# Who must sign each kind. What stands here with TALENT alone nobody can sign in her place: there is no power of
# attorney over a replica (New York Labor Law art. 36), and the gate holds every signature against this table.
SIGNERS: dict[PaperKind, frozenset[Role]] = {
    PaperKind.CONSENT: frozenset({Role.TALENT}),
    PaperKind.LICENSE: frozenset({Role.TALENT, Role.BRAND}),
    PaperKind.APPROVAL: frozenset({Role.TALENT}),
    PaperKind.REVOCATION: frozenset({Role.TALENT}),
    PaperKind.ERASURE: frozenset({Role.TALENT}),
    PaperKind.PAYEE: frozenset({Role.TALENT}),
}


def age(born: date, on: date) -> int:
    """Whole years; somebody born on 29 February turns a year older on 1 March of common years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
