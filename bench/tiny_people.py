"""Base weights that have learnt what faces look like, 64 pixels wide, from people who don't exist; and who tells them apart.

The people are ``bench/faces`` (drawn by tools/identities, CC0). Whoever a checkpoint is to be trained on is held out of
everything here: base weights and embedder have never seen the subjects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from tiny_training import OpenTwin
from tiny_weights import registered, tiny
from torch import Tensor, nn

from twinbook.domain.permit import Act
from twinbook.domain.twin import Backdrop, Box, Framing, PlateFacts, View
from twinbook.domain.weights import Family, Weights
from twinbook.engines.diffusion import families, material
from twinbook.ports import Plate
from twinbook.vision.faces import find_faces

FACES = Path(__file__).parent / "faces"
SIDE = 64
# Around the detected box, as a share of it.
MARGIN = 0.35
VIEWS = ("front", "window", "left", "right", "smile", "pitch")
SUBJECTS = ("p004", "p017", "p029")


@dataclass(frozen=True)
class Portrait:
    """A head, a square, uint8, and where its face is."""

    person: str
    view: str
    pixels: np.ndarray
    face: Box

    def plate(self) -> Plate:
        """As enrolment would give it, as far as training reads it."""
        view = View.FRONT if self.view in ("front", "window", "smile", "pitch") else View.THREE_QUARTER
        name = f"{self.person}-{self.view}"
        side = len(self.pixels)
        whole = Box(0, 0, side, side)
        facts = PlateFacts(name, name, side, side, self.face, whole, Backdrop.PLAIN, 9.0, view, Framing.HEAD)
        none = np.zeros(0)
        return Plate(facts, self.pixels, None, none.astype(np.float32), none, none)


def portraits(only: Sequence[str] = ()) -> dict[str, list[Portrait]]:
    """Everybody's, by person, about a minute of looking for faces; or only some people's."""
    found: dict[str, list[Portrait]] = {}
    for person in json.loads((FACES / "index.json").read_text(encoding="utf-8"))["people"]:
        if person["kind"] != "person" or (only and person["id"] not in only):
            continue
        for view in VIEWS:
            file = FACES / person["id"] / f"{view}.jpg"
            if not file.exists():
                continue
            rgb = np.asarray(Image.open(file).convert("RGB"))
            faces = find_faces(rgb, large=True)
            if not faces:
                continue
            box = faces[0].box.grown(MARGIN).clipped(rgb.shape[1], rgb.shape[0])
            side = min(box.width, box.height)
            cut = cv2.resize(
                np.ascontiguousarray(rgb[box.top : box.top + side, box.left : box.left + side]),
                (SIDE, SIDE),
                interpolation=cv2.INTER_AREA,
            )
            scale = SIDE / side
            face = faces[0].box.shifted(box.left, box.top)
            placed = Box(*(round(v * scale) for v in (face.left, face.top, face.width, face.height)))
            found.setdefault(person["id"], []).append(Portrait(person["id"], view, cut, placed.clipped(SIDE, SIDE)))
    return found


def twin_of(portraits: Sequence[Portrait]) -> OpenTwin:
    """Somebody's twin, open to train on."""
    plates = [one.plate() for one in portraits]
    return OpenTwin({plate.facts.id: plate for plate in plates}, act=Act.TRAIN, talent=portraits[0].person)


# --- base weights -------------------------------------------------------------------------------------------------


def trained_base(
    folder: Path, people: Mapping[str, Sequence[Portrait]], *, vae_steps: int, steps: int, seed: int = 0
) -> Weights:
    """Tiny SDXL weights that draw these people's heads, from a random start, by the objective SDXL itself was trained by."""
    tiny(
        Family.SDXL,
        folder,
        seed,
        words=tuple(people),
        width=32,
        sample=16,
        vae_blocks=(16, 32, 32),
        layers=1,
        deep=(1, 1),
    )
    base = families.load(Family.SDXL, folder, "cpu")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        pictures = [(portrait, material.as_tensor(portrait.pixels)) for of in people.values() for portrait in of]
        _learn_pictures(base, torch.cat([pixels for _, pixels in pictures]), vae_steps)
        _learn_people(base, [portrait for portrait, _ in pictures], steps)
    for name in ("unet", "vae", "text_encoder", "text_encoder_2"):
        base.parts[name].save_pretrained(folder / name, safe_serialization=True)
    return registered(folder, Family.SDXL)


