"""Training her checkpoint: a low-rank adapter on frozen base weights, from her plates, resumable to the bit.

What a step learns (which examples, what noise, which times) is drawn from (seed, step) alone, and the state that is kept
every few steps holds everything else: the adapter, the optimiser's moments, the losses. So a run that was killed and goes
on ends in the very bytes of one that wasn't, on the same machine. The state lies in her vault under the job's name;
nothing of hers is written anywhere else, and no prompt is logged.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from ...domain.errors import EngineRefused, InputError, StateError, TwinbookError, VaultRefused
from ...ports import Trained, TrainingJob, TrainingPlan
from . import adapters, families, material, sampling
from .families import Base, Framing, Words

_NAME = adapters.TRAINED
_PRIOR_STEPS = 20
_PRIOR_GUIDANCE = 5.0
_VALIDATION_STEPS = 20
_VALIDATION_GUIDANCE = 5.0
_GRADIENT = 1.0  # the norm that gradients are clipped to


class LoraTrainer:
    """`ports.Trainer` by PEFT's LoRA. In this process only."""

    def train(self, job: TrainingJob, progress: Callable[[int, int, float], None]) -> Trained:
        """Train, or go on where a killed run left off. A state of another plan, other plates or other weights under the
        same name isn't gone on from. Raises InputError ``weights.unusable``, EngineRefused ``engine.memory`` and
        ``engine.checkpoint``, StateError ``engine.failed``."""
        try:
            return _Run(job).train(progress)
        except TwinbookError:
            raise
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise EngineRefused("engine.memory", "there isn't enough memory to train on these weights") from error
        except Exception as error:
            # Not what it says: libraries quote what they were given, and a traceback would show it.
            raise StateError("engine.failed", f"training: {families.failure(error)}") from None


@dataclass
class _State:
    """What a run goes on from. ``best`` is the best step's adapter file, if any step was scored yet."""

    step: int = 0
    losses: dict[int, float] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)
    best_step: int = 0
    best: bytes = b""
    seconds: float = 0.0


