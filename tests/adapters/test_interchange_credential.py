"""Verifiable credentials: the cryptosuite against the W3C's own vectors, and what makes one of ours valid."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pyld import jsonld

from twinbook import interchange, testing
from twinbook.cli import commands
from twinbook.domain.canonical import canonical
from twinbook.domain.errors import InputError, Refused
from twinbook.domain.paper import Paper
from twinbook.domain.party import Role
from twinbook.interchange import credential, multibase, vocabulary
from twinbook.keys.signatures import KeyFile
from twinbook.keys.signatures import verify as verify_signature
from twinbook.ports import CredentialState
from twinbook.services import exchange, sign

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
NOW = testing.NOON


def vector(name):
    return (VECTORS / "credentials" / name).read_text(encoding="utf-8").strip()


class Signer:
    """The published key pair, or any other."""

    def __init__(self, private):
        self._private = private
        self.public = private.public_key().public_bytes_raw()

    def sign(self, message):
        return self._private.sign(message)


PUBLISHED = json.loads(vector("signedJCS.json"))
STRANGER = Signer(Ed25519PrivateKey.from_private_bytes(b"s" * 32))


@pytest.fixture
def papers(office, people, photos):
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    return sign.draw_papers(office, planned)["mira"]


@pytest.fixture
def issued(office, papers):
    return exchange.export(office, papers[1].digest, "credential")


# --- the suite, as published (Data Integrity EdDSA Cryptosuites 1.0, appendix B.3)


def test_hashes_are_the_published_ones():
    document = {name: value for name, value in PUBLISHED.items() if name != "proof"}
    options = {name: value for name, value in PUBLISHED["proof"].items() if name != "proofValue"}
    assert canonical(document).decode() == vector("canonDocJCS.txt")
    assert canonical(options).decode() == vector("proofCanonJCS.txt")
    assert credential.hash_data(document, options).hex() == vector("combinedHashJCS.txt")


def test_the_published_proof_is_its_keys():
    key = multibase.public_of(PUBLISHED["proof"]["verificationMethod"].partition("#")[0])
    assert multibase.did_of(key) == "did:key:" + json.loads(vector("keyPair.json"))["publicKeyMultibase"]
    assert multibase.decode(PUBLISHED["proof"]["proofValue"]).hex() == vector("sigHexJCS.txt")
    assert credential.proven(PUBLISHED, multibase.did_of(key))
    assert not credential.proven(PUBLISHED | {"name": "Alumna Credential"}, multibase.did_of(key))


def test_the_published_key_makes_the_published_proof():
    secret = multibase.decode(json.loads(vector("keyPair.json"))["privateKeyMultibase"])
    signer = Signer(Ed25519PrivateKey.from_private_bytes(secret[2:]))
    document = {name: value for name, value in PUBLISHED.items() if name != "proof"}
    at = datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC)
    assert credential.secure(document, signer, at) == PUBLISHED


def test_a_credential_of_others_is_not_one_of_ours():
    reading = interchange.verify(PUBLISHED, NOW)
    assert reading.state is CredentialState.INVALID
    assert "did:key" in reading.why or "issuer" in reading.why


@pytest.mark.parametrize(
    ("data", "text"),
    # The test vectors of draft-msporny-base58, and what leading zeros become.
    [
        (b"Hello World!", "z2NEpo7TZRRrLZSi2U"),
        (
            b"The quick brown fox jumps over the lazy dog.",
            "zUSm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
        ),
        (bytes.fromhex("0000287fb4cd"), "z11233QC4"),
        (b"", "z"),
        (b"\0", "z1"),
    ],
)
def test_base58_as_published(data, text):
    assert multibase.encode(data) == text
    assert multibase.decode(text) == data


@given(st.binary(max_size=70))
def test_base58_is_read_back(data):
    assert multibase.decode(multibase.encode(data)) == data


@given(st.text(st.sampled_from(multibase._ALPHABET), max_size=90))
def test_no_two_texts_are_one_value(text):
    assert multibase.encode(multibase.decode("z" + text)) == "z" + text


@pytest.mark.parametrize("text", ["", "Q1", "z0", "zO", "zI", "zl", "z ", "z\u0661", "z" + "1" * 200, "mAAAA"])
def test_what_is_no_base58_is_refused(text):
    with pytest.raises(ValueError, match="base58"):
        multibase.decode(text)


@pytest.mark.parametrize(
    "did", ["", "did:web:x", "did:key:z6Mk", "did:key:" + multibase.encode(b"\xec\x01" + bytes(32))]
)
def test_other_dids_have_no_key(did):
    with pytest.raises(ValueError):  # noqa: PT011  (base58 and length alike)
        multibase.public_of(did)


# --- ours


def test_a_license_that_everybody_signed_is_valid(office, papers, issued):
    reading = interchange.verify(issued, NOW, issued["issuer"])
    assert reading.state is CredentialState.VALID, reading.why
    assert reading.issuer == interchange.did_key(office.log_signer.public)
    assert (reading.paper, reading.terms, reading.issued) == (papers[1].digest, papers[1].terms, NOW)
    assert [(one["twb:role"], one["twb:party"]) for one in reading.signed] == [("brand", "tvaton"), ("talent", "mira")]
    assert issued["credentialSubject"]["id"] == "urn:twinbook:brand:tvaton"
    assert "credentialStatus" not in issued


def test_her_consent_is_hers(office, papers):
    made = exchange.export(office, papers[0].digest, "credential")
    assert made["credentialSubject"]["id"] == "urn:twinbook:talent:mira"
    assert interchange.verify(made, NOW).terms == papers[0].terms


def test_its_days(papers, issued):
    for at, state in (
        (datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC), CredentialState.VALID),
        (datetime(2026, 8, 29, 23, 59, 59, 999_999, tzinfo=UTC), CredentialState.VALID),
        (datetime(2026, 8, 30, tzinfo=UTC), CredentialState.EXPIRED),
        (NOW - timedelta(seconds=1), CredentialState.INVALID),  # signed in the future
    ):
        assert interchange.verify(issued, at).state is state
    assert (issued["validFrom"], issued["validUntil"]) == ("2026-06-01T00:00:00Z", "2026-08-29T23:59:59Z")


def test_what_has_not_begun_is_told(office, people, license_of):
    later = license_of(starts=date(2026, 7, 1))
    made = exchange.export(office, later.digest, "credential")
    assert interchange.verify(made, NOW).state is CredentialState.NOT_YET


@pytest.fixture
def license_of(office, people, papers):
    """A signed license like Mira's with other terms."""

    def make(**changes):
        paper = exchange.file_draft(office, replace(papers[1].terms, **changes))
        for party in ("mira", "tvaton"):
            sign.sign(office, paper.document, people.key(party).sign(paper.message))
        with office.unit() as unit:
            return unit.papers.get(paper.digest)

    return make


