"""What training a checkpoint gives and costs: ``python bench/diffusion.py [--reference PATH]``.

Everything is made here: tiny weights of SDXL's shape learn to draw heads of people who don't exist, then a checkpoint is
trained on somebody they have never seen, and a network that has never seen her either says whom the pictures look like.
``--reference`` is diffusers' own ``examples/dreambooth/train_dreambooth_lora_sdxl.py``: it is run on the same weights and
pictures, and step time and memory are compared. QUICK=1 leaves out the learning, which takes a quarter of an hour.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tiny_people import SUBJECTS, Embedder, Portrait, portraits, trained_base, twin_of
from tiny_training import A_PLAN, a_training
from tiny_weights import registered, tiny

from twinbook.domain.twin import Box
from twinbook.domain.weights import Family, Weights
from twinbook.engines.diffusion import LoraTrainer, adapters, families, material, sampling
from twinbook.vision.faces import find_faces

PEERS = ["accelerate==1.15.0", "diffusers==0.42.1", "peft==0.21.2", "safetensors==0.8.0", "tokenizers==0.23.3", "torch==2.13.0", "transformers==5.24.0", "huggingface_hub==2.4.0", "filelock==4.3.1", "fsspec==2026.9.0", "hf-xet==1.8.0", "importlib_metadata==10.2.0", "zipp==4.1.2", "Jinja2==3.1.6", "mpmath==1.3.0", "sympy==1.14.0", "psutil==7.2.2", "PyYAML==6.0.4", "regex==2026.11.19", "tqdm==4.70.1", "typer==0.29.2", "shellingham==1.5.4", "annotated-doc==0.0.7"]  # fmt: skip
QUICK = os.environ.get("QUICK") == "1"
PROMPT = "a photo of {} person, facing the camera, head and shoulders, plain backdrop"
TOKEN = "sks"
PICTURES = 16


def quiet(step: int, steps: int, loss: float) -> None:
    pass


def figure(name: str, value: float | None, goal: float, *, above: bool) -> None:
    sign = ">=" if above else "<="
    if value is None:
        print(f"figure: {name} = not run (goal {sign} {goal:g})")
        return
    met = value >= goal if above else value <= goal
    print(f"figure: {name} = {value:.3f} (goal {sign} {goal:g}) {'ok' if met else 'short'}", flush=True)


# --- whom do the pictures look like -----------------------------------------------------------------------------------


def drawn(base: families.Base, who: str, adapter: str | None = None) -> list[np.ndarray]:
    """Pictures by the same seeds with and without an adapter."""
    passage = sampling.Passage(base.encode([PROMPT.format(who)]), base.encode([""]), (adapter,) if adapter else ())
    found = []
    for first in range(0, PICTURES, 8):
        seeds = list(range(1000 + first, 1000 + first + 8))
        latents = sampling.sample(base, [passage], (base.side, base.side), 20, 3.0, seeds)
        found += [material.as_pixels(pixels[None]) for pixels in base.pixels(latents)]
    return found


def detected(pictures: list[np.ndarray]) -> float:
    """The share in which dlib finds a face, at four times the size: 64 pixels are fewer than it was made for."""
    large = [np.asarray(Image.fromarray(picture).resize((256, 256), Image.Resampling.BICUBIC)) for picture in pictures]
    padded = [np.pad(picture, ((48, 48), (48, 48), (0, 0)), mode="edge") for picture in large]
    return float(np.mean([bool(find_faces(picture)) for picture in padded]))


def identity(
    folder: Path | None = None, sheet: Path | None = None, subjects: tuple[str, ...] = SUBJECTS
) -> dict[str, list[float]]:
    """One subject a seed: her score and everybody else's, before and after training on her."""
    started = time.perf_counter()
    people = portraits()
    others = {name: of for name, of in people.items() if name not in SUBJECTS}
    embedder = Embedder(others, 400)
    centres = torch.stack([embedder.centre(of) for of in others.values()])
    with tempfile.TemporaryDirectory() as made:
        home = folder or Path(made)
        if not (home / "model_index.json").exists():
            trained_base(home, others, vae_steps=250, steps=1200)
        weights = registered(home, Family.SDXL)
        print(f"{len(others)} people learnt by weights and embedder in {time.perf_counter() - started:.0f} s")
        print(
            f"{'':8} {'subject':8} {'real':>9} {'before':>7} {'after':>7} {'others':>7} {'after':>7} {'nearest':>8} {'faces':>6}"
        )
        columns: dict[str, list[float]] = {}
        rows = []
        for seed, subject in enumerate(subjects):
            hers = people[subject]
            centre = embedder.centre(hers)
            base = families.load(Family.SDXL, home, "cpu")
            before = drawn(base, TOKEN)
            plan = replace(
                A_PLAN, steps=120, rank=16, learning_rate=3e-3, batch=4, seed=seed, prior=0.5, prior_pictures=6,
                save_every=100, validate_every=1000, validation_pictures=0, gradient_checkpointing=False,
            )  # fmt: skip
            trained = LoraTrainer().train(a_training(weights, home, twin_of(hers), plan, token=TOKEN), quiet)
            lora = adapters.read(trained.adapter, base)
            with adapters.lent(base, {"hers": lora}):
                after = drawn(base, TOKEN, "hers")
            scores = [embedder(pictures) @ centre for pictures in (before, after)]
            apart = [(embedder(pictures) @ centres.T).mean() for pictures in (before, after)]
            everybody = torch.cat([centre[None], centres])
            nearest = float(((embedder(after) @ everybody.T).argmax(1) == 0).float().mean())
            own = float((embedder([one.pixels for one in hers]) @ centre).mean())
            found = {
                "her before": float(scores[0].mean()),
                "her after": float(scores[1].mean()),
                "others before": float(apart[0]),
                "others after": float(apart[1]),
                "nearest": nearest,
                "faces": detected(after),
            }
            for name, value in found.items():
                columns.setdefault(name, []).append(value)
            print(
                f"seed {seed:3} {subject:8} {own:9.2f} {found['her before']:7.2f} {found['her after']:7.2f} "
                f"{found['others before']:7.2f} {found['others after']:7.2f} {nearest:8.2f} {found['faces']:6.2f}",
                flush=True,
            )
            rows += [[one.pixels for one in hers][:6], before[:6], after[:6]]
        real = [one.pixels for of in others.values() for one in of][:PICTURES]
        print(
            f"faces found in {detected(real):.2f} of photographs at this size, {detected(before):.2f} of the base's pictures"
        )
        if sheet is not None:
            _sheet(rows, sheet)
    return columns


