from hypothesis import given
from hypothesis import strategies as st

from twinbook.domain.fidelity import (
    DEFAULT_BOUNDS,
    DEFAULT_IDENTITY_LIMIT,
    Measurement,
    Outcome,
    identity_bound,
    judge,
)

BOUNDS = (identity_bound([0.3]), *DEFAULT_BOUNDS)


def measured(distance=0.1, delta_e=1.0, delta_l=0.5):
    return (
        Measurement("identity.distance", distance),
        Measurement("skin.delta_e", delta_e),
        Measurement("skin.delta_l", delta_l),
    )


def test_a_picture_of_her_passes():
    assert judge(measured(), BOUNDS, calibrated=True).outcome is Outcome.PASS


def test_another_face_darker_and_lighter_skin_are_each_quarantined_with_the_reason():
    for name, value in {"distance": 0.6, "delta_e": 9, "delta_l": 8}.items():
        verdict = judge(measured(**{name: value}), BOUNDS, calibrated=True)
        assert verdict.outcome is Outcome.QUARANTINE
        assert len(verdict.reasons) == 1
    assert judge(measured(delta_l=-8), BOUNDS, calibrated=True).outcome is Outcome.QUARANTINE


def test_what_cannot_be_told_is_not_released():
    verdict = judge(measured(distance=None), BOUNDS, calibrated=True)
    assert verdict.outcome is Outcome.QUARANTINE
    assert "could not be measured" in verdict.reasons[0]
    assert judge((), BOUNDS, calibrated=True).outcome is Outcome.QUARANTINE
    assert judge(measured(), (), calibrated=True).outcome is Outcome.QUARANTINE


@given(st.lists(st.floats(0, 2)))
def test_her_bound_is_never_looser_than_the_customary_one(distances):
    assert identity_bound(distances).limit <= DEFAULT_IDENTITY_LIMIT
