"""A certificate, a sealer, a reader and one sealed copy, made once for all tests of marks."""

from datetime import UTC, datetime

import pytest
from pictures import astronaut, marking

from twinbook.keys.certificates import create_signing_certificate
from twinbook.reader import ImageReader
from twinbook.seal import ImageSealer


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


@pytest.fixture(scope="session")
def sealed(sealer):
    """The astronaut, 900x1200, sealed."""
    return sealer.seal(astronaut(), marking())
