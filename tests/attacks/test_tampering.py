"""Through `run`, with the real engine, meter and seal on the demonstration's people: what isn't her is quarantined."""

import shutil
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import color

from twinbook import app, testing
from twinbook.domain import ledger
from twinbook.domain.work import Stage
from twinbook.engines.composite import CompositeEngine
from twinbook.ports import Engine
from twinbook.services import enroll, report, run, sign
from twinbook.settings import Settings
from twinbook.vision import DlibMeter

PHOTOS = Path(__file__).resolve().parents[2] / "examples" / "demo" / "photos"
# Reckoned once: what was signed before midnight names the same day when it is used after it.
UNTIL = app.SystemClock().now().date() + timedelta(days=365)


class Careless(Engine):
    """An engine that does something to her after the work was done well."""

    def __init__(self, spoil):
        self._good, self._spoil = CompositeEngine(), spoil

    def profile(self):
        return self._good.profile()

    def plan(self, shot, plates, checkpoints=()):
        return self._good.plan(shot, plates, checkpoints or {})

    def _render(self, job):
        made = self._good.render(job)
        rgb = made.rgb_srgb.copy()
        self._spoil(rgb)
        return replace(made, rgb_srgb=rgb)


def leave_alone(rgb):
    pass


def paste_samis_face(rgb):
    """Sami's face over Mira's, scaled to it and feathered, as a face swap does."""
    meter = DlibMeter()
    (target, *_) = meter.faces(rgb)
    other = np.asarray(Image.open(PHOTOS / "sami" / "head-front.jpg").convert("RGB"))
    (source, *_) = meter.faces(other)
    source, target = source.grown(0.15), target.grown(0.15)
    face = other[source.top : source.bottom, source.left : source.right]
    face = cv2.resize(face, (target.width, target.height), interpolation=cv2.INTER_AREA)
    mask = np.zeros((target.height, target.width, 1), np.float32)
    cv2.ellipse(
        mask,
        (target.width // 2, target.height // 2),
        (int(target.width * 0.42), int(target.height * 0.48)),
        0,
        0,
        360,
        1,
        -1,
    )
    mask = cv2.GaussianBlur(mask, (0, 0), target.width / 30)[..., None]
    place = rgb[target.top : target.bottom, target.left : target.right]
    place[:] = (face * mask + place * (1 - mask)).astype(np.uint8)


def shift_lightness(rgb, by):
    """L* of head and shoulders; the rest of the picture stays."""
    (face, *_) = DlibMeter().faces(rgb)
    head = face.grown(0.6).clipped(rgb.shape[1], rgb.shape[0])
    place = rgb[head.top : head.bottom, head.left : head.right]
    lab = color.rgb2lab(place)
    lab[..., 0] = np.clip(lab[..., 0] + by, 0, 100)
    place[:] = (color.lab2rgb(lab) * 255).round().astype(np.uint8)


def lighten_skin_by_8(rgb):
    shift_lightness(rgb, 8)


def darken_skin_by_8(rgb):
    shift_lightness(rgb, -8)


def blot_the_face_out(rgb):
    (face, *_) = DlibMeter().faces(rgb)
    rgb[face.top : face.bottom, face.left : face.right] = 128


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory):
    """``enrolled(view)``: a folder with Mira's photographs and a home where she is enrolled and has signed that a picture
    is made from this one. Enrolling takes longest: it is done once for a view, and each test plays in a copy."""

    @cache
    def prepared(view):
        folder = tmp_path_factory.mktemp(view)
        (folder / "photos").mkdir()
        for name in ("waist-front", "head-front"):
            shutil.copy(PHOTOS / "mira" / f"{name}.jpg", folder / "photos")
        app.make_home(Settings(folder / "home"))
        planned = campaign(folder, view)
        with app.open_office(Settings(folder / "home")) as office:
            testing.People(folder / "people").sign_all(office, planned)
            (consent, *_) = sign.draw_papers(office, planned)["mira"]
            made = enroll.enroll_cast(office, planned, planned.talents[0], consent, folder)
        assert len(made.twin.plates) == 2
        return folder

    return prepared


def campaign(folder, view):
    shot = testing.a_shot("spoilt", plate=view, formats=("web-3x4",))
    return testing.campaign(folder / "photos", [shot], until=UNTIL)


@pytest.mark.parametrize(
    ("spoil", "measure"),
    [
        (leave_alone, None),
        (paste_samis_face, "identity.distance"),
        (lighten_skin_by_8, "skin.delta_l"),
        pytest.param(darken_skin_by_8, "skin.delta_l", marks=pytest.mark.slow),
        (blot_the_face_out, "could not be measured"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("view", ["waist-front", pytest.param("head-front", marks=pytest.mark.slow)])
def test_tampering_is_quarantined_and_care_is_not(tmp_path, enrolled, spoil, measure, view):
    shutil.copytree(enrolled(view), tmp_path, dirs_exist_ok=True)
    planned = campaign(tmp_path, view)
    with app.open_office(Settings(tmp_path / "home"), engines={"composite": Careless(spoil)}) as office:
        outcome = run.run(office, planned, tmp_path)
        report.write_papers(office, planned, outcome, tmp_path / "out", tmp_path)
        (work,) = outcome.works
        with office.unit() as unit:
            totals = ledger.balances(unit.books.transactions())
    if measure is None:
        assert work.stage is Stage.RELEASED, work.reasons
        assert work.calibrated
        return
    assert work.stage is Stage.QUARANTINED, work.findings
    assert any(measure in why.diagnosis for why in work.reasons), work.reasons
    assert not list((tmp_path / "out").rglob("*.jpg"))
    assert set(totals.values()) == {0}
