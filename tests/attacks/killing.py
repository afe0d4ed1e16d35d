"""Kill the story at one point, finish it, and see that nothing is lost or doubled. Run by test_kills.py.

Every commit, rename, link, removal and overwriting is an effect; there is a point on both sides of each. The story is
played once to count the points, then once for each of them in a child process that SIGKILLs itself there, and finished
by another child. Children are forked, so that the imports are paid once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from unittest import mock

from scanning import Traces, scan_for

from twinbook import app, testing
from twinbook.db.unit import Unit
from twinbook.domain import ledger
from twinbook.domain.errors import TwinbookError
from twinbook.domain.notice import Delivery
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind
from twinbook.domain.permit import Act
from twinbook.domain.provenance import ReleaseId
from twinbook.domain.work import Stage, Work, work_id
from twinbook.keys.signatures import verify_raw
from twinbook.services import erase as erasing
from twinbook.services import notify, permit, render, report, revoke, run, settle, transparency
from twinbook.settings import Settings


class Switch:
    """Counts the sides of effects, and kills this process at the one chosen."""

    def __init__(self, deadly: int) -> None:
        self.deadly, self.passed = deadly, 0

    def pass_by(self) -> None:
        self.passed += 1
        if self.passed == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, effect):
        def wrapped(*args, **kwargs):
            self.pass_by()
            result = effect(*args, **kwargs)
            self.pass_by()
            return result

        return wrapped

    def armed(self):
        stack = mock.patch.multiple(os, replace=self.around(os.replace), link=self.around(os.link))
        commit = mock.patch.object(Unit, "_commit", self.around(Unit._commit))
        remove = mock.patch.object(shutil, "rmtree", self.around(shutil.rmtree))
        unlink = mock.patch.object(Path, "unlink", self.around(Path.unlink))
        return stack, commit, remove, unlink


def campaign(folder: Path):
    shots = [testing.a_shot("blue", formats=("instagram-4x5", "web-3x4")), testing.a_shot("fur", contexts=("fur",))]
    return testing.campaign(folder / "photos", shots)


def make(folder: Path, office) -> None:
    planned = campaign(folder)
    report.write_papers(office, planned, run.run(office, planned, folder), folder / "out", folder)


def erase(folder: Path, office) -> None:
    document = erasing.erasure(office, "mira")
    erasing.erase(
        office, document.document(), testing.People(folder / "people").key("mira").sign(Paper.of(document).message)
    )


def withdraw(folder: Path, office) -> None:
    """Only what is still live can be withdrawn; after a kill that was late enough there is nothing left to do."""
    with office.unit() as unit:
        if all(p.revoked_at for p in unit.papers.of("mira", PaperKind.CONSENT)):
            return
    document = revoke.revocation(office, "mira")
    revoke.revoke(
        office, document.document(), testing.People(folder / "people").key("mira").sign(Paper.of(document).message)
    )


def deliver(folder: Path, office) -> None:
    for _ in range(2):
        notify.deliver(office)
        office.clock.pass_days(1)


def rotate(folder: Path, office) -> None:
    office.vault.rotate("mira")


def rekey(folder: Path, office) -> None:
    new = hashlib.sha256(b"the new master key").digest()
    if app.read_key(folder / "home" / "keys" / "master.key") == new and not office.vault.state().rotating:
        return
    app.rotate_master(Settings(folder / "home"), new, office.clock)


ACTS = {
    "make": make,
    "erase": erase,
    "withdraw": withdraw,
    "deliver": deliver,
    "rotate": rotate,
    "rekey": rekey,
}


def unreadable(office) -> list[str]:
    """What of hers can't be read, as a permit to measure reads it."""
    with office.unit() as unit:
        work = next(w for w in unit.works.of_talent("mira") if w.made)
        plates = [plate.id for plate in unit.twins.current("mira").plates]
    try:
        with office.vault.open("mira", permit.for_shot(office, work, Act.MEASURE)["mira"]) as twin:
            twin.picture(work.made.picture)
            whole = all(len(twin.plate(plate).rgb_srgb) for plate in plates)
    except TwinbookError as error:
        return [f"unreadable: {error}"]
    return [] if whole and plates else ["plates are missing"]