class _Run:
    def __init__(self, job: TrainingJob) -> None:
        self.job, self.plan = job, job.plan
        self.state_name, self.prior_name = f"{job.name}.state", f"{job.name}.prior"
        self.device = torch.device(job.plan.device) if job.plan.device else families.best_device()
        self.dtype = torch.bfloat16 if _takes_bf16(job.plan, self.device) else torch.float32
        self.terms = _terms(job)

    def train(self, progress: Callable[[int, int, float], None]) -> Trained:
        plan = self.plan
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        base = families.load(self.job.weights.family, Path(self.job.folder), self.device, self.dtype)
        examples, used = self._examples(base)
        prior = self._prior(base) if plan.prior else []
        validation = base.encode([self._validation_prompt()]).to("cpu")
        against = base.encode([""]).to("cpu")
        # From here on prompts are known, and only validation needs pixels.
        base.forget(plan.validation_pictures > 0)
        if plan.validation_pictures:
            base.vae.to("cpu")
        _free(self.device)
        before = adapters.fingerprint(base)
        parameters = adapters.grow(base, plan.rank, _seed(plan.seed, "adapter", 0), _NAME)
        if plan.gradient_checkpointing and hasattr(base.denoiser, "enable_gradient_checkpointing"):
            base.denoiser.enable_gradient_checkpointing()
        optimiser = _optimiser(plan, parameters)
        state = self._resumed(parameters, optimiser)
        order = material.Order(examples, plan.batch, plan.seed)
        started = time.perf_counter() - state.seconds
        adapters.use(base, [_NAME])
        for step in range(state.step, plan.steps):
            loss = self._step(base, step, [examples[index] for index in order.at(step)], prior, parameters, optimiser)
            if not math.isfinite(loss):
                raise StateError("engine.failed", f"the loss was {loss} at step {step + 1}", "train at a lower rate")
            state.step = step + 1
            state.losses[state.step] = loss
            last = state.step == plan.steps
            if plan.validation_pictures and (state.step % plan.validate_every == 0 or last):
                self._validate(base, state, validation, against)
            if state.step % plan.save_every == 0 and not last:
                state.seconds = time.perf_counter() - started
                self.job.twin.put_weights(self.state_name, _packed(self.terms, state, parameters, optimiser))
            progress(state.step, plan.steps, loss)
        lora = adapters.held(base, _NAME)
        if not any(bool(layer.up.any()) for layer in lora.layers.values()):
            raise StateError("engine.failed", "after training the adapter changes no layer")
        if adapters.fingerprint(base) != before:
            raise StateError("engine.failed", "training changed the base weights")
        data = state.best or adapters.written(lora, base)
        kept = state.best_step or plan.steps
        return Trained(
            data,
            kept,
            state.losses,
            state.scores,
            used,
            time.perf_counter() - started,
            _peak_bytes(self.device),
            # Whoever stores the adapter drops them: killed in between, the run would be lost.
            leftovers=(self.state_name, self.prior_name),
        )

    def _examples(self, base: Base) -> tuple[list[material.Example], tuple[str, ...]]:
        sizes = material.buckets(self.plan.resolution, base.multiple)
        examples: list[material.Example] = []
        used: list[str] = []
        for plate_id in self.job.plates:
            found = material.crops(self.job.twin.plate(plate_id), self.job.token, self.job.subject, sizes)
            examples += material.cached(base, found)
            used += [plate_id] if found else []
        if not examples:
            raise EngineRefused("engine.plate", "no plate of hers can be trained on")
        return examples, tuple(used)

    def _prior(self, base: Base) -> list[material.Example]:
        """Pictures of anybody, made by the base itself before it knows her (Ruiz et al. 2023). They show nobody; kept beside
        the state, so that a run that goes on doesn't make them again."""
        words = base.encode([f"a photo of a {self.job.subject}"]).to("cpu")
        side = self.plan.resolution // base.multiple * base.multiple
        framing = Framing.whole(side, side)
        stored = self._stored(self.prior_name)
        if stored is not None:
            tensors, said = _unpacked(stored)
            if said.get("terms") == self.terms:
                return [material.Example(row[None], words, framing) for row in tensors["latents"]]
        passage = sampling.Passage(words.to(base.device), base.encode([""]), ())
        found = []
        for index in range(self.plan.prior_pictures):
            seeds = [_seed(self.plan.seed, "prior", index)]
            found.append(sampling.sample(base, [passage], (side, side), _PRIOR_STEPS, _PRIOR_GUIDANCE, seeds).cpu())
        if not found:
            return []
        latents = torch.cat(found).contiguous()
        data = adapters.canonical_file({"latents": latents}, {"twinbook": json.dumps({"terms": self.terms})})
        self.job.twin.put_weights(self.prior_name, data)
        return [material.Example(row[None], words, framing) for row in latents]

    def _step(
        self,
        base: Base,
        step: int,
        batch: Sequence[material.Example],
        prior: Sequence[material.Example],
        parameters: Sequence[nn.Parameter],
        optimiser: torch.optim.Optimizer,
    ) -> float:
        random = torch.Generator().manual_seed(_seed(self.plan.seed, "step", step))
        optimiser.zero_grad(set_to_none=True)
        loss = _loss(base, batch, random)
        loss.backward()
        if prior:
            chosen = torch.randint(len(prior), (len(batch),), generator=random).tolist()
            # Backwards by itself, so that only one graph is in memory.
            (self.plan.prior * _loss(base, [prior[index] for index in chosen], random)).backward()
        nn.utils.clip_grad_norm_(parameters, _GRADIENT)
        optimiser.step()
        return float(loss.detach())

    def _validation_prompt(self) -> str:
        return f"a photo of {self.job.token} {self.job.subject}, facing the camera, head and shoulders, plain backdrop"

    def _validate(self, base: Base, state: _State, words: Words, against: Words) -> None:
        pictures = self._pictures(base, words, against)
        score = self.job.score(pictures)
        adapters.use(base, [_NAME])
        if score is None:
            return
        state.scores[state.step] = float(score)
        if score >= max(state.scores.values()):
            state.best_step = state.step
            state.best = adapters.written(adapters.held(base, _NAME), base)

    def _pictures(self, base: Base, words: Words, against: Words) -> list[np.ndarray]:
        side = self.plan.resolution // base.multiple * base.multiple
        passage = sampling.Passage(words.to(base.device), against.to(base.device), (_NAME,))
        pictures = []
        base.vae.to(base.device)
        for index in range(self.plan.validation_pictures):
            seeds = [_seed(self.plan.seed, "validation", index)]
            latents = sampling.sample(base, [passage], (side, side), _VALIDATION_STEPS, _VALIDATION_GUIDANCE, seeds)
            pictures.append(material.as_pixels(base.pixels(latents)))
        base.vae.to("cpu")
        _free(self.device)
        return pictures

    # --- the state --------------------------------------------------------------------------------------------------

    def _stored(self, name: str) -> bytes | None:
        try:
            return self.job.twin.weights(name)
        except VaultRefused as error:
            if error.code == "vault.missing":
                return None
            raise

    def _resumed(self, parameters: Sequence[nn.Parameter], optimiser: torch.optim.Optimizer) -> _State:
        data = self._stored(self.state_name)
        if data is None:
            return _State()
        tensors, said = _unpacked(data)
        if said["terms"] != self.terms:
            return _State()
        for index, parameter in enumerate(parameters):
            parameter.data.copy_(tensors[f"adapter.{index}"])
        moments: dict[int, dict[str, object]] = {int(i): dict(plain) for i, plain in said["optimiser"].items()}
        for key, tensor in tensors.items():
            kind, _, rest = key.partition(".")
            if kind == "optimiser":
                index, _, name = rest.partition(".")
                moments.setdefault(int(index), {})[name] = tensor
        loaded = optimiser.state_dict()
        optimiser.load_state_dict({"state": moments, "param_groups": loaded["param_groups"]})
        return _State(
            said["step"],
            {int(step): loss for step, loss in said["losses"].items()},
            {int(step): score for step, score in said["scores"].items()},
            said["best_step"],
            tensors["best"].numpy().tobytes() if "best" in tensors else b"",
            said["seconds"],
        )


