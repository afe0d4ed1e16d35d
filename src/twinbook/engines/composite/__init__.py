"""The embedded default engine: her own photographs, composited on the CPU. No weights are downloaded."""

from .engine import CompositeEngine

__all__ = ["CompositeEngine"]
