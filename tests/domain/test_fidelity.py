"""Whether a picture is her: what passes, what she must look at, and what is held back."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinbook.domain.errors import InputError
from twinbook.domain.fidelity import (
    DEFAULT_IDENTITY_LIMIT,
    LEAST_IDENTITY_LIMIT,
    MEASURES,
    Bound,
    Calibration,
    Measurement,
    Outcome,
    Owner,
    Untold,
    bounds,
    check_tolerances,
    identity_bound,
    judge,
)

HERS = Calibration((0.2, 0.3, 0.25))
BOUNDS = bounds(identity_bound(HERS), {}, {})


def measured(**changes):
    values = {"identity.distance": 0.1, "skin.delta_e": 1.0, "skin.delta_l": 0.5} | changes
    return [value if isinstance(value, Measurement) else Measurement(name, value) for name, value in values.items()]


def verdict(bounds=BOUNDS, **changes):
    return judge(measured(**changes), bounds, calibrated=True)


def test_a_picture_of_her_passes():
    assert verdict().outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("name", "value"), [("identity.distance", 0.6), ("skin.delta_e", 9), ("skin.delta_l", 8), ("skin.delta_l", -8)]
)
def test_another_face_darker_and_lighter_skin_are_each_quarantined_with_the_reason(name, value):
    found = verdict(**{name: value})
    assert found.outcome is Outcome.QUARANTINE
    assert len(found.reasons) == 1
    assert name in found.reasons[0]


def test_what_has_to_be_there_and_is_not_found_is_quarantined():
    nobody = Measurement("identity.distance", None, "no face was found")
    found = verdict(**{"identity.distance": nobody})
    assert found.outcome is Outcome.QUARANTINE
    assert "could not be measured: no face was found" in found.reasons[0]
    assert judge((), BOUNDS, calibrated=True).outcome is Outcome.QUARANTINE
    assert judge(measured(), (), calibrated=True).outcome is Outcome.QUARANTINE
    assert verdict(**{"skin.delta_e": float("nan")}).outcome is Outcome.QUARANTINE


def test_what_cannot_be_told_is_hers_to_decide():
    turned = Measurement("identity.distance", None, "the face is turned away", Untold.UNCLEAR)
    assert verdict(**{"identity.distance": turned}).outcome is Outcome.REVIEW


def test_a_portrait_is_not_held_back_for_legs_that_it_does_not_show():
    cut = Measurement("body.length", None, "the picture ends at the chest", Untold.OUTSIDE)
    assert verdict(**{"body.length": cut}).outcome is Outcome.PASS
    assert verdict().outcome is Outcome.PASS  # nor for a measure that nobody took


def test_a_little_slimmer_is_shown_to_her_and_much_slimmer_to_nobody():
    assert verdict(**{"body.width": -1.0}).outcome is Outcome.PASS
    assert verdict(**{"body.width": -4.5}).outcome is Outcome.REVIEW
    found = verdict(**{"body.width": -6.0})
    assert found.outcome is Outcome.QUARANTINE
    assert "body.width -6 is beyond 5" in found.reasons[0]


def test_the_worst_finding_decides():
    assert verdict(**{"body.width": -4.0, "skin.delta_l": 8}).outcome is Outcome.QUARANTINE


# --- whose bound


def test_her_own_word_about_herself_stands_in_either_direction():
    for most, outcome in ((Fraction(1), Outcome.QUARANTINE), (Fraction(10), Outcome.PASS)):
        hers = bounds(identity_bound(HERS), {"body.width": most}, {})
        assert verdict(hers, **{"body.width": -2.0 if most < 2 else -8.0}).outcome is outcome
        (bound,) = [b for b in hers if b.name == "body.width"]
        assert bound.set_by == "talent"


def test_nobody_else_sets_a_bound_on_her_and_she_none_on_the_garment():
    assert bounds(identity_bound(HERS), {}, {"body.width": Fraction(20), "skin.delta_l": Fraction(20)}) == BOUNDS
    for asked, owner in (
        ({"body.width": Fraction(1)}, Owner.BRAND),
        ({"identity.distance": Fraction(1)}, Owner.TALENT),
        ({"height": Fraction(1)}, Owner.TALENT),
        ({"skin.delta_l": Fraction(50)}, Owner.TALENT),
        ({"skin.delta_l": Fraction(0)}, Owner.TALENT),
    ):
        with pytest.raises(InputError) as caught:
            check_tolerances(asked, owner)
        assert caught.value.code == "campaign.value"
    check_tolerances({"body.width": Fraction(1)}, Owner.TALENT)


@given(st.dictionaries(st.sampled_from(sorted(MEASURES)), st.fractions(0, 1000)))
def test_a_brand_can_only_be_stricter(asked):
    usual = {bound.name: bound for bound in BOUNDS}
    for bound in bounds(identity_bound(HERS), {}, asked):
        assert bound.limit <= usual[bound.name].limit
        assert (bound.set_by == "brand") <= (MEASURES[bound.name].owner is Owner.BRAND)


# --- her own identity bound


def test_her_bound_follows_her_own_captures():
    assert identity_bound(HERS) == Bound("identity.distance", pytest.approx(0.375), "talent's plates")
    assert identity_bound(Calibration()) == Bound("identity.distance", DEFAULT_IDENTITY_LIMIT, "default")


def test_a_look_alike_in_the_pool_tightens_it():
    pool = tuple(0.5 + n / 1000 for n in range(199))
    assert identity_bound(Calibration(HERS.own, (0.28, *pool))).limit == pytest.approx(0.375)  # one in two hundred
    assert identity_bound(Calibration(HERS.own, (0.28, 0.29, *pool))).limit == pytest.approx(0.29)
    assert identity_bound(Calibration((), (0.28, 0.29, *pool))).limit == pytest.approx(0.29)


def test_people_age():
    young, old = identity_bound(HERS), identity_bound(HERS, years=2)
    assert young.limit < old.limit == pytest.approx(0.385)
    assert identity_bound(HERS, years=40).limit == pytest.approx(0.395)


@given(st.lists(st.floats(0, 2)), st.lists(st.floats(0, 2)), st.floats(0, 100))
def test_her_bound_is_never_looser_than_the_customary_one(own, impostors, years):
    limit = identity_bound(Calibration(tuple(own), tuple(impostors)), years).limit
    assert LEAST_IDENTITY_LIMIT <= limit <= DEFAULT_IDENTITY_LIMIT
