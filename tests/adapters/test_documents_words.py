"""Every term is said, in every language, and nobody's own words can say more than they are."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from types import NoneType
from typing import ClassVar, get_args, get_type_hints

import pytest

from twinbook import testing
from twinbook.documents.wording import language, languages
from twinbook.documents.words import ITEM, deal_memo, plain_words
from twinbook.domain.access import Access, Scope
from twinbook.domain.approval import Approved, Words
from twinbook.domain.brief import FORMATS
from twinbook.domain.consent import Approval, Edit, Part, PostMortem, Representation
from twinbook.domain.estate import Alive
from twinbook.domain.form import Form
from twinbook.domain.keyring import KeyChange, KeyGrounds, NewKey
from twinbook.domain.license import Exclusivity, License, Renewal, Split
from twinbook.domain.mandate import GRANTABLE, Mandate
from twinbook.domain.money import Money
from twinbook.domain.negotiation import Move, Proposal
from twinbook.domain.party import Duty, PaperKind, Role
from twinbook.domain.revocation import Erasure, Grounds, Revocation
from twinbook.domain.royalty import Payee
from twinbook.domain.territory import EU, MEMBER_STATES, WORLD

ALL = languages()
CAMPAIGN = testing.campaign(Path("photos"), day_rate=Money.parse("1800 EUR"), based_in="SE")
CONSENT = replace(
    CAMPAIGN.consent.consent(CAMPAIGN.talents[0], date(2026, 6, 1)),
    min_fee_percent=Fraction(25),
    tolerances={"skin.delta_l": Fraction(3), "of another home": Fraction(1, 3)},
)
LICENSE = CAMPAIGN.license.license(CAMPAIGN.talents[0], "0" * 64, date(2026, 6, 1))
SOLD = Exclusivity(
    "shoes",
    frozenset({"web"}),
    frozenset({"SE"}),
    frozenset({"zandra"}),
    date(2026, 6, 1),
    date(2026, 8, 29),
)
MANDATE = Mandate(
    talent=LICENSE.talent,
    agency=LICENSE.agency,
    acts=GRANTABLE,
    brands=frozenset({"tvaton"}),
    categories=frozenset({"fast fashion"}),
    channels=frozenset({"web"}),
    territories=frozenset({"SE"}),
    min_fee=Money.parse("400 EUR"),
    max_term_days=90,
    max_images=20,
    starts=date(2026, 1, 1),
    until=date(2026, 12, 31),
)
NOON = testing.NOON
KEY = NewKey("ab" * 32, "ed25519", "cd" * 32, "", "", frozenset(Duty))
LATER = NOON + timedelta(days=7)
FORMS = {
    "consent": CONSENT,
    "license": replace(LICENSE, exclusive=SOLD, max_images=20, wind_down_days=30, uses="On product pages"),
    "mandate": MANDATE,
    "picture": Approved("mira", Approval.IMAGE, frozenset({"shot"}), "0123456789ab", "ff" * 32),
    "briefs": Approved("mira", Approval.CAMPAIGN, frozenset({"shot"})),
    "words": Words("mira", "tvaton", "I wear it daily."),
    "revocation": Revocation(
        *("mira", Role.TALENT, "mira", Grounds.BREACH, {"ab" * 32: frozenset({Part.TRAIN}), "cd" * 32: frozenset()}),
        *(NOON, LATER, "They used it twice"),
    ),
    "erasure": Erasure("mira", NOON),
    "payee": Payee("mira", "Mira Holm", "SE35 5000 0000 0549 1000 0003"),
    "key": KeyChange(
        *("mira", Role.TALENT, KeyGrounds.LOST, KEY, "ef" * 32, NOON, LATER, "operator", "her passport was seen")
    ),
    "passkey": KeyChange(
        *("nordlight", Role.AGENCY, KeyGrounds.ADDED, replace(KEY, rp_id="example.com", origin="https://example.com")),
        *("", NOON, NOON),
    ),
    "offer": Proposal(
        *("mira-0123456789", 0, Move.OFFER, Role.BRAND, "tvaton", LICENSE, "", NOON, LATER),
    ),
    "answer": Proposal("mira-0123456789", 1, Move.DECLINE, Role.TALENT, "mira", None, "ab" * 32, NOON, None),
    "alive": Alive("mira", "ab" * 32, NOON),
    "access": Access("mira", Scope.EVERYTHING, NOON),
}
# What may stand where nothing stands.
MISSING = {
    "agency": LICENSE.agency,
    "until": date(2027, 1, 2),
    "max_brands": 2,
    "max_images": 3,
    "term_days": 7,
    "day_rate": Money.parse("1800 EUR"),
    "exclusive": SOLD,
    "new": KEY,
}
# What can't be without another member that is different as well.
TIED = {"terms", "expires", "previous", "number", "move"}


def others(name: str, value: object, optional: bool) -> list[object]:
    """Values that this member could have instead."""
    if value is None:
        return [MISSING[name]] if name in MISSING else []
    found = [None] if optional else []
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, StrEnum):
        return [choice for choice in type(value) if choice is not value]
    if isinstance(value, str):
        return [f"{value}z" if len(value) < 64 else "12" * 32, *([] if name in NEEDED else [""])]
    if isinstance(value, int):
        return [value + 1, 0, *found]
    if isinstance(value, datetime):
        return [value + timedelta(seconds=1)]
    if isinstance(value, date):
        return [value + timedelta(days=1), *found]
    if isinstance(value, Money):
        return [Money(value.currency, value.minor + 1), Money("SEK", value.minor), *found]
    if isinstance(value, Fraction):
        return [value + Fraction(1, 3), Fraction(0)]
    if isinstance(value, frozenset):
        kind = type(next(iter(value), ""))
        more = kind if issubclass(kind, StrEnum) else ["something"]
        return [frozenset(), *(value | {item} for item in more if item not in value)]
    if isinstance(value, Mapping):
        more = {"crew": ("Noor (styling)", Fraction(1, 2)), "tolerances": ("body.width", Fraction(5, 2))}
        key, one = more.get(name, ("12" * 32, frozenset()))
        return [{**value, key: one}, {}]
    if isinstance(value, Form):
        return [*found, *(changed for _, changed in changes(value))]
    raise TypeError(f"{name}: {value!r}")


NEEDED = {"id", "name", "algorithm", "public", "purpose", "category", "talent", "party", "brand", "booking"}


def changes(terms: Form):
    """The terms with one member changed, and the member's name."""
    hints = get_type_hints(type(terms))
    for field in fields(terms):
        if isinstance(terms, Proposal) and field.name in TIED:
            continue
        for value in others(field.name, getattr(terms, field.name), NoneType in get_args(hints[field.name])):
            if isinstance(terms, Proposal) and field.name == "booking":
                value = "sami-0123456789"
            if value == getattr(terms, field.name):
                continue
            yield field.name, replace(terms, **{field.name: value})


