"""Training a checkpoint: it learns, it leaves the base alone, and killed anywhere it ends in the same bytes."""

from dataclasses import replace

import numpy as np
import pytest
from people_and_weights import plates
from tiny_training import A_PLAN, OpenTwin
from tiny_training import a_training as training_of

from twinbook.domain.errors import InputError, StateError
from twinbook.domain.permit import Act
from twinbook.domain.weights import Family
from twinbook.engines.diffusion import LoraTrainer, training


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """Pictures of the prior and of validation are made in three steps."""
    monkeypatch.setattr(training, "_PRIOR_STEPS", 3)
    monkeypatch.setattr(training, "_VALIDATION_STEPS", 3)


def a_training(weights, folder, plan=A_PLAN, twin=None, **changes):
    return training_of(weights, folder, twin or OpenTwin(plates(), act=Act.TRAIN), plan, **changes)


def killed_after(step):
    def progress(at, steps, loss):
        if at == step:
            raise KeyboardInterrupt

    return progress


def quiet(step, steps, loss):
    pass


def test_a_checkpoint_is_trained_from_her_plates(sdxl):
    job = a_training(*sdxl)
    heard = []
    trained = LoraTrainer().train(job, lambda *said: heard.append(said))
    assert [step for step, _, _ in heard] == [1, 2, 3, 4, 5, 6]
    assert list(trained.losses) == [1, 2, 3, 4, 5, 6]
    assert set(trained.used) == set(job.plates)
    assert trained.step == 6
    assert trained.peak_bytes > 0
    assert set(job.twin.stored) <= set(trained.leftovers), "whoever stores the adapter drops them"


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 3, pytest.param(5, marks=pytest.mark.slow)])
def test_killed_anywhere_and_gone_on_it_ends_in_the_same_bytes(sdxl, step):
    plan = replace(A_PLAN, prior=1.0, prior_pictures=2, validate_every=3)

    def score(pictures):
        return float(np.mean(pictures[0]))

    whole = LoraTrainer().train(a_training(*sdxl, plan, score=score), quiet)
    twin = OpenTwin(plates(), act=Act.TRAIN)
    job = a_training(*sdxl, plan, twin, score=score)
    with pytest.raises(KeyboardInterrupt):
        LoraTrainer().train(job, killed_after(step))
    resumed = LoraTrainer().train(job, quiet)
    assert resumed.losses == whole.losses
    assert resumed.scores == whole.scores
    assert resumed.adapter == whole.adapter
    assert resumed.step == whole.step


def test_a_state_of_another_plan_is_not_gone_on_from(sdxl):
    twin = OpenTwin(plates(), act=Act.TRAIN)
    with pytest.raises(KeyboardInterrupt):
        LoraTrainer().train(a_training(*sdxl, twin=twin), killed_after(5))
    other = replace(A_PLAN, seed=7)
    heard = []
    LoraTrainer().train(a_training(*sdxl, other, twin), lambda *said: heard.append(said[0]))
    assert heard[0] == 1


def test_the_step_that_looks_most_like_her_is_kept(sdxl):
    scores = iter([0.2, 0.9, 0.4])
    plan = replace(A_PLAN, validate_every=2)
    trained = LoraTrainer().train(a_training(*sdxl, plan, score=lambda pictures: next(scores)), quiet)
    assert trained.scores == {2: 0.2, 4: 0.9, 6: 0.4}
    assert trained.step == 4


@pytest.mark.parametrize("family", list(Family))
def test_every_family_trains_two_steps(weights, family):
    plan = replace(A_PLAN, steps=2, batch=2)
    trained = LoraTrainer().train(a_training(*weights(family), plan), quiet)
    assert len(trained.losses) == 2
    assert all(np.isfinite(loss) for loss in trained.losses.values())


def test_the_base_never_learns_from_her(sdxl, monkeypatch):
    """The check is there, and it sees a single bit."""
    real = training._loss

    def leaky(base, batch, random):
        base.denoiser.conv_in.bias.data[0] += 1e-3
        return real(base, batch, random)

    monkeypatch.setattr(training, "_loss", leaky)
    with pytest.raises(StateError) as caught:
        LoraTrainer().train(a_training(*sdxl), quiet)
    assert "base weights" in caught.value.diagnosis


def test_weights_that_are_pickles_are_not_opened(sdxl, tmp_path):
    import shutil

    registered, folder = sdxl
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    safe = copy / "unet" / "diffusion_pytorch_model.safetensors"
    safe.rename(safe.with_suffix(".bin"))
    with pytest.raises(InputError) as caught:
        LoraTrainer().train(a_training(registered, copy), quiet)
    assert caught.value.code == "weights.unusable"
