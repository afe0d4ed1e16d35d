"""The command line. Each command says in plain words what it did; every error has a code, a diagnosis and a remedy."""

from . import (
    access,
    booking,
    delivery,
    deputies,
    enroll,
    findings,
    interchange,
    keeping,
    keyring,
    law,
    notices,
    papers,
    production,
    record,
    registry,
    rights,
)
from .root import commands, main

__all__ = [
    "access",
    "booking",
    "commands",
    "delivery",
    "deputies",
    "enroll",
    "findings",
    "interchange",
    "keeping",
    "keyring",
    "law",
    "main",
    "notices",
    "papers",
    "production",
    "record",
    "registry",
    "rights",
]
