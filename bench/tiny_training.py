"""A vault, a shelf and jobs in memory, to train tiny weights with: for tests and benches."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from twinbook.domain.errors import InputError, VaultRefused
from twinbook.domain.permit import Act, Permit
from twinbook.domain.weights import Checkpoint, Family, Weights
from twinbook.ports import TrainingJob, TrainingPlan

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
A_PLAN = TrainingPlan(
    steps=6, rank=4, learning_rate=1e-2, resolution=64, prior=0.0, save_every=2, validate_every=100,
    validation_pictures=1, precision="fp32",
)  # fmt: skip


@dataclass
class OpenTwin:
    """A twin as the vault hands it out, kept in memory."""

    plates: dict = field(default_factory=dict)
    stored: dict = field(default_factory=dict)
    act: Act = Act.RENDER
    talent: str = "mira"

    @property
    def permit(self):
        return Permit("p", self.act, self.talent, "d1", "consent", "license", datetime(2030, 1, 1, tzinfo=UTC))

    def plate(self, plate_id):
        return self.plates[plate_id]

    def weights(self, name):
        if name not in self.stored:
            raise VaultRefused("vault.missing", f"there is no {name}")
        return self.stored[name]

    def put_weights(self, name, data):
        self.stored[name] = data

    def drop_weights(self, name):
        self.stored.pop(name, None)


@dataclass
class Shelf:
    """Weights of one folder."""

    weights: Weights
    path: object

    def get(self, name):
        if name != self.weights.name:
            raise InputError("weights.unknown", f"there are no weights {name!r}")
        return self.weights

    def folder(self, name):
        self.get(name)
        return self.path


def a_training(weights, folder, twin, plan=A_PLAN, **changes):
    """A job to train on all plates of an open twin."""
    values = {
        "name": "training-1", "twin": twin, "plates": tuple(twin.plates), "weights": weights, "folder": folder,
        "plan": plan, "token": "sks",
    }  # fmt: skip
    return TrainingJob(**{**values, **changes})


def checkpoint_of(trained, weights, talent="mira", token="sks", family=Family.SDXL):
    digest = hashlib.sha256(trained.adapter).hexdigest()
    return Checkpoint(
        f"checkpoint-{talent}", talent, f"{talent}-1", weights.name, weights.digest, family, token, trained.step, 4,
        trained.used, digest, NOON,
    )  # fmt: skip
