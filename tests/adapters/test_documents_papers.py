"""A paper shows its words, who signed and who didn't, and carries the exact bytes that are signed."""

from __future__ import annotations

import hashlib
import io
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from twinbook import testing
from twinbook.documents import Papers
from twinbook.documents.signed_paper import paper_pdf
from twinbook.documents.words import plain_words
from twinbook.domain.approval import Approved, Words
from twinbook.domain.consent import Approval, Part, Person
from twinbook.domain.license import Exclusivity, Renewal
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper, Signed
from twinbook.domain.party import Key, Role, Signature

LICENSE = replace(
    testing.campaign(Path("photos")).license.license(
        testing.campaign(Path("photos")).talents[0], "0" * 64, date(2026, 11, 22)
    ),
    brand=Person("tvaton", "Tvaton \N{GREEK SMALL LETTER ALPHA}"),
)
TERMS = LICENSE.document()
WORDS = [
    "Mira Holm licenses her twin:",
    "  - capture: keep her photographs",
    "  Mira Holm gets 72 %.",
    "*No* #renewal.",
]


def signed(party: str, role: Role, day: int = 22, *, key_of: str | None = None) -> Signed:
    key = Key(hashlib.sha256(party.encode()).hexdigest(), "ed25519", "00", party, role)
    return Signed(Signature(key_of or key.id, "ed25519", "00"), key, datetime(2026, 11, day, 9, tzinfo=UTC))


BOTH = (signed("mira", Role.TALENT), signed("tvaton", Role.BRAND, 23))


def reader(paper: Paper, title: str = "License", lines=WORDS) -> PdfReader:
    return PdfReader(io.BytesIO(paper_pdf(title, paper, lines)))


def words(paper: Paper, **given) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader(paper, **given).pages).split())


def test_shows_words_signatures_and_digest():
    paper = Paper(TERMS, BOTH)
    text = words(paper)
    for said in (
        *(
            "License",
            "Mira Holm licenses her twin:",
            "– capture: keep her photographs",
            "Mira Holm gets 72 %.",
            "*No* #renewal.",
        ),
        *("talent", "brand", "22 November 2026", "23 November 2026", BOTH[0].key.id[:12], BOTH[1].key.id[:12]),
        *(paper.digest, "terms.json", "Page 1 of 1"),
    ):
        assert said in text
    assert "NOT SIGNED" not in text
    assert "REVOKED" not in text


def test_says_who_has_not_signed():
    assert "NOT SIGNED by Mira Holm (talent) and Tvaton α (brand)." in words(Paper(TERMS))
    half = words(Paper(TERMS, BOTH[:1]))
    assert "NOT SIGNED by Tvaton α (brand)." in half
    assert "NOT SIGNED by Mira" not in half


@pytest.mark.parametrize(
    "stranger",
    [signed("nordlight", Role.AGENCY), signed("mira", Role.AGENCY), signed("mira", Role.TALENT, key_of="another key")],
)
def test_another_key_is_not_her_signature(stranger):
    text = words(Paper(TERMS, (stranger,)))
    assert "NOT SIGNED by Mira Holm (talent)" in text
    if stranger.key.party == "nordlight":
        assert "Also signed by nordlight (agency" in text


def test_a_revoked_paper_says_so():
    paper = Paper(TERMS, BOTH, revoked_at=datetime(2026, 12, 3, tzinfo=UTC))
    assert "REVOKED on 3 December 2026" in words(paper)


@pytest.mark.parametrize("signatures", [(), BOTH])
def test_the_exact_bytes_are_attached_and_have_the_digest(signatures):
    paper = Paper(TERMS, signatures)
    (attached,) = reader(paper).attachments["terms.json"]
    assert attached == paper.message
    assert hashlib.sha256(attached).hexdigest() == paper.digest


@pytest.mark.parametrize("signatures", [(), BOTH])
def test_equal_papers_give_equal_bytes(signatures):
    paper = Paper(TERMS, signatures)
    pdf = Papers().paper_pdf(paper)
    assert pdf == Papers().paper_pdf(paper)
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert (b"<pdfaid:part>3</pdfaid:part>" in pdf) == bool(signatures)


def test_a_deal_memo_of_its_own_kind_and_hostile_words():
    memo = Paper({"type": "twinbook.deal_memo/1", "note": "\u202e #panic()"})
    text = words(memo, title="#panic() *memo*", lines=["#read(\"x\")", "  - $x$", "", "x" * 500, "\x00"])  # fmt: skip
    assert "#panic() *memo*" in text
    assert '#read("x")' in text
    assert "DEAL MEMO" in text.upper()
    assert memo.digest in text


def test_long_papers_break_over_pages():
    pages = reader(Paper(TERMS, BOTH), lines=[f"Clause {n}." for n in range(200)]).pages
    assert len(pages) > 2
    assert "Clause 199." in "".join(page.extract_text() for page in pages)


CONSENT = testing.campaign(Path("photos")).consent.consent(
    testing.campaign(Path("photos")).talents[0], date(2026, 6, 1)
)
OTHER = {
    str: "something else",
    "talent": Person("sami", "Sami Lindqvist"),
    "brand": Person("zandra", "Zandra"),
    "agency": None,
    "term_days": 7,
    "max_images": 3,
    "max_brands": 2,
    "until": date(2027, 1, 2),
    "starts": date(2026, 2, 3),
    "min_fee": Money.parse("999 EUR"),
    "fee": Money.parse("999 EUR"),
    "day_rate": Money.parse("1800 EUR"),
    "min_fee_percent": 30,
    "parts": frozenset({Part.CAPTURE}),
    "edits": frozenset(),
    "approval": Approval.IMAGE,
    "renewal": Renewal.AUTOMATIC,
    "exclusive": Exclusivity("", frozenset(), frozenset(), frozenset(), date(2026, 1, 1), date(2026, 2, 2)),
}


@pytest.mark.parametrize("terms", [CONSENT, LICENSE], ids=["consent", "license"])
def test_every_term_is_spoken_of(terms):
    """Nobody signs what isn't said: a change of any member changes the sentences."""
    before = plain_words(terms)
    for name in (field.name for field in fields(terms)):
        value = getattr(terms, name)
        if name in OTHER:
            new = OTHER[name]
            if name == "talent" and terms is CONSENT:
                new = replace(terms.talent, name="Sami Lindqvist")
        elif isinstance(value, bool):
            new = not value
        elif isinstance(value, int):
            new = value + 5
        elif isinstance(value, frozenset):
            new = value | {"something"}
        elif name == "split":
            new = replace(value, agency=value.agency + 1)
        elif name == "representation":
            new = type(value).BUNDLED
        elif name == "post_mortem":
            new = type(value).ESTATE
        elif name == "estate" and terms is CONSENT:
            continue  # spoken of where the estate takes over
        else:
            new = OTHER[str]
        assert plain_words(replace(terms, **{name: new})) != before, name


def test_pictures_and_words_are_approved_in_plain_sentences():
    assert (
        "0123456789ab"
        in plain_words(Approved("mira", Approval.IMAGE, frozenset({"a-shot"}), "0123456789ab", "ff" * 32))[0]
    )
    assert "“I wear it daily.”" in plain_words(Words("mira", "tvaton", "I wear it daily."))
