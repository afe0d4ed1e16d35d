"""Her data on the command line: looked at, copied, destroyed; and new keys for the vault. No pixels are made here."""

import json
import secrets
import zipfile

import pytest
from astronaut import CAMPAIGN
from click.testing import CliRunner

from twinbook.cli import commands
from twinbook.domain.errors import InputError, TwinbookError


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("TWINBOOK_HOME", "TWINBOOK_MASTER_KEY", "TWINBOOK_RETENTION_KEY"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments):
        done = CliRunner().invoke(commands, [*map(str, arguments)])
        if isinstance(done.exception, TwinbookError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    run("init")
    run("keys", "new", "talent", "Stella Nova", "--id", "stella")
    return run


def test_a_copy_of_what_there_is(command, tmp_path):
    said = command("disclose", "--talent", "stella", "--key", "stella.pem", "--out", "copy.zip", "--confirm", "stella")
    assert "A copy" in said or "copy of everything" in said
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        assert json.loads(archive.read("person.json"))["name"] == "Stella Nova"
        assert archive.read("index.html").startswith(b"<!doctype html>")
    assert "has no twin" in command("plates", "list", "--talent", "stella")
    with pytest.raises(InputError, match=r"talent\.unknown"):
        command("plates", "list", "--talent", "nobody")
    with pytest.raises(TwinbookError, match=r"consent\.missing"):
        command("plates", "show", "--talent", "stella", "--key", "stella.pem", "--out", "look", "--confirm", "stella")


def test_erased_and_nothing_is_kept_of_whom_nobody_paid(command, tmp_path):
    said = command("erase", "--talent", "stella", "--key", "stella.pem", "--confirm", "stella")
    assert "everything held about stella is erased" in said
    assert "erased" in command("erase", "--talent", "stella", "--key", "stella.pem", "--confirm", "stella")
    assert "nothing is kept" in command("retention", "list")
    assert "0 papers destroyed" in command("retention", "purge", "--before", "2026-01-01")
    with pytest.raises(InputError, match=r"retention\.early"):
        command("retention", "purge", "--before", "2999-01-01")
    with pytest.raises(InputError, match=r"retention\.early"):
        command("retention", "purge", "--before", "soon")
    with pytest.raises(InputError, match=r"retention\.unknown"):
        command("retention", "open", "x", "--purpose", "tax audit")
    for file in (tmp_path / ".twinbook").glob("twinbook.db*"):
        assert b"stella" not in file.read_bytes().lower()
    assert "stella" not in command("keys", "list")


def test_a_new_master_key_in_the_home(command, tmp_path):
    (tmp_path / "new.key").write_text(secrets.token_hex(32))
    assert "vault is empty" in command("vault", "status")
    assert "0 data keys" in command("vault", "rotate", "--master", "new.key")
    assert (tmp_path / ".twinbook" / "keys" / "master.key").read_text() == (tmp_path / "new.key").read_text()
    assert json.loads(command("vault", "status", "--json")) == {"boxes": [], "rotating": False, "retained": 0}
    assert json.loads(command("vault", "rotate", "--json")) == {"rotated": {}}
    with pytest.raises(InputError, match=r"key\.master"):
        command("vault", "rotate", "--master", "new.key")
    (tmp_path / "short.key").write_text("abcd")
    with pytest.raises(InputError, match=r"key\.master"):
        command("vault", "rotate", "--master", "short.key")


def test_a_new_master_key_in_the_environment(command, tmp_path, monkeypatch):
    monkeypatch.setenv("TWINBOOK_MASTER_KEY", (tmp_path / ".twinbook" / "keys" / "master.key").read_text())
    (tmp_path / "new.key").write_text(secrets.token_hex(32))
    assert "set TWINBOOK_MASTER_KEY" in command("vault", "rotate", "--master", "new.key")
    with pytest.raises(InputError, match=r"key\.master"):
        command("vault", "status")
    monkeypatch.setenv("TWINBOOK_MASTER_KEY", (tmp_path / "new.key").read_text())
    assert "vault is empty" in command("vault", "status")


def test_the_retention_key_is_missed(command, tmp_path, monkeypatch):
    (tmp_path / ".twinbook" / "keys" / "retention.key").unlink()
    (tmp_path / ".twinbook" / "vault" / "retention").mkdir(parents=True)
    with pytest.raises(InputError, match=r"key\.retention"):
        command("retention", "list")
    monkeypatch.setenv("TWINBOOK_RETENTION_KEY", "00")
    with pytest.raises(InputError, match=r"key\.retention"):
        command("retention", "list")
    monkeypatch.setenv("TWINBOOK_RETENTION_KEY", secrets.token_hex(32))
    assert "nothing is kept" in command("retention", "list")
    monkeypatch.setenv("TWINBOOK_RETENTION_YEARS", "some")
    with pytest.raises(InputError, match=r"retention\.years"):
        command("retention", "list")
