"""Fixtures that every test may use."""

import pytest
from hypothesis import settings

from twinbook import testing

# No timed assertions: a busy machine must not fail a property.
settings.register_profile("twinbook", deadline=None)
settings.load_profile("twinbook")


@pytest.fixture
def clock():
    return testing.FakeClock()


@pytest.fixture
def office(tmp_path, clock):
    """An office with real database, vault, keys and files, and fakes for pixels."""
    with testing.open_fake_office(tmp_path, clock) as made:
        yield made


@pytest.fixture
def people(tmp_path):
    return testing.People(tmp_path / "keys-of-people")


@pytest.fixture
def photos(tmp_path):
    return testing.photographs(tmp_path / "photos")
