"""The command line. Each command says in plain words what it did; every error has a code, a diagnosis and a remedy."""

from . import booking, deputies, interchange, keyring, law, notices, production, record, rights
from .root import commands, main

__all__ = [
    "booking",
    "commands",
    "deputies",
    "interchange",
    "keyring",
    "law",
    "main",
    "notices",
    "production",
    "record",
    "rights",
]
