"""Statements say the same as the values they are made from, on paper and in a spreadsheet."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from twinbook.documents import Papers
from twinbook.domain.money import Money
from twinbook.domain.royalty import Statement, StatementLine

MADE = datetime(2026, 11, 22, 14, 3, tzinfo=UTC)
LICENSE = hashlib.sha256(b"license").hexdigest()


def line(
    kind: str, party: str, amount: str | Money, *, release="5f02ab77c3d1", brand="Tvaton", days=0
) -> StatementLine:
    if isinstance(amount, str):
        amount = -Money.parse(amount[1:]) if amount.startswith("-") else Money.parse(amount)
    return StatementLine(MADE - timedelta(days=days), kind, release, brand, party, amount, LICENSE)


def statement(*lines: StatementLine, name="Mira Holm") -> Statement:
    return Statement("mira", name, MADE, lines)


ONE_IMAGE = (
    line("fee", "brand:Tvaton", "450 EUR", days=3),
    line("share", "agency:Nordlight", "-90 EUR", days=3),
    line("share", "crew:Ida Berg (hair)", "-13.50 EUR", days=3),
)


def words(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_pdf_has_lines_and_totals():
    text = words(Papers().statement_pdf(statement(*ONE_IMAGE)))
    for said in (
        *(
            "Mira Holm",
            "22 November 2026",
            "1 image",
            "19 November 2026",
            "5f02ab77c3d1",
            "Tvaton",
            LICENSE,
            LICENSE[:12] + "…",
        ),
        *(
            "450.00 EUR",
            "Nordlight",
            "−90.00 EUR",
            "Ida Berg (hair)",
            "−13.50 EUR",
            "−103.50 EUR",
            "346.50 EUR",
            "Page 1 of 1",
        ),
    ):
        assert said in text


def test_pdf_totals_each_currency_by_itself():
    yen = line("fee", "brand:Kyoto Mode", "60000 JPY", release="0a0b0c0d0e0f", brand="Kyoto Mode")
    text = words(Papers().statement_pdf(statement(*ONE_IMAGE, yen)))
    assert "60000 JPY" in text
    assert "346.50 EUR" in text
    assert "2 images" in text


def test_pdf_of_an_empty_statement_says_so():
    text = words(Papers().statement_pdf(statement()))
    assert "No image was released up to this day" in text
    assert "0 images" in text


def test_pdf_of_many_images_numbers_its_pages():
    lines = [line("fee", "brand:Tvaton", "450 EUR", release=f"{n:012x}") for n in range(60)]
    reader = PdfReader(io.BytesIO(Papers().statement_pdf(statement(*lines))))
    assert len(reader.pages) > 2
    assert f"Page 2 of {len(reader.pages)}" in reader.pages[1].extract_text()
    assert "27000.00 EUR" in reader.pages[0].extract_text()


def test_pdf_is_archival_tagged_a4_and_always_the_same():
    pdf = Papers().statement_pdf(statement(*ONE_IMAGE))
    assert pdf == Papers().statement_pdf(statement(*ONE_IMAGE))
    reader = PdfReader(io.BytesIO(pdf))
    assert [round(float(side)) for side in reader.pages[0].mediabox[2:]] == [595, 842]
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert reader.metadata.creation_date == MADE
    assert reader.metadata.title == "Statement of earnings: Mira Holm"


@pytest.mark.parametrize(
    "name",
    ['*Mira* #panic("x") $x$ \\ @cite <label> `raw` // no', "= Mira", "#read(\"/etc/passwd\")", "\x00\x1b\ud800\u202eMira", "M" * 300],
)  # fmt: skip
def test_pdf_takes_no_name_for_markup(name):
    pdf = Papers().statement_pdf(statement(line("share", f"crew:{name}", "-1 EUR", brand=name), name=name))
    assert "".join(words(pdf).split()).replace("\u200b", "").count("M") >= name.count("M")


def test_pdf_prints_literally_what_looks_like_typst():
    assert "*Mira* #panic()" in words(Papers().statement_pdf(statement(name="*Mira* #panic()")))


def test_pdf_is_made_even_for_a_name_without_a_glyph():
    reader = PdfReader(io.BytesIO(Papers().statement_pdf(statement(*ONE_IMAGE, name="山田 花子 \U0001f98a"))))
    assert "mira" in reader.pages[0].extract_text()
    assert reader.metadata.title == "Statement of earnings: 山田 花子 \U0001f98a"


def test_csv_has_a_record_for_each_line():
    text = Papers().statement_csv(statement(*ONE_IMAGE))
    first, second, third = rows(text)
    assert text.count("\r\n") == 4
    assert first == {
        "date": "2026-11-19T14:03:00Z",
        "kind": "fee",
        "talent": "mira",
        "talent_name": "Mira Holm",
        "brand": "Tvaton",
        "release": "5f02ab77c3d1",
        "party": "brand:Tvaton",
        "amount": "450.00",
        "currency": "EUR",
        "amount_minor": "45000",
        "license_sha256": LICENSE,
    }
    assert (second["amount"], second["amount_minor"]) == ("-90.00", "-9000")
    assert third["party"] == "crew:Ida Berg (hair)"


def test_csv_of_an_empty_statement_is_its_header():
    text = Papers().statement_csv(statement())
    assert rows(text) == []
    assert text.startswith("date,kind,talent,")


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "  =1", '=HYPERLINK("https://evil.example","x")', "＝1+1", '"=1', "a,b\r\nc"],
)  # fmt: skip
def test_csv_holds_no_formula(name):
    made = statement(line("share", name, "-1 EUR", release=name, brand=name), name=name)
    (row,) = rows(Papers().statement_csv(made))
    for key in ("talent_name", "brand", "release", "party"):
        assert row[key].strip()[0] not in "=+-@＝"
        assert row[key].removeprefix("'").replace("\ufffd", "\r") == name
    assert Decimal(row["amount"]) == -1


amounts = st.integers(min_value=-(10**12), max_value=10**12)
lines = st.builds(
    line,
    st.sampled_from(["fee", "share"]),
    st.text(max_size=30),
    st.builds(Money, st.sampled_from(["EUR", "SEK", "JPY", "KWD"]), amounts),
    brand=st.text(max_size=20),
    release=st.text(max_size=12),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(lines, max_size=12), st.text(max_size=20))
def test_csv_read_back_sums_to_the_totals(drawn, name):
    made = statement(*drawn, name=name)
    text = Papers().statement_csv(made)
    text.encode("utf-8")
    read = rows(text)
    assert len(read) == len(drawn)
    exponents = {"EUR": 2, "SEK": 2, "JPY": 0, "KWD": 3}
    for currency, totals in made.totals().items():
        ours = [row for row in read if row["currency"] == currency]
        assert sum(int(row["amount_minor"]) for row in ours) == totals["net"].minor
        assert sum(Decimal(row["amount"]) for row in ours).scaleb(exponents[currency]) == totals["net"].minor
        fees = sum(int(row["amount_minor"]) for row in ours if row["kind"] == "fee")
        assert fees == totals["gross"].minor
    for row in read:
        for key in ("talent_name", "brand", "release", "party"):
            assert row[key].strip()[:1] not in {"=", "+", "-", "@"}
