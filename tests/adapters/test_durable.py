"""Files are the old ones or the new ones, and a full disk is told as such."""

import errno
import os
from unittest import mock

import pytest

from twinbook import durable
from twinbook.domain.errors import StateError


def test_written_whole_and_private_when_asked(tmp_path):
    durable.write(tmp_path / "deep" / "key", b"secret", mode=0o600)
    assert (tmp_path / "deep" / "key").read_bytes() == b"secret"
    assert (tmp_path / "deep" / "key").stat().st_mode & 0o077 == 0


def test_what_must_not_be_replaced_is_not(tmp_path):
    durable.write(tmp_path / "key", b"first", replace=False)
    with pytest.raises(FileExistsError):
        durable.write(tmp_path / "key", b"second", replace=False)
    assert [f.name for f in tmp_path.iterdir()] == ["key"]
    assert (tmp_path / "key").read_bytes() == b"first"


def test_a_full_disk_leaves_the_old_file_and_no_draft(tmp_path):
    durable.write(tmp_path / "file", b"old")
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch.object(os, "fsync", side_effect=full), pytest.raises(StateError) as stopped:
        durable.write(tmp_path / "file", b"new")
    assert stopped.value.code == "home.disk"
    assert "make room" in stopped.value.remedy
    assert (tmp_path / "file").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_draft_of_a_killed_writer_is_removed_by_the_next(tmp_path):
    (tmp_path / ".file.0123abcd.part").write_bytes(b"half")
    durable.write(tmp_path / "file", b"whole")
    assert [f.name for f in tmp_path.iterdir()] == ["file"]


def test_shredding_and_removing_what_is_not_there_is_fine(tmp_path):
    durable.shred(tmp_path / "nothing")
    durable.remove_folder(tmp_path / "nothing")
    durable.write(tmp_path / "file", b"x")
    durable.shred(tmp_path / "file")
    assert not list(tmp_path.iterdir())
