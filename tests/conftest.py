"""Fixtures that every test may use, and what no test may do: reach another machine, or spend on a real server."""

import ipaddress
import os
import socket
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


for name in [name for name in os.environ if name.startswith("TWINBOOK_COMFYUI_")]:
    del os.environ[name]


class NotThisMachine(BaseException):
    """No Exception: a test that catches those of a failing network must not pass by it."""


def _only_this_machine(connect):
    def held(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0]).partition("%")[0] or "127.0.0.1"
            try:
                here = ipaddress.ip_address(host).is_loopback
            except ValueError:
                here = host == "localhost"
            if not here:
                raise NotThisMachine(f"a test tried to reach {address}")
        return connect(self, address)

    return held


socket.socket.connect = _only_this_machine(socket.socket.connect)
socket.socket.connect_ex = _only_this_machine(socket.socket.connect_ex)


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