def _sheet(rows: list[list[np.ndarray]], file: Path) -> None:
    lines = [np.concatenate(row + [np.full_like(row[0], 255)] * (6 - len(row)), axis=1) for row in rows]
    whole = Image.fromarray(np.concatenate(lines))
    whole.resize((whole.width * 2, whole.height * 2), Image.Resampling.NEAREST).save(file)


# --- taken out, killed ------------------------------------------------------------------------------------------------


def restored(folder: Path, weights: Weights, hers: list) -> float:
    """The share of the base's tensors that are bit for bit the same after a picture with an adapter."""
    base = families.load(Family.SDXL, folder, "cpu")
    before = {
        f"{part}.{key}": value.numpy().tobytes()
        for part, module in base.parts.items()
        for key, value in module.state_dict().items()
    }
    trained = LoraTrainer().train(a_training(weights, folder, twin_of(hers), replace(A_PLAN, steps=3)), quiet)
    with adapters.lent(base, {"one": adapters.read(trained.adapter, base)}):
        adapters.use(base, ["one"])
        passage = sampling.Passage(base.encode(["a photo"]), None, ("one",))
        sampling.sample(base, [passage], (base.side, base.side), 2, 1.0, [1])
    after = {
        f"{part}.{key}": value.numpy().tobytes()
        for part, module in base.parts.items()
        for key, value in module.state_dict().items()
    }
    return float(np.mean([after.get(key) == value for key, value in before.items()])) * (len(after) == len(before))


