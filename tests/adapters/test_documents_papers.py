"""A paper shows its words in its language, who signed and who didn't, and carries the exact bytes that are signed."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from twinbook import testing
from twinbook.documents import Papers
from twinbook.documents.wording import language, languages
from twinbook.documents.words import ITEM, deal_memo, plain_words
from twinbook.domain.consent import Part, Person
from twinbook.domain.errors import InputError
from twinbook.domain.mandate import GRANTABLE, Mandate
from twinbook.domain.paper import Paper, Signed
from twinbook.domain.party import Key, Role, Signature

ALL = languages()
CAMPAIGN = testing.campaign(Path("photos"))
CONSENT = CAMPAIGN.consent.consent(CAMPAIGN.talents[0], date(2026, 11, 22))
LICENSE = replace(
    CAMPAIGN.license.license(CAMPAIGN.talents[0], "0" * 64, date(2026, 11, 22)),
    brand=Person("tvaton", "Tvaton \N{GREEK SMALL LETTER ALPHA}"),
)
MANDATE = Mandate(
    talent=LICENSE.talent,
    agency=LICENSE.agency,
    acts=GRANTABLE,
    brands=frozenset(),
    categories=frozenset(),
    channels=LICENSE.channels,
    territories=LICENSE.territories,
    min_fee=LICENSE.fee,
    max_term_days=90,
    max_images=20,
    starts=date(2026, 11, 22),
    until=date(2027, 11, 21),
)
TERMS = LICENSE.document()


def signed(party: str, role: Role, day: int = 22, *, key_of: str | None = None) -> Signed:
    key = Key(hashlib.sha256(party.encode()).hexdigest(), "ed25519", "00", party, role)
    return Signed(Signature(key_of or key.id, "ed25519", "00"), key, datetime(2026, 11, day, 9, tzinfo=UTC))


BOTH = (signed("mira", Role.TALENT), signed("tvaton", Role.BRAND, 23))


def reader(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


def text_of(pdf: bytes) -> str:
    """What stands on the pages, with one space wherever there is any, and without what only lets long words break."""
    text = " ".join(page.extract_text() for page in reader(pdf).pages)
    return plain(re.sub(r"\s*Page \d+ of \d+", "", text))


def plain(text: str) -> str:
    return " ".join(text.replace("\u200b", "").split())


def words(paper: Paper, code: str = "en") -> str:
    return text_of(Papers().paper_pdf(paper, code))


def test_shows_words_signatures_and_digest():
    paper = Paper(TERMS, BOTH)
    text = words(paper)
    for said in (
        *("License", "Nobody but Tvaton α may use the images.", "– Mira Holm: 77%, 346.50 EUR"),
        *("talent", "brand", "22 November 2026", "23 November 2026", BOTH[0].key.id[:12], BOTH[1].key.id[:12]),
        *(paper.digest, "terms.json", f"{len(paper.message)} bytes"),
    ):
        assert said in text
    assert "Page 1 of 2" in reader(Papers().paper_pdf(paper)).pages[0].extract_text()
    assert "NOT SIGNED" not in text
    assert "REVOKED" not in text


@pytest.mark.parametrize("code", ALL)
@pytest.mark.parametrize("terms", [CONSENT, LICENSE, MANDATE], ids=["consent", "license", "mandate"])
def test_every_sentence_stands_on_the_page_in_its_language(terms, code):
    paper = Paper.of(terms)
    pdf = Papers().paper_pdf(paper, code)
    text, spoken = text_of(pdf), language(code)
    # Pages and their feet come between sentences, never inside one here.
    for sentence in plain_words(terms, code):
        assert plain(sentence.removeprefix(ITEM)) in text
    for label in ("signatures", "who", "key", "when", "not_signed", "terms", "terms_signed", "terms_record"):
        assert plain(spoken.say(f"page.{label}")) in text, label
    assert spoken.word("kind", paper.kind.name.lower()) in text
    assert reader(pdf).trailer["/Root"]["/Lang"].startswith(code)


@pytest.mark.parametrize("code", ALL)
def test_a_deal_memo_has_its_headings_and_sentences(code):
    pdf = Papers().deal_memo_pdf(Paper(TERMS, BOTH), code)
    text = text_of(pdf)
    assert language(code).word("kind", "memo") in text
    for heading, sentences in deal_memo(LICENSE, code):
        assert plain(heading) in text
        for sentence in sentences:
            assert plain(sentence.removeprefix(ITEM)) in text
    (attached,) = reader(pdf).attachments["terms.json"]
    assert attached == Paper(TERMS).message
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf


def test_only_a_license_has_a_deal_memo():
    with pytest.raises(InputError) as refused:
        Papers().deal_memo_pdf(Paper.of(CONSENT))
    assert refused.value.code == "signature.invalid"


def test_a_language_that_is_not_there_gives_english():
    assert Papers().paper_pdf(Paper(TERMS, BOTH), "ja") == Papers().paper_pdf(Paper(TERMS, BOTH), "en")


def test_says_who_has_not_signed():
    assert "NOT SIGNED yet by Mira Holm (talent) and Tvaton α (brand)." in words(Paper(TERMS))
    half = words(Paper(TERMS, BOTH[:1]))
    assert "NOT SIGNED yet by Tvaton α (brand)." in half
    assert "NOT SIGNED yet by Mira" not in half
    assert "NOCH NICHT UNTERSCHRIEBEN von Tvaton α (Marke)." in words(Paper(TERMS, BOTH[:1]), "de")


@pytest.mark.parametrize(
    "stranger",
    [signed("nordlight", Role.AGENCY), signed("mira", Role.AGENCY), signed("mira", Role.TALENT, key_of="another key")],
)
def test_another_key_is_not_her_signature(stranger):
    text = words(Paper(TERMS, (stranger,)))
    assert "NOT SIGNED yet by Mira Holm (talent)" in text
    if stranger.key.party == "nordlight":
        assert "Also signed by nordlight (agency" in text


def test_a_revoked_paper_says_so():
    paper = Paper(TERMS, BOTH, revoked_at=datetime(2026, 12, 3, tzinfo=UTC))
    assert "REVOKED on 3 December 2026" in words(paper)
    assert "ÅTERKALLAT den 3 december 2026" in words(paper, "sv")


def test_a_part_that_was_withdrawn_is_named():
    paper = Paper(CONSENT.document(), BOTH[:1], withdrawn={Part.GENERATE: datetime(2026, 12, 3, tzinfo=UTC)})
    assert "WITHDRAWN on 3 December 2026: new pictures." in words(paper)
    assert "RETIRÉ le 3 décembre 2026 : nouvelles images." in words(paper, "fr")


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(("ends", "dated"), [(3, "20261123"), (1, "20261201")])
def test_what_lies_ahead_does_not_date_a_paper(ends, dated):
    paper = Paper(CONSENT.document(), BOTH, withdrawn={Part.TRAIN: datetime(2026, 12, ends, tzinfo=UTC)})
    assert f"D:{dated}" in str(reader(Papers(Clock()).paper_pdf(paper)).metadata["/CreationDate"])


@pytest.mark.parametrize("signatures", [(), BOTH])
def test_the_exact_bytes_are_attached_and_have_the_digest(signatures):
    paper = Paper(TERMS, signatures)
    (attached,) = reader(Papers().paper_pdf(paper, "fr")).attachments["terms.json"]
    assert attached == paper.message
    assert hashlib.sha256(attached).hexdigest() == paper.digest


@pytest.mark.parametrize("code", ALL)
@pytest.mark.parametrize("signatures", [(), BOTH])
def test_equal_papers_give_equal_bytes(signatures, code):
    paper = Paper(TERMS, signatures)
    pdf = Papers().paper_pdf(paper, code)
    assert pdf == Papers().paper_pdf(paper, code)
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert (b"<pdfaid:part>3</pdfaid:part>" in pdf) == bool(signatures)
    assert Papers().deal_memo_pdf(paper, code) == Papers().deal_memo_pdf(paper, code)


def test_a_document_that_is_not_understood_is_listed_and_allows_nothing():
    paper = Paper({"type": "twinbook.contract/9", "note": "\u202e #panic()", "uses": ['#read("x")', "$x$", "x" * 500]})
    text = words(paper)
    assert "doesn’t understand this document" in text
    assert "note: \ufffd #panic()" in text
    assert 'uses: #read("x"), $x$, xxx' in text
    assert paper.digest in text
    assert "Twinbook förstår inte dokumentet" in words(paper, "sv")


def test_hostile_words_stay_words():
    terms = replace(
        CONSENT, purpose="#panic() *memo* \x00 $x$\n  - all of it", talent=replace(CONSENT.talent, name="x" * 500)
    )
    text = words(Paper.of(terms))
    assert "What for: #panic() *memo* \ufffd $x$↵ - all of it." in text
    assert "– all of it" not in text


def test_long_papers_break_over_pages():
    terms = replace(CONSENT, never=frozenset(f"Thing {n}" for n in range(400)), uses="Many of them. " * 200)
    pages = reader(Papers().paper_pdf(Paper.of(terms))).pages
    assert len(pages) > 2
    assert "thing 399" in "".join(page.extract_text() for page in pages)


def test_a_name_in_another_script_is_printed():
    terms = replace(CONSENT, talent=replace(CONSENT.talent, name="Łucja Øster Ñandú Ολυμπία Дарья"))
    assert "Łucja Øster Ñandú Ολυμπία Дарья" in words(Paper.of(terms))
