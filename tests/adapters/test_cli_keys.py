"""Keys, mandates and deaths on the command line; the how-to is played word for word."""

import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from twinbook.cli import commands
from twinbook.domain.errors import InputError, SignatureRefused

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "keys.md"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    done = CliRunner().invoke(commands, ["init", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def twinbook(empty, tmp_path, monkeypatch):
    """Runs a command in a folder with a home, and raises what it raises."""
    import shutil

    shutil.copytree(empty, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("TWINBOOK_HOME", raising=False)

    def run(line, **given):
        words = line if isinstance(line, list) else shlex.split(line)
        done = CliRunner().invoke(commands, words, standalone_mode=False, **given)
        if done.exception:
            raise done.exception
        return json.loads(done.output) if "--json" in words else done.output

    return run


def counting(twinbook):
    return {key["key"]: key["counts"] for key in twinbook("keys list --json")}


def test_the_how_to_works_word_for_word(twinbook):
    text = HOWTO.read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    assert len(lines) >= 19
    Path("certificate.pdf").write_bytes(b"a certificate")
    known = {"TODAY": datetime.now(UTC).date().isoformat()}
    for line in lines:
        words = [known.get(word, word) for word in shlex.split(line)]
        assert words.pop(0) == "twinbook"
        told = twinbook(words)
        if words[:2] == ["keys", "make"]:
            known["PUBLIC" if words[2] == "mira-3.pem" else "BOOKER"] = re.search(r"public half: (\w+)", told)[1]
        if words[:2] == ["keys", "add"] and "--new" in words:
            known["LAPTOP"] = twinbook("keys list --json")[-1]["key"]
        if words[:2] == ["keys", "rotate"]:
            known["LOST"] = twinbook("keys list --json")[-1]["key"]
        if words[:3] == ["keys", "confirm", "booker.json"]:
            known["BOOKERS_ID"] = twinbook("keys list --json")[-1]["key"]
        if words[:2] == ["mandate", "list"]:
            known["MANDATE"] = told.split()[0]
    left = {(key["party"], key["counts"]) for key in twinbook("keys list --json")}
    assert {("mira", True), ("mira", False), ("nordlight", True), ("nordlight", False), ("operator", True)} == left
    assert [key["counts"] for key in twinbook("keys list --json") if key["party"] == "mira"] == [
        *(False, False, True, False)
    ]


def test_the_list_tells_duties_and_days(twinbook):
    twinbook("keys new agency Nordlight")
    twinbook("keys add --key nordlight.pem --new booker.pem --duty sign --confirm nordlight")
    told = twinbook("keys list")
    assert "for sign; since 20" in told
    first, second = twinbook("keys list --json")
    assert first["duties"] == ["admin", "brief", "propose", "sign"]
    assert second["duties"] == ["sign"]
    assert (first["since"], first["until"], second["until"]) == (None, None, None)
    twinbook(["keys", "retire", second["key"], "--key", "nordlight.pem", "--confirm", "nordlight"])
    assert re.search(r"for sign; since \S+ \S+ UTC, until \S+ \S+ UTC", twinbook("keys list"))


def test_nothing_is_left_of_a_change_that_was_refused_or_broken_off(twinbook):
    twinbook('keys new talent "Mira Holm" --id mira')
    before = counting(twinbook)
    with pytest.raises(SignatureRefused, match=r"signature\.declined"):
        twinbook("keys add --key mira.pem --new other.pem --confirm no")
    with pytest.raises(Exception, match=r"^$|Abort"):
        twinbook("keys add --key mira.pem --new other.pem", input="")
    twinbook("keys make stranger.pem")
    with pytest.raises(SignatureRefused, match=r"signature\.unknown_key"):
        twinbook("keys add --key stranger.pem --new other.pem --confirm mira")
    assert not Path("other.pem").exists()
    assert Path("stranger.pem").exists()
    assert counting(twinbook) == before


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("keys add --key mira.pem --confirm mira", "key.change"),
        ("keys add --key mira.pem --new a.pem --public 00 --confirm mira", "key.change"),
        ("keys add --key mira.pem --public 00 --confirm mira", "key.unreadable"),
        ("keys add --key mira.pem --public zz --confirm mira", "key.unreadable"),
        ("keys add --key mira.pem --new a.pem --duty sign --confirm mira", "key.change"),
        ("keys add --key mira.pem --new .twinbook/a.pem --confirm mira", "key.exists"),
        ("keys lost nothing --new a.pem --identity-check passport --confirm operator", "party.unknown"),
        ("keys confirm campaign.toml --key mira.pem --confirm mira", "signature.missing"),
        ("died mira --on 2020-01-01 --evidence nothing.pdf", "talent.death"),
        ("alive --talent mira --key mira.pem --confirm mira", "talent.death"),
    ],
)
def test_what_cant_be_is_refused_with_its_reason(twinbook, line, code):
    twinbook('keys new talent "Mira Holm" --id mira')
    with pytest.raises((InputError, SignatureRefused)) as no:
        twinbook(line)
    assert no.value.code == code
    assert not Path("a.pem").exists()


def test_a_change_somebody_tampered_with_is_not_confirmed(twinbook):
    twinbook("keys new agency Nordlight")
    public = twinbook("keys make booker.pem --json")["public"]
    twinbook(f"keys add --key nordlight.pem --public {public} --duty sign --out change.json --confirm nordlight")
    data = json.loads(Path("change.json").read_text())
    data["change"]["new"]["duties"] = ["admin", "sign"]
    Path("change.json").write_text(json.dumps(data))
    with pytest.raises(SignatureRefused, match=r"signature\.invalid"):
        twinbook("keys confirm change.json --key booker.pem --confirm nordlight")


def test_json_for_scripts(twinbook):
    twinbook('keys new talent "Mira Holm" --id mira')
    twinbook("keys new agency Nordlight")
    public = twinbook("keys make second.pem --json")["public"]
    waits = twinbook(f"keys add --key mira.pem --public {public} --out change.json --confirm mira --json")
    assert waits == {"file": "change.json", "new": waits["new"], "waits_for": "confirm"}
    done = twinbook("keys confirm change.json --key second.pem --confirm mira --json")
    assert (done["change"], [key["key"] for key in done["keys"]][-1]) == ("added", waits["new"])
    drawn = twinbook(
        "mandate draw --talent mira --agency nordlight --act accept --channel web --territory SE --min-fee '400 EUR' "
        "--max-term-days 90 --max-images 20 --until 2999-12-31 --json"
    )
    twinbook(["sign", drawn["file"], "--key", "second.pem", "--confirm", "mira"])
    (listed,) = twinbook("mandate list --talent mira --json")
    assert (listed["paper"], listed["acts"]) == (drawn["paper"], ["accept"])
    Path("proof.pdf").write_bytes(b"proof")
    told = twinbook("died mira --on 2026-01-01 --evidence proof.pdf --json")
    assert (told["on"], told["ended"]) == ("2026-01-01", [])
    assert twinbook("alive --talent mira --key second.pem --confirm mira --json") == {"alive": "mira"}


def test_a_territory_that_isnt_one_is_told(twinbook):
    twinbook('keys new talent "Mira Holm" --id mira')
    twinbook("keys new agency Nordlight")
    with pytest.raises(InputError, match=r"mandate\.scope"):
        twinbook(
            "mandate draw --talent mira --agency nordlight --act accept --channel web --territory Sweden "
            "--min-fee '400 EUR' --max-term-days 90 --max-images 20 --until 2999-12-31"
        )


def test_a_part_of_a_consent_is_named_as_in_the_consent(twinbook):
    twinbook('keys new talent "Mira Holm" --id mira')
    with pytest.raises(InputError, match=r"consent\.missing"):
        twinbook("revoke --talent mira --key mira.pem --part generate --confirm mira")
