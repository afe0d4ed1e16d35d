"""A bound license, or a live consent, as a W3C Verifiable Credential that the home signs.

Verifiable Credentials Data Model 2.0, secured with Data Integrity 1.0 and the cryptosuite ``eddsa-jcs-2022`` (Data
Integrity EdDSA Cryptosuites 1.0, section 3.3): Ed25519 over SHA-256 of the canonical proof options, then SHA-256 of the
canonical credential. Issuer is the did:key of the home's log key; what it signs here is 64 bytes of hashes, and can't be
taken for a checkpoint, which is text.

What is checked is more than the signature: the terms are read from the embedded policy, the credential is written anew
from them, and must come out the same. It says what was bound when it was made. It has no ``credentialStatus``: a home
serves no status list, so whoever relies on one asks the home whether it was revoked since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from twinbook.domain.canonical import canonical, digest
from twinbook.domain.consent import Consent
from twinbook.domain.errors import InputError, Refused
from twinbook.domain.form import Form
from twinbook.domain.license import License
from twinbook.domain.paper import Paper
from twinbook.domain.party import Role, Verify
from twinbook.ports import CredentialReading, CredentialState, RawSigner

from . import multibase
from . import vocabulary as v
from .odrl import policy, read_policy
from .strict_json import malformed, shown, standing_at, under, unsupported, whole

SUITE = "eddsa-jcs-2022"
_PROOF = ("@context", "type", "cryptosuite", "created", "verificationMethod", "proofPurpose", "proofValue")
_SIGNED = ("twb:role", "twb:party", "twb:key", "twb:signedAt")
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


def did_key(public: bytes) -> str:
    """The DID of an Ed25519 key."""
    return multibase.did_of(public)


# --- issuing ----------------------------------------------------------------------------------------------------


def issue(paper: Paper, signer: RawSigner, verify: Verify, at: datetime) -> dict[str, object]:
    """The credential of a paper, secured. Whether the paper is live is for the caller to know; that it is signed by
    everybody who must is checked here.

    Raises Refused with every fault of the signatures, ``license.perpetual`` and ``consent.perpetual``; InputError
    ``interchange.unsupported`` for other papers.
    """
    faults = paper.faults(verify)
    if faults:
        raise Refused(faults[0].code, faults[0].diagnosis, faults[0].remedy, also=faults[1:])
    terms = paper.terms
    if not isinstance(terms, License | Consent):
        raise unsupported("$", "only consents and licenses have a credential")
    if _last(terms) is None:
        raise Refused("license.perpetual" if isinstance(terms, License) else "consent.perpetual", "it has no last day")
    signed = []
    for role, party in sorted(terms.signers().items()):
        theirs = [s for s in paper.signatures if (s.key.role, s.key.party) == (role, party) and s.key.counts(s.at)]
        good = min((s for s in theirs if verify(paper.message, s.signature, s.key)), key=lambda s: s.at)
        signed.append(dict(zip(_SIGNED, (role.value, party, good.key.id, good.at.strftime(_MOMENT)), strict=True)))
    issuer = did_key(signer.public)
    return secure(_unsecured(terms, issuer, signed), signer, at)


def secure(document: Mapping[str, object], signer: RawSigner, at: datetime) -> dict[str, object]:
    """Add a proof (section 3.3.1). Its ``@context`` is the document's, as step 2 asks."""
    issuer = did_key(signer.public)
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": SUITE,
        "created": at.strftime(_MOMENT),
        "verificationMethod": multibase.method_of(issuer),
        "proofPurpose": "assertionMethod",
        **({"@context": document["@context"]} if "@context" in document else {}),
    }
    value = multibase.encode(signer.sign(hash_data(document, options)))
    return {**document, "proof": {**options, "proofValue": value}}


def hash_data(document: Mapping[str, object], options: Mapping[str, object]) -> bytes:
    """What is signed (section 3.3.4): the hash of the proof options first, then the document's."""
    return hashlib.sha256(canonical(options)).digest() + hashlib.sha256(canonical(document)).digest()


def _unsecured(terms: License | Consent, issuer: str, signed: list[dict[str, str]]) -> dict[str, object]:
    kind = "LicenseCredential" if isinstance(terms, License) else "ConsentCredential"
    held = v.named("brand", terms.brand.id) if isinstance(terms, License) else v.named("talent", terms.talent.id)
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2", {"twb": v.PROFILE, kind: f"twb:{kind}"}],
        "type": ["VerifiableCredential", kind],
        "issuer": issuer,
        "validFrom": f"{terms.starts.isoformat()}T00:00:00Z",
        "validUntil": f"{_last(terms).isoformat()}T23:59:59Z",
        "credentialSubject": {
            "id": held,
            "twb:paper": {"id": v.paper(digest(terms.document()))},
            "twb:signature": signed,
            "twb:policy": policy(terms, bound=True),
        },
    }


def _last(terms: License | Consent) -> date | None:
    return terms.ends if isinstance(terms, License) else terms.until


