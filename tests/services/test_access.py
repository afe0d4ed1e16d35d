"""She looks at her plates and takes a copy of everything; nobody does it for her, and nobody else is in it."""

import io
import json
import stat
import zipfile
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image

from twinbook import testing
from twinbook.domain.access import Scope
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, Refused, SignatureRefused, StateError, VaultRefused
from twinbook.domain.paper import Paper
from twinbook.domain.party import Party, Role
from twinbook.domain.permit import Act
from twinbook.keys.signatures import verify_raw
from twinbook.services import access, permit, revoke, run, settle, transparency
from twinbook.services import erase as erasing


@pytest.fixture
def programme(office, people, photos, tmp_path):
    """Mira alone, Eve alone under another brand, and both together in a picture that waits."""
    eves = testing.photographs(tmp_path / "eves", [(181, 140, 121), (183, 141, 120)])
    planned = testing.campaign(photos, [testing.a_shot("hers")])
    people.sign_all(office, planned)
    mine = run.run(office, planned, tmp_path)
    other = testing.campaign(
        eves, [testing.a_shot("eves", talents=("eve",))], brand=Party("zandra", Role.BRAND, "Zandra")
    )
    cast = replace(other.talents[0], party=Party("eve", Role.TALENT, "Eve Lind", other.talents[0].party.born))
    other = replace(other, talents=(cast,))
    people.sign_all(office, other)
    run.run(office, other, tmp_path)
    return mine


def asked(office, people, scope, who="mira", key="mira", **changes):
    paper = Paper.of(replace(access.request(office, who, scope), **changes))
    return paper.document, people.key(key).sign(paper.message)


def acts(office, talent="mira"):
    bundle = transparency.bundle(office, talent)
    entries = [json.loads(leaf) for leaf in bundle["leaves"]]
    secret = bytes.fromhex(bundle["secret"])
    from twinbook.domain import log

    return [entry for entry in entries if log.mark(secret, entry["nonce"]) in entry["who"]]


# --- looking


def test_she_looks_at_her_plates_and_the_log_keeps_it(office, people, programme, photos):
    seen = list(access.look(office, *asked(office, people, Scope.LOOK)))
    assert [facts.photo for facts, _ in seen] == ["view-0", "view-1"]
    with Image.open(io.BytesIO(seen[0][1])) as shown, Image.open(photos / "view-0.png") as photo:
        assert np.array_equal(np.asarray(shown.convert("RGB")), np.asarray(photo.convert("RGB")))
    *_, made, looked = acts(office)
    assert (made["act"], made["facts"]["act"]) == ("permit:made", "view")
    assert (looked["act"], looked["facts"]["plates"]) == ("plates:viewed", "2")


def test_she_may_name_the_one_she_wants(office, people, programme):
    ((facts, _),) = access.look(office, *asked(office, people, Scope.LOOK), ["view-1"])
    assert facts.photo == "view-1"
    with pytest.raises(InputError, match=r"plate\.unknown"):
        list(access.look(office, *asked(office, people, Scope.LOOK), ["view-7"]))


@pytest.mark.parametrize("who", ["tvaton", "nordlight", "eve"])
def test_nobody_looks_in_her_place(office, people, programme, tmp_path, who):
    role = {"tvaton": Role.BRAND, "nordlight": Role.AGENCY, "eve": Role.TALENT}[who]
    if who == "nordlight":
        people.introduce(office, who, role)
    for scope, act in ((Scope.LOOK, access.look), (Scope.EVERYTHING, access.disclose)):
        more = () if act is access.look else (tmp_path / "copy.zip",)
        with pytest.raises(SignatureRefused, match=r"signature\.role"):
            list(act(office, *asked(office, people, scope, key=who), *more))
        if role is Role.TALENT:
            with pytest.raises(SignatureRefused):
                list(act(office, *asked(office, people, scope, key=who, estate=who), *more))
    assert not (tmp_path / "copy.zip").exists()


def test_a_request_is_for_one_thing_and_for_a_day(office, people, programme, clock, tmp_path):
    with pytest.raises(Refused, match=r"access\.other"):
        access.disclose(office, *asked(office, people, Scope.LOOK), tmp_path / "copy.zip")
    with pytest.raises(Refused, match=r"access\.other"):
        list(access.look(office, *asked(office, people, Scope.EVERYTHING)))
    for moment in (clock.at - timedelta(days=2), clock.at + timedelta(hours=1)):
        with pytest.raises(Refused, match=r"access\.stale"):
            list(access.look(office, *asked(office, people, Scope.LOOK, at=moment)))


def test_to_look_takes_her_consent_and_to_have_a_copy_does_not(office, people, programme, tmp_path):
    document = revoke.revocation(office, "mira", parts=frozenset({Part.CAPTURE}))
    revoke.revoke(office, document.document(), people.key("mira").sign(Paper.of(document).message))
    with pytest.raises(Refused, match=r"consent\.part"):
        list(access.look(office, *asked(office, people, Scope.LOOK)))
    assert access.disclose(office, *asked(office, people, Scope.EVERYTHING), tmp_path / "copy.zip")["plates"]


