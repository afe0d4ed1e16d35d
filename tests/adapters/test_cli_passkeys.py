"""Passkeys on the command line: what a page's browser answered is handed in as files."""

import json

import pytest
from software_passkey import SoftwarePasskey, spelled
from test_booking_commands import CAMPAIGN
from typed import twinbook

ORIGIN = "https://sign.example.org"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "campaign.toml").write_text(CAMPAIGN, encoding="utf-8")
    assert twinbook(tmp_path, "run", "campaign.toml").returncode == 3
    return tmp_path


@pytest.fixture
def device():
    return SoftwarePasskey("ES256", "sign.example.org", ORIGIN)


def made(folder, device):
    """What the page writes after `create()`: the credential's own JSON."""
    answer = device.register(bytes(range(32)))
    response = {"attestationObject": spelled(answer.attestation_object), "clientDataJSON": spelled(answer.client_data)}
    (folder / "made.json").write_text(json.dumps({"type": "public-key", "id": "x", "response": response}))
    return "made.json"


def answered(folder, device, message):
    """What the page writes after `get()`: the bare response."""
    answer = device.assertion(message)
    told = {
        "authenticatorData": spelled(answer.authenticator_data),
        "clientDataJSON": spelled(answer.client_data),
        "signature": spelled(answer.signature),
    }
    (folder / "answer.json").write_text(json.dumps(told))
    return "answer.json"


def message_of(document):
    from twinbook.domain.canonical import canonical

    return canonical(document)


def registered(folder, device, *confirm):
    new = ("keys", "register", "talent", "Mira Holm", "--id", "mira", "--passkey", made(folder, device))
    done = twinbook(folder, *new, "--origin", ORIGIN, "--out", "change.json")
    assert done.returncode == 0, done.stderr
    change = json.loads((folder / "change.json").read_text())
    assert change["passkey"]["challenge"] in done.stdout
    answer = answered(folder, device, message_of(change["change"]))
    return twinbook(folder, "keys", "confirm", "change.json", "--assertion", answer, "--confirm", "mira")


def test_a_passkey_becomes_her_first_key_and_signs_her_consent(folder, device):
    done = registered(folder, device)
    assert done.returncode == 0, done.stderr
    (key,) = json.loads(twinbook(folder, "keys", "list", "--json").stdout)
    assert (key["party"], key["algorithm"]) == ("mira", "webauthn-es256")
    (consent,) = (folder / "out" / "to-sign").glob("consent-*.json")
    terms = json.loads(consent.read_text())
    (asked,) = json.loads(twinbook(folder, "sign", consent, "--challenge", "--json").stdout)
    assert asked["challenge"] == spelled(bytes.fromhex(terms["sha256"]))
    assert (asked["rpId"], asked["userVerification"]) == ("sign.example.org", "required")
    other = answered(folder, device, message_of(terms["paper"]) + b" ")
    refused = twinbook(folder, "sign", consent, "--assertion", other)
    assert refused.returncode == 1
    assert "signature.passkey" in refused.stderr
    answer = answered(folder, device, message_of(terms["paper"]))
    done = twinbook(folder, "sign", consent, "--assertion", answer)
    assert done.returncode == 0, done.stderr
    assert "signed by mira" in done.stdout


def test_a_passkey_that_nobody_holds_is_not_registered(folder, device):
    stranger = SoftwarePasskey("ES256", "sign.example.org", ORIGIN)
    new = ("keys", "register", "talent", "Mira Holm", "--id", "mira", "--passkey", made(folder, device))
    assert twinbook(folder, *new, "--origin", ORIGIN, "--out", "change.json").returncode == 0
    change = json.loads((folder / "change.json").read_text())
    answer = answered(folder, stranger, message_of(change["change"]))
    done = twinbook(folder, "keys", "confirm", "change.json", "--assertion", answer, "--confirm", "mira")
    assert done.returncode == 1
    assert "key.proof" in done.stderr
    assert json.loads(twinbook(folder, "keys", "list", "--json").stdout) == []


def test_a_passkey_of_another_page_is_refused(folder, device):
    new = ("keys", "register", "talent", "Mira Holm", "--id", "mira", "--passkey", made(folder, device))
    for origin in ("https://evil.example.org", "sign.example.org", "https://sign.example.org/page"):
        done = twinbook(folder, *new, "--origin", origin)
        assert "signature.passkey" in done.stderr


def test_a_passkey_stands_beside_a_key_file(folder, device):
    assert twinbook(folder, "keys", "new", "talent", "Mira Holm", "--id", "mira").returncode == 0
    add = ("keys", "add", "--key", "mira.pem", "--passkey", made(folder, device), "--out", "change.json")
    assert "key.change" in twinbook(folder, *add, "--confirm", "mira").stderr
    done = twinbook(folder, *add, "--origin", ORIGIN, "--confirm", "mira")
    assert done.returncode == 0, done.stderr
    change = json.loads((folder / "change.json").read_text())
    answer = answered(folder, device, message_of(change["change"]))
    done = twinbook(folder, "keys", "confirm", "change.json", "--assertion", answer, "--confirm", "mira", "--json")
    assert done.returncode == 0, done.stderr
    assert [key["counts"] for key in json.loads(done.stdout)["keys"]] == [True, True]


def test_who_has_no_passkey_is_told_so(folder):
    (consent,) = (folder / "out" / "to-sign").glob("consent-*.json")
    done = twinbook(folder, "sign", consent, "--challenge")
    assert done.returncode == 1
    assert "signature.unknown_key" in done.stderr
    assert twinbook(folder, "sign", consent).returncode == 2
