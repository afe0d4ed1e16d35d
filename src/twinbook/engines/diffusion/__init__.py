"""Training and rendering on base weights that a user brings, by diffusers and PEFT. Needs the extra ``diffusion``; the only
place where torch is imported."""

from .engine import DiffusionEngine
from .inventing import PictureInventor
from .training import LoraTrainer

__all__ = ["DiffusionEngine", "LoraTrainer", "PictureInventor"]
