"""The main job, told with fakes for pixels: what people do, in the order they do it."""

import json

import pytest
from PIL import Image

from twinbook import testing
from twinbook.domain import ledger
from twinbook.domain.consent import Approval
from twinbook.domain.errors import AwaitingSignature, CaptureRefused, StateError
from twinbook.domain.paper import Paper
from twinbook.domain.party import Role
from twinbook.domain.provenance import State
from twinbook.domain.revocation import Grounds
from twinbook.domain.work import Stage
from twinbook.keys.signatures import verify_raw
from twinbook.services import erase as erasing
from twinbook.services import render, report, revoke, run, settle, sign, transparency, verify


@pytest.fixture
def planned(photos):
    shots = [testing.a_shot("blue"), testing.a_shot("red", to="#aa2222", formats=("instagram-4x5", "web-3x4"))]
    return testing.campaign(photos, shots)


@pytest.fixture
def played(office, people, planned, tmp_path):
    people.sign_all(office, planned)
    outcome = run.run(office, planned, tmp_path)
    report.write_papers(office, planned, outcome, tmp_path / "out", tmp_path)
    return outcome


def balances(office):
    with office.unit() as unit:
        return ledger.balances(unit.books.transactions())


def test_every_released_image_is_paid_for_once(office, played):
    assert [work.stage for work in played.works] == [Stage.RELEASED] * 2
    totals = balances(office)
    assert totals[("brand:tvaton", "EUR")] == -90000
    assert totals[("talent:mira", "EUR")] == 2 * 34650
    assert totals[("agency:nordlight", "EUR")] == 2 * 9000
    assert totals[("crew:Ida Berg (hair)", "EUR")] == 2 * 1350
    assert sum(totals.values()) == 0


def test_a_shot_is_one_fee_whatever_its_formats(office, played, tmp_path):
    assert len(list((tmp_path / "out" / "released").iterdir())) == 3
    assert settle.statement(office, "mira").images == 2


def test_an_engine_at_work_is_heard_ten_times(office, people, planned, tmp_path):
    people.sign_all(office, planned)
    told = []
    run.run(office, planned, tmp_path, told.append)
    steps = [line for line in told if line.startswith("blue: step")]
    assert steps == [f"blue: step {done} of 30" for done in range(3, 31, 3)]


def test_a_photograph_too_small_for_a_page_is_told_before_a_fee_is_held(office, people, photos, tmp_path):
    shots = [testing.a_shot("page", formats=("print-a4",))]
    planned = testing.campaign(photos, shots, channels=("print",), consent_channels=("print",))
    people.sign_all(office, planned)
    (work,) = run.run(office, planned, tmp_path).works
    assert (work.stage, [why.code for why in work.reasons]) == (Stage.REFUSED, ["format.too_small"])
    assert balances(office) == {}


def test_running_again_makes_nothing_twice_and_charges_nothing_twice(office, played, planned, tmp_path):
    before = balances(office), {f: f.read_bytes() for f in (tmp_path / "out" / "released").iterdir()}
    again = run.run(office, planned, tmp_path)
    report.write_papers(office, planned, again, tmp_path / "out", tmp_path)
    assert [work.release for work in again.works] == [work.release for work in played.works]
    assert before == (balances(office), {f: f.read_bytes() for f in (tmp_path / "out" / "released").iterdir()})
    with office.unit() as unit:
        assert unit.twins.current("mira").version == 1


def test_moving_a_shot_in_the_file_makes_nothing_new(office, played, photos, tmp_path):
    shots = [testing.a_shot("red", to="#aa2222", formats=("instagram-4x5", "web-3x4")), testing.a_shot("blue")]
    moved = run.run(office, testing.campaign(photos, shots), tmp_path)
    assert {work.release for work in moved.works} == {work.release for work in played.works}


def test_the_same_brief_twice_in_a_file_is_two_images(office, people, photos, tmp_path):
    planned = testing.campaign(photos, [testing.a_shot("one"), testing.a_shot("two")])
    people.sign_all(office, planned)
    works = run.run(office, planned, tmp_path).works
    assert len({work.release for work in works}) == 2
    assert balances(office)[("brand:tvaton", "EUR")] == -90000


