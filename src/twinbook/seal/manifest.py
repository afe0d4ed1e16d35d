"""Signs a finished file with a C2PA manifest (C2PA 2.x, through c2pa-rs). Specification: docs/reference/marks.md

Without a time stamp a manifest counts as invalid once the certificate has ended (C2PA 2.x, "Time-stamps"); with an RFC 3161
authority named, no picture is signed without one. An organisation can add its own signature over what the manifest asserts (CAWG
identity assertion 1.2, X.509 and COSE).
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass

import c2pa

from ..domain.errors import StateError
from ..domain.provenance import Marking, SourceType
from ..domain.twin import Box
from .metadata import plain_text

RELEASE_ASSERTION = "org.twinbook.release"
LICENSE_ASSERTION = "org.twinbook.license"

# What an engine calls an operation, as C2PA's action labels and a sentence for whoever inspects the manifest.
_ACTIONS = {
    "scene": ("c2pa.edited", "The backdrop was replaced."),
    "recolor": ("c2pa.adjustedColor", "The colour of a garment was changed."),
    "print": ("c2pa.edited", "The print of a garment was changed."),
    "tryon": ("c2pa.edited", "A garment was put on."),
    "accessories": ("c2pa.edited", "An accessory was put on."),
    "mannequin": (
        "c2pa.edited",
        "Her head was put on a mannequin of her own measurements: the body is not photographed.",
    ),
    "generate": ("c2pa.edited", "A trained model made what was asked for in words."),
    "crop": ("c2pa.cropped", "Cut to the format."),
    "resize": ("c2pa.resized", "Scaled to the format."),
}

# How a picture came about, of somebody who consented and of somebody who does not exist.
_CREATED = {
    SourceType.COMPOSITE_SYNTHETIC: "Made of {photographs}.",
    SourceType.COMPOSITE_TRAINED: "Made of {photographs}, with parts that a trained model made.",
    SourceType.TRAINED: "Made by a trained model, of {likeness}.",
}
_CONSENTING = {"photographs": "a consenting person's photographs", "likeness": "a consenting person's likeness"}
_NOBODY = {
    "photographs": "pictures of a person who does not exist",
    "likeness": "a person who does not exist",
}


@dataclass(frozen=True)
class Identity:
    """An organisation that puts its name under a manifest: its certificate with the chain, and its P-256 key, both PEM."""

    chain_pem: str
    private_key_pem: str

    def __repr__(self) -> str:
        return "Identity(…)"


# What the organisation vouches for; the picture itself (the hard binding) is always among it.
_VOUCHED = ("c2pa.actions.v2", "cawg.training-mining", RELEASE_ASSERTION, LICENSE_ASSERTION)


@dataclass(frozen=True)
class Signing:
    """Whom manifests are signed by: the leaf with its CA (PEM), and the leaf's P-256 key, either as PEM (PKCS#8) or as
    ``sign``, which gives an ES256 signature of 64 bytes. ``timestamp_url`` is an RFC 3161 authority's, empty for none."""

    chain_pem: str
    private_key_pem: str = ""
    sign: Callable[[bytes], bytes] | None = None
    timestamp_url: str = ""
    identity: Identity | None = None

    def __repr__(self) -> str:
        return "Signing(…)"


def definition(marking: Marking, label: str, label_box: Box, version: str, watermark: str) -> dict[str, object]:
    """The manifest as c2pa-rs takes it, each assertion as the signer's own ("created", not "gathered").
    ``watermark`` names the code that the pixels carry.

    Every value in an assertion of ours is a string: c2pa-rs turns arrays of numbers in custom assertions into
    something else.
    """
    return {
        "claim_generator_info": [{"name": "Twinbook", "version": version}],
        "title": plain_text(marking.title),
        "format": marking.file.media_type,
        "ingredients": [_plate(digest, number, marking.nobody) for number, digest in enumerate(marking.plates)],
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "created": True,
                "data": {"actions": _actions(marking, version), "allActionsIncluded": True},
            },
            *(
                {
                    "label": "c2pa.soft-binding",
                    "created": True,
                    "data": {"alg": algorithm, "blocks": [{"scope": {}, "value": value}]},
                }
                for algorithm, value in ((watermark, str(marking.release)), *marking.fingerprints)
            ),
            {
                "label": "cawg.training-mining",
                "created": True,
                "data": {
                    "entries": {
                        f"cawg.{use}": {"use": "notAllowed"}
                        for use in ("ai_generative_training", "ai_inference", "ai_training", "data_mining")
                    }
                },
            },
            {
                "label": RELEASE_ASSERTION,
                "created": True,
                "data": {
                    "release": str(marking.release),
                    "format": marking.format,
                    "license": marking.license,
                    "consent": marking.consent,
                    "label": label,
                    "label_box": f"{label_box.left},{label_box.top},{label_box.width},{label_box.height}",
                    "engine": marking.engine,
                    "engine_version": marking.engine_version,
                    "created": marking.created,
                },
            },
            {
                "label": LICENSE_ASSERTION,
                "created": True,
                "data": {
                    "license": marking.license,
                    "starts": marking.starts,
                    "ends": marking.ends,
                    "channels": ", ".join(marking.channels),
                },
            },
        ],
    }


def _plate(digest: str, number: int, nobody: bool) -> dict[str, object]:
    """A plate as an ingredient: a digest that whoever has the plate can check, and nothing that shows her."""
    whom = "a person who does not exist" if nobody else "a consenting person"
    return {
        "title": f"A plate of {whom}, by its digest only",
        "format": "application/octet-stream",  # nothing is said of a file, since none is handed out
        "instance_id": f"urn:twinbook:plate:sha-256:{digest}",
        "relationship": "componentOf",
        "label": _plate_label(number),
    }