def test_no_credential_without_every_signature(office, papers, license_of, people):
    draft = exchange.file_draft(office, replace(papers[1].terms, uses="more"))
    with pytest.raises(Refused) as refused:
        exchange.export(office, draft.digest, "credential")
    assert [why.code for why in refused.value.reasons] == ["signature.missing"] * 2
    sign.sign(office, draft.document, people.key("tvaton").sign(draft.message))
    with pytest.raises(Refused, match="mira"):
        exchange.export(office, draft.digest, "credential")
    with pytest.raises(Refused, match=r"license\.perpetual"):
        exchange.export(office, license_of(term_days=None).digest, "credential")


def test_the_signature_named_is_the_one_that_counts(office, papers, tmp_path):
    """A forged signature that came first is not what the credential speaks of."""
    forged = papers[0].signatures[0]
    late = replace(forged, at=forged.at + timedelta(days=1))
    bad = replace(forged, signature=replace(forged.signature, value="00" * 64))
    made = credential.issue(Paper(papers[0].document, (bad, late)), office.log_signer, office.verify, NOW)
    assert made["credentialSubject"]["twb:signature"][0]["twb:signedAt"] == "2026-06-02T12:00:00Z"


def test_an_issuer_cannot_sign_what_contradicts_itself(office, issued):
    """The signature is good each time: it is what stands under it that isn't."""
    did = interchange.did_key(STRANGER.public)
    honest = {name: value for name, value in issued.items() if name != "proof"} | {"issuer": did}
    assert interchange.verify(credential.secure(honest, STRANGER, NOW), NOW).state is CredentialState.VALID

    def subject(**changes):
        return {"credentialSubject": honest["credentialSubject"] | changes}

    dropped = {name: value for name, value in honest["credentialSubject"].items() if name != "twb:paper"}
    signed = honest["credentialSubject"]["twb:signature"]
    for lie in (
        {"validUntil": "2030-01-01T00:00:00Z"},
        {"validFrom": "2020-01-01T00:00:00Z"},
        {"type": ["VerifiableCredential", "ConsentCredential"]},
        {"name": "Gold license"},
        {"credentialStatus": {"id": "https://evil.example/status", "type": "BitstringStatusListEntry"}},
        {"issuer": {"id": did}},
        {"@context": "https://www.w3.org/ns/credentials/v2"},
        {"@context": [*honest["@context"], "https://evil.example/context"]},
        {"credentialSubject": [honest["credentialSubject"]]},
        {"credentialSubject": dropped},
        {"credentialSubject": {}},
        subject(id="urn:twinbook:brand:zandra"),
        subject(**{"twb:paper": {"id": "urn:sha256:" + "0" * 64}}),
        subject(**{"twb:signature": signed[:1]}),
        subject(**{"twb:signature": signed[::-1]}),
        subject(**{"twb:signature": [*signed, signed[0]]}),
        subject(**{"twb:signature": [signed[0], signed[1] | {"twb:role": "agency"}]}),
        subject(**{"twb:policy": honest["credentialSubject"]["twb:policy"] | {"@type": "Set"}}),
    ):
        made = credential.secure(honest | lie, STRANGER, NOW)
        reading = interchange.verify(made, NOW)
        assert (reading.state, reading.terms) == (CredentialState.INVALID, None), lie