# --- verifying --------------------------------------------------------------------------------------------------


def verify(credential: object, now: datetime, issuer: str = "") -> CredentialReading:
    """What a credential proves, without a network and without an exception for any JSON data. Nothing of one that is
    invalid is told but why. ``issuer`` is the DID that it must be from; without one, whose it is remains to be judged."""
    try:
        return _verify(credential, now, issuer)
    except InputError as error:
        return CredentialReading(CredentialState.INVALID, error.diagnosis)


def _verify(credential: object, now: datetime, issuer: str) -> CredentialReading:
    whole(credential)
    if not isinstance(credential, dict):
        raise malformed("$", "not a credential: a JSON object is")
    by = credential.get("issuer")
    if not isinstance(by, str) or not proven(credential, by):
        raise malformed("$.proof", "the signature is not the issuer's over exactly this")
    terms, signed = _terms(credential)
    created = datetime.strptime(credential["proof"]["created"] + "+0000", _MOMENT + "%z")
    if issuer and by != issuer:
        raise malformed("$.issuer", f"is {by}, not {shown(issuer)}")
    if created > now:
        raise malformed("$.proof.created", f"it was made on {created.date().isoformat()}, which is still to come")
    state, why = CredentialState.VALID, ""
    if now.date() < terms.starts:
        state, why = CredentialState.NOT_YET, f"it begins on {terms.starts.isoformat()}"
    elif now.date() > _last(terms):
        state, why = CredentialState.EXPIRED, f"it ended on {_last(terms).isoformat()}"
    return CredentialReading(state, why, by, digest(terms.document()), terms, created, tuple(signed))


def proven(credential: dict, issuer: str) -> bool:
    """Whether the proof is the issuer's (section 3.3.2). ``issuer`` is a did:key, so its one key is its name.

    Raises InputError ``interchange.unsupported`` for a proof of another kind, ``interchange.malformed``.
    """
    proof = credential.get("proof")
    if not isinstance(proof, dict):
        raise unsupported("$.proof", "one proof is expected, as an object")
    for name in (*proof, *_PROOF):
        if name not in _PROOF or name not in proof:
            raise unsupported(under("$.proof", name), "unknown or missing; a proof has " + ", ".join(_PROOF))
    if (proof["type"], proof["cryptosuite"]) != ("DataIntegrityProof", SUITE):
        raise unsupported("$.proof.cryptosuite", f"only {SUITE} is understood")
    if proof["proofPurpose"] != "assertionMethod":
        raise unsupported("$.proof.proofPurpose", "a credential is an assertion")
    with standing_at("$.proof.created"):
        if datetime.strptime(proof["created"], _MOMENT).strftime(_MOMENT) != proof["created"]:
            raise ValueError("not in its usual form")
    if proof["@context"] != credential.get("@context"):
        raise malformed("$.proof['@context']", "is not the credential's")
    with standing_at("$.proof.verificationMethod"):
        did = str(proof["verificationMethod"]).partition("#")[0]
        public = multibase.public_of(did)
        if proof["verificationMethod"] != multibase.method_of(did) or did != issuer:
            raise ValueError("it is not the issuer's key")
    with standing_at("$.proof.proofValue"):
        signature = multibase.decode(proof["proofValue"])
    return _signed(credential, proof, signature, public)


def _signed(credential: dict, proof: dict, signature: bytes, public: bytes) -> bool:
    document = {name: value for name, value in credential.items() if name != "proof"}
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, hash_data(document, options))
    except (InvalidSignature, ValueError):
        return False
    return True


def _terms(credential: dict) -> tuple[License | Consent, list[dict[str, str]]]:
    """The terms, from the policy: the credential must be what is written of them. Even an issuer who can sign anything
    can't sign one that says two things."""
    subject = credential.get("credentialSubject")
    if not isinstance(subject, dict):
        raise malformed("$.credentialSubject", "one subject is expected, as an object")
    terms = read_policy(subject.get("twb:policy"))
    signed = subject.get("twb:signature")
    if not _names(signed, terms):
        raise malformed("$.credentialSubject['twb:signature']", "doesn't name everybody who must sign these terms")
    if _last(terms) is None:
        raise malformed("$.credentialSubject['twb:policy']", "these terms have no last day")
    given = {name: value for name, value in credential.items() if name != "proof"}
    if canonical(given) != canonical(_unsecured(terms, credential["issuer"], signed)):
        raise malformed("$", "it says something else than its own policy, or more than a credential of Twinbook does")
    return terms, signed


def _names(signed: object, terms: Form) -> bool:
    """Whether these are the parties who must sign, in the order in which they are written."""
    if not isinstance(signed, list) or not all(isinstance(one, dict) and set(one) == set(_SIGNED) for one in signed):
        return False
    if not all(isinstance(value, str) for one in signed for value in one.values()):
        return False
    must = [(Role(role).value, party) for role, party in sorted(terms.signers().items())]
    return [(one["twb:role"], one["twb:party"]) for one in signed] == must