def resumed(folder: Path, weights: Weights, hers: list, rounds: int) -> float:
    """The share of runs that were killed at a random step, went on, and ended in the uninterrupted run's bytes and losses."""
    plan = replace(A_PLAN, steps=12, save_every=3, validation_pictures=0)
    whole = LoraTrainer().train(a_training(weights, folder, twin_of(hers), plan), quiet)
    draw, equal = random.Random(4), []
    for _ in range(rounds):
        twin = twin_of(hers)
        at = draw.randrange(1, 12)

        def killed(step: int, steps: int, loss: float, at: int = at) -> None:
            if step == at:
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            LoraTrainer().train(a_training(weights, folder, twin, plan), killed)
        again = LoraTrainer().train(a_training(weights, folder, twin, plan), quiet)
        equal.append(again.losses == whole.losses and again.adapter == whole.adapter)
    return float(np.mean(equal))


# --- beside the reference ---------------------------------------------------------------------------------------------


STEPS = 8 if QUICK else 30
RESOLUTION = 128


def beside(reference: Path, hers: list) -> tuple[float, float] | None:
    """Step time and memory of ours over the reference's, each in a process of its own, taking turns."""
    with tempfile.TemporaryDirectory() as made:
        folder, photos = Path(made) / "weights", Path(made) / "photos"
        tiny(Family.SDXL, folder, 0, width=64, sample=32, vae_blocks=(32, 64, 64))
        photos.mkdir()
        for one in hers:
            large = Image.fromarray(one.pixels).resize((RESOLUTION, RESOLUTION), Image.Resampling.BICUBIC)
            large.save(photos / f"{one.view}.png")
        found: dict[str, list[dict]] = {"ours": [], "reference": []}
        for _ in range(1 if QUICK else 3):
            for who in found:
                command = [sys.executable, __file__, "--child", who, "--work", made, "--reference", str(reference)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                lines = [line for line in done.stdout.splitlines() if line.startswith("measured: ")]
                if not lines:
                    print(f"the {who} trainer didn't train:\n{done.stderr[-1500:]}")
                    return None
                found[who].append(json.loads(lines[-1].removeprefix("measured: ")))
    print(f"\n{'':10} {'step, ms':>9} {'memory over imports, MB':>24} {'peak, MB':>9}")
    best = {}
    for who, runs in found.items():
        best[who] = {key: min(run[key] for run in runs) for key in ("step", "grown", "peak")}
        print(
            f"{who:10} {best[who]['step'] * 1e3:9.1f} {best[who]['grown'] / 1e6:24.1f} {best[who]['peak'] / 1e6:9.1f}"
        )
    return tuple(best["ours"][key] / best["reference"][key] for key in ("step", "grown"))


def child(who: str, work: Path, reference: Path) -> None:
    """One trainer in this process, with the time of every step of its optimiser and the memory that it took."""
    run = _ours(work) if who == "ours" else _reference(work, reference)
    times: list[float] = []
    real = torch.optim.AdamW.step

    def step(self: torch.optim.Optimizer, closure: object = None) -> object:
        times.append(time.perf_counter())
        return real(self, closure)

    torch.optim.AdamW.step = step
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is counted from here
    try:
        run()
    except Exception as error:  # what a trainer does after its last step isn't measured
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    peak = _resident("VmHWM")
    if len(times) < STEPS:
        sys.exit("it broke off")
    told = {"step": float(np.median(np.diff(times[2:]))), "grown": peak - before, "peak": peak}
    print("measured: " + json.dumps(told))


def _ours(work: Path) -> Callable[[], object]:
    found = []
    for file in sorted((work / "photos").iterdir()):
        middle = Box(RESOLUTION // 4, RESOLUTION // 4, RESOLUTION // 2, RESOLUTION // 2)
        found.append(Portrait("subject", file.stem, np.asarray(Image.open(file)), middle))
    plan = replace(
        A_PLAN, steps=STEPS, rank=8, batch=2, resolution=RESOLUTION, save_every=10**6, validation_pictures=0,
        gradient_checkpointing=False,
    )  # fmt: skip
    weights = registered(work / "weights", Family.SDXL)
    job = a_training(weights, work / "weights", twin_of(found), plan, token=TOKEN)
    return lambda: LoraTrainer().train(job, quiet)


def _reference(work: Path, script: Path) -> Callable[[], object]:
    try:
        import torchvision.transforms  # noqa: F401
    except (ImportError, RuntimeError):
        _stand_in()
    spec = importlib.util.spec_from_file_location("reference_trainer", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    arguments = {
        "pretrained_model_name_or_path": work / "weights", "instance_data_dir": work / "photos",
        "instance_prompt": f"a photo of {TOKEN} person", "output_dir": work / "reference", "resolution": RESOLUTION,
        "train_batch_size": 2, "max_train_steps": STEPS, "learning_rate": 1e-3, "rank": 8, "seed": 0, "mixed_precision": "no",
        "lr_scheduler": "constant", "lr_warmup_steps": 0, "checkpointing_steps": 10**6, "dataloader_num_workers": 0,
    }  # fmt: skip
    args = module.parse_args([f"--{name}={value}" for name, value in arguments.items()])
    module.args = args  # its data set reads the one of the command line
    return lambda: module.main(args)


def _stand_in() -> None:
    """The few of torchvision's transforms that the reference prepares its pictures with, before its first step, where
    torchvision isn't there: what is timed isn't touched by it."""

    class Compose:
        def __init__(self, steps: list) -> None:
            self.steps = steps

        def __call__(self, image: object) -> object:
            for step in self.steps:
                image = step(image)
            return image

    class RandomCrop:
        def __init__(self, size: int) -> None:
            self.size = size

        @staticmethod
        def get_params(image: Image.Image, size: tuple[int, int]) -> tuple[int, int, int, int]:
            return 0, 0, *size

    transforms = types.ModuleType("torchvision.transforms")
    transforms.InterpolationMode = types.SimpleNamespace(LANCZOS=Image.Resampling.LANCZOS)
    transforms.Compose = Compose
    transforms.Resize = lambda size, interpolation=None: lambda image: image.resize((size, size), interpolation)
    transforms.CenterCrop = transforms.RandomCrop = RandomCrop
    transforms.RandomHorizontalFlip = lambda p: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    transforms.ToTensor = lambda: lambda image: torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    transforms.Normalize = lambda mean, std: lambda tensor: (tensor - mean[0]) / std[0]
    functional = types.ModuleType("torchvision.transforms.functional")
    functional.crop = lambda image, top, left, high, wide: image.crop((left, top, left + wide, top + high))
    package = types.ModuleType("torchvision")
    package.transforms = transforms
    sys.modules |= {
        "torchvision": package,
        "torchvision.transforms": transforms,
        "torchvision.transforms.functional": functional,
    }


def _resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=Path, help="diffusers' train_dreambooth_lora_sdxl.py, to measure beside")
    parser.add_argument("--base", type=Path, help="a folder to keep the learnt tiny weights in, or to take them from")
    parser.add_argument("--sheet", type=Path, help="write photographs and pictures side by side into this PNG")
    parser.add_argument("--child", choices=("ours", "reference"), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.child:
        child(asked.child, asked.work, asked.reference)
        return
    found = {} if QUICK else identity(asked.base, asked.sheet)
    rises = (
        [after - before for before, after in zip(found["her before"], found["her after"], strict=True)] if found else []
    )
    others = [a - b for b, a in zip(found["others before"], found["others after"], strict=True)] if found else []
    figure("identity score to the subject rises, least of three seeds", min(rises, default=None), 0.1, above=True)
    figure("identity score to others rises, most of three seeds", max(others, default=None), 0.02, above=False)
    figure(
        "pictures nearest to the subject, least of three seeds",
        min(found["nearest"]) if found else None,
        0.5,
        above=True,
    )
    with tempfile.TemporaryDirectory() as made:
        folder, hers = Path(made), portraits(SUBJECTS[:1])[SUBJECTS[0]]
        weights = tiny(Family.SDXL, folder)
        figure("base restored bit for bit after an adapter", restored(folder, weights, hers), 1.0, above=True)
        figure(
            "killed at random and gone on, equal runs",
            resumed(folder, weights, hers, 2 if QUICK else 5),
            1.0,
            above=True,
        )
    ratios = beside(asked.reference, hers) if asked.reference else None
    figure("step time over the reference trainer's", ratios and ratios[0], 1.0, above=False)
    figure("memory over the reference trainer's", ratios and ratios[1], 1.0, above=False)


if __name__ == "__main__":
    main()