def test_another_issuer_than_the_one_trusted_is_refused(issued):
    other = interchange.did_key(STRANGER.public)
    assert interchange.verify(issued, NOW, other).state is CredentialState.INVALID
    claimed = issued | {"issuer": other}
    assert interchange.verify(claimed, NOW).state is CredentialState.INVALID


@pytest.mark.parametrize(
    "change",
    [
        {"cryptosuite": "eddsa-rdfc-2022"},
        {"type": "Ed25519Signature2020"},
        {"proofPurpose": "authentication"},
        {"created": "2026-06-01T12:00:00+00:00"},
        {"created": "yesterday"},
        {"expires": "2030-01-01T00:00:00Z"},
        {"previousProof": "urn:uuid:0"},
        {"@context": ["https://www.w3.org/ns/credentials/v2"]},
        {"verificationMethod": "did:key:z6Mk"},
        {"verificationMethod": 7},
        {"proofValue": "z"},
        {"proofValue": None},
    ],
    ids=str,
)
def test_no_other_proof_is_taken(issued, change):
    spoilt = issued | {"proof": issued["proof"] | change}
    assert interchange.verify(spoilt, NOW).state is CredentialState.INVALID
    for proof in ([issued["proof"]], [], None, {}):
        assert interchange.verify(issued | {"proof": proof}, NOW).state is CredentialState.INVALID


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_at_all_gets_an_answer(value):
    assert interchange.verify(value, NOW).state is CredentialState.INVALID


