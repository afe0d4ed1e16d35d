"""What the figures leave open is decided by her, with her key and nobody else's."""

from contextlib import ExitStack
from fractions import Fraction

import numpy as np
import pytest

from twinbook import testing
from twinbook.domain.consent import Approval
from twinbook.domain.errors import SignatureRefused
from twinbook.domain.fidelity import Measurement, Outcome, Untold
from twinbook.domain.party import Role
from twinbook.domain.permit import Act
from twinbook.domain.twin import Box
from twinbook.domain.work import Stage
from twinbook.services import copies, render, report, run, sign

SLIMMER = Measurement("body.width", -4.5, "narrower at the waist", where=(Box(20, 60, 30, 20),))
TURNED = Measurement("identity.distance", None, "the face is turned away", Untold.UNCLEAR)


@pytest.fixture
def played(tmp_path, people, photos):
    """Plays a campaign of one shot with further measurements; returns the office, the campaign and the shot."""
    with ExitStack() as offices:

        def play(*measured, **terms):
            shot = testing.a_shot(tolerances=terms.pop("brands", {}))
            planned = testing.campaign(photos, [shot], **terms)
            meter = testing.FakeMeter(*measured)
            office = offices.enter_context(testing.open_fake_office(tmp_path, meter=meter))
            people.sign_all(office, planned)
            outcome = run.run(office, planned, tmp_path)
            report.write_papers(office, planned, outcome, tmp_path / "out", tmp_path)
            return office, planned, outcome.works[0]

        yield play


def approve(office, work, key):
    (paper,) = render.draw_approvals(office, work)
    sign.sign(office, paper.document, key.sign(paper.message))


def test_a_picture_that_is_a_little_off_waits_for_her_eyes(played, people, tmp_path):
    office, planned, work = played(SLIMMER)
    assert work.stage is Stage.JUDGED
    assert [f.outcome for f in work.findings if f.measurement.name == "body.width"] == [Outcome.REVIEW]
    assert not list((tmp_path / "out" / "released").glob("*"))
    shown = {file.name for file in (tmp_path / "out" / "to-approve").iterdir()}
    assert shown == {"shot-1.jpg", "shot-1-findings.jpg"}
    with pytest.raises(SignatureRefused):
        approve(office, work, people.introduce(office, "nordlight", Role.AGENCY))
    approve(office, work, people.key("mira"))
    (again,) = run.run(office, planned, tmp_path).works
    assert again.stage is Stage.RELEASED


def test_a_face_that_cannot_be_told_waits_as_well(played):
    assert played(TURNED)[2].stage is Stage.JUDGED


def test_her_own_bound_decides_instead_of_the_usual_one(played):
    _, _, work = played(SLIMMER, tolerances={"body.width": Fraction(2)})
    assert work.stage is Stage.QUARANTINED
    assert "body.width -4.5 is beyond 2 (bound of the talent)" in work.reasons[0].diagnosis


def test_who_allows_more_is_not_asked(played):
    assert played(SLIMMER, tolerances={"body.width": Fraction(10)})[2].stage is Stage.RELEASED


def test_a_brand_cannot_widen_a_bound_on_her(played):
    assert played(SLIMMER, brands={"body.width": Fraction(10)})[2].stage is Stage.JUDGED


def test_she_who_approves_briefs_still_sees_what_is_open(played, people, tmp_path):
    office, planned, work = played(SLIMMER, approval=Approval.CAMPAIGN)
    for paper in render.draw_approvals(office, work):
        sign.sign(office, paper.document, people.key("mira").sign(paper.message))
    assert run.run(office, planned, tmp_path).works[0].stage is Stage.RELEASED


def test_what_was_held_back_can_be_looked_at_with_its_findings(played):
    office, _, work = played(SLIMMER, tolerances={"body.width": Fraction(2)})
    reading = office.reader.read(copies.annotated(office, work))
    assert reading.label == copies.PROOF_LABEL


def test_a_long_list_of_findings_leaves_room_for_the_proofs_label(played, monkeypatch):
    """The list grows downwards; the label is as large as on the picture alone."""
    office, _, work = played(SLIMMER)
    asked = []

    def annotate(picture, findings):
        high, wide = picture.shape[:2]
        return np.zeros((9 * high, 3 * wide, 3), np.uint8), Box(0, 0, wide, high)

    seal = office.sealer.seal
    monkeypatch.setattr(office.meter, "annotate", annotate)
    monkeypatch.setattr(office.sealer, "seal", lambda rgb, marking: asked.append((rgb, marking)) or seal(rgb, marking))
    with copies.opened(office, work, Act.MEASURE) as (picture, _):
        side = min(picture.shape[:2])
    copies.annotated(office, work)
    ((drawn, marking),) = asked
    assert marking.label_share * min(drawn.shape[:2]) == pytest.approx(float(copies.PROOF_SHARE) * side)