def test_out_can_be_made_again_from_the_home(office, played, planned, tmp_path):
    report.write_papers(office, planned, played, tmp_path / "elsewhere", tmp_path)
    one, other = ({f.name: f.read_bytes() for f in (tmp_path / d / "released").iterdir()} for d in ("out", "elsewhere"))
    assert one == other


def test_the_receipts_check_offline(office, played, tmp_path):
    key = json.loads((tmp_path / "out" / "receipts" / "log-key.json").read_text())
    public = bytes.fromhex(key["ed25519"])
    receipts = [f for f in (tmp_path / "out" / "receipts").iterdir() if f.name != "log-key.json"]
    assert len(receipts) == 2
    for file in receipts:
        entry = transparency.verify_receipt(json.loads(file.read_text()), public, verify_raw)
        assert entry["act"] == "image:released"


def test_a_changed_receipt_is_refused(office, played, tmp_path):
    receipt = transparency.receipts(office, played.works[0].release.hex)[0]
    public = office.log_signer.public
    changes = [
        {"leaf": receipt["leaf"].replace("450", "150")},
        {"index": receipt["index"] + 1},
        {"index": "0"},
        {"index": True},
        {"proof": receipt["proof"][:-1]},
        {"proof": ["00"]},
        {"checkpoint": receipt["checkpoint"].replace("\n", "\n1", 1)},
        {"checkpoint": ""},
        {"leaf": None},
    ]
    for change in changes:
        with pytest.raises(StateError, match=r"log\.receipt"):
            transparency.verify_receipt({**receipt, **change}, public, verify_raw)
    with pytest.raises(StateError, match=r"log\.receipt"):
        transparency.verify_receipt(receipt, bytes(32), verify_raw)


def test_she_can_tell_offline_that_her_statement_lists_every_image(office, played):
    data = json.loads(json.dumps(transparency.bundle(office, "mira")))
    logged = transparency.releases_in(data, office.log_signer.public, verify_raw)
    statement = settle.statement(office, "mira")
    assert logged == {line.release for line in statement.lines} == {work.release.hex for work in played.works}


def test_a_bundle_with_a_leaf_left_out_is_noticed(office, played):
    data = transparency.bundle(office, "mira")
    for index, leaf in enumerate(data["leaves"]):
        if "image:released" in leaf:
            short = {**data, "leaves": data["leaves"][:index] + data["leaves"][index + 1 :]}
            with pytest.raises(StateError, match=r"log\.inconsistent"):
                transparency.releases_in(short, office.log_signer.public, verify_raw)


def test_a_rewritten_log_is_noticed(office, played, tmp_path):
    import sqlite3

    assert transparency.verify_log(office, verify_raw)[0] > 5
    with sqlite3.connect(tmp_path / "home" / "twinbook.db") as database:
        database.execute(
            "UPDATE log_entry SET body = CAST(replace(CAST(body AS TEXT), '450', '150') AS BLOB) WHERE seq > 3"
        )
    database.close()
    with pytest.raises(StateError, match=r"log\.inconsistent"):
        transparency.verify_log(office, verify_raw)


def test_verify_tells_what_a_picture_is(office, played, people, tmp_path, clock):
    file = next((tmp_path / "out" / "released").glob("blue*"))
    assert verify.verify(office, file.read_bytes()).state is State.INTACT
    clock.pass_days(90)
    assert verify.verify(office, file.read_bytes()).state is State.EXPIRED
    document = revoke.revocation(office, "mira")
    revoke.revoke(office, document.document(), people.key("mira").sign(Paper.of(document).message))
    assert verify.verify(office, file.read_bytes()).state is State.REVOKED


def test_a_picture_of_somebody_else_is_unknown_and_a_changed_one_altered(office, played, photos, tmp_path):
    assert verify.verify(office, (photos / "view-0.png").read_bytes()).state is State.UNKNOWN
    file = next((tmp_path / "out" / "released").glob("blue*"))
    with Image.open(file) as image:
        pixels, marks = image.convert("RGB"), image.info["twinbook"]
    pixels.putpixel((5, 5), (255, 0, 255))
    from PIL.PngImagePlugin import PngInfo

    kept = PngInfo()
    kept.add_text("twinbook", marks)
    pixels.save(tmp_path / "forged.png", pnginfo=kept)
    assert verify.verify(office, (tmp_path / "forged.png").read_bytes()).state is State.ALTERED


