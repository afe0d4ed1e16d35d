"""The port, on the functions of this room."""

from __future__ import annotations

from datetime import datetime

from twinbook.domain.errors import InputError
from twinbook.domain.form import Form
from twinbook.domain.paper import Paper
from twinbook.domain.party import Verify
from twinbook.ports import CredentialReading, CredentialState, RawSigner

from . import credential, odrl
from .strict_json import parse


class JsonInterchange:
    """Pure: there is nothing to set up, and nothing that a test would have to fake."""

    def policy(self, terms: Form, bound: bool) -> dict[str, object]:
        return odrl.policy(terms, bound)

    def read_policy(self, data: bytes) -> Form:
        return odrl.read_policy(parse(data))

    def credential(self, paper: Paper, signer: RawSigner, verify: Verify, at: datetime) -> dict[str, object]:
        return credential.issue(paper, signer, verify, at)

    def read_credential(self, data: bytes, now: datetime, issuer: str = "") -> CredentialReading:
        try:
            return credential.verify(parse(data), now, issuer)
        except InputError as error:
            return CredentialReading(CredentialState.INVALID, error.diagnosis)
