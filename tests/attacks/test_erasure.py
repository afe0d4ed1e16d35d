"""After an erasure nothing of her is found in any byte of the home: not her photographs, her template, or her name."""

import json
import multiprocessing
import shutil
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from astronaut import make_folder, sign_everything, twinbook
from PIL import Image
from scanning import Traces, scan_bytes, scan_for

from twinbook import testing
from twinbook.domain.errors import InputError, StateError, TwinbookError, VaultRefused
from twinbook.domain.paper import Paper
from twinbook.domain.party import Party, Role
from twinbook.domain.permit import Act
from twinbook.domain.provenance import State
from twinbook.domain.work import Stage
from twinbook.keys.signatures import verify_raw
from twinbook.services import erase as erasing
from twinbook.services import permit, retention, run, transparency, verify
from twinbook.vault import FileRetention
from twinbook.vision import DlibMeter

HER, NAME = "mirabelle-quint", "Mirabelle Quint-Ångström"
OTHER, OTHER_NAME = "samira-vale", "Samira Vale"


def textured(folder, seed, stem=HER, count=2):
    """Photographs that look like something: a face of one colour for the fake meter, and a grain that nobody else has."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for number in range(count):
        pixels = np.clip(random.normal((180, 140, 120), 20, (128, 96, 3)), 0, 255).astype(np.uint8)
        kind = {"quality": 92} if number else {}
        Image.fromarray(pixels).save(folder / f"{stem}-{number}.{'jpg' if number else 'png'}", **kind)
    return folder


def cast(campaign, who, name, photos):
    first = campaign.talents[0]
    return replace(first, party=Party(who, Role.TALENT, name, first.party.born), photos=str(photos))


@pytest.fixture
def programme(office, people, tmp_path):
    """Her alone in one shot, and together with another talent in one where the other comes first."""
    photos, others = textured(tmp_path / "photos", 1), textured(tmp_path / "others", 2, OTHER)
    shots = [
        testing.a_shot(f"{HER} in blue", talents=(HER,)),
        testing.a_shot("together", to="#aa2222", talents=(OTHER, HER), plate=f"{OTHER}-1"),
        testing.a_shot("alone", to="#22aa22", talents=(OTHER,), plate=f"{OTHER}-0"),
    ]
    planned = testing.campaign(photos, shots)
    planned = replace(
        planned,
        title=f"for {HER}",
        talents=(cast(planned, HER, NAME, photos), cast(planned, OTHER, OTHER_NAME, others)),
    )
    people.sign_all(office, planned)
    return run.run(office, planned, tmp_path)


@pytest.fixture
def issued(office, programme):
    """The released copies of each shot, as bytes, by the shot's place."""
    found = [list(office.outbox.released(work.release).values()) for work in programme.works]
    return [files[0].read_bytes() for files in found if files]


def template_of(office, work, who=HER):
    with office.unit() as unit:
        plate = unit.twins.current(who).plates[0].id
    with office.vault.open(who, permit.for_shot(office, work, Act.MEASURE)[who]) as twin:
        return twin.plate(plate).embedding


@pytest.fixture
def traces(office, programme, issued, tmp_path):
    template = template_of(office, programme.works[0]).tobytes()
    copies = {"her copy": issued[0], "the joint copy": issued[1]}
    return Traces.of(tmp_path / "photos", {HER, NAME, "Mirabelle"}, template, copies)


def erase(office, people, who=HER):
    paper = Paper.of(erasing.erasure(office, who))
    return erasing.erase(office, paper.document, people.key(who).sign(paper.message))


@pytest.mark.parametrize("gone", [HER, OTHER])
def test_a_joint_picture_opens_for_nobody_without_the_keys_of_all(office, programme, gone):
    """Only one data key is destroyed here, as if everything else had been copied away before: the picture is noise."""
    work = next(work for work in programme.works if len(work.shot.talents) == 2)
    name = work.made.picture

    def look():
        permits = permit.for_shot(office, work, Act.MEASURE)
        with office.vault.open(OTHER, permits[OTHER]) as first, office.vault.open(HER, permits[HER]) as second:
            return first.picture(name, [second])

    def look_alone(who):
        with office.vault.open(who, permit.for_shot(office, work, Act.MEASURE)[who]) as twin:
            return twin.picture(name)

    assert look().shape == (128, 96, 3)
    for who in (HER, OTHER):
        with pytest.raises(VaultRefused, match=r"vault\.missing"):
            look_alone(who)
    (office.vault._box(gone) / "key").unlink()
    with pytest.raises(VaultRefused, match=r"vault\.missing"):
        look()


