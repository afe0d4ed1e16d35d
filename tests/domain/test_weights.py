"""Whether pictures made with weights may be sold, by their licence."""

from dataclasses import replace

import pytest

from twinbook import testing
from twinbook.domain.errors import InputError
from twinbook.domain.weights import PUBLISHED, Checkpoint, Family, Weights, for_sale, known_licence, unlicensed

OPEN = Weights("sdxl", Family.SDXL, "OpenRAIL++", True, "a folder", "", {"unet.safetensors": "0" * 64}, testing.NOON)
CLOSED = replace(OPEN, name="klein", licence="flux-non-commercial-license", commercial=False)


def trained_on(weights, talent="mira"):
    return Checkpoint(
        "c1",
        talent,
        f"{talent}:1",
        weights.name,
        weights.digest,
        weights.family,
        "zqx",
        100,
        8,
        ("p1",),
        "0" * 64,
        testing.NOON,
        licence=weights.licence,
        commercial=weights.commercial,
    )


@pytest.mark.parametrize(
    ("licence", "may"),
    [
        ("Apache-2.0", True),
        ("apache 2.0", True),
        ("MIT License", True),
        ("OpenRAIL++", True),
        ("CreativeML Open RAIL++-M", True),
        ("FLUX.1 [dev] Non-Commercial License", False),
        ("CC-BY-NC-4.0", False),
        ("cc-by-nc-sa-3.0", False),
        ("Made-up Noncommercial Licence", False),
        ("Qwen Research License", False),
        ("our own contract of 2026", None),
        ("nconly", None),
    ],
)
def test_a_licence_is_known_in_every_spelling(licence, may):
    assert known_licence(licence) is may


def test_every_published_licence_is_known():
    assert None not in {known_licence(licence) for licence in PUBLISHED.values()}
    assert known_licence(PUBLISHED["black-forest-labs/FLUX.2-klein-4B"])
    assert not known_licence(PUBLISHED["black-forest-labs/FLUX.2-klein-9B"])
    assert not known_licence(PUBLISHED["Qwen/Qwen-Image-2.1"])


def test_an_unknown_licence_sells_nothing_unless_somebody_says_so():
    assert not for_sale("our own contract", stated=False)
    assert for_sale("our own contract", stated=True)
    assert replace(OPEN, licence="our own contract").stated
    assert not OPEN.stated


@pytest.mark.parametrize(
    ("licence", "source"),
    [("CC-BY-NC-4.0", ""), (" ", ""), ("Apache-2.0", "black-forest-labs/FLUX.2-klein-9B")],
    ids=["known not to", "none", "another than its maker's"],
)
def test_nobodys_word_counts_against_what_is_known(licence, source):
    with pytest.raises(InputError, match=r"weights\.licence"):
        for_sale(licence, True, source)


def test_a_paid_picture_takes_commercial_weights_and_checkpoints():
    assert unlicensed(OPEN, (trained_on(OPEN),), paid=True) == ()
    assert unlicensed(CLOSED, (trained_on(CLOSED),), paid=False) == ()
    codes = [why.code for why in unlicensed(CLOSED, (trained_on(CLOSED),), paid=True)]
    assert codes == ["weights.licence"] * 2, "the weights and what was trained on them"


def test_a_checkpoint_stays_bound_by_the_licence_it_was_trained_under():
    """The same files, registered again under a licence that somebody stated."""
    laundered = replace(CLOSED, licence="our own contract", commercial=True)
    (why,) = unlicensed(laundered, (trained_on(CLOSED),), paid=True)
    assert why.code == "weights.licence"
    assert "checkpoint of mira" in why.diagnosis


def test_a_checkpoint_of_other_weights_is_not_loaded():
    other = replace(OPEN, files={"unet.safetensors": "1" * 64})
    assert [why.code for why in unlicensed(other, (trained_on(OPEN),), paid=False)] == ["weights.other"]
