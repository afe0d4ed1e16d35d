"""The public registry: what anybody may know, signed, and what a picture is by it alone."""

import io
import json

import pytest
from PIL import Image

from twinbook import testing
from twinbook.domain.errors import InputError, StateError
from twinbook.domain.paper import Paper
from twinbook.domain.provenance import State
from twinbook.domain.registry import open_registry
from twinbook.domain.verdict import Finding
from twinbook.keys.signatures import verify_raw
from twinbook.services import erase, registry, report, revoke, run, verify


@pytest.fixture
def played(office, people, photos, tmp_path):
    planned = testing.campaign(photos, [testing.a_shot("blue")])
    people.sign_all(office, planned)
    outcome = run.run(office, planned, tmp_path)
    report.write_papers(office, planned, outcome, tmp_path / "out", tmp_path)
    return outcome


@pytest.fixture
def picture(played, tmp_path):
    return next((tmp_path / "out" / "released").glob("blue*")).read_bytes()


def opened(office):
    document = json.loads(json.dumps(registry.export(office)))
    return open_registry(document, office.log_signer.public, verify_raw)


def by_file(office, data):
    return verify.verify_with(opened(office), office.reader, office.fingerprinter, data, office.clock.now())


def without_marks(data):
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.convert("RGB").save(out, "PNG")
    return out.getvalue()


def test_every_release_is_in_it_with_what_it_is_found_by(office, played):
    (release,) = opened(office).releases
    assert release.release == played.works[0].release
    assert [copy.sha256 for copy in release.copies] == [copy.sha256 for copy in played.works[0].copies]
    assert not release.revoked
    assert release.until is not None


def test_it_names_nobody_and_shows_nothing(office, played):
    text = json.dumps(registry.export(office)).casefold()
    for private in ("mira", "tvaton", "nordlight", "eur", "instagram", "features", "blue"):
        assert private not in text


def test_a_picture_is_judged_offline_as_with_the_books(office, people, picture, clock):
    assert by_file(office, picture).state is State.INTACT
    stripped = by_file(office, without_marks(picture))
    assert stripped.state in (State.RE_ENCODED, State.UNKNOWN)
    clock.pass_days(90)
    assert by_file(office, picture).verdict.finding is Finding.EXPIRED
    document = revoke.revocation(office, "mira")
    revoke.revoke(office, document.document(), people.key("mira").sign(Paper.of(document).message))
    assert by_file(office, picture).state is State.REVOKED


def test_an_old_registry_says_that_it_is_old(office, picture, clock):
    kept = opened(office)
    clock.pass_days(10)
    found = verify.verify_with(kept, office.reader, office.fingerprinter, picture, clock.now())
    assert any("10 days ago" in line for line in found.evidence)


def test_somebody_elses_picture_is_not_ours(office, played, photos):
    found = by_file(office, (photos / "view-0.png").read_bytes())
    assert (found.state, found.verdict.finding) == (State.UNKNOWN, Finding.NOT_OURS)


def test_a_changed_registry_is_refused(office, played):
    good = registry.export(office)
    public = office.log_signer.public
    body = good["registry"]
    (release,) = body["releases"]
    lies = [
        {**body, "releases": []},
        {**body, "releases": [{**release, "state": "revoked"}]},
        {**body, "releases": [{**release, "until": "2099-01-01"}]},
        {**body, "made_at": "2099-01-01T00:00:00+00:00"},
        {**body, "origin": "elsewhere"},
    ]
    for lie in lies:
        with pytest.raises(StateError, match=r"registry\.signature"):
            open_registry({**good, "registry": lie}, public, verify_raw)
    for key in (bytes(32), b""):
        with pytest.raises(StateError, match=r"registry\.signature"):
            open_registry(good, key, verify_raw)
    for signature in (None, "", "AAAA", "!"):
        with pytest.raises(StateError, match=r"registry\.signature"):
            open_registry({**good, "signature": signature}, public, verify_raw)


def test_what_is_no_registry_is_a_clean_error(office, played):
    good = registry.export(office)
    body = good["registry"]
    (release,) = body["releases"]
    (copy,) = release["copies"]
    rubbish = [
        None,
        [],
        {},
        {"registry": 1},
        {"registry": {}},
        {"registry": {**body, "version": "2"}},
        {"registry": {**body, "made_at": "2026-01-01"}},
        {"registry": {**body, "more": 1}},
        {"registry": {**body, "releases": {}}},
        {"registry": {**body, "releases": [1]}},
        {"registry": {**body, "releases": [{**release, "release": "xyz"}]}},
        {"registry": {**body, "releases": [{**release, "state": "fine"}]}},
        {"registry": {**body, "releases": [{**release, "copies": [{**copy, "pdq": "00"}]}]}},
        {"registry": {**body, "releases": [{**release, "copies": [{**copy, "quality": 100}]}]}},
        {"registry": {**body, "releases": [{**release, "copies": [{**copy, "sha256": "x" * 64}]}]}},
    ]
    for each in rubbish:
        with pytest.raises(InputError, match=r"registry\.invalid"):
            open_registry(each, office.log_signer.public, verify_raw)


def test_a_use_elsewhere_is_outside_the_license(office, picture):
    assert verify.verify(office, picture, channel="web", territory="SE").verdict.finding is Finding.INTACT
    found = verify.verify(office, picture, channel="outdoor")
    assert (found.verdict.finding, found.state) == (Finding.OUTSIDE, State.INTACT)
    assert verify.verify(office, picture, territory="US").verdict.finding is Finding.OUTSIDE
    assert any("not for US" in line for line in verify.verify(office, picture, territory="US").evidence)


def test_erasing_her_takes_out_what_her_pictures_are_found_by(office, people, played, picture):
    document = erase.erasure(office, "mira")
    erase.erase(office, document.document(), people.key("mira").sign(Paper.of(document).message))
    with office.unit() as unit:
        assert unit.issued.all() == []
    (release,) = opened(office).releases
    assert release.revoked
    assert release.copies == ()
    assert by_file(office, picture).state is State.REVOKED


def test_copies_of_before_are_remembered(office, played):
    from sqlalchemy import text

    with office.unit() as unit:
        before = unit.issued.all()
        unit._connection.execute(text("DELETE FROM issued_copy"))
    assert registry.remember(office) == len(before) == 1
    with office.unit() as unit:
        assert unit.issued.all() == before


def test_another_tenant_sees_none_of_it(office, played, tmp_path):
    from dataclasses import replace

    from twinbook.db import Database

    other = Database(f"sqlite:///{tmp_path / 'home' / 'twinbook.db'}", "elsewhere")
    try:
        theirs = replace(office, unit=other.unit)
        assert opened(theirs).releases == ()
        with other.unit() as unit:
            assert unit.issued.all() == []
    finally:
        other.close()
