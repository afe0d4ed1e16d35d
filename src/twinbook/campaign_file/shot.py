"""`[[shot]]`: what a producer asks for."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from ..domain.brief import ACCESSORIES, FORMATS, REGIONS, STUDIO_SCENES, Accessory, Print, Recolor, Shot, TryOn
from ..domain.campaign import CampaignShot
from ..domain.errors import InputError
from ..domain.fidelity import Owner, check_tolerances
from ..domain.generation import PLATE_POSE, Generation, Keep
from ..domain.provenance import FileKind
from ..domain.spelling import plain
from .generation import read_generation
from .table import Section
from .values import file_name, shown_name, slug


def read_shot(section: Section, number: int, talents: tuple[str, ...], folder: Path) -> CampaignShot | None:
    name = section.get("name", str, '"hero"', default=f"shot-{number}", check=file_name)
    cast = section.words("talents", '["mira"]', allowed=talents)
    formats = section.words("formats", '["instagram-4x5"]', allowed=tuple(FORMATS))
    scene = section.get("scene", str, '"studio:warm-grey"', default=None, check=lambda s: _scene(s, folder))
    garment = section.table("garment", needed=False)
    plate = section.get("plate", str, '"front"', default=None)
    contexts = section.words("contexts", '["summer"]', default=[])
    words = section.get("words", str, '"I wear it every day."', default="")
    engine = section.get("engine", str, '"composite"', default="composite")
    tolerances = read_tolerances(section, Owner.BRAND)
    vendor = section.get("vendor", str, '"Rendering house"', default="")
    brand = section.get("for_brand", str, '"Tvaton Home"', default="", check=shown_name)
    recolor, printed, tryon = _garment(garment, folder) if garment else (None, None, None)
    asked = section.table("generate", needed=False)
    generate = read_generation(asked, folder) if asked else None
    accessories = (
        [_accessory(part, folder) for part in section.tables("accessories")] if section.has("accessories") else []
    )
    kind = section.get("file", str, '"jpeg"', default=FileKind.JPEG, check=_file_kind)
    credits = section.words("credits", '["Ida Berg (hair)"]', default=[])
    body = section.get("body", str, '"own"', default="own", check=_body)
    section.done()
    for key, values in (("talents", cast), ("formats", formats)):
        if len(set(values)) < len(values):
            section.fault("campaign.value", f"{key} names one twice", "name each once", key)
    if not any(section.has(key) for key in ("scene", "garment", "accessories", "body", "generate")):
        section.fault("campaign.value", "the shot asks for nothing new", "give it a scene, a garment or both")
    _check_generation(section, asked is not None, generate, engine)
    if None in (name, engine, tolerances, body, kind, *accessories) or (asked is not None and generate is None):
        return None
    shot = Shot(
        id=name,
        talents=cast,
        formats=formats,
        scene=scene,
        recolor=recolor,
        plate=Path(plate).stem if plate else None,
        contexts=tuple(plain(word) for word in contexts),
        words=words or "",
        engine=engine,
        tolerances=tolerances,
        vendor=vendor or "",
        brand=slug(brand) if brand else "",
        print=printed,
        tryon=tryon,
        accessories=tuple(accessories),
        mannequin=body == "mannequin",
        file=kind,
        credits=tuple(map(_credit, credits)),
        generate=generate,
    )
    return CampaignShot(name, shot)


# What is laid over or in the place of something on a plate: a picture in words says all of it itself.
_WITHOUT_WORDS = ("scene", "garment", "accessories", "body")


def _check_generation(section: Section, asked: bool, generate: Generation | None, engine: str | None) -> None:
    """What can't be said together with ``generate``."""
    if not asked:
        return
    for key in _WITHOUT_WORDS:
        if section.has(key):
            section.fault(
                "campaign.value",
                f"a shot is generated, or has a {key}",
                "say it in the prompt, or leave generate out",
                key,
            )
    if engine == "composite":
        section.fault("campaign.value", "the engine composite generates nothing", 'add: engine = "diffusion"', "engine")
    if generate is not None and (generate.keep is not Keep.NOTHING or generate.pose == PLATE_POSE):
        return
    if section.has("plate"):
        section.fault("campaign.value", "nothing of the plate would be used", 'add keep, or pose = "plate"', "plate")