class Letterbox(testing.FakePost):
    """Keeps on disk what has arrived: whoever sent it may be dead."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def send(self, url, headers, body) -> int:
        with self.file.open("a") as letters:
            letters.write(headers["webhook-id"] + "\n")
        return super().send(url, headers, body)


def set_off(folder: Path, office) -> None:
    """A shot with its hold taken, on its way when she withdraws."""
    with office.unit() as unit:
        licenses = dict(unit.works.of_talent("mira")[0].licenses)
        shot = testing.a_shot("flying", to="#aa2222")
        work = Work(work_id(shot, licenses, 0), "autumn", "flying", shot, licenses, ReleaseId("f" * 12))
        unit.works.put(work)
    assert render.advance(office, work.id).stage is Stage.HELD


def prepare(act: str, folder: Path) -> None:
    testing.photographs(folder / "photos")
    with testing.open_fake_office(folder) as office:
        planned = campaign(folder)
        testing.People(folder / "people").sign_all(office, planned)
        if act != "make":
            make(folder, office)
            notify.set_address(office, "tvaton", "https://rights.tvaton.example/")
        if act in ("withdraw", "deliver"):
            set_off(folder, office)
        if act == "deliver":
            withdraw(folder, office)


def play(act: str, folder: Path, deadly: int = 0) -> int:
    switch = Switch(deadly)
    patches = switch.armed()
    for patch in patches:
        patch.start()
    with testing.open_fake_office(folder, post=Letterbox(folder / "letters")) as office:
        ACTS[act](folder, office)
    for patch in patches:
        patch.stop()
    return switch.passed


def torn(act: str, folder: Path) -> list[str]:
    """What is wrong right after the kill: a revocation without its notice and its shots, or one of these without it; or
    something that can't be read in the middle of a rotation."""
    if act in ("rotate", "rekey"):
        with testing.open_fake_office(folder) as office:
            return unreadable(office)
    if act not in ("withdraw", "erase"):
        return []
    with testing.open_fake_office(folder) as office:
        who = office.vault.alias("mira") if act == "erase" and erasing.erased(office, "mira") else "mira"
        with office.unit() as unit:
            revoked = {bool(paper.revoked_at) for paper in unit.papers.of(who, PaperKind.CONSENT)}
            told = len(unit.notices.all())
            held = [work for work in unit.works.of_talent(who) if unit.books.open_holds(work.id)]
    whole = (revoked, told, held) == ({True}, 1, [])
    untouched = (revoked, told, len(held)) == ({False}, 0, 1 if act == "withdraw" else 0)
    return [] if whole or untouched else [f"torn: revoked {revoked}, {told} notices, {len(held)} held"]


