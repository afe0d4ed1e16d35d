"""Tables, units of work and migrations."""

from .unit import Database

__all__ = ["Database"]