@pytest.mark.parametrize("code", ALL)
@pytest.mark.parametrize("name", FORMS)
def test_every_term_is_spoken_of(name, code):
    """Nobody signs what isn't said: a change of any member changes the sentences."""
    terms = FORMS[name]
    before = plain_words(terms, code)
    assert plain_words(terms, code) == before
    for member, other in changes(terms):
        assert plain_words(other, code) != before, (member, getattr(other, member))


def test_what_stands_in_a_proposal_is_said():
    terms = FORMS["offer"]
    said = plain_words(terms)
    assert said[-len(plain_words(LICENSE)) :] == plain_words(LICENSE)
    for change in (
        {"terms": replace(LICENSE, fee=Money.parse("451 EUR"))},
        {"expires": LATER + timedelta(hours=1)},
        {"number": 1, "move": Move.COUNTER, "previous": "ab" * 32},
    ):
        assert plain_words(replace(terms, **change)) != said
    assert not any("fast fashion" in line for line in plain_words(FORMS["answer"]))


@pytest.mark.parametrize("kind", PaperKind)
def test_every_kind_of_paper_has_sentences_in_this_test(kind):
    assert kind in {terms.KIND for terms in FORMS.values()}


# --- what a lay person must be told -----------------------------------------------------------------------------


def said(terms: Form, code: str = "en") -> str:
    return "\n".join(plain_words(terms, code)).replace("\u00a0", " ").replace("\u202f", " ")