def faults(act: str, folder: Path) -> list[str]:
    """What is wrong after the story was finished; empty when all is well."""
    found = []

    def must(truth: bool, what: str) -> None:
        if not truth:
            found.append(what)

    published = [list(f.iterdir()) for f in (folder / "home" / "outbox" / "published").iterdir()]
    with testing.open_fake_office(folder) as office:
        who = office.vault.alias("mira") if act == "erase" else "mira"
        with office.unit() as unit:
            works = unit.works.of_talent(who)
            totals = ledger.balances(unit.books.transactions())
            bodies = [json.loads(body) for body in unit.log.bodies()]
        released = [work for work in works if work.stage is Stage.RELEASED]
        leaves = [b for b in bodies if b["act"] == "image:released"]
        count = 3 if act in ("withdraw", "deliver") else 2
        must(len(released) == 1 and len(works) == count, f"works: {[w.stage.value for w in works]}")
        must(all(w.stage in (Stage.RELEASED, Stage.REFUSED) for w in works), "a shot is still on its way")
        told = notify.notices(office)
        must(len(told) == (act in ("erase", "withdraw", "deliver")), f"{len(told)} notices")
        if act == "deliver":
            letters = (folder / "letters").read_text().split()
            must(told[0].state is Delivery.DELIVERED, "the notice is not delivered")
            must(len(letters) in (1, 2) and set(letters) == {told[0].notice.id}, f"letters: {letters}")
        must(len(leaves) == 1, f"{len(leaves)} leaves of releases")
        must(totals.get(("brand:tvaton", "EUR")) == -45000, f"the brand owes {totals}")
        must(sum(totals.values()) == 0, "the journal does not balance")
        must(all(v == 0 for (a, _), v in totals.items() if a.startswith("hold:")), "a hold is left open")
        must(settle.statement(office, who).images == 1, "the statement counts otherwise")
        must(transparency.verify_log(office, verify_raw)[0] == len(bodies), "the log is not whole")
        if act == "make":
            must(len(published) == 1 and len(published[0]) == 2, f"published: {published}")
            must(len(list((folder / "out" / "released").iterdir())) == 2, "out/released is otherwise")
            digests = leaves[0]["facts"]["copies"].split(",") if leaves else []
            files = {hashlib.sha256(f.read_bytes()).hexdigest() for f in published[0]} if published else set()
            must(files == set(digests), "the files are not the ones that were logged")
        if act == "erase":
            must(office.vault.state().boxes == (), "something is left in the vault")
            must(not published, "released copies are left in the home")
            with office.unit() as unit:
                must(unit.twins.current("mira") is None, "the twin is still known")
                must(unit.parties.get("mira") is None, "she is still known")
            must(len(office.retention.all()) == 3, f"under retention: {office.retention.all()}")
        if act in ("rotate", "rekey"):
            state = office.vault.state()
            must(not state.rotating and not state.boxes[0].rotating, "a rotation isn't finished")
            for fault in unreadable(office):
                must(False, fault)
        if act == "withdraw":
            with office.unit() as unit:
                papers = unit.papers.of("mira", PaperKind.CONSENT)
                must(all(p.revoked_at for p in papers), "a consent is still live")
    if act == "erase":
        for where in scan_for(folder / "home", Traces.of(folder / "photos", {"mira", "Mira Holm"}, b"")):
            must(False, f"left: {where}")
    staged = folder / "home" / "outbox" / "staged"
    must(not staged.exists() or not list(staged.rglob("*.jpg")), "staged copies are left")
    return found


def in_child(work, *arguments) -> tuple[int, str]:
    """Run in a forked child; returns its wait status and what it wrote."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            os.write(writing, json.dumps(work(*arguments)).encode())
            status = 0
        except BaseException as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        text = said.read().decode()
    return os.waitpid(child, 0)[1], text


def main(act: str, part: int, parts: int) -> None:
    root = Path(tempfile.mkdtemp())
    try:
        with testing.open_fake_office(root / "first"):
            pass  # makes the certificates that every child would make for itself
        start = root / "start"
        in_child(prepare, act, start)
        shutil.copytree(start, root / "count")
        status, text = in_child(play, act, root / "count")
        points = int(text) if status == 0 else 0
        report_ = {"points": points, "killed": 0, "faults": []}
        for deadly in range(1 + part, points + 1, parts):
            folder = root / f"at-{deadly}"
            shutil.copytree(start, folder)
            status, said = in_child(play, act, folder, deadly)
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
                report_["killed"] += 1
            else:
                report_["faults"].append(f"{deadly}: was not killed: {said}")
            status, said = in_child(torn, act, folder)
            found = json.loads(said) if status == 0 else [said]
            report_["faults"] += [f"{deadly}: {fault}" for fault in found]
            status, said = in_child(play, act, folder)
            if status:
                report_["faults"].append(f"{deadly}: could not be finished: {said}")
            status, said = in_child(faults, act, folder)
            found = json.loads(said) if status == 0 else [said]
            report_["faults"] += [f"{deadly}: {fault}" for fault in found]
            shutil.rmtree(folder)
        print(json.dumps(report_))
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