def test_a_share_of_another_picture_opens_nothing(office, programme):
    work = next(work for work in programme.works if len(work.shot.talents) == 2)
    permits = permit.for_shot(office, work, Act.RENDER)
    with office.vault.open(OTHER, permits[OTHER]) as first, office.vault.open(HER, permits[HER]) as second:
        first.put_picture("w/one", np.zeros((4, 4, 3), np.uint8), [second])
        second._file("picture/w/one.share").unlink()
        second._share("w/one", make=True)
        with pytest.raises(StateError, match=r"vault\.damaged"):
            first.picture("w/one", [second])


# --- the scanner itself


@pytest.mark.parametrize(
    "kind",
    [
        "file",
        "rows",
        "rows as BGR",
        "rows as BGRA",
        "one channel",
        "float64",
        "float32",
        "float16",
        "as text",
        "utf-8",
        "utf-16",
        "upper-case",
        "in JSON",
        "in the name of a file",
    ],
)
def test_the_scanner_finds_what_is_left_behind(office, programme, traces, tmp_path, kind):
    photograph = tmp_path / "photos" / f"{HER}-0.png"
    rgb = np.asarray(Image.open(photograph))
    template = template_of(office, programme.works[0])
    left = {
        "file": photograph.read_bytes(),
        "rows": rgb.tobytes(),
        "rows as BGR": rgb[:, :, ::-1].tobytes(),
        "rows as BGRA": np.dstack([rgb[:, :, ::-1], np.full((128, 96), 255, np.uint8)]).tobytes(),
        "one channel": rgb[:, :, 1].tobytes(),
        "float64": template.tobytes(),
        "float32": template.astype(np.float32).tobytes(),
        "float16": template.astype(np.float16).tobytes(),
        "as text": json.dumps(list(template)).encode(),
        "utf-8": f"so says {NAME}".encode(),
        "utf-16": NAME.encode("utf-16"),
        "upper-case": NAME.upper().encode(),
        "in JSON": json.dumps({"name": NAME}).encode(),
        "in the name of a file": b"",
    }[kind]
    here = tmp_path / "left"
    here.mkdir()
    (here / (f"{HER}.tmp" if kind == "in the name of a file" else "core.1234")).write_bytes(b"\0" * 4097 + left)
    assert scan_for(here, traces)
    (here / next(here.iterdir()).name).unlink()
    (here / "noise").write_bytes(np.random.default_rng(3).bytes(1_000_000))
    assert scan_for(here, traces) == []


def test_before_it_she_is_found(traces, tmp_path):
    found = "\n".join(scan_for(tmp_path / "home", traces))
    assert NAME in found
    assert HER in found
    assert "her copy" in found
    assert "the joint copy" in found


# --- what is left


def test_not_one_byte_of_her_is_left(office, people, programme, issued, traces, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "home" / "outbox" / "staged" / programme.works[0].release.hex / "x").mkdir(parents=True)
    dead = tmp_path / "home" / "outbox" / "staged" / programme.works[0].release.hex / "x" / f".{HER}.1.part"
    dead.write_bytes(issued[0])
    assert erase(office, people) == 3  # who she was, her statement, the license of what was paid
    assert scan_for(tmp_path / "home", traces) == []
    assert scan_for(tmp_path / "temporary", traces) == []
    assert transparency.verify_log(office, verify_raw)
    for data in issued[:2]:
        assert verify.verify(office, data).state is State.REVOKED


def test_who_stood_beside_her_keeps_what_is_hers(office, people, programme, issued, tmp_path):
    erase(office, people)
    assert verify.verify(office, issued[2]).state is State.INTACT
    with office.unit() as unit:
        (together, alone) = sorted(unit.works.of_talent(OTHER), key=lambda work: len(work.shot.talents), reverse=True)
        plates = [plate.id for plate in unit.twins.current(OTHER).plates]
    assert together.shot.talents == (OTHER, office.vault.alias(HER))
    granted = permit.for_shot(office, alone, Act.MEASURE)[OTHER]
    with office.vault.open(OTHER, granted) as twin:
        assert len(twin.plate(plates[0]).rgb_srgb)
        assert len(twin.picture(alone.made.picture))
        with pytest.raises(VaultRefused, match=r"vault\.missing"):
            twin.picture(together.made.picture)


