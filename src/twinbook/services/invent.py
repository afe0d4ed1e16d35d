"""Somebody who does not exist, from a description and a seed: pictures to enroll her from, as virtual-model agencies make them.

Always an adult by her description, and made with weights whose licence lets pictures be sold: whatever is made of her later
is made of these. That she is nobody's double is found out when she is enrolled, and again with every picture.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twinbook import durable
from twinbook.domain.campaign import CastTalent
from twinbook.domain.canonical import digest
from twinbook.domain.errors import InputError, Refused
from twinbook.domain.synthetic import description_faults

from . import permit
from .office import Office

# A session's views, as `enroll` asks for them: in words that say nothing of her.
VIEWS = {
    "front": "facing the camera, head and shoulders",
    "three-quarter-left": "head turned a little to the left, head and shoulders",
    "three-quarter-right": "head turned a little to the right, head and shoulders",
    "half": "facing the camera, half length, arms at the sides",
    "full": "facing the camera, full length, standing",
}
_SAID = "studio photograph of {description}, {view}, plain light grey backdrop, even soft light, neutral expression"
AGAINST = "child, teenager, other people, celebrity, text, watermark, sunglasses, hat, nudity"


def invent(
    office: Office,
    cast: CastTalent,
    weights: str,
    folder: Path,
    *,
    seed: int = 0,
    side: int = 1024,
    steps: int = 30,
    tell: Callable[[Path], None] = lambda file: None,
) -> tuple[Path, ...]:
    """Make her pictures into the folder that her campaign names, one a view; those there are left alone. ``folder`` is where
    relative paths start, ``side`` that of a square with as many pixels as each picture.

    Raises InputError ``synthetic.real`` for a talent who isn't synthetic, ``weights.unknown``, ``diffusion.missing``;
    Refused ``synthetic.minor`` and ``weights.licence``; StateError ``weights.changed``.
    """
    if not cast.synthetic:
        raise InputError("synthetic.real", f"{cast.party.id} is no synthetic talent in this campaign")
    if faults := description_faults(cast.description):
        raise permit.refused(faults)
    base = office.weights.get(weights)
    if not base.commercial:
        raise Refused("weights.licence", f"pictures made with {weights} can't be sold ({base.licence})")
    where = folder / cast.photos
    files = {view: where / f"{view}-{seed}.png" for view in VIEWS}
    missing = {view: file for view, file in files.items() if not file.exists()}
    if not missing:
        return tuple(files.values())
    prompts = [_SAID.format(description=cast.description, view=VIEWS[view]) for view in missing]
    made = office.inventor.invent(office.weights.folder(weights), base, prompts, AGAINST, seed, side, steps)
    with office.unit() as unit:
        facts = {"description": digest(cast.description), "seed": str(seed), "weights": base.digest}
        office.record(unit, "synthetic:invented", facts | {"pictures": str(len(missing))})
    for file, picture in zip(missing.values(), made, strict=True):
        durable.write(file, office.documents.png(picture))
        tell(file)
    return tuple(files.values())
