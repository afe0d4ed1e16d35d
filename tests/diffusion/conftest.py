"""Tiny weights of each family, made once. Without torch nothing here is collected."""

import os

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from tiny_weights import tiny

from twinbook.domain.weights import Family

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """``weights(Family.SDXL)`` is (registered weights, folder)."""
    made = {}

    def of(family, **changes):
        key = (family, tuple(sorted(changes.items())))
        if key not in made:
            folder = tmp_path_factory.mktemp(family.value)
            made[key] = tiny(family, folder, 0, **changes), folder
        return made[key]

    return of


@pytest.fixture
def sdxl(weights):
    return weights(Family.SDXL)
