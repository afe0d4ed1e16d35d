"""Makes what no photograph has on a ComfyUI server of the user's, and leaves nothing of hers there."""

from .engine import ComfyEngine, ComfySettings

__all__ = ["ComfyEngine", "ComfySettings"]