def test_a_permit_to_view_makes_no_picture_and_one_to_render_shows_none(office, people, programme):
    with office.unit() as unit:
        paper = Paper.of(access.request(office, "mira", Scope.LOOK))
        unit.papers.draw(paper, "mira", "terms", office.clock.now())
        unit.papers.sign(paper.digest, people.key("mira").sign(paper.message), office.clock.now())
        granted = permit.for_access(office, unit, Act.VIEW, "mira", unit.papers.get(paper.digest))
        plate = unit.twins.current("mira").plates[0].id
    with office.vault.open("mira", granted) as twin:
        assert twin.plate(plate).embedding.size == 0
        with pytest.raises(VaultRefused, match=r"permit\.act"):
            twin.put_picture("w/x", twin.plate(plate).rgb_srgb)
        with pytest.raises(VaultRefused, match=r"permit\.act"):
            twin.picture(programme.works[0].made.picture)


# --- a copy of everything


@pytest.fixture
def copy(office, people, programme, tmp_path):
    file = tmp_path / "copies" / "mira.zip"
    access.disclose(office, *asked(office, people, Scope.EVERYTHING), file)
    return file


def test_everything_of_hers_is_in_the_copy(office, people, programme, copy):
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with zipfile.ZipFile(copy) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        index = json.loads(archive.read("index.json"))
        assert sorted(names) == sorted(
            ["index.html", "index.json", *(f for s in index["sections"].values() for f in s)]
        )
        assert (index["name"], index["left_out"]) == ("Mira Holm", 0)
        assert {name: bool(files) for name, files in index["sections"].items()} == dict.fromkeys(
            access.SECTIONS, True
        ) | {"notices": False, "trained": False}
        kinds = sorted(
            name.split("/")[1].split("-")[0] for name in names if name.startswith("papers/") and "json" in name
        )
        assert kinds == ["access", "consent", "license"]
        embedding = json.loads(archive.read(index["sections"]["template"][0]))
        assert len(embedding) == 128
        released = next(iter(office.outbox.released(programme.works[0].release).values()))
        assert archive.read(f"released/{released.name}") == released.read_bytes()
        assert (
            archive.read("statement.csv") == office.documents.statement_csv(settle.statement(office, "mira")).encode()
        )
        assert json.loads(archive.read("person.json"))["born"] == "1998-03-14"
        for name in index["sections"]["log"][:-1]:
            transparency.verify_receipt(json.loads(archive.read(name)), office.log_signer.public, verify_raw)
        logged = {json.loads(json.loads(archive.read(name))["leaf"])["act"] for name in index["sections"]["log"][:-1]}
    assert {"paper:drawn", "twin:enrolled", "permit:made", "image:released"} <= logged
    assert acts(office)[-1]["act"] == "data:disclosed"


def test_nothing_of_anybody_else_is_in_the_copy(copy):
    with zipfile.ZipFile(copy) as archive:
        text = "\n".join(archive.namelist()) + "\n".join(
            archive.read(name).decode() for name in archive.namelist() if name.endswith((".json", ".html", ".csv"))
        )
    assert not [word for word in ("Eve Lind", '"eve"', "Zandra", "zandra") if word in text]


def test_a_copy_is_whole_or_not_there(office, people, programme, tmp_path, monkeypatch):
    file = tmp_path / "mira.zip"
    file.write_bytes(b"an older one")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(access, "_log", full)
    with pytest.raises(StateError, match=r"home\.disk"):
        access.disclose(office, *asked(office, people, Scope.EVERYTHING), file)
    assert file.read_bytes() == b"an older one"
    assert [f.name for f in tmp_path.iterdir() if f.name.endswith(".part")] == []


def test_who_has_no_twin_gets_what_there_is(office, people, photos, tmp_path):
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    sections = access.disclose(office, *asked(office, people, Scope.EVERYTHING), tmp_path / "copy.zip")
    assert sections["papers"]
    assert not sections["plates"]


def test_her_copy_can_be_taken_before_she_goes_and_not_after(office, people, programme, copy, tmp_path):
    paper = Paper.of(erasing.erasure(office, "mira"))
    erasing.erase(office, paper.document, people.key("mira").sign(paper.message))
    with pytest.raises(SignatureRefused, match=r"signature\.unknown_key"):
        access.disclose(office, *asked(office, people, Scope.EVERYTHING), tmp_path / "late.zip")
    assert not (tmp_path / "late.zip").exists()


@pytest.mark.parametrize(
    ("language", "word"), [("sv", "Allt som finns"), ("de", "Alles, was"), ("fr", "Tout ce qui"), ("xx", "Everything")]
)
def test_the_first_page_is_in_her_language(language, word):
    from twinbook.documents import Papers
    from twinbook.ports import Disclosure

    sections = {name: ["papers/a & b.json"] for name in access.SECTIONS}
    page = Papers().disclosure(Disclosure("<Mira>", testing.NOON, "0" * 64, sections, 2), language)
    assert word in page
    assert "&lt;Mira&gt;" in page
    assert page.count("a &amp; b.json") == 2 * len(sections)