def _loss(base: Base, batch: Sequence[material.Example], random: torch.Generator) -> Tensor:
    latents = torch.cat([example.latents for example in batch]).to(base.device)
    noise = torch.randn(latents.shape, generator=random).to(base.device)
    times = base.drawn_times(len(batch), random)
    words = Words.stacked([example.words for example in batch]).to(base.device)
    said = base.predict(base.noisy(latents, noise, times), times, words, [example.framing for example in batch])
    return nn.functional.mse_loss(said, base.target(latents, noise, times))


def _optimiser(plan: TrainingPlan, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    if plan.eight_bit:
        try:
            from bitsandbytes.optim import AdamW8bit
        except ImportError as error:
            raise InputError(
                "weights.unusable", "an 8-bit optimiser needs bitsandbytes", "pip install bitsandbytes, or leave it out"
            ) from error
        return AdamW8bit(parameters, lr=plan.learning_rate, weight_decay=1e-2)
    return torch.optim.AdamW(parameters, lr=plan.learning_rate, weight_decay=1e-2)


def _packed(terms: str, state: _State, parameters: Sequence[nn.Parameter], optimiser: torch.optim.Optimizer) -> bytes:
    tensors = {f"adapter.{index}": value.detach().cpu().contiguous() for index, value in enumerate(parameters)}
    plain: dict[int, dict[str, object]] = {}
    for index, moments in optimiser.state_dict()["state"].items():
        plain[index] = {}
        for name, value in moments.items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{index}.{name}"] = value.detach().cpu().contiguous().clone()
            else:
                plain[index][name] = value
    if state.best:
        tensors["best"] = torch.frombuffer(bytearray(state.best), dtype=torch.uint8)
    said = {
        "terms": terms,
        "step": state.step,
        "losses": state.losses,
        "scores": state.scores,
        "best_step": state.best_step,
        "seconds": state.seconds,
        "optimiser": plain,
    }
    return adapters.canonical_file(tensors, {"twinbook": json.dumps(said)})


def _unpacked(data: bytes) -> tuple[dict[str, Tensor], dict]:
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return safetensors.torch.load(data), json.loads(header["__metadata__"]["twinbook"])


def _terms(job: TrainingJob) -> str:
    """A digest of everything that a run's result depends on: a state under other terms is another run's."""
    said = {
        "plan": asdict(job.plan),
        "plates": list(job.plates),
        "weights": job.weights.digest,
        "token": job.token,
        "subject": job.subject,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _seed(seed: int, purpose: str, step: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}/{step}".encode()).digest()[:7], "big")


def _takes_bf16(plan: TrainingPlan, device: torch.device) -> bool:
    return plan.precision == "bf16" and device.type == "cuda" and torch.cuda.is_bf16_supported()


def _free(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _peak_bytes(device: torch.device) -> int:
    """On a GPU what torch took of it at most; else the most that this process ever had resident, which counts what it did
    before as well. 0 where that can't be told."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found: Mapping[str, str] = dict(line.partition(":")[::2] for line in status.splitlines())
    return int(found.get("VmHWM", "0 kB").split()[0]) * 1024
