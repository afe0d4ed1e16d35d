"""Base weights that a user brings, and the checkpoints that are trained on them: what is known of each without opening it,
and whether its licence lets pictures be sold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .canonical import digest
from .errors import InputError, Reason, reason


class Family(StrEnum):
    """How weights are built, which decides how they are loaded, trained and prompted."""

    SDXL = "sdxl"
    FLUX2_KLEIN = "flux2-klein"
    QWEN_IMAGE_EDIT = "qwen-image-edit"
    Z_IMAGE = "z-image"


# licence, in its one spelling (`spelled`): whether pictures made with such weights may be sold. Sources: the SPDX licence
# list for those with an identifier; the licence files of the repositories in `PUBLISHED` for the others.
LICENCES: Mapping[str, bool] = {
    "apache-2.0": True,
    "apache-license-2.0": True,
    "mit": True,
    "bsd-2-clause": True,
    "bsd-3-clause": True,
    "cc0-1.0": True,
    "cc-by-4.0": True,
    "cc-by-sa-4.0": True,
    # CreativeML Open RAIL++-M of 26 July 2023, sections II and III: commercial use with the restrictions of its attachment A.
    "openrail++": True,
    "openrail++-m": True,
    "creativeml-openrail-m": True,
    "creativeml-open-rail++-m": True,
    # FLUX.1 [dev] Non-Commercial License and FLUX Non-Commercial License: no revenue-generating activity with the model.
    "flux-1-dev-non-commercial-license": False,
    "flux-dev-non-commercial-license": False,
    "flux-non-commercial-license": False,
    # Qwen Research License Agreement, section 2: non-commercial purposes only.
    "qwen-research": False,
    "qwen-research-license": False,
}
# Whatever else a licence is called, its own name may say it: CC BY-NC in every version, "… Non-Commercial", "research only".
_NOT_FOR_SALE = re.compile(r"(^|-)nc(-|$)|non-?commercial|research-only")

# repository: the licence its model card states. So that nobody calls weights by another licence than their maker's.
PUBLISHED: Mapping[str, str] = {
    "stabilityai/stable-diffusion-xl-base-1.0": "openrail++",
    "black-forest-labs/FLUX.1-dev": "flux-1-dev-non-commercial-license",
    "black-forest-labs/FLUX.1-Kontext-dev": "flux-1-dev-non-commercial-license",
    "black-forest-labs/FLUX.2-dev": "flux-dev-non-commercial-license",
    "black-forest-labs/FLUX.2-klein-4B": "apache-2.0",
    "black-forest-labs/FLUX.2-klein-base-4B": "apache-2.0",
    "black-forest-labs/FLUX.2-klein-9B": "flux-non-commercial-license",
    "black-forest-labs/FLUX.2-klein-base-9B": "flux-non-commercial-license",
    "Qwen/Qwen-Image-Edit": "apache-2.0",
    "Qwen/Qwen-Image-Edit-2509": "apache-2.0",
    "Qwen/Qwen-Image-Edit-2511": "apache-2.0",
    "Qwen/Qwen-Image-2.1": "qwen-research",
    "Tongyi-MAI/Z-Image-Turbo": "apache-2.0",
}


def spelled(licence: str) -> str:
    """A licence's name in one spelling: ``FLUX.1 [dev] Non-Commercial License`` is ``flux-1-dev-non-commercial-license``."""
    name = re.sub(r"[\s_()\[\],/]+", "-", licence.strip().casefold())
    name = name.replace("flux.", "flux-").replace("licence", "license")
    return re.sub(r"-{2,}", "-", name).strip("-")


def known_licence(licence: str) -> bool | None:
    """Whether pictures made under this licence may be sold; None for one that isn't known here."""
    name = spelled(licence)
    if name in LICENCES:
        return LICENCES[name]
    if _NOT_FOR_SALE.search(name):
        return False
    return LICENCES.get(name.removesuffix("-license"))


