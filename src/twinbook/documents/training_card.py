"""A checkpoint's card: which photographs were trained on, on whose weights, how, and what came out.

For her, and for whoever has to answer for a picture that was made with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..domain.weights import Checkpoint
from ..ports import TrainingCard
from .typeset import typeset
from .wording import counted, inline, moment, short

# The loss curve, in points of the page: what Typst places as a picture.
_WIDE, _HIGH = 440, 120
_PLAN = {
    "steps": "Steps",
    "rank": "Rank of the adapter",
    "learning_rate": "Learning rate",
    "resolution": "Resolution",
    "batch": "Pictures a step",
    "prior": "Prior preservation",
    "precision": "Precision",
    "seed": "Seed",
    "subject": "Called in captions",
}


def training_card_pdf(card: TrainingCard) -> bytes:
    """The card as PDF/A. Equal cards give equal bytes."""
    made = card.checkpoint
    return typeset(
        "training.typ",
        {
            "title": f"Training card: {card.talent_name}",
            "name": card.talent_name,
            "made": moment(made.made_at),
            "foot": f"{card.talent_name} · training card {short(made.id)}",
            "id": made.id,
            "twin": made.twin.rpartition(":")[2],
            "weights": [
                ["Name here", inline(made.weights)],
                ["Family", made.family.value],
                ["Licence", inline(made.licence) or "not known"],
            ],
            "weights_digest": made.weights_digest,
            "sold": made.commercial,
            "plates": [[inline(card.photographs.get(plate, "not known any more")), plate] for plate in made.plates],
            "counted": counted(len(made.plates), "photograph"),
            "captures": made.captures,
            "plan": [[label, _said(name, made.plan[name])] for name, label in _PLAN.items() if name in made.plan],
            "curve": _curve(made.losses),
            "curve_said": _curve_said(made.losses),
            "first_step": str(min(made.losses, default=0)),
            "last_step": str(max(made.losses, default=0)),
            "scores": _scores(made),
            "kept": str(made.step),
            "sha256": made.sha256,
        },
        made.made_at,
    )


def _said(name: str, value: object) -> str:
    if name == "resolution":
        return f"{value} × {value} pixels, or as many in another shape"
    if name == "prior":
        return f"weight {value:g}" if value else "none"
    return f"{value:g}" if isinstance(value, float) else inline(str(value))


def _scores(made: Checkpoint) -> list[list[str]]:
    return [
        [str(step), f"{score:.3f}", "kept" if step == made.step else ""] for step, score in sorted(made.scores.items())
    ]


def _finite(losses: Mapping[int, float]) -> list[tuple[int, float]]:
    return [(step, loss) for step, loss in sorted(losses.items()) if math.isfinite(loss)]


def _curve_said(losses: Mapping[int, float]) -> str:
    """The curve in words, for whoever can't see it."""
    points = _finite(losses)
    if not points:
        return "No loss was kept."
    (first, began), (last, ended) = points[0], points[-1]
    lowest, least = min(points, key=lambda point: (point[1], point[0]))
    return f"Loss {began:.4g} at step {first}, {ended:.4g} at step {last}; the lowest is {least:.4g} at step {lowest}."


def _curve(losses: Mapping[int, float]) -> str:
    """An SVG: the loss as it was, thin, and its running mean over it. Empty with fewer than two points."""
    points = _finite(losses)
    if len(points) < 2:
        return ""
    first, last = points[0][0], points[-1][0]
    top = max(loss for _, loss in points)
    bottom = min(0.0, *(loss for _, loss in points))
    span = (top - bottom) or 1.0

    def path(values: list[tuple[int, float]]) -> str:
        placed = [
            (_WIDE * (step - first) / (last - first), _HIGH * (1 - (value - bottom) / span)) for step, value in values
        ]
        return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in placed)

    half = len(points) // 40
    around = [points[max(0, at - half) : at + half + 1] for at in range(len(points))]
    mean = [(step, sum(loss for _, loss in near) / len(near)) for (step, _), near in zip(points, around, strict=True)]
    line = 'fill="none" stroke-linejoin="round"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 {_WIDE + 2} {_HIGH + 2}">'
        f'<path d="M0 {_HIGH}H{_WIDE}" {line} stroke="#d5cfc4" stroke-width="0.6"/>'
        f'<path d="{path(points)}" {line} stroke="#b9b1a3" stroke-width="0.7"/>'
        f'<path d="{path(mean)}" {line} stroke="#171614" stroke-width="1.3"/></svg>'
    )