def _learn_pictures(base: families.Base, pixels: Tensor, steps: int) -> None:
    vae = base.vae.requires_grad_(True)
    optimiser = torch.optim.AdamW(vae.parameters(), 2e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for _ in range(steps):
        batch = _mixed(pixels[torch.randint(len(pixels), (8,))])
        found = vae.encode(batch).latent_dist
        loss = (vae.decode(found.sample()).sample - batch).abs().mean() + 1e-6 * found.kl().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    vae.requires_grad_(False)
    with torch.no_grad():
        spread = vae.encode(pixels).latent_dist.mode().std()
    vae.register_to_config(scaling_factor=float(1 / spread))


def _learn_people(base: families.Base, people: Sequence[Portrait], steps: int) -> None:
    """Half of the time who it is is said, half of the time only that it is a person."""
    latents = torch.cat(
        [base.latents(material.as_tensor(pixels)) for one in people for pixels in (one.pixels, one.pixels[:, ::-1])]
    )
    captions = [material.caption(one.plate().facts, one.person, "person", close=True) for one in people for _ in "lr"]
    learning = [base.denoiser, base.parts["text_encoder"], base.parts["text_encoder_2"]]
    for part in learning:
        part.requires_grad_(True)
    parameters = [value for part in learning for value in part.parameters()]
    optimiser = torch.optim.AdamW(parameters, 1e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps, pct_start=0.05)
    framing = families.Framing.whole(SIDE, SIDE)
    random = torch.Generator().manual_seed(1)
    for _ in range(steps):
        chosen = torch.randint(len(latents), (8,), generator=random).tolist()
        said = []
        for index in chosen:
            how = float(torch.rand((), generator=random))
            words = captions[index]
            person = words.split()[3]
            said.append("" if how < 0.1 else words.replace(person, "a") if how < 0.4 else words)
        words = base.words(said)  # encoders learn here, as they do nowhere in the product
        noise = torch.randn(latents[chosen].shape, generator=random)
        times = base.drawn_times(len(chosen), random)
        clean = latents[chosen]
        found = base.predict(base.noisy(clean, noise, times), times, words, [framing] * len(chosen))
        loss = nn.functional.mse_loss(found, base.target(clean, noise, times))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        rate.step()
    for part in learning:
        part.requires_grad_(False)


def _mixed(batch: Tensor) -> Tensor:
    return batch.flip(-1) if float(torch.rand(())) < 0.5 else batch


# --- who is it ----------------------------------------------------------------------------------------------------


class Embedder:
    """Tells people apart by 64 numbers; a small network of its own, that shares nothing with the base weights."""

    def __init__(self, people: Mapping[str, Sequence[Portrait]], steps: int, seed: int = 5) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            # Faces at half the size: what tells these people apart is in their colours and shapes.
            self._net = nn.Sequential(
                nn.AvgPool2d(2), *_block(3, 16), *_block(16, 32), *_block(32, 64), nn.Flatten(), nn.Linear(64 * 16, 64)
            )
            self._train(people, steps)
        self._net.eval()

    def _train(self, people: Mapping[str, Sequence[Portrait]], steps: int) -> None:
        pixels = torch.cat([material.as_tensor(one.pixels) for of in people.values() for one in of])
        names = list(people)
        whose = torch.tensor([names.index(one.person) for of in people.values() for one in of])
        classes = nn.Parameter(torch.randn(len(names), 64) * 0.1)
        optimiser = torch.optim.AdamW([*self._net.parameters(), classes], 2e-3, weight_decay=1e-2)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
        self._net.train()
        for _ in range(steps):
            chosen = torch.randint(len(pixels), (48,))
            found = nn.functional.normalize(self._net(_changed(pixels[chosen])))
            scores = 12 * found @ nn.functional.normalize(classes).T
            loss = nn.functional.cross_entropy(scores, whose[chosen], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()

    def __call__(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """Unit vectors (n, 64) of uint8 (SIDE, SIDE, 3), each with its mirror image."""
        pixels = torch.cat([material.as_tensor(picture) for picture in pictures])
        with torch.no_grad():
            return nn.functional.normalize(self._net(pixels) + self._net(pixels.flip(-1)))

    def centre(self, portraits: Sequence[Portrait]) -> Tensor:
        return nn.functional.normalize(self([one.pixels for one in portraits]).mean(0, keepdim=True))[0]


def _block(into: int, out: int) -> list[nn.Module]:
    return [nn.Conv2d(into, out, 3, padding=1), nn.GroupNorm(8, out), nn.SiLU(), nn.AvgPool2d(2)]


def _changed(batch: Tensor) -> Tensor:
    """Other light, other crop, other side: what doesn't make another person."""
    count = len(batch)
    batch = torch.where(torch.rand(count, 1, 1, 1) < 0.5, batch.flip(-1), batch)
    batch = batch * (0.8 + 0.4 * torch.rand(count, 1, 1, 1)) + 0.2 * (torch.rand(count, 1, 1, 1) - 0.5)
    dx, dy = (int(v) for v in torch.randint(-4, 5, (2,)))
    batch = torch.roll(batch, (dy, dx), (2, 3))
    return batch + 0.05 * torch.randn_like(batch)
