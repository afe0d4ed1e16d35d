"""Fixtures that every test may use."""

from datetime import UTC, datetime

import pytest
from hypothesis import settings

from twinbook import testing
from twinbook.keys.certificates import create_signing_certificate
from twinbook.reader import ImageReader
from twinbook.seal import ImageSealer

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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    # The real clock: c2pa-rs judges validity by its own.
    return create_signing_certificate(tmp_path_factory.mktemp("c2pa"), "Nordlight & Söner", datetime.now(UTC))


@pytest.fixture(scope="session")
def sealer(certificate):
    return ImageSealer(certificate.chain_pem, certificate.private_key_pem)


@pytest.fixture(scope="session")
def reader(certificate):
    return ImageReader(certificate.anchors_pem)