def _plate_label(number: int) -> str:
    return f"plate-{number}"


def sign(file: bytes, media_type: str, manifest: dict[str, object], signing: Signing) -> bytes:
    """The file with the manifest in it. Raises StateError ``seal.certificate`` when it can't be signed with these,
    ``seal.signer`` when the key's holder gives no signature, ``seal.timestamp`` when the authority gives no stamp."""
    settings: dict[str, object] = {
        # The reader validates what was made; doing it here as well would need the anchors.
        "verify": {"verify_after_sign": False, "verify_trust": False, "remote_manifest_fetch": False},
        "builder": {"thumbnail": {"enabled": False}},
    }
    target = io.BytesIO()
    refused: list[StateError] = []
    try:
        if signing.identity:
            with (
                c2pa.Context.from_dict(settings | _signers(signing, signing.identity)) as context,
                c2pa.Builder(json.dumps(manifest), _Signed(context)) as builder,
            ):
                builder.sign(media_type, io.BytesIO(file), target)
            return target.getvalue()
        with (
            _signer(signing, refused) as signer,
            c2pa.Context.from_dict(settings) as context,
            c2pa.Builder(json.dumps(manifest), context) as builder,
        ):
            builder.sign(signer, media_type, io.BytesIO(file), target)
    except (c2pa.C2paError, ValueError, TypeError) as error:
        if refused:  # what the key's holder said gets lost on its way through c2pa-rs
            raise refused[0] from error
        if signing.timestamp_url and _about_the_stamp(error):
            raise StateError("seal.timestamp", f"{signing.timestamp_url} gave no time stamp: {error}") from error
        raise StateError("seal.certificate", f"the manifest could not be signed: {error}") from error
    return target.getvalue()


class _Signed(c2pa.ContextProvider):
    """A context that signs by what its settings say. c2pa-python knows only signers that it was handed, and has none that signs
    identities; c2pa-rs makes both of settings."""

    has_signer = True

    def __init__(self, context: c2pa.Context) -> None:
        self._context = context

    @property
    def is_valid(self) -> bool:
        return self._context.is_valid

    @property
    def execution_context(self) -> object:
        return self._context.execution_context


def _signers(signing: Signing, identity: Identity) -> dict[str, object]:
    def local(chain_pem: str, private_key_pem: str, **more: object) -> dict[str, object]:
        return {"local": {"alg": "es256", "sign_cert": chain_pem, "private_key": private_key_pem, **more}}

    stamp = {"tsa_url": signing.timestamp_url} if signing.timestamp_url else {}
    vouched = {"referenced_assertions": list(_VOUCHED), "roles": ["cawg.publisher"]}
    return {
        "signer": local(signing.chain_pem, signing.private_key_pem, **stamp),
        "cawg_x509_signer": local(identity.chain_pem, identity.private_key_pem, **vouched),
    }


def _signer(signing: Signing, refused: list[StateError]) -> c2pa.Signer:
    """``refused`` gets what the key's holder raises: an exception can't travel through c2pa-rs."""
    if signing.sign is None:
        info = c2pa.C2paSignerInfo(
            c2pa.C2paSigningAlg.ES256,
            signing.chain_pem.encode("utf-8"),
            signing.private_key_pem.encode("utf-8"),
            signing.timestamp_url.encode("utf-8") or None,
        )
        return c2pa.Signer.from_info(info)
    ask = signing.sign

    def signed(message: bytes) -> bytes:
        try:
            return ask(message)
        except StateError as error:
            refused.append(error)
            return b""  # c2pa-rs takes it for a failure

    return c2pa.Signer.from_callback(
        signed, c2pa.C2paSigningAlg.ES256, signing.chain_pem, signing.timestamp_url or None
    )


def _about_the_stamp(error: Exception) -> bool:
    said = str(error).lower()
    return any(word in said for word in ("timestamp", "time stamp", "time-stamp", "http", "nonce", "tsa"))


def _actions(marking: Marking, version: str) -> list[dict[str, object]]:
    agent = {"name": "Twinbook", "version": version}
    engine = {"name": f"Twinbook {marking.engine}", "version": marking.engine_version}

    def action(name: str, by: dict[str, str], description: str, **more: object) -> dict[str, object]:
        return {"action": name, "when": marking.created, "softwareAgent": by, "description": description, **more}

    made = [
        action(
            "c2pa.created",
            engine,
            _CREATED[marking.source_type].format(**_NOBODY if marking.nobody else _CONSENTING),
            digitalSourceType=marking.source_type.uri,
        )
    ]
    if marking.plates:
        labels = [_plate_label(number) for number in range(len(marking.plates))]
        made.append(
            action("c2pa.placed", engine, "Her plates went into the picture.", parameters={"ingredientIds": labels})
        )
    for operation in marking.operations:
        name, description = _ACTIONS.get(operation, ("c2pa.edited", f"Operation: {operation}."))
        # Who reads the manifest alone must find what a model did at the action that it did.
        by_model = {"digitalSourceType": SourceType.TRAINED.uri} if operation == "generate" else {}
        made.append(action(name, engine, description, **by_model))
    made.append(action("c2pa.addedText", agent, "The visible AI label was put on."))
    made.append(action("c2pa.watermarked.bound", agent, "The release id was put into the pixels."))
    return made
