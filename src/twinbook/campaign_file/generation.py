"""``generate = { … }`` in a shot: a picture in words."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from ..domain.brief import REGIONS
from ..domain.errors import InputError
from ..domain.generation import BODY_POSE, MAX_STEPS, PLATE_POSE, Generation, Keep
from .table import Section

_MOST_SEED = 2**32 - 1


def read_generation(section: Section, folder: Path) -> Generation | None:
    prompt = section.get("prompt", str, '"walking along a pier at dusk"', check=_prompt)
    weights = section.get("weights", str, '"sdxl"')
    keep = section.get("keep", str, '"head"', default=Keep.NOTHING, check=_keep)
    region = section.get("region", str, '"top"', default="", check=_region)
    pose = section.get("pose", str, '"plate"', default="", check=lambda named: _pose(named, folder))
    references = section.words("references", '["coat.png"]', default=[])
    steps = section.get("steps", int, "30", default=30, check=_steps)
    guidance = section.get("guidance", (int, float), "5.0", default=50, check=_guidance)
    seed = section.get("seed", int, "7", default=-1, check=_seed)
    section.done()
    found = [_reference(section, index, named, folder) for index, named in enumerate(references)]
    if None in (prompt, weights, keep, region, pose, steps, guidance, seed, *found):
        return None
    try:
        return Generation(
            prompt, weights, keep, region, pose, tuple(found), steps, guidance, None if seed < 0 else seed
        )
    except InputError as error:  # what only goes together
        at = "region" if section.has("region") else "keep"
        section.fault(error.code, error.diagnosis, error.remedy, at)
        return None


def _prompt(text: str) -> str:
    if not text.strip():
        raise InputError("campaign.value", "the prompt is empty", "say in words what is to be seen")
    return text


def _keep(word: str) -> Keep:
    try:
        return Keep(word)
    except ValueError:
        known = ", ".join(f'"{one.value}"' for one in Keep)
        raise InputError("campaign.value", f"{word!r} can't be kept", f"use one of: {known}") from None


def _region(word: str) -> str:
    if word not in REGIONS:
        raise InputError("campaign.value", f"there is no garment region {word!r}", f"use one of {REGIONS}")
    return word


def _pose(named: str, folder: Path) -> str:
    return named if named in (PLATE_POSE, BODY_POSE) else _file(named, folder)


def _file(named: str, folder: Path) -> str:
    file = folder / named
    if not file.is_file():
        raise InputError("campaign.scene", f"there is no file {named!r}", "give a path from the campaign file's folder")
    return str(file)


def _reference(section: Section, index: int, named: str, folder: Path) -> str | None:
    try:
        return _file(named, folder)
    except InputError as error:
        section.fault(error.code, error.diagnosis, error.remedy, "references", index)
        return None


def _steps(number: int) -> int:
    if not 1 <= number <= MAX_STEPS:
        raise InputError("campaign.value", f"{number} is no number of steps", f"write 1 to {MAX_STEPS}")
    return number


def _guidance(number: float) -> int:
    """In tenths, as written: 4.5 is 45."""
    tenths = Decimal(str(number)) * 10
    if not (tenths.is_finite() and 0 <= tenths <= 300 and tenths == int(tenths)):
        raise InputError("campaign.value", f"{number} is no guidance scale", "write 0 to 30, in tenths at most: 4.5")
    return int(tenths)


def _seed(number: int) -> int:
    if not 0 <= number <= _MOST_SEED:
        raise InputError("campaign.value", f"{number} is no seed", f"write 0 to {_MOST_SEED}")
    return number
