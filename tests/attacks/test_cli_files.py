"""Files that nobody meant well, given to every command that reads one: each is an answer of ours, and never a traceback."""

import json
import random
import shutil

import pytest
from software_passkey import SoftwarePasskey, spelled
from typed import twinbook

from twinbook import testing
from twinbook.documents.earnings import statement_csv
from twinbook.domain.errors import CODES
from twinbook.services import report, run, settle, transparency

TIMES = 16  # hostile files for each command
DEEP = 100_000
KEY = "ab" * 32


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with a home and one true file of each sort."""
    folder = tmp_path_factory.mktemp("desk")
    people = testing.People(folder)
    with testing.open_fake_office(folder) as office:
        planned = testing.campaign(testing.photographs(folder / "photos"))
        people.sign_all(office, planned)
        run.run(office, planned, folder)
        from twinbook.services import sign

        consent, license = sign.draw_papers(office, planned)["mira"][:2]
        true = {
            "paper.json": {"paper": consent.document, "sha256": consent.digest},
            "license.json": {"paper": license.document},
            "signed.json": report.signed_document(license),
            "bundle.json": transparency.bundle(office, "mira"),
            "policy.json": office.interchange.policy(license.terms, bound=True),
            "credential.json": office.interchange.credential(
                license, office.log_signer, office.verify, office.clock.now()
            ),
        }
        with office.unit() as unit:
            release = unit.works.of_talent("mira")[0].release.hex
        true["receipt.json"] = transparency.receipts(office, release)[0]
        csv = statement_csv(settle.statement(office, "mira"))
        key = office.log_signer.public.hex()
    for name, data in true.items():
        (folder / name).write_text(json.dumps(data), encoding="utf-8")
    (folder / "statement.csv").write_text(csv, encoding="utf-8", newline="")
    device = SoftwarePasskey("ES256", "example.org", "https://example.org")
    made = device.register(b"x" * 32)
    answer = {"attestationObject": spelled(made.attestation_object), "clientDataJSON": spelled(made.client_data)}
    (folder / "passkey.json").write_text(json.dumps({"response": answer}))
    shutil.move(folder / "home", folder / ".twinbook")
    campaign = """[[talent]]\nid = "mira"\nname = "Mira"\nborn = 1998-03-14\nphotos = "photos"\n[license]\nbooking = "mira-0123456789"
