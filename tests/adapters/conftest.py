"""What several adapters' tests look at: one sealed copy, and a painted figure with its plate."""

import pytest
from painted_figure import paint, plate_of
from pictures import astronaut, marking


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
