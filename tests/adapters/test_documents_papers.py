"""A paper shows its words, who signed and who didn't, and carries the exact bytes that are signed."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader

from twinbook.documents import Papers
from twinbook.domain.paper import Paper, Signed
from twinbook.domain.party import Key, Role, Signature

TERMS = {
    "type": "twinbook.license/1",
    "talent": {"id": "mira", "name": "Mira Holm"},
    "brand": {"id": "tvaton", "name": "Tvaton \N{GREEK SMALL LETTER ALPHA}"},
    "fee_per_image": "450.00 EUR",
}
SIGNERS = {Role.TALENT: "mira", Role.BRAND: "tvaton"}
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


def reader(paper: Paper, title: str = "License", plain_words=WORDS) -> PdfReader:
    return PdfReader(io.BytesIO(Papers().paper_pdf(title, paper, plain_words)))


def words(paper: Paper, **given) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader(paper, **given).pages).split())


def test_shows_words_signatures_and_digest():
    paper = Paper(TERMS, SIGNERS, BOTH)
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
    assert "NOT SIGNED by Mira Holm (talent) and Tvaton α (brand)." in words(Paper(TERMS, SIGNERS))
    half = words(Paper(TERMS, SIGNERS, BOTH[:1]))
    assert "NOT SIGNED by Tvaton α (brand)." in half
    assert "NOT SIGNED by Mira" not in half


@pytest.mark.parametrize(
    "stranger",
    [signed("nordlight", Role.AGENCY), signed("mira", Role.AGENCY), signed("mira", Role.TALENT, key_of="another key")],
)
def test_another_key_is_not_her_signature(stranger):
    text = words(Paper(TERMS, {Role.TALENT: "mira"}, (stranger,)))
    assert "NOT SIGNED by Mira Holm (talent)." in text
    if stranger.key.party == "nordlight":
        assert "Also signed by nordlight (agency" in text


def test_a_revoked_paper_says_so():
    paper = Paper(TERMS, SIGNERS, BOTH, revoked_at=datetime(2026, 12, 3, tzinfo=UTC))
    assert "REVOKED on 3 December 2026" in words(paper)


@pytest.mark.parametrize("signatures", [(), BOTH])
def test_the_exact_bytes_are_attached_and_have_the_digest(signatures):
    paper = Paper(TERMS, SIGNERS, signatures)
    (attached,) = reader(paper).attachments["terms.json"]
    assert attached == paper.message
    assert hashlib.sha256(attached).hexdigest() == paper.digest


@pytest.mark.parametrize("signatures", [(), BOTH])
def test_equal_papers_give_equal_bytes(signatures):
    paper = Paper(TERMS, SIGNERS, signatures)
    pdf = Papers().paper_pdf("License", paper, WORDS)
    assert pdf == Papers().paper_pdf("License", paper, WORDS)
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert (b"<pdfaid:part>3</pdfaid:part>" in pdf) == bool(signatures)


def test_a_deal_memo_of_its_own_kind_and_hostile_words():
    memo = Paper({"type": "twinbook.deal_memo/1", "note": "\u202e #panic()"}, {})
    text = words(memo, title="#panic() *memo*", plain_words=["#read(\"x\")", "  - $x$", "", "x" * 500, "\x00"])  # fmt: skip
    assert "#panic() *memo*" in text
    assert '#read("x")' in text
    assert "DEAL MEMO" in text.upper()
    assert memo.digest in text


def test_long_papers_break_over_pages():
    pages = reader(Paper(TERMS, SIGNERS, BOTH), plain_words=[f"Clause {n}." for n in range(200)]).pages
    assert len(pages) > 2
    assert "Clause 199." in "".join(page.extract_text() for page in pages)