[[shot]]\ntalents = ["mira"]\nscene = "studio:sand"\nformats = ["web-3x4"]\n"""
    (folder / "campaign.toml").write_text(campaign)
    change = (
        ["keys", "make", "other.pem"],
        ["keys", "add", "--key", "mira.pem", "--out", "change.json", "--confirm", "mira"],
    )
    public = json.loads(twinbook(folder, *change[0], "--json").stdout)["public"]
    assert twinbook(folder, *change[1], "--public", public).returncode == 0
    return folder, key


# Each command with the true file that is spoiled: it stands where HOSTILE is.
COMMANDS = {
    "sign": ("paper.json", ["sign", "HOSTILE", "--key", "mira.pem", "--confirm", "mira"]),
    "sign as JSON": ("license.json", ["sign", "HOSTILE", "--key", "mira.pem", "--confirm", "mira", "--json"]),
    "challenge": ("paper.json", ["sign", "HOSTILE", "--challenge"]),
    "assertion": ("passkey.json", ["sign", "paper.json", "--assertion", "HOSTILE"]),
    "key": ("mira.pem", ["sign", "paper.json", "--key", "HOSTILE", "--confirm", "mira"]),
    "keys confirm": ("change.json", ["keys", "confirm", "HOSTILE", "--key", "other.pem", "--confirm", "mira"]),
    "keys register": (
        "passkey.json",
        ["keys", "register", "crew", "Ida", "--passkey", "HOSTILE", "--origin", "https://example.org"],
    ),
    "quote": ("campaign.toml", ["quote", "HOSTILE"]),
    "run": ("campaign.toml", ["run", "HOSTILE"]),
    "booking offer": ("campaign.toml", ["booking", "offer", "HOSTILE", "--talent", "mira", "--key", "mira.pem"]),
    "law check": ("license.json", ["law", "check", "HOSTILE"]),
    "import": ("policy.json", ["import", "HOSTILE"]),
    "credential": ("credential.json", ["credential", "verify", "HOSTILE"]),
    "notices": ("receipt.json", ["notices", "verify", "HOSTILE", "--key", KEY]),
    "receipt": ("receipt.json", ["log", "verify", "HOSTILE", "--key", "LOG"]),
    "bundle": ("bundle.json", ["log", "verify", "--bundle", "HOSTILE", "--key", "LOG"]),
    "statement": (
        "statement.csv",
        ["log", "verify", "--bundle", "bundle.json", "--statement", "HOSTILE", "--key", "LOG"],
    ),
    "since": ("bundle.json", ["log", "verify", "--since", "HOSTILE", "--proof", "receipt.json", "--key", "LOG"]),
    "proof": ("receipt.json", ["log", "verify", "--since", "bundle.json", "--proof", "HOSTILE", "--key", "LOG"]),
    "prove": ("bundle.json", ["log", "prove", "HOSTILE"]),
    "papers verify": ("signed.json", ["papers", "verify", "HOSTILE"]),
    "verify": ("signed.json", ["verify", "HOSTILE"]),
}
ODD = [None, True, 0, -1, 1.5, 10**30, "", "x", "\ud800", [], {}, ["x"], {"a": {}}, "2026-13-01", float("nan")]


def places(data, path=()):
    """Every place in a document."""
    yield path
    for name, inner in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from places(inner, (*path, name))


def replaced(data, path, value):
    if not path:
        return value
    inner = dict(data) if isinstance(data, dict) else list(data)
    inner[path[0]] = replaced(inner[path[0]], path[1:], value)
    return inner


def hostile(data, chance):
    """One file that isn't as it should be."""
    ways = ["bytes", "cut", "deep", "nested", "empty", "swap", "odd", "odd", "odd", "odd"]
    way = chance.choice(ways)
    if way == "bytes":
        return chance.randbytes(chance.randrange(1, 400))
    if way == "cut":
        return data[: chance.randrange(len(data))]
    if way == "deep":
        return b"[" * DEEP + b"]" * DEEP
    if way == "empty":
        return chance.choice([b"", b"{}", b"[]", b"null", b"\xef\xbb\xbf{}", b"0", b'""', b"\x00"])
    if way == "swap":
        spoiled = bytearray(data)
        for _ in range(chance.randrange(1, 6)):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        return bytes(spoiled)
    try:
        document = json.loads(data)
    except ValueError:
        return data.replace(b"=", chance.choice([b",", b"==", b"= [", b"\x00"]), 1)
    path = chance.choice(list(places(document)))
    value = chance.choice(ODD)
    if way == "nested":
        for _ in range(chance.choice([60, 400, 900])):
            value = [value]
    return json.dumps(replaced(document, path, value)).encode()


@pytest.mark.parametrize("command", COMMANDS)
def test_whatever_a_file_holds_the_answer_is_ours(desk, command):
    folder, key = desk
    true, arguments = COMMANDS[command]
    suffix = true[true.index(".") :]
    data = (folder / true).read_bytes()
    chance = random.Random(command)
    for number in range(TIMES):
        file = folder / f"hostile-{number}{suffix}"
        spoiled = hostile(data, chance)
        file.write_bytes(spoiled)
        file.chmod(0o600)
        given = [{"HOSTILE": file.name, "LOG": key}.get(word, word) for word in arguments]
        done = twinbook(folder, *given)  # anything but an error of our own comes through and fails
        assert done.returncode in (0, 1, 2, 3), (spoiled[:200], done)
        if done.returncode:
            assert done.stderr or done.stdout
            codes = [word.strip("[]") for word in done.stderr.split() if word.startswith("[") and word.endswith("]")]
            assert all(code in CODES for code in codes if "." in code), codes


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_not_there_is_told_as_that(desk, command):
    folder, key = desk
    given = [{"HOSTILE": "nowhere.json", "LOG": key}.get(word, word) for word in COMMANDS[command][1]]
    done = twinbook(folder, *given)
    assert done.returncode in (1, 2)
    assert done.stderr or "--json" in given