def read_tolerances(section: Section, owner: Owner) -> dict[str, Fraction] | None:
    """Bounds by their measure's name, written ``body.width = 3``."""
    table = section.table("tolerances", needed=False)
    found: dict[str, Fraction] = {}
    for group, inner in table.rest().items() if table else ():
        for key, value in inner.items() if isinstance(inner, dict) else [("", inner)]:
            name = f"{group}.{key}" if key else group
            try:
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise InputError("campaign.value", f"{value!r} is no bound", f"write: {name} = 3")
                check_tolerances({name: Fraction(str(value))}, owner)
            except (InputError, ValueError) as error:
                if not isinstance(error, InputError):
                    error = InputError("campaign.value", f"{value!r} is no bound", f"write: {name} = 3")
                table.fault(error.code, error.diagnosis, error.remedy, group)
                return None
            found[name] = Fraction(str(value))
    return found


def _garment(section: Section, folder: Path) -> tuple[Recolor | None, Print | None, TryOn | None]:
    """``{ recolor = …, to = … }``, ``{ print = …, from = …, width_cm = … }`` or ``{ tryon = …, from = … }``."""
    kinds = [kind for kind in ("recolor", "print", "tryon") if section.has(kind)]
    if len(kinds) > 1:
        section.fault("campaign.value", f"a garment is one of {' or '.join(kinds)}", "leave the others out", kinds[1])
    kind = kinds[0] if kinds else "recolor"
    region = section.get(kind, str, '"top"')
    made: Callable[[], Recolor | Print | TryOn]
    if kind == "recolor":
        to = section.get("to", str, '"#1f3a93"')
        needed, made = (to,), lambda: Recolor(region, to)
    else:
        cloth = section.get("from", str, '"fabric.jpg"', check=lambda named: _picture(named, folder))
        needed, made = (cloth,), lambda: TryOn(region, cloth)
        if kind == "print":
            width = section.get("width_cm", (int, float), "8")
            at = section.get("at", str, '"chest"', default=None)
            needed, made = (cloth, width), lambda: Print(region, cloth, Fraction(str(width)), at)
    section.done()
    if len(kinds) > 1 or region is None or None in needed:
        return None, None, None
    try:
        asked = made()
    except InputError as error:
        section.fault(
            error.code, error.diagnosis, error.remedy, "to" if kind == "recolor" and region in REGIONS else kind
        )
        return None, None, None
    recolor, printed, tryon = (asked if kind == name else None for name in ("recolor", "print", "tryon"))
    return recolor, printed, tryon


def _accessory(section: Section, folder: Path) -> Accessory | None:
    kind = section.get("put", str, '"belt"')
    picture = section.get("from", str, '"belt.png"', check=lambda named: _picture(named, folder))
    at = section.get("at", (str, int, float), '"waist"')
    section.done()
    if None in (kind, picture, at):
        return None
    try:
        return Accessory(kind, picture, at if isinstance(at, str) else Fraction(str(at)))
    except InputError as error:
        section.fault(error.code, error.diagnosis, error.remedy, "at" if kind in ACCESSORIES else "put")
        return None


def _credit(written: str) -> tuple[str, str]:
    """``Ida Berg (hair)`` as a name and a role, which may be left out."""
    name, bracket, role = written.rpartition(" (")
    return (name.strip(), role.removesuffix(")").strip()) if bracket and role.endswith(")") else (written.strip(), "")


def _file_kind(kind: str) -> FileKind:
    try:
        return FileKind(kind)
    except ValueError:
        kinds = ", ".join(known.value for known in FileKind)
        raise InputError("campaign.value", f"copies can't be written as {kind!r}", f"use one of: {kinds}") from None


def _body(body: str) -> str:
    if body not in ("own", "mannequin"):
        raise InputError("campaign.value", f"there is no body {body!r}", 'use "own" or "mannequin"')
    return body


def _picture(named: str, folder: Path) -> str:
    if named.startswith("stripes:"):
        return named
    file = folder / named
    if not file.is_file():
        raise InputError("campaign.scene", f"there is no file {named!r}", "give a path from the campaign file's folder")
    return str(file)


def _scene(scene: str, folder: Path) -> str:
    if scene.startswith("studio:"):
        if scene.removeprefix("studio:") not in STUDIO_SCENES:
            raise InputError(
                "campaign.scene",
                f"there is no studio scene {scene!r}",
                f"use one of: {', '.join('studio:' + name for name in STUDIO_SCENES)}",
            )
        return scene
    file = folder / scene
    if not file.is_file():
        raise InputError("campaign.scene", f"there is no file {scene!r}", "give a path from the campaign file's folder")
    return str(file)