def test_what_is_not_allowed_is_said():
    text = said(CONSENT)
    for sentence in (
        "I, Mira Holm (mira), born on 14 March 1998, allow what stands here and nothing else:",
        "  - No training: nobody may train an image model on my photographs.",
        "  - Nobody may change my face or my body.",
        "Then it ends by itself; it is never renewed by silence.",
        "I can withdraw this at any time with my key, whole or in part and for no reason.",
        "Nobody can sign this for me: there is no power of attorney over my twin.",
        "So the least that is paid for each image is now 450.00 EUR.",
    ):
        assert sentence in text
    text = said(LICENSE)
    for sentence in (
        "Nobody but Tvaton may use the images.",
        "No outside company may handle the digital twin.",
        "Nobody may train an image model on the images.",
        "It ends by itself and is never renewed by silence: more takes new signatures.",
        "  - Mira Holm: 77%, 346.50 EUR",
        "  - Nordlight: 20%, 90.00 EUR",
        "  - Ida Berg (hair): 3%, 13.50 EUR",
        "It holds for 90 days: from 1 June 2026 up to and including 29 August 2026.",
    ):
        assert sentence in text


@pytest.mark.parametrize(
    ("terms", "warnings"),
    [
        (replace(CONSENT, until=None), 1),
        (replace(CONSENT, representation=Representation.BUNDLED, power_of_attorney="Nordlight"), 2),
        (replace(CONSENT, representation=Representation.CONDITION), 1),
        (replace(LICENSE, term_days=None, renewal=Renewal.AUTOMATIC), 2),
        (replace(MANDATE, acts=frozenset({"consent", "accept"})), 1),
        (CONSENT, 0),
        (LICENSE, 0),
        (MANDATE, 0),
    ],
)
@pytest.mark.parametrize("code", ALL)
def test_what_is_always_refused_is_a_warning(terms, warnings, code):
    word = {"en": "WARNING", "sv": "VARNING", "de": "WARNUNG", "fr": "AVERTISSEMENT"}[code]
    assert said(terms, code).count(word) == warnings


def test_shares_are_what_is_booked():
    alone = replace(
        LICENSE, agency=None, split=Split(Fraction(20), {"Ida": Fraction(100, 3)}), fee=Money.parse("1 EUR")
    )
    text = said(alone)
    assert "  - Mira Holm: 66 2/3%, 0.67 EUR" in text
    assert "  - Ida: 33 1/3%, 0.33 EUR" in text
    assert "The 20% for an agency go to Mira Holm, since there is no agency." in text


@pytest.mark.parametrize("code", ALL)
def test_a_deal_memo_has_what_a_deal_needs(code):
    terms = replace(FORMS["license"], payment_days=45, split=Split(Fraction(20), {"Ida Berg": Fraction(3)}))
    rows = deal_memo(terms, code)
    assert len({heading for heading, _ in rows}) == len(rows) == 13
    spoken = language(code)
    text = "\n".join(line for _, lines in rows for line in lines)
    for fact in (
        *("Tvaton", "Mira Holm", "Nordlight", "On product pages", "45", "30", "Ida Berg"),
        *(spoken.money(Money.parse(amount)) for amount in ("450 EUR", "90 EUR", "346.50 EUR", "13.50 EUR", "9000 EUR")),
        *(spoken.percent(share) for share in (20, 77, 3)),
        *(
            spoken.day(terms.starts),
            spoken.day(terms.ends),
            spoken.place("SE"),
            spoken.words("channel", terms.channels),
        ),
        *(spoken.word("topic", "shoes"), "zandra"),
    ):
        assert fact in text, fact
    # Whatever the license says about money, time and others stands in its memo in the same words.
    missing = set(plain_words(terms, code)) - {line for _, lines in rows for line in lines}
    assert missing == {plain_words(terms, code)[0]}


# --- languages --------------------------------------------------------------------------------------------------


def flat(data: Mapping[str, object], path: str = "") -> dict[str, object]:
    found = {}
    for name, value in data.items():
        found |= flat(value, f"{path}{name}.") if isinstance(value, Mapping) else {path + name: value}
    return found


def slots(text: object) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name} if isinstance(text, str) else set()


def entries(code: str) -> dict[str, object]:
    return {key: value for key, value in flat(language(code)._data).items() if not key.startswith("formats.spacing")}