def test_what_the_law_keeps_opens_with_its_own_key_and_no_other(office, people, programme, traces, tmp_path):
    erase(office, people)
    kept = retention.kept(office)
    assert sorted(one.kind for one in kept) == ["license", "party", "statement"]
    assert {one.until for one in kept} == {date(2033, 12, 31)}
    assert not scan_bytes(repr(kept).encode(), traces)
    opened = {one.kind: retention.open_paper(office, one.id, "tax audit 2027") for one in kept}
    assert opened["party"] == {"id": HER, "name": NAME, "in_the_books": office.vault.alias(HER)}
    assert opened["statement"]["name"] == NAME
    assert opened["license"]["paper"]["talent"]["name"] == NAME
    assert opened["license"]["signatures"]
    master = bytes.fromhex((tmp_path / "home" / "keys" / "master.key").read_text())
    with pytest.raises(StateError, match=r"vault\.damaged"):
        FileRetention(tmp_path / "home" / "vault" / "retention", master).all()
    assert scan_for(tmp_path / "home", traces) == []  # having been read, it is still nowhere else


def test_what_the_law_keeps_goes_when_its_time_is_over(office, people, programme, clock, tmp_path):
    erase(office, people)
    with pytest.raises(InputError, match=r"retention\.early"):
        retention.purge(office, date(2034, 1, 1))
    clock.at = clock.at.replace(year=2033, month=12, day=31)
    assert retention.purge(office, date(2033, 12, 31)) == ()
    clock.at = clock.at.replace(year=2034, month=1, day=1)
    assert len(retention.purge(office, date(2034, 1, 1))) == 3
    assert retention.kept(office) == ()
    assert list((tmp_path / "home" / "vault" / "retention").iterdir()) == []
    assert transparency.verify_log(office, verify_raw)


def test_nothing_is_kept_of_whom_nobody_paid(office, people, tmp_path):
    photos = textured(tmp_path / "photos", 1)
    planned = testing.campaign(photos, [testing.a_shot("fur", contexts=("fur",), talents=(HER,))])
    planned = replace(planned, talents=(cast(planned, HER, NAME, photos),))
    people.sign_all(office, planned)
    assert run.run(office, planned, tmp_path).works[0].stage is Stage.REFUSED
    assert erase(office, people) == 0
    assert retention.kept(office) == ()
    assert scan_for(tmp_path / "home", Traces.of(photos, {HER, NAME}, b"")) == []


def test_whoever_comes_back_is_another_and_can_go_again(office, people, programme, traces, tmp_path):
    erase(office, people)
    erase(office, people)  # there is nothing left to do
    planned = testing.campaign(tmp_path / "photos", [testing.a_shot("again", talents=(HER,))], term_days=30)
    planned = replace(planned, talents=(cast(planned, HER, NAME, tmp_path / "photos"),))
    people.sign_all(office, planned)
    erase(office, people)
    assert scan_for(tmp_path / "home", traces) == []
    with office.unit() as unit:
        assert {unit.parties.get(office.vault.alias(HER) + more) is not None for more in ("", "-2")} == {True}


# --- while others are at work


def test_an_erasure_waits_for_a_loan_and_is_finished_later(office, people, programme, traces, tmp_path):
    granted = permit.for_shot(office, programme.works[0], Act.MEASURE)[HER]
    office.vault._patience = 0.1
    with office.vault.open(HER, granted), pytest.raises(StateError, match=r"vault\.busy"):
        erase(office, people)
    with pytest.raises(Exception, match="revoked"):  # it bit all the same
        permit.for_shot(office, programme.works[0], Act.MEASURE)
    erase(office, people)
    assert scan_for(tmp_path / "home", traces) == []


def test_a_permit_of_before_makes_no_new_box(office, people, programme):
    with office.unit() as unit:
        consent = unit.papers.get(programme.works[0].licenses[HER]).terms.consent
    granted = permit.for_captures(office, HER, consent, "0" * 64)
    erase(office, people)
    with pytest.raises(VaultRefused, match=r"permit\.revoked"), office.vault.open(HER, granted):
        pass
    assert office.vault.box(HER) not in {box.name for box in office.vault.state().boxes}