def test_the_contexts_are_the_published_ones_and_everything_has_a_meaning(issued):
    published = (VECTORS / "credentials" / "credentials-v2.jsonld").read_bytes()
    # The digest that Verifiable Credentials Data Model 2.0 gives for it (appendix B.1).
    assert hashlib.sha256(published).hexdigest() == "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734"
    known = {
        "https://www.w3.org/ns/credentials/v2": published,
        vocabulary.ODRL_CONTEXT: (VECTORS / "odrl" / "ODRL22.jsonld").read_bytes(),
    }

    def loader(url, _options=None):
        return {
            "contentType": "application/ld+json",
            "contextUrl": None,
            "documentUrl": url,
            "document": json.loads(known[url]),
        }

    (node,) = jsonld.expand(issued, {"documentLoader": loader})
    text = json.dumps(node)
    assert vocabulary.PROFILE + "LicenseCredential" in node["@type"]
    for term in ("paper", "policy", "signature", "signedAt", "share", "termDays"):
        assert f'"{vocabulary.PROFILE}{term}"' in text
    for term in ("permission", "prohibition", "obligation", "constraint", "assigner", "Agreement"):
        assert f'"http://www.w3.org/ns/odrl/2/{term}"' in text
    assert "https://w3id.org/security#proofValue" in text
    # With the W3C's own fall-back vocabulary for undefined terms, nothing would fall into it.
    strict = issued | {"@context": [*issued["@context"], {"@vocab": "urn:undefined:"}]}
    assert "urn:undefined:" not in json.dumps(jsonld.expand(strict, {"documentLoader": loader}))


def test_the_commands(office, papers, tmp_path, monkeypatch):
    from twinbook.cli import interchange as cli

    class Now(datetime):
        @classmethod
        def now(cls, tz=None):
            return NOW

    monkeypatch.setattr(cli, "datetime", Now)
    # An export by the command bears the real time; only the office's own clock is held still here.
    out = tmp_path / "license.vc.json"
    made = exchange.export(office, papers[1].digest, "credential")
    out.write_text(json.dumps(made))
    run = CliRunner()
    said = run.invoke(commands, ["credential", "verify", str(out), "--issuer", made["issuer"]])
    assert said.exit_code == 0, said.output
    assert f"valid: license {papers[1].digest}" in said.output
    assert "revoked" in said.output
    told = json.loads(run.invoke(commands, ["credential", "verify", str(out), "--json"]).output)
    assert (told["state"], told["paper"]) == ("valid", papers[1].document)
    refused = run.invoke(commands, ["credential", "verify", str(out), "--issuer", "did:key:z6Mk"])
    assert isinstance(refused.exception, Refused)
    assert refused.exception.code == "interchange.credential"
    out.write_bytes(b"{}")
    spoilt = run.invoke(commands, ["credential", "verify", str(out), "--json"])
    assert (spoilt.exit_code, json.loads(spoilt.output)["state"]) == (1, "invalid")
    gone = run.invoke(commands, ["credential", "verify", str(tmp_path / "nothing")])
    assert isinstance(gone.exception, InputError)
    written = run.invoke(
        commands,
        ["export", papers[1].digest, "--as", "credential", "--out", str(out), "--home", str(tmp_path / "home")],
    )
    assert written.exit_code == 0, written.exception
    assert made["issuer"] in written.output
    assert out.stat().st_mode & 0o077 == 0


def test_a_key_file_can_be_a_signer(tmp_path, papers):
    key = KeyFile.make(tmp_path / "home.pem")
    assert key.registered("x", Role.OPERATOR).public == key.public.hex()

    class Home:
        public = key.public
        sign = staticmethod(key.sign_raw)

    made = credential.issue(papers[1], Home, verify_signature, NOW)
    assert interchange.verify(made, NOW).state is CredentialState.VALID