def test_each_image_waits_for_her_when_she_asked_for_it(office, people, photos, tmp_path):
    planned = testing.campaign(photos, approval=Approval.IMAGE)
    people.sign_all(office, planned)
    outcome = run.run(office, planned, tmp_path)
    (work, papers), *_ = outcome.waiting
    assert work.stage is Stage.JUDGED
    report.write_papers(office, planned, outcome, tmp_path / "out", tmp_path)
    assert (tmp_path / "out" / "to-approve" / "shot-1.jpg").exists()
    with pytest.raises(AwaitingSignature, match=r"awaiting\.approval"):
        render.advance(office, work.id)
    brand = people.introduce(office, "tvaton", Role.BRAND)
    with pytest.raises(Exception, match=r"signature\.role"):
        sign.sign(office, papers[0].document, brand.sign(papers[0].message))
    sign.sign(office, papers[0].document, people.key("mira").sign(papers[0].message))
    assert run.run(office, planned, tmp_path).works[0].stage is Stage.RELEASED


def test_a_revocation_ends_work_in_flight_and_gives_the_hold_back(office, people, photos, tmp_path):
    planned = testing.campaign(photos, approval=Approval.IMAGE)
    people.sign_all(office, planned)
    run.run(office, planned, tmp_path)
    assert balances(office)[("brand:tvaton", "EUR")] == -45000
    document = revoke.revocation(office, "mira")
    (ended,) = revoke.revoke(office, document.document(), people.key("mira").sign(Paper.of(document).message))
    assert ended.stage is Stage.REFUSED
    assert set(balances(office).values()) == {0}


def test_revoking_one_license_leaves_the_consent(office, played, people, planned, photos, tmp_path):
    license = played.papers["mira"][1]
    document = revoke.revocation(office, "mira", (license.digest,), grounds=Grounds.BREACH, statement="no label")
    revoke.revoke(office, document.document(), people.key("mira").sign(Paper.of(document).message))
    other = testing.campaign(photos, term_days=30)
    people.sign_all(office, other)
    assert run.run(office, other, tmp_path).works[0].stage is Stage.RELEASED


def test_erasing_destroys_the_key_and_forgets_her(office, played, people, planned, tmp_path):
    file = next((tmp_path / "out" / "released").glob("blue*"))
    document = erasing.erasure(office, "mira")
    erasing.erase(office, document.document(), people.key("mira").sign(Paper.of(document).message))
    assert office.vault.state().boxes == ()
    with office.unit() as unit:
        assert unit.parties.get("mira") is None
        assert unit.twins.current("mira") is None
    gone = office.vault.alias("mira")
    assert verify.verify(office, file.read_bytes()).state is State.REVOKED
    assert transparency.verify_log(office, verify_raw)
    assert settle.statement(office, gone).images == 2
    assert balances(office)[(f"talent:{gone}", "EUR")] == 2 * 34650


def test_running_again_after_an_erasure_makes_nothing_of_her(office, played, people, planned, tmp_path):
    document = erasing.erasure(office, "mira")
    erasing.erase(office, document.document(), people.key("mira").sign(Paper.of(document).message))
    people.sign_all(office, planned)  # the very papers she withdrew: signing them again revives nothing
    outcome = run.run(office, planned, tmp_path)
    report.write_papers(office, planned, outcome, tmp_path / "again", tmp_path)
    assert not (tmp_path / "again" / "released").exists()
    assert office.vault.state().boxes == ()
    assert balances(office)[("brand:tvaton", "EUR")] == -90000


def test_a_folder_without_photographs_stops_with_the_reason(office, people, tmp_path):
    planned = testing.campaign(tmp_path / "nothing-here")
    people.sign_all(office, planned)
    with pytest.raises(CaptureRefused, match=r"capture\.none"):
        run.run(office, planned, tmp_path)


def test_new_photographs_make_a_new_version_of_the_twin(office, played, planned, photos, tmp_path):
    testing.photographs(photos, [(181, 139, 120), (182, 142, 121), (183, 141, 119)])
    run.run(office, planned, tmp_path)
    with office.unit() as unit:
        assert unit.twins.current("mira").version == 2
