"""The gate, story by story: what she signed, what is asked, and the answer with its reasons."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinbook import testing
from twinbook.domain.consent import Edit, Part
from twinbook.domain.gate import Allow, Deny, Dossier, Request, decide
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper, Signed
from twinbook.domain.party import Key, Role
from twinbook.domain.permit import Act
from twinbook.domain.policy import Law
from twinbook.keys.signatures import KeyFile, verify


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {name: KeyFile.make(folder / f"{name}.pem") for name in ("mira", "tvaton", "nordlight", "operator", "eve")}


ROLES = {
    "mira": Role.TALENT,
    "tvaton": Role.BRAND,
    "nordlight": Role.AGENCY,
    "operator": Role.OPERATOR,
    "eve": Role.TALENT,
}


def signed(paper, keys, *names):
    made = tuple(Signed(keys[n].sign(paper.message), keys[n].registered(n, ROLES[n]), testing.NOON) for n in names)
    return replace(paper, signatures=made)


def dossier(keys, consent_by=("mira",), license_by=("mira", "tvaton"), images=0, born=date(1998, 3, 14), **terms):
    planned = testing.campaign(Path("photos"), born=born, **terms)
    day = testing.NOON.date()
    consent = Paper.of(planned.consent.consent(planned.talents[0], day))
    license = Paper.of(planned.license.license(planned.talents[0], consent.digest, day))
    return Dossier(signed(consent, keys, *consent_by), signed(license, keys, *license_by), images_this_month=images)


ASKED = Request(
    Act.RENDER,
    "mira",
    "a-shot",
    "tvaton",
    channels=("instagram",),
    territories=("SE",),
    contexts=("fast fashion",),
    edits=(Edit.MINOR, Edit.RECOLOR),
    fee=Money.parse("450 EUR"),
)
NO_LAW = Law(())


def codes(answer):
    return {why.code for why in answer.reasons} if isinstance(answer, Deny) else set()


def test_what_she_and_the_brand_signed_is_allowed(keys):
    on_file = dossier(keys)
    answer = decide(ASKED, on_file, NO_LAW, verify, testing.NOON)
    assert isinstance(answer, Allow)
    assert (answer.consent, answer.license) == (on_file.consent.digest, on_file.license.digest)


STORIES = {
    "nobody signed a consent": ({"consent_by": ()}, {}, 0, {"signature.missing"}),
    "her agency signed for her": ({"consent_by": ("nordlight",)}, {}, 0, {"signature.role"}),
    "the operator signed for her": ({"consent_by": ("operator",)}, {}, 0, {"signature.role"}),
    "another talent signed for her": ({"consent_by": ("eve",)}, {}, 0, {"signature.role"}),
    "the brand signed for her": ({"consent_by": ("tvaton",)}, {}, 0, {"signature.role"}),
    "the agency accepted the license": ({"license_by": ("nordlight", "tvaton")}, {}, 0, {"signature.role"}),
    "the brand did not countersign": ({"license_by": ("mira",)}, {}, 0, {"signature.missing"}),
    "a channel that is not licensed": ({}, {"channels": ("tiktok",)}, 0, {"license.channel"}),
    "a channel she never allowed": (
        {"consent_channels": ("web",), "channels": ("web", "instagram")},
        {},
        0,
        {"consent.channel"},
    ),
    "a territory outside both": ({}, {"territories": ("FR",)}, 0, {"license.territory", "consent.territory"}),
    "a state inside a licensed country": (
        {"consent_territories": ("US",), "territories": ("US",)},
        {"territories": ("US-NY",)},
        0,
        set(),
    ),
    "fur, which she never allows": ({}, {"contexts": ("fast fashion", "fur")}, 0, {"consent.never"}),
    "Fur in capitals": ({}, {"contexts": ("fast fashion", "FUR")}, 0, {"consent.never"}),
    "a fee under her minimum": (
        {"fee": Money.parse("299 EUR")},
        {"fee": Money.parse("299 EUR")},
        0,
        {"consent.fee_floor"},
    ),
    "another fee than the license's": ({}, {"fee": Money.parse("449 EUR")}, 0, {"license.other"}),
    "a fee in another currency": (
        {"fee": Money.parse("900 SEK")},
        {"fee": Money.parse("900 SEK")},
        0,
        {"consent.fee_floor"},
    ),
    "the term is over": ({}, {}, 90, {"license.expired"}),
    "the last day of the term": ({}, {}, 89, set()),
    "before the first day": ({}, {}, -1, {"license.not_started", "consent.not_started", "consent.cooling_off"}),
    "the consent has ended": ({"until": date(2026, 6, 10)}, {}, 10, {"consent.expired"}),
    "the cap is reached": ({"images": 40}, {}, 0, {"consent.cap"}),
    "one image below the cap": ({"images": 39}, {}, 0, set()),
    "a girl of seventeen": ({"born": date(2008, 6, 2)}, {}, 0, {"talent.minor"}),
    "eighteen today": ({"born": date(2008, 6, 1)}, {}, 0, set()),
    "no part to generate": ({"parts": (Part.CAPTURE, Part.TEMPLATE)}, {}, 0, {"consent.part"}),
    "somebody else's request": ({}, {"talent": "eve"}, 0, {"consent.missing", "license.missing"}),
    "everything at once": (
        {"images": 41, "consent_by": (), "license_by": ()},
        {"channels": ("tiktok",), "contexts": ("fast fashion", "fur")},
        400,
        {"signature.missing", "consent.cap", "consent.never", "license.channel", "license.expired", "consent.expired"},
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_story(keys, story):
    terms, asked, days, expected = STORIES[story]
    answer = decide(
        replace(ASKED, **asked), dossier(keys, **terms), NO_LAW, verify, testing.NOON + timedelta(days=days)
    )
    assert codes(answer) == expected
    for why in getattr(answer, "reasons", ()):
        assert why.diagnosis
        assert why.remedy


def test_a_revoked_paper_is_refused_at_once(keys):
    on_file = dossier(keys)
    gone = replace(on_file, consent=replace(on_file.consent, revoked_at=testing.NOON))
    assert codes(decide(ASKED, gone, NO_LAW, verify, testing.NOON)) == {"consent.revoked"}
    gone = replace(on_file, license=replace(on_file.license, revoked_at=testing.NOON))
    assert codes(decide(ASKED, gone, NO_LAW, verify, testing.NOON)) == {"license.revoked"}


def test_an_empty_file_denies_everything(keys):
    assert codes(decide(ASKED, Dossier(None), NO_LAW, verify, testing.NOON)) == {"consent.missing", "license.missing"}


@pytest.mark.parametrize(
    ("act", "allowed"), [(Act.ENROLL, True), (Act.MEASURE, True), (Act.EVIDENCE, True), (Act.TRAIN, False)]
)
def test_each_act_needs_its_own_part_and_no_license(keys, act, allowed):
    answer = decide(Request(act, "mira", "x"), Dossier(dossier(keys).consent), NO_LAW, verify, testing.NOON)
    assert isinstance(answer, Allow) is allowed


def test_terms_changed_after_signing_are_refused(keys):
    on_file = dossier(keys)
    for member, value in {"max_images_per_month": 4000, "until": "2037-01-01", "never": [], "extra": "clause"}.items():
        document = {**on_file.consent.document, member: value}
        changed = replace(on_file, consent=replace(on_file.consent, document=document))
        assert "signature.invalid" in codes(decide(ASKED, changed, NO_LAW, verify, testing.NOON)), member


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_no_document_makes_the_gate_stumble_or_open(keys, data):
    on_file = dossier(keys)
    document = dict(on_file.consent.document)
    member = data.draw(st.sampled_from(sorted(document)))
    value = data.draw(JUNK)
    if value == document[member]:
        return
    spoiled = replace(on_file, consent=replace(on_file.consent, document={**document, member: value}))
    assert isinstance(decide(ASKED, spoiled, NO_LAW, verify, testing.NOON), Deny)


@given(st.integers(0, 63), st.integers(0, 7))
def test_a_flipped_bit_in_a_signature_is_refused(keys, at, bit):
    on_file = dossier(keys)
    good = on_file.consent.signatures[0]
    raw = bytearray.fromhex(good.signature.value)
    raw[at] ^= 1 << bit
    bad = replace(good, signature=replace(good.signature, value=raw.hex()))
    answer = decide(
        ASKED, replace(on_file, consent=replace(on_file.consent, signatures=(bad,))), NO_LAW, verify, testing.NOON
    )
    assert codes(answer) == {"signature.invalid"}


def test_a_key_cannot_pass_for_another(keys):
    """The operator signs, and files his signature under a record that calls his key Mira's."""
    on_file = dossier(keys)
    theirs = keys["operator"]
    disguised = Key(keys["mira"].id, "ed25519", theirs.public.hex(), "mira", Role.TALENT)
    forged = Signed(replace(theirs.sign(on_file.consent.message), key=disguised.id), disguised, testing.NOON)
    answer = decide(
        ASKED, replace(on_file, consent=replace(on_file.consent, signatures=(forged,))), NO_LAW, verify, testing.NOON
    )
    assert codes(answer) == {"signature.invalid"}


def test_a_license_under_an_older_consent_is_refused(keys):
    on_file = dossier(keys)
    newer = dossier(keys, min_fee=Money.parse("310 EUR")).consent
    assert "license.other_consent" in codes(
        decide(ASKED, replace(on_file, consent=newer), NO_LAW, verify, testing.NOON)
    )
