"""What several adapters' tests look at: one sealed copy, and a painted figure with its plate."""

from functools import cache
from pathlib import Path

import pytest
from painted_figure import paint, plate_of
from pictures import astronaut, marking

from twinbook.vision import DlibMeter

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo" / "photos"


@pytest.fixture(scope="session")
def sealed(sealer):
    """The astronaut, 900x1200, sealed."""
    return sealer.seal(astronaut(), marking())


@pytest.fixture(scope="module")
def figure():
    return paint()


@pytest.fixture(scope="module")
def plate(figure):
    return plate_of(figure)


@pytest.fixture(scope="session")
def demo_plate():
    """``demo_plate("mira", "waist-front")``: a demo photograph enrolled by itself, once."""

    @cache
    def plate(talent, view):
        (made,) = DlibMeter().enroll([DEMO / talent / f"{view}.jpg"], lambda said: None).plates
        return made

    return plate
