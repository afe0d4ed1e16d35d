"""The commands about notices, with a licensee's machine at the other end."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from test_post import plain, serving

from twinbook import testing
from twinbook.cli import commands
from twinbook.domain import webhook
from twinbook.domain.errors import TwinbookError
from twinbook.domain.log import vkey
from twinbook.services import run


@pytest.fixture
def played(tmp_path, people):
    """A home with one released image, and its log's key. The commands tell the time by the system's clock."""
    photos = testing.photographs(tmp_path / "photos")
    clock = testing.FakeClock(datetime.now(UTC).replace(microsecond=0))
    with testing.open_fake_office(tmp_path, clock) as office:
        planned = testing.campaign(photos, until=clock.at.date() + timedelta(days=365))
        people.sign_all(office, planned)
        run.run(office, planned, tmp_path)
        return office.log_signer.public, vkey(office.log_signer.origin, office.log_signer.public)


@pytest.fixture
def command(tmp_path):
    def call(*arguments, home=True):
        options = ["--home", str(tmp_path / "home")] if home else []
        environment = {"TWINBOOK_WEBHOOK_PRIVATE": "1"}
        done = CliRunner(env=environment).invoke(
            commands, [*map(str, arguments), *options], standalone_mode=False, catch_exceptions=False
        )
        return done.output

    return call


def revoke(command, tmp_path, *more):
    return command(
        "revoke", "--talent", "mira", "--key", tmp_path / "keys-of-people" / "mira.pem", "--confirm", "mira", *more
    )


def test_a_revocation_is_told_at_once_and_checked_offline(command, played, tmp_path):
    public, verifier = played
    with serving(plain(204)) as (server, port):
        url = f"http://127.0.0.1:{port}/hook"
        assert webhook.public_key(public) in command("notices", "address", "tvaton", url)
        assert url in command("notices", "address", "tvaton")
        said = revoke(command, tmp_path)
    assert "to tvaton: delivered" in said
    ((path, headers, body),) = server.got
    assert path == "/hook"
    (entry,) = json.loads(command("notices", "list", "--json"))
    assert entry["state"] == "delivered"
    assert entry["notice"]["id"] == headers["webhook-id"]
    assert "delivered" in command("notices", "list")
    assert "Stop showing" in command("notices", "show", headers["webhook-id"])
    files = {"posted.json": body, "shown.json": command("notices", "show", headers["webhook-id"], "--json").encode()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        for key in (public.hex(), verifier, webhook.public_key(public)):
            said = command("notices", "verify", tmp_path / name, "--key", key, home=False)
            assert "the home signed this" in said
        assert json.loads(command("notices", "verify", tmp_path / name, "--json")) == entry["notice"]
    (tmp_path / "forged.json").write_bytes(body.replace(b'"tvaton"', b'"zandra"'))
    for file, key, code in (
        ("forged.json", public.hex(), "notice.invalid"),
        ("posted.json", "00" * 32, "notice.invalid"),
        ("posted.json", "abc", "key.unreadable"),
        ("nowhere.json", public.hex(), "notice.invalid"),
    ):
        with pytest.raises(TwinbookError, match=code.replace(".", r"\.")):
            command("notices", "verify", tmp_path / file, "--key", key, home=False)


def test_a_dead_address_stops_no_revocation(command, played, tmp_path):
    with serving(plain(503)) as (_, port):
        command("notices", "address", "tvaton", f"http://127.0.0.1:{port}/", "--json")
        told = json.loads(revoke(command, tmp_path, "--json"))
    assert len(told["revoked"]) == 1
    (sent,) = told["notices"]
    assert (sent["state"], sent["attempts"], sent["last_error"]) == ("waiting", 1, "it answered 503")
    assert "it answered 503" in command("notices", "list")
    assert "nothing is due" in command("notices", "send")


def test_without_an_address_it_is_said_what_to_do(command, played, tmp_path):
    assert "not delivered yet: 1" in revoke(command, tmp_path)
    assert "twinbook notices address tvaton URL" in command("notices", "list")
    with serving(plain(200)) as (server, port):
        command("notices", "address", "tvaton", f"http://127.0.0.1:{port}/")
        (sent,) = json.loads(command("notices", "send", "--json"))
    assert sent["state"] == "delivered"
    assert len(server.got) == 1
    assert "sent nowhere" in command("notices", "address", "tvaton", "--remove")
    with pytest.raises(TwinbookError, match=r"notice\.unknown"):
        command("notices", "show", "ntc_0")
    with pytest.raises(TwinbookError, match=r"notice\.address"):
        command("notices", "address", "tvaton", "https://example.com/", "--remove")


def test_an_erasure_is_told_as_a_withdrawal(command, played, tmp_path):
    with serving(plain(204)) as (server, port):
        command("notices", "address", "tvaton", f"http://127.0.0.1:{port}/")
        key = tmp_path / "keys-of-people" / "mira.pem"
        said = json.loads(command("erase", "--talent", "mira", "--key", key, "--confirm", "mira", "--json"))
    assert [sent["state"] for sent in said["notices"]] == ["delivered"]
    assert b"eras" not in server.got[0][2]