def test_there_are_these_languages():
    assert ALL == ("de", "en", "fr", "sv")


@pytest.mark.parametrize("code", ALL)
def test_a_language_has_every_key_and_slot_of_english(code):
    english, own = entries("en"), entries(code)
    assert list(own) == list(english)
    for key, value in english.items():
        assert slots(own[key]) == slots(value), key
        assert type(own[key]) is type(value), key


@pytest.mark.parametrize("code", ALL)
def test_sentences_are_whole_and_singular_where_they_can_be(code):
    data = language(code)._data
    for key, text in entries(code).items():
        if not isinstance(text, str) or key.startswith(("formats.", "lists.")):
            continue
        assert text.strip() == text
        assert text, key
        assert "  " not in text, key
        # A longer word would be broken anywhere, as the names of others are.
        assert not re.search(r"[^\s{}]{28}", text), key
    for section in data.values():
        for key, value in section.items() if isinstance(section, Mapping) else ():
            if isinstance(value, Mapping) and "one" in value:
                assert "{n}" in value["one"], key
                assert "{n}" in value["other"], key
                assert value["one"] != value["other"] or code == "sv", key


@pytest.mark.parametrize("code", ALL)
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("kind", [kind.name.lower() for kind in PaperKind]),
        ("role", Role),
        ("duty", Duty),
        ("act", GRANTABLE),
        ("part", Part),
        ("channel", {shape.channel for shape in FORMATS.values()}),
        ("territory", {EU, WORLD, *MEMBER_STATES, "US-NY", "US-CA", "NO", "CN", "KR", "GB", "US"}),
        ("language", ALL),
    ],
)
def test_the_words_of_the_terms_have_names(code, kind, words):
    known = language(code)._words[kind]
    assert [word for word in words if not known.get(word)] == []


@pytest.mark.parametrize("code", ALL)
def test_every_choice_has_its_sentences(code):
    spoken = language(code)
    keys = [f"consent.part.{part}.{half}" for part in Part for half in ("given", "kept")]
    keys += [f"consent.edit.{edit}.{half}" for edit in Edit for half in ("given", "kept")]
    keys += [f"consent.approval_{approval}" for approval in Approval]
    keys += [f"consent.{representation}" for representation in Representation]
    keys += [f"revocation.{grounds}" for grounds in Grounds]
    keys += [f"key.{grounds}" for grounds in KeyGrounds]
    keys += [f"proposal.{move}" for move in Move]
    for key in keys:
        assert spoken.say(key, key="K", party="P", role="R", talent="T"), key
    assert set(PostMortem) == {PostMortem.ENDS, PostMortem.ESTATE}


def test_money_days_and_shares_are_written_as_each_language_does():
    amount, on = Money.parse("12345.60 EUR"), date(2026, 11, 22)
    written = {code: language(code) for code in ALL}
    assert {code: spoken.money(amount) for code, spoken in written.items()} == {
        "en": "12,345.60\u00a0EUR",
        "sv": "12\u00a0345,60\u00a0EUR",
        "de": "12.345,60\u00a0EUR",
        "fr": "12\u202f345,60\u00a0EUR",
    }
    assert {code: spoken.day(on) for code, spoken in written.items()} == {
        "en": "22\u00a0November 2026",
        "sv": "22\u00a0november 2026",
        "de": "22.\u00a0November 2026",
        "fr": "22\u00a0novembre 2026",
    }
    assert written["fr"].day(date(2026, 8, 1)) == "1er\u00a0août 2026"
    assert {code: spoken.percent(Fraction(25, 2)) for code, spoken in written.items()} == {
        "en": "12.5%",
        "sv": "12,5\u00a0%",
        "de": "12,5\u00a0%",
        "fr": "12,5\u202f%",
    }
    english = written["en"]
    assert english.percent(Fraction(1, 3)) == "1/3%"
    assert english.money(Money("JPY", 45000)) == "45,000\u00a0JPY"
    assert english.money(Money("EUR", -5)) == "\u22120.05\u00a0EUR"
    assert english.moment(datetime(2026, 11, 22, 14, 3, tzinfo=UTC)) == "22\u00a0November 2026, 14:03\u00a0UTC"
    assert english.moment(datetime(2026, 11, 22, 14, 3, 7, tzinfo=UTC)).endswith("14:03:07\u00a0UTC")
    assert english.listed([]) == "nothing"
    assert english.listed("a") == "a"
    assert english.listed("abc") == "a, b and c"


