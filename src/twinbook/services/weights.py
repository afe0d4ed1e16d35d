"""Base weights: register, pull and forget them. What licence somebody states is written into the log."""

from __future__ import annotations

from pathlib import Path

from twinbook.domain.weights import Family, Weights, for_sale

from .office import Office


def add(office: Office, folder: Path, name: str, family: Family, licence: str, *, commercial: bool = False) -> Weights:
    """Register a folder that lies on this machine; it stays where it is. ``commercial`` is the user's own word, which
    counts for a licence that isn't known here. Raises InputError ``weights.…``."""
    made = office.weights.add(folder, name, family, licence, for_sale(licence, commercial))
    _noted(office, "weights:added", made)
    return made


def declare(office: Office, name: str, family: Family, licence: str, *, commercial: bool = False) -> Weights:
    """Register weights that lie on another machine, a ComfyUI server's, by their licence. Raises InputError ``weights.…``."""
    made = office.weights.declare(name, family, licence, commercial)
    _noted(office, "weights:declared", made)
    return made


def pull(
    office: Office, repo: str, revision: str, name: str, family: Family, licence: str = "", *, commercial: bool = False
) -> Weights:
    """Fetch a repository at a pinned commit and register it. Raises InputError ``weights.…``, ``diffusion.missing``."""
    made = office.weights.pull(repo, revision, name, family, licence, commercial)
    _noted(office, "weights:pulled", made)
    return made


def remove(office: Office, name: str) -> Weights:
    """Forget weights. Checkpoints that were trained on them stay, and can't be used. Raises InputError
    ``weights.unknown``."""
    gone = office.weights.get(name)
    office.weights.remove(name)
    _noted(office, "weights:removed", gone)
    return gone


def _noted(office: Office, act: str, weights: Weights) -> None:
    facts = {
        "weights": weights.digest,
        "family": weights.family.value,
        "licence": weights.licence,
        "commercial": "stated" if weights.stated else "yes" if weights.commercial else "no",
        "source": weights.source if weights.revision else "a folder",
        "revision": weights.revision,
    }
    with office.unit() as unit:
        office.record(unit, act, facts)
