"""The training card says on paper what the books say of a checkpoint."""

import io
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader

from twinbook.documents import Papers
from twinbook.domain.weights import Checkpoint, Family
from twinbook.ports import TrainingCard

CHECKPOINT = Checkpoint(
    id="3f9a01c2b4d5e6f70819aabbccddeeff",
    talent="mira",
    twin="mira:2",
    weights="sdxl",
    weights_digest="ab" * 32,
    family=Family.SDXL,
    token="zqxwvb",
    step=1000,
    rank=16,
    plates=("0123456789abcdef", "fedcba9876543210"),
    sha256="cd" * 32,
    made_at=datetime(2026, 11, 22, 14, 3, tzinfo=UTC),
    scores={250: 0.41, 1000: 0.68, 1500: 0.66},
    licence="OpenRAIL++",
    commercial=True,
    captures="ef" * 32,
    plan={
        "steps": 1500,
        "rank": 16,
        "learning_rate": 1e-4,
        "resolution": 1024,
        "prior": 1.0,
        "seed": 7,
        "subject": "woman",
    },
    losses={step: 0.12 + 0.3 * math.exp(-step / 300) + 0.02 * math.sin(step) for step in range(1, 1501, 8)},
)
CARD = TrainingCard("Mira Holm", CHECKPOINT, {"0123456789abcdef": "front", "fedcba9876543210": "three-quarter"})


def text(pdf):
    return " ".join("\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def test_a_card_says_what_went_in_how_and_what_came_out():
    said = text(Papers().training_card(CARD))
    for words in (
        *("Mira Holm", "22 November 2026", CHECKPOINT.id, "front", "three-quarter", *CHECKPOINT.plates),
        *("OpenRAIL++", "sdxl", CHECKPOINT.weights_digest, CHECKPOINT.captures, CHECKPOINT.sha256),
        *("1500", "0.0001", "1024 × 1024", "weight 1", "woman", "0.680", "kept", "Kept was step 1000"),
        *("Loss 0.4358 at step 1", "may be sold", "2 photographs"),
    ):
        assert words in said, words
    assert "zqxwvb" not in said, "who reads the card needn't know the word for her"


def test_a_card_warns_of_weights_that_may_not_be_sold():
    said = text(Papers().training_card(replace(CARD, checkpoint=replace(CHECKPOINT, commercial=False))))
    assert "no picture made with it may be sold" in said


@pytest.mark.parametrize(
    "losses", [{}, {1: 0.5}, {1: math.nan, 2: 0.5, 3: math.inf}, {1: 0.0, 2: 0.0}, {1: -1.0, 2: 3.0}]
)
def test_a_curve_that_is_none_is_told(losses):
    bare = replace(CHECKPOINT, losses=losses, scores={}, plan={}, captures="", licence="")
    said = text(Papers().training_card(TrainingCard("Mira Holm", bare, {})))
    assert "Nobody measured" in said
    assert "not known any more" in said
    assert ("No loss was kept" in said) == (not losses)


def test_equal_cards_are_equal_bytes_and_a_name_is_no_markup():
    hostile = replace(CARD, talent_name='#panic() $x$ *b* "\u202e')
    assert Papers().training_card(hostile) == Papers().training_card(hostile)
    assert "#panic() $x$ *b*" in text(Papers().training_card(hostile))
