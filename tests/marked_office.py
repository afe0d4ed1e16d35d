"""An office whose releases carry real marks: two shots of a demo talent, sealed, read back and released."""

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from twinbook import testing
from twinbook.domain.fidelity import Measurement
from twinbook.services import run
from twinbook.services.office import Office

PHOTOS = Path(__file__).resolve().parent.parent / "examples" / "demo" / "photos"


@dataclass(frozen=True)
class Marked:
    """``files`` are the released copies by shot, as bytes."""

    office: Office
    people: testing.People
    home: Path
    files: dict[str, bytes]
    releases: dict[str, str]


class _Content(testing.FakeMeter):
    """Finds every picture faithful: two framings of one person differ in the fake's mean colour."""

    def measure(self, rgb_srgb, plates, asked):
        return tuple(Measurement(name, 0.0) for name in ("identity.distance", "skin.delta_e", "skin.delta_l"))


@contextmanager
def open_marked_office(folder, sealer, reader, clock=None):
    photos = folder / "photos"
    photos.mkdir(parents=True)
    for view in ("waist-front", "full-front"):
        shutil.copy(PHOTOS / "mira" / f"{view}.jpg", photos)
    people = testing.People(folder / "keys")
    shots = [
        testing.a_shot("waist", plate="waist-front", formats=("web-3x4",)),
        testing.a_shot("full", plate="full-front", formats=("web-3x4",)),
    ]
    with testing.open_fake_office(folder, clock, sealer=sealer, reader=reader, meter=_Content()) as office:
        planned = testing.campaign(photos, shots)
        people.sign_all(office, planned)
        works = run.run(office, planned, folder).works
        files, releases = {}, {}
        for work in works:
            (file,) = office.outbox.released(work.release).values()
            files[work.name], releases[work.name] = file.read_bytes(), work.release.hex
        yield Marked(office, people, folder / "home", files, releases)
