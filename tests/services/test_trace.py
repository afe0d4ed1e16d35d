"""A leaked picture is traced to the copy that it was made of, with her consent, and nobody is accused by chance."""

import io

import numpy as np
import pytest
from PIL import Image

from twinbook import testing
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, Refused
from twinbook.domain.paper import Paper
from twinbook.domain.work import Stage
from twinbook.services import revoke, run
from twinbook.services.trace import trace


@pytest.fixture
def released(tmp_path, people, photos):
    """An office with one released shot in two formats, and the bytes of its copies by format."""
    shot = testing.a_shot("one", formats=("instagram-4x5", "tiktok-9x16"))
    planned = testing.campaign(photos, [shot], channels=("instagram", "tiktok"))
    with testing.open_fake_office(tmp_path) as office:
        people.sign_all(office, planned)
        run.run(office, planned, tmp_path)
        with office.unit() as unit:
            work = next(w for w in unit.works.of_talent("mira") if w.stage is Stage.RELEASED)
        files = office.outbox.released(work.release)
        yield office, work, {copy.format: files[copy.name].read_bytes() for copy in work.copies}


def test_every_copy_is_traced_to_itself(released):
    office, work, copies = released
    for name, data in copies.items():
        found = trace(office, data)
        assert [(each.release, each.format) for each in found.above] == [(work.release.hex, name)]
        assert len(found.ranked) == len(work.copies)
        assert found.ranked[0].licensee


def test_a_picture_of_nobody_is_traced_to_nobody(released):
    office, work, copies = released
    size = Image.open(io.BytesIO(next(iter(copies.values())))).size
    other = io.BytesIO()
    Image.fromarray(np.full((size[1], size[0], 3), 90, np.uint8)).save(other, "PNG")
    with pytest.raises(InputError, match="neither its marks nor its looks"):
        trace(office, other.getvalue())
    assert not trace(office, other.getvalue(), [work.release.hex]).above


def test_a_release_that_is_not_of_this_home_is_unknown(released):
    office, _, copies = released
    for name in ("000000000000", "not an id"):
        with pytest.raises(InputError, match=r"trace\.unknown"):
            trace(office, next(iter(copies.values())), [name])


def test_without_her_consent_there_is_no_original_to_compare_with(released, people):
    office, work, copies = released
    document = revoke.revocation(office, "mira", parts=frozenset({Part.CAPTURE}))
    revoke.revoke(office, document.document(), people.key("mira").sign(Paper.of(document).message))
    with pytest.raises(Refused):
        trace(office, next(iter(copies.values())), [work.release.hex])


def test_another_home_does_not_share_the_secret(released, tmp_path):
    office, _, _ = released
    with testing.open_fake_office(tmp_path / "other") as other:
        assert other.vault.copy_secret() != office.vault.copy_secret()