def for_sale(licence: str, stated: bool, source: str = "") -> bool:
    """Whether pictures may be sold. A licence that isn't known counts as one that doesn't allow it, unless the user has
    ``stated`` otherwise; against one that is known, nobody's word counts. ``source`` is the repository they come from.

    Raises InputError ``weights.licence``.
    """
    if not licence.strip():
        raise InputError("weights.licence", "no licence is named", "name the weights' licence with --licence")
    published = PUBLISHED.get(source)
    if published is not None and known_licence(licence) is not known_licence(published):
        raise InputError(
            "weights.licence", f"{source} is published under {published}, not {licence}", f"write --licence {published}"
        )
    known = known_licence(licence)
    if known is False and stated:
        raise InputError(
            "weights.licence",
            f"{licence} doesn't let pictures be sold",
            "leave --commercial out; for a licence that you bought, name that one: --licence 'contract of …'",
        )
    return stated if known is None else known


@dataclass(frozen=True)
class Weights:
    """Base weights under a name of the user's choice. ``licence`` is an SPDX identifier or the licence's own name, and
    ``commercial`` whether it lets pictures be made for money. ``source`` is the repository they were pulled from with its
    ``revision``, or the folder they were added from. ``files`` maps each file's path in the folder to its SHA-256."""

    name: str
    family: Family
    licence: str
    commercial: bool
    source: str
    revision: str
    files: Mapping[str, str]
    added_at: datetime

    @property
    def digest(self) -> str:
        """What the weights are, whatever they are called: SHA-256 over every file's name and digest."""
        return digest(dict(self.files))

    @property
    def stated(self) -> bool:
        """Whether it is the user's own word that pictures may be sold: no licence known here says so."""
        return self.commercial and known_licence(self.licence) is not True


@dataclass(frozen=True)
class Checkpoint:
    """An adapter (LoRA) that was trained on one version of a twin; its bytes lie in the vault under ``id``.

    ``weights`` names the base and ``weights_digest`` what that was; ``token`` is the word that stands for her in prompts.
    ``plates`` are the ids of exactly those plates that went in. ``scores`` are validation scores (higher is more like her)
    by step, and ``step`` the one that was kept. ``sha256`` is over the adapter's bytes. ``licence`` and ``commercial`` are
    the base's when it was trained; ``captures`` is the digest of the photographs, ``plan`` how it was trained, ``losses``
    the training's by step, thinned.
    """

    id: str
    talent: str
    twin: str
    weights: str
    weights_digest: str
    family: Family
    token: str
    step: int
    rank: int
    plates: tuple[str, ...]
    sha256: str
    made_at: datetime
    scores: Mapping[int, float] = field(default_factory=dict)
    licence: str = ""
    commercial: bool = False
    captures: str = ""
    plan: Mapping[str, object] = field(default_factory=dict)
    losses: Mapping[int, float] = field(default_factory=dict)


def unlicensed(weights: Weights, checkpoints: tuple[Checkpoint, ...], *, paid: bool) -> tuple[Reason, ...]:
    """Why a picture may not be made with these weights and checkpoints; empty when it may. ``paid`` when anybody pays for
    it: a license with a fee is commercial. What was trained on weights is bound by their licence, as it was then and as it
    is known now."""
    found = []
    for each in checkpoints:
        if each.weights_digest != weights.digest:
            found.append(
                reason(
                    "weights.other", f"the checkpoint of {each.talent} was trained on other weights than {weights.name}"
                )
            )
    if not paid:
        return tuple(found)

    def no(what: str, licence: str) -> None:
        diagnosis = f"{what}: {licence or 'their licence'} doesn't let pictures be sold, and this one is paid for"
        found.append(reason("weights.licence", diagnosis, rests_on=f"licence of {weights.name}"))

    if not weights.commercial:
        no(f"the weights {weights.name}", weights.licence)
    for each in checkpoints:
        if not each.commercial:
            no(f"the checkpoint of {each.talent}, trained on {each.weights}", each.licence)
    return tuple(found)
