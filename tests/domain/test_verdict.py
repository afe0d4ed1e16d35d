"""One word and one finding for every picture: which outranks which."""

import itertools

import pytest

from twinbook.domain.alteration import Alteration, Change, Place
from twinbook.domain.provenance import Likeness, ManifestReading, Reading, SourceType, State, WatermarkReading
from twinbook.domain.twin import Box
from twinbook.domain.verdict import SENTENCES, Finding, judge


def reading(state, genuine=False):
    manifest = ManifestReading(state, "Nordlight", genuine=genuine)
    return Reading("image/jpeg", 10, 10, manifest, WatermarkReading(None, 0.0), None, None, None, None)


SAME, ALTERED, CROPPED = Likeness(0.0, 0.5), Likeness(0.1, 30.0), Likeness(0.0, 0.5, coverage=0.6)


@pytest.mark.parametrize(
    ("manifest", "likeness", "facts", "finding", "state"),
    [
        ("trusted", SAME, {"identical": True}, Finding.INTACT, State.INTACT),
        ("invalid", None, {"identical": True}, Finding.INTACT, State.INTACT),
        ("trusted", None, {}, Finding.INTACT, State.INTACT),
        ("trusted", SAME, {"same_pixels": True}, Finding.METADATA_CHANGED, State.RE_ENCODED),
        ("absent", SAME, {"same_pixels": True}, Finding.METADATA_STRIPPED, State.RE_ENCODED),
        ("absent", SAME, {}, Finding.RE_ENCODED, State.RE_ENCODED),
        ("absent", CROPPED, {}, Finding.CROPPED, State.RE_ENCODED),
        ("absent", ALTERED, {}, Finding.ALTERED, State.ALTERED),
        ("invalid", ALTERED, {}, Finding.ALTERED, State.ALTERED),
        ("invalid", None, {}, Finding.ALTERED, State.ALTERED),
        ("absent", None, {}, Finding.RESEMBLES, State.UNKNOWN),
        ("absent", None, {"issued": False}, Finding.NOT_OURS, State.UNKNOWN),
        ("untrusted", None, {"issued": False}, Finding.NOT_OURS, State.UNKNOWN),
        ("trusted", None, {"revoked": True}, Finding.REVOKED, State.REVOKED),
        ("absent", SAME, {"expired": True}, Finding.EXPIRED, State.EXPIRED),
        ("absent", SAME, {"outside": True}, Finding.OUTSIDE, State.RE_ENCODED),
        ("trusted", None, {"outside": True}, Finding.OUTSIDE, State.INTACT),
        ("absent", None, {"outside": True}, Finding.RESEMBLES, State.UNKNOWN),
        ("absent", ALTERED, {"revoked": True, "expired": True}, Finding.ALTERED, State.ALTERED),
    ],
)
def test_a_picture_is_one_of_these(manifest, likeness, facts, finding, state):
    verdict = judge(reading(manifest), likeness, **({"issued": True} | facts))
    assert (verdict.finding, verdict.state) == (finding, state)


@pytest.mark.parametrize("likeness", [None, ALTERED])
def test_a_genuine_manifest_on_other_pixels_is_told_as_that(likeness):
    assert judge(reading("invalid", genuine=True), likeness, issued=True).finding is Finding.OTHER_PIXELS


def test_a_genuine_manifest_kept_through_a_new_encoding_is_a_new_encoding():
    assert judge(reading("invalid", genuine=True), SAME, issued=True).finding is Finding.RE_ENCODED


def test_whatever_is_known_there_is_a_verdict_and_intact_needs_a_reason():
    flags = ("issued", "identical", "same_pixels", "revoked", "expired", "outside")
    for state, likeness in itertools.product(
        ("trusted", "untrusted", "invalid", "absent"), (None, SAME, ALTERED, CROPPED)
    ):
        for values in itertools.product((True, False), repeat=len(flags)):
            facts = dict(zip(flags, values, strict=True))
            verdict = judge(reading(state), likeness, **facts)
            assert verdict.condition in SENTENCES
            if verdict.state is State.INTACT:
                assert facts["identical"] or state == "trusted"


def test_an_alteration_is_told_in_words():
    lighter = Alteration(Place.FACE, Change.LIGHTER, Box(1, 2, 3, 4), 0.03, 6.2)
    assert lighter.sentence == (
        "the skin of the face was made lighter, by 6 of 100 steps of lightness (3.0% of the picture)"
    )
    gone = Alteration(Place.LABEL, Change.REMOVED, Box(1, 2, 3, 4), 0.01, 0.0)
    assert gone.sentence == "the visible label was removed (1.0% of the picture)"
    assert lighter.document()["box"] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("generated", "said"),
    [(0.0, "compositeSynthetic"), (1e-6, "compositeWithTrainedAlgorithmicMedia"), (1.0, "trainedAlgorithmicMedia")],
)
def test_how_it_was_made_is_told_by_the_pixels_that_a_model_made(generated, said):
    assert SourceType.of(generated).uri.endswith(f"/{said}")