def test_a_loan_that_begins_while_she_is_erased_finds_nothing(office, people, programme):
    """It had its permit before the erasure, and got to the vault's door while the box was being destroyed."""
    granted = permit.for_shot(office, programme.works[0], Act.MEASURE)[HER]
    refused = []

    def knock():
        try:
            with office.vault.open(HER, granted):
                refused.append(None)
        except VaultRefused as error:
            refused.append(error.code)

    with office.vault._loan(HER, alone=True):
        knocking = threading.Thread(target=knock)
        knocking.start()
        paper = Paper.of(erasing.erasure(office, HER))
        shutil.rmtree(office.vault._box(HER))
        with office.unit() as unit:
            for digest in erasing.living(unit, HER, office.clock.now()):
                unit.papers.revoke(digest, paper.digest, office.clock.now())
    knocking.join()
    assert refused == ["permit.revoked"]


@pytest.mark.parametrize("moment", range(1, 9))
def test_whatever_her_erasure_interrupts_leaves_nothing(office, people, tmp_path, moment):
    """A campaign that is being run when she goes, at each place where it says how far it is."""
    photos = textured(tmp_path / "photos", 1)
    planned = testing.campaign(photos, [testing.a_shot(f"shot-{i}", to=f"#0000{i}0", talents=(HER,)) for i in range(2)])
    planned = replace(planned, talents=(cast(planned, HER, NAME, photos),))
    people.sign_all(office, planned)
    office.vault._patience, lines = 0.05, []

    def tell(line):
        lines.append(line)
        if len(lines) >= moment:
            with suppress(StateError):  # her plates are being written just now: it comes back to it
                erase(office, people)

    with suppress(TwinbookError):
        run.run(office, planned, tmp_path, tell)
    erase(office, people)
    assert scan_for(tmp_path / "home", Traces.of(photos, {HER, NAME}, b"")) == []
    assert transparency.verify_log(office, verify_raw)
    assert len(lines) >= min(moment, 3)


def _erase_alone(folder, answers):
    people = testing.People(folder / "keys-of-people")
    for _ in range(50):
        try:
            with testing.open_fake_office(folder) as office:
                erase(office, people)
            answers.put("done")
            return
        except StateError as error:
            if error.code not in ("home.busy", "vault.busy"):
                answers.put(error.code)
                return
    answers.put("never")


@pytest.mark.slow
def test_two_processes_erase_her_at_once(office, people, programme, traces, tmp_path):
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    both = [spawn.Process(target=_erase_alone, args=(tmp_path, answers)) for _ in range(2)]
    for process in both:
        process.start()
    assert sorted(answers.get(timeout=120) for _ in both) == ["done", "done"]
    for process in both:
        process.join()
    assert scan_for(tmp_path / "home", traces) == []
    with office.unit() as unit:
        acts = [json.loads(body)["act"] for body in unit.log.bodies()]
    assert acts.count("twin:erased") == 1
    assert transparency.verify_log(office, verify_raw)


# --- the real thing


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_leaves_nothing_of_an_astronaut(tmp_path, monkeypatch):
    """The real engine, meter, seal and reader, each command in a process of its own, with a temporary folder of its own."""
    folder, temporary = make_folder(tmp_path), tmp_path / "temporary"
    temporary.mkdir()
    for name in ("TMPDIR", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, str(temporary))
    assert twinbook(folder, "run", "campaign.toml").returncode == 3
    sign_everything(folder)
    done = twinbook(folder, "run", "campaign.toml", "--json")
    assert done.returncode == 0, done.stderr
    copies = {file.name: file.read_bytes() for file in (folder / "out" / "released").iterdir()}
    template = DlibMeter().enroll([folder / "photos" / "portrait.png"], lambda line: None).plates[0].embedding
    traces = Traces.of(folder / "photos", {"Stella Nova", "stella"}, template.tobytes(), copies)
    before = "\n".join(scan_for(folder / ".twinbook", traces))
    assert "Stella Nova" in before
    assert "bytes of" in before
    done = twinbook(folder, "erase", "--talent", "stella", "--key", "stella.pem", "--confirm", "stella", "--json")
    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout)["written_outside"]) == sorted(copies)
    assert scan_for(folder / ".twinbook", traces) == []
    assert scan_for(temporary, traces) == []
    assert twinbook(folder, "log", "verify").returncode == 0
    states = json.loads(twinbook(folder, "verify", *(folder / "out" / "released").iterdir(), "--json").stdout)
    assert {entry["state"] for entry in states} == {"revoked"}
    again = twinbook(folder, "erase", "--talent", "stella", "--key", "stella.pem", "--confirm", "stella")
    assert again.returncode == 0, again.stderr
