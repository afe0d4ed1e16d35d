"""The global change of tone between a plate and a picture made from it: exposure, white balance and gamma.

The curve must come from what nobody lightens or dyes on the quiet, or a lightened skin would hide in it. Parts vote:
each in turn begins, the others join where the curve explains them, and the largest company of parts is believed. Her
skin never has a voice in the curve. How well the curve is known where skin is, is told with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

# Spread of what is expected before anything is seen: log exposure per channel, gamma, lifted blacks (coded, 0 to 1).
_PRIOR = np.array([0.4, 0.4, 0.4, 0.15, 0.015])
_SAME_GAIN = 0.25  # and of each channel's exposure from the others': white balance
_NOISE = 0.01  # coded; of one cell of a re-encoded picture
_SYSTEMATIC = 0.006  # by which a part's mean may be off without having been changed
_ENOUGH = 80.0  # cells; a part with more of them doesn't say more
_DOUBT = 0.1  # of a part's worth for each squared spread that a curve is from no change
_CLIPPED = (0.012, 0.985)


@dataclass(frozen=True)
class Tone:
    """Exposure (log, per channel) in linear light, then gamma and lift on coded values, with its covariance (5, 5)."""

    parameters: np.ndarray
    covariance: np.ndarray

    def __call__(self, coded: np.ndarray) -> np.ndarray:
        """Coded sRGB 0 to 1 (..., 3) as the picture would have it, clipped; float32."""
        return np.clip(_curve(coded, self.parameters), 0, 1).astype(np.float32)

    def spread(self, coded: np.ndarray) -> np.ndarray:
        """Standard deviation (3,) of what the curve says of one colour (3,)."""
        slopes = _slopes(coded[None], self.parameters)[0]
        return np.sqrt(np.maximum(np.einsum("ci,ij,cj->c", slopes, self.covariance, slopes), 0))

    def spread_l(self, coded: np.ndarray) -> float:
        """The same in L*."""
        ahead = self(coded)
        step = self.spread(coded).astype(np.float32)
        both = np.stack([ahead - step / 2, ahead + step / 2])[None].astype(np.float32)
        lightness = cv2.cvtColor(np.clip(both, 0, 1), cv2.COLOR_RGB2LAB)[0, :, 0]
        return float(abs(lightness[1] - lightness[0]))


@dataclass(frozen=True)
class Agreed:
    """The believed curve and the parts that it explains; no parts when there was nothing to fit it on."""

    tone: Tone
    parts: tuple[str, ...]


IDENTITY = Tone(np.array([0.0, 0.0, 0.0, 1.0, 0.0]), np.diag(np.square(_PRIOR)))


def agreed(samples: Mapping[str, tuple[np.ndarray, np.ndarray]], worth: Mapping[str, float]) -> Agreed:
    """``samples`` by part: coded sRGB (n, 3) on the plate and in the picture; ``worth`` of a part's agreement.

    A part named ``skin`` is asked whether the curve explains it (which decides between equals) but isn't fitted.
    """
    usable = {name: _unclipped(*pair) for name, pair in samples.items()}
    usable = {name: pair for name, pair in usable.items() if len(pair[0]) >= 4}
    skin = usable.pop("skin", None)
    best, most = Agreed(IDENTITY, ()), -np.inf
    for first in usable:
        company = [first]
        tone = _fitted([usable[name] for name in company])
        waiting = [name for name in usable if name != first]
        while waiting:
            fits = {name: _strangeness(tone, *usable[name]) for name in waiting}
            nearest = min(waiting, key=lambda name: (fits[name], name))
            if fits[nearest] > 1:
                break
            company.append(nearest)
            waiting.remove(nearest)
            tone = _fitted([usable[name] for name in company])
        # A curve that bends to take in one more may have let go of another.
        company = [name for name in company if _strangeness(tone, *usable[name]) <= 1]
        total = sum(worth[name] for name in company) - _DOUBT * _improbability(tone)
        if skin is not None and _strangeness(tone, *skin) <= 1:
            total += worth.get("skin", 0.0)
        if company and total > most + 1e-9:
            best, most = Agreed(tone, tuple(company)), total
    return best


def _held() -> np.ndarray:
    """What is expected before anything is seen, as an information matrix (5, 5)."""
    held = np.diag(1 / np.square(_PRIOR))
    for i, j in ((0, 1), (1, 2), (0, 2)):
        pull = np.zeros(5)
        pull[[i, j]] = 1, -1
        held += np.outer(pull, pull) / _SAME_GAIN**2
    return held


def _improbability(tone: Tone) -> float:
    """How far from no change at all, in squared spreads of what is expected: a backdrop that was replaced wants strange
    light, a lamp that was dimmed doesn't."""
    away = tone.parameters - IDENTITY.parameters
    return float(away @ _held() @ away)


def _unclipped(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = _CLIPPED
    told = ((after > low) & (after < high) & (before > low) & (before < high)).all(axis=1)
    step = max(1, int(told.sum()) // 120)
    return before[told][::step].astype(np.float64), after[told][::step].astype(np.float64)


def _strangeness(tone: Tone, before: np.ndarray, after: np.ndarray) -> float:
    """How far a part is from what the curve says of it; up to 1 the curve explains it."""
    off = np.median(after - _curve(before, tone.parameters), axis=0)
    scatter = np.median(np.abs(after - _curve(before, tone.parameters) - off))
    expected = np.sqrt(np.square(tone.spread(np.median(before, axis=0))) + _SYSTEMATIC**2)
    return max(float(np.max(np.abs(off) / (2.5 * expected))), float(scatter / 0.03))


def _fitted(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Tone:
    """The most probable curve, robustly (Tukey's biweight), and how well it is known."""
    before = np.concatenate([pair[0] for pair in pairs])
    after = np.concatenate([pair[1] for pair in pairs])
    weight = np.concatenate([np.full(len(pair[0]), min(1.0, _ENOUGH / len(pair[0]))) for pair in pairs])
    middle, held = IDENTITY.parameters, _held()
    p = middle.copy()
    robust = np.ones(before.shape)
    for _ in range(7):
        off = after - _curve(before, p)
        spread = 4.685 * max(1.4826 * float(np.median(np.abs(off))), _NOISE)
        robust = np.square(np.maximum(1 - np.square(off / spread), 0))
        slopes = _slopes(before, p)
        w = (robust * weight[:, None] / _NOISE**2)[..., None]
        normal = np.einsum("nci,ncj->ij", slopes * w, slopes) + held
        step = np.linalg.solve(normal, np.einsum("nci,nc->i", slopes * w, off) + held @ (middle - p))
        p = p + step
        p[3] = np.clip(p[3], 0.5, 2.0)
        if np.abs(step).max() < 1e-4:
            break
    return Tone(p, np.linalg.inv(normal))


def _curve(coded: np.ndarray, p: np.ndarray) -> np.ndarray:
    linear = np.where(coded <= 0.04045, coded / 12.92, ((np.maximum(coded, 0) + 0.055) / 1.055) ** 2.4)
    linear = linear * np.exp(p[:3])
    again = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    return np.maximum(again, 1e-6) ** p[3] + p[4]


def _slopes(coded: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Derivatives (n, 3, 5) by the parameters."""
    here = _curve(coded, p)
    out = np.empty((*here.shape, 5))
    for i in range(5):
        q = p.copy()
        q[i] += 1e-4
        out[..., i] = (_curve(coded, q) - here) / 1e-4
    return out