@pytest.mark.parametrize(
    ("code", "days", "expected"),
    [
        ("en", 1, "within 1 day of"),
        ("en", 2, "within 2 days of"),
        ("sv", 1, "inom 1 dag efter"),
        ("sv", 2, "inom 2 dagar efter"),
        ("de", 1, "von 1 Tag nach"),
        ("de", 2, "von 2 Tagen nach"),
        ("fr", 1, "de 1 jour après"),
        ("fr", 2, "de 2 jours après"),
    ],
)
def test_one_day_and_two_days(code, days, expected):
    assert expected in said(replace(LICENSE, payment_days=days), code)
    assert expected not in said(replace(LICENSE, payment_days=0), code)


def test_french_spaces_do_not_break():
    text = "\n".join(plain_words(CONSENT, "fr") + plain_words(FORMS["words"], "fr"))
    assert not re.search(r" [;:!?»]|« ", text)
    assert "«\u00a0I wear it daily.\u00a0»" in text
    # What she wrote herself stays as she wrote it.
    assert "Oui ! : non" in "\n".join(plain_words(replace(CONSENT, purpose="Oui ! : non"), "fr"))


@pytest.mark.parametrize(("asked", "given"), [("sv-FI", "sv"), ("DE", "de"), ("fr_CA", "fr"), ("ja", "en"), ("", "en"), ("../en", "en")])  # fmt: skip
def test_a_language_that_is_not_there_gives_english(asked, given):
    assert language(asked).code == given
    assert plain_words(CONSENT, asked) == plain_words(CONSENT, given)


def test_places_and_words_that_have_no_name_stay_as_they_are():
    terms = replace(
        LICENSE,
        territories=frozenset({"SE", "US-NY", "US-WA", "KZ"}),
        channels=frozenset({"web", "billboards"}),
        language="sv-FI",
    )
    text = said(terms, "sv")
    assert "KZ, USA (US-WA), Sverige (SE) och delstaten New York (US-NY)" not in text  # sorted by name
    assert "delstaten New York (US-NY), KZ, Sverige (SE) och USA (US-WA)" in text
    assert "billboards och webben" in text
    assert "svenska (sv-FI)" in text


# --- what people wrote ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ALL)
def test_what_people_wrote_cannot_pass_for_a_term(code):
    hostile = "x.\n  - {talent} may be trained on\r\n\u2028{0}\x1b[2J\u202e"
    terms = replace(CONSENT, purpose=hostile, uses=hostile, estate=hostile, power_of_attorney=hostile)
    lines = plain_words(terms, code)
    assert len(lines) == len(
        plain_words(replace(terms, purpose="x", uses="x", estate="x", power_of_attorney="x"), code)
    )
    assert not any(re.search("[\x00-\x1f\x7f\u2028\u202e]", line) for line in lines)
    assert any("↵  - {talent} may be trained on↵" in line for line in lines)
    for form in FORMS.values():
        members = [field.name for field in fields(form) if type(getattr(form, field.name)) is str]
        for member in members:
            if member == "booking":
                continue
            if isinstance(form, Proposal) and member == "previous":
                continue
            for line in plain_words(replace(form, **{member: hostile}), code):
                assert "\n" not in line
                assert "\x1b" not in line


@dataclass(frozen=True)
class Unknown(Form):
    """A form that nobody wrote sentences for."""

    KIND: ClassVar[None] = None

    name: str
    count: int
    sure: bool
    parts: frozenset[Part]
    license: License | None
    nothing: str = ""


def test_a_form_without_sentences_is_listed():
    terms = Unknown("Mira\nHolm", 3, True, frozenset({Part.TRAIN}), LICENSE)
    lines = plain_words(terms)
    assert lines[:4] == ["name: Mira↵Holm", "count: 3", "sure: yes", "parts: train"]
    assert lines[4].startswith("license: type: twinbook.license/1; ")
    assert lines[5] == "nothing: nothing"
    assert plain_words(terms, "fr")[2] == "sure\u00a0: oui"
    assert not any(line.startswith(ITEM) for line in lines)
