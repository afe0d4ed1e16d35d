"""Papers: documents that people sign. Once drawn up a paper never changes; new terms are a new paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from .canonical import canonical, digest
from .errors import Reason, reason
from .party import SIGNERS, Key, PaperKind, Role, Signature, Verify


@dataclass(frozen=True)
class Signed:
    """One signature on a paper, with the key that made it and when it reached us."""

    signature: Signature
    key: Key
    at: datetime


@dataclass(frozen=True)
class Paper:
    """``document`` is canonical JSON data with its ``type``; ``signers`` maps each role that must sign to the party
    whose key it takes."""

    document: Mapping[str, object]
    signers: Mapping[Role, str]
    signatures: tuple[Signed, ...] = ()
    revoked_at: datetime | None = None

    @cached_property
    def message(self) -> bytes:
        """The exact bytes that are signed."""
        return canonical(self.document)

    @cached_property
    def digest(self) -> str:
        return digest(self.document)

    @property
    def kind(self) -> PaperKind:
        return PaperKind(self.document["type"])

    def unsigned_by(self, verify: Verify) -> dict[Role, str]:
        """Who must still sign: role and party."""
        return {role: party for role, party in self.signers.items() if self._fault(role, party, verify)}

    def faults(self, verify: Verify) -> tuple[Reason, ...]:
        """Every reason why this paper is not validly signed by everybody who must sign it; empty when it is."""
        found = (self._fault(role, party, verify) for role, party in self.signers.items())
        return tuple(fault for fault in found if fault)

    def _fault(self, role: Role, party: str, verify: Verify) -> Reason | None:
        what = self.kind.name.lower()
        if role not in SIGNERS[self.kind]:
            return reason("signature.role", f"a {role} can't sign a {what}")
        theirs = [s for s in self.signatures if (s.key.role, s.key.party) == (role, party)]
        strangers = [s.key for s in self.signatures if (s.key.role, s.key.party) not in self.signers.items()]
        if not theirs and strangers:
            who = strangers[0]
            return reason(
                "signature.role", f"the {what} is signed by {who.party} ({who.role}), not by {party} ({role})"
            )
        if not theirs:
            return reason("signature.missing", f"{party} ({role}) has not signed the {what}")
        if not any(s.signature.key == s.key.id and verify(self.message, s.signature, s.key) for s in theirs):
            return reason("signature.invalid", f"the signature of {party} does not fit the {what}")
        return None
