"""The disk fills up at any write: the run stops with a clear error, nothing is lost, and with room again it finishes."""

import errno
import os
from unittest import mock

import pytest
from killing import campaign, faults, make

from twinbook import testing
from twinbook.domain.errors import StateError


def play_until_full(folder, writes):
    """Let that many writes through, then none. Returns whether the disk was ever full."""
    real, left = os.fsync, [writes]

    def fsync(descriptor):
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        return real(descriptor)

    with testing.open_fake_office(folder) as office, mock.patch.object(os, "fsync", fsync):
        try:
            make(folder, office)
        except StateError as stopped:
            assert stopped.code == "home.disk"
            assert "make room" in stopped.remedy
            return True
    return False


@pytest.mark.parametrize("writes", range(0, 40, 3))
def test_full_at_any_write(tmp_path, people, writes):
    testing.photographs(tmp_path / "photos")
    with testing.open_fake_office(tmp_path) as office:
        testing.People(tmp_path / "people").sign_all(office, campaign(tmp_path))
    play_until_full(tmp_path, writes)
    assert not play_until_full(tmp_path, 10**6)
    assert faults("make", tmp_path) == []


def test_it_does_fill_up(tmp_path, people):
    testing.photographs(tmp_path / "photos")
    with testing.open_fake_office(tmp_path) as office:
        testing.People(tmp_path / "people").sign_all(office, campaign(tmp_path))
    assert play_until_full(tmp_path, 3)
