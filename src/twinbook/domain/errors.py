"""One tree of errors. Each has a code that never changes, a diagnosis for this case and a remedy.

`CODES` is the catalogue: what every code means and what usually cures it. An error with a code that isn't in the
catalogue can't be made, and the reference page of errors is checked against it. `generation_codes` holds a part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .generation_codes import GENERATION

# code: (meaning, usual remedy)
CODES: dict[str, tuple[str, str]] = {}


def _catalogue(**groups: dict[str, tuple[str, str]]) -> None:
    for group, codes in groups.items():
        for name, entry in codes.items():
            CODES[f"{group}.{name}"] = entry


@dataclass(frozen=True)
class Reason:
    """Why something was refused: a stable code, what is the case, the clause or rule it rests on, and what cures it."""

    code: str
    diagnosis: str
    remedy: str
    rests_on: str = ""

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise KeyError(f"error code {self.code!r} is not in the catalogue")

    def document(self) -> dict[str, str]:
        return {"code": self.code, "diagnosis": self.diagnosis, "remedy": self.remedy, "rests_on": self.rests_on}


def reason(code: str, diagnosis: str, remedy: str = "", rests_on: str = "") -> Reason:
    """A reason whose remedy defaults to the catalogue's."""
    return Reason(code, diagnosis, remedy or CODES.get(code, ("", ""))[1], rests_on)


class TwinbookError(Exception):
    """Everything Twinbook raises on purpose. ``exit_status`` is the command line's."""

    exit_status = 1

    def __init__(self, code: str, diagnosis: str, remedy: str = "") -> None:
        self.reason = reason(code, diagnosis, remedy)
        super().__init__(f"{code}: {diagnosis}")

    @property
    def code(self) -> str:
        return self.reason.code

    @property
    def diagnosis(self) -> str:
        return self.reason.diagnosis

    @property
    def remedy(self) -> str:
        return self.reason.remedy


class InputError(TwinbookError):
    """What the user gave is malformed or can't be used."""

    exit_status = 2


class CampaignError(InputError):
    """Faults in a campaign file, each with its line and key; all of them at once."""

    def __init__(self, file: str, faults: list[CampaignFault]) -> None:
        self.file, self.faults = file, tuple(faults)
        first = faults[0]
        super().__init__(first.reason.code, first.at(file), first.reason.remedy)


@dataclass(frozen=True)
class CampaignFault:
    """``line`` counts from 1; ``key`` is dotted, with indices: ``shot[2].formats``."""

    line: int
    key: str
    reason: Reason

    def at(self, file: str) -> str:
        return f"{file}:{self.line}: {self.key}: {self.reason.diagnosis}"


class Refused(TwinbookError):
    """A rule, a clause or an engine says no. ``reasons`` holds all of them."""

    def __init__(self, code: str, diagnosis: str, remedy: str = "", also: tuple[Reason, ...] = ()) -> None:
        super().__init__(code, diagnosis, remedy)
        self.reasons = (self.reason, *also)


class EngineRefused(Refused):
    """An engine can't do this shot faithfully. It never falls back silently."""


class CaptureRefused(Refused):
    """A photograph can't become a plate; the diagnosis names the file."""


class SealRefused(Refused):
    """A picture can't carry its marks as it must: no room for the label, no hold for the watermark."""


class SignatureRefused(Refused):
    """A signature is missing, wrong, or by a key that may not do this."""


class AwaitingSignature(Refused):
    """Terms wait for somebody's key. ``exit_status`` 3 lets a script tell this from a failure."""

    exit_status = 3


class VaultRefused(Refused):
    """The vault stays shut."""


class StateError(TwinbookError):
    """The books, the log or a file isn't as it must be. Nothing was written."""


_catalogue(
    money={
        "malformed": ("An amount of money can't be read", 'write it as "450 EUR" or "450.50 EUR"'),
        "currencies": ("Two currencies meet in one sum", "give all amounts of a campaign in one currency"),
        "shares": ("Shares can't be allocated", "give shares of zero or more that add up to more than zero"),
    },
    campaign={
        "missing_file": (
            "The campaign file can't be read",
            "give the path of a TOML file, or make one with `twinbook init`",
        ),
        "syntax": ("The campaign file is not TOML", "mend the line named; https://toml.io shows the syntax"),
        "unknown_key": ("A key the campaign file doesn't have", "remove it or mend its spelling"),
        "missing_key": ("A key is missing", "add it"),
        "value": ("A value is not of the right kind", "write the value as the message shows"),
        "scene": ("The scene can't be used", "name a built-in studio scene or an image file"),
    },
    format={
        "face_cut": ("A format would cut through her face", "leave the format out or use another plate"),
        "too_small": (
            "There are too few pixels for a format",
            "leave the format out, or take a larger photograph of her",
        ),
    },
    capture={
        "unreadable": ("The file is not an image that can be decoded", "export it again as JPEG, PNG or WebP"),
        "heic": ("HEIC needs an extra", "install twinbook[heic], or export the photograph as JPEG"),
        "too_large": ("The image has more pixels than are accepted", "scale it to at most 100 megapixels"),
        "too_small": ("The image or the face in it is too small", "use the full-size original"),
        "no_face": ("No face was found", "use a photograph with her face in view, frontal or three-quarter"),
        "several_faces": ("More than one person", "use a photograph of her alone"),
        "other_person": ("The face is not the one in the other photographs", "remove the photograph of somebody else"),
        "blurred": ("The face is not sharp", "retake it with a shorter exposure or correct focus"),
        "dark": ("Underexposed", "retake it with more light on the face"),
        "bright": ("Overexposed", "retake it with less light, no clipped skin"),
        "duplicate": ("The same photograph twice", "remove one of the two"),
        "none": ("No usable photograph", "give a folder with at least one usable photograph of her"),
        "screen": (
            "A photograph of a screen or of a print",
            "use the original file, not a picture of a picture",
        ),
        "covered": (
            "Something covers the face",
            "take off glasses and masks, comb the hair out of the face, keep hands away from it",
        ),
        "profile": (
            "A profile: whose face it is can't be told",
            "keep her clothes, hair and light as in the frontal photographs, so that it can be matched with them",
        ),
        "turned": ("The head is turned further than its view should be", "turn the head a little towards the camera"),
        "tilted": ("The head or the camera is tilted", "hold the camera level, at the height of her eyes"),
        "soft": ("The face is a little soft", "focus on the nearer eye, wipe the lens, use a shorter exposure"),
        "dim": ("There is little light on the face", "bring the light nearer, or expose longer"),
        "hard_light": (
            "One side of the face is much darker",
            "turn her towards the light, or hold a white card on the dark side",
        ),
        "low_resolution": ("The face is small", "come nearer, or use the full-size original"),
        "backdrop": (
            "The backdrop is not plain",
            "hang paper or a plain cloth, and have her stand a metre before it",
        ),
        "spare": ("Good, and not needed", "nothing: there are better ones of the same view"),
    },
    registry={
        "invalid": ("A registry can't be read", "give a file that `twinbook registry export` wrote"),
        "signature": (
            "A registry isn't signed by the key that was expected",
            "get it again from the home it is of, and its key (in any `log-key.json` of that home) by another way",
        ),
        "unreachable": (
            "The service gives no registry",
            "mend the address, or ask later; a registry file needs no service",
        ),
    },
    binding={
        "algorithm": (
            "A soft binding's algorithm isn't known here",
            "ask for one that /services/supportedAlgorithms names",
        ),
        "value": ("A soft binding's value can't be read", "give the value in base64, as the algorithm has it"),
    },
    manifest={
        "unknown": ("No released copy carries this manifest", "look the picture up again: /matches/byContent"),
        "revoked": ("The manifest's release was revoked", "stop showing the picture; its agency knows more"),
    },
    service={
        "path": ("The service has no such path", "docs/reference/resolution.md lists what there is"),
        "request": ("The request can't be understood", "mend what the message names"),
        "slow": ("The request arrived too slowly", "send it again over a better connection"),
        "large": ("The request is too large", "send a smaller picture or query"),
        "media": (
            "The asset isn't of a kind that is looked up",
            "send a JPEG, PNG, WebP or AVIF file under its media type",
        ),
        "often": ("Too many questions from one address", "wait for as long as retry-after says"),
        "busy": ("Too many pictures at once", "ask again in a few seconds"),
        "failed": ("The service failed", "tell its operator; nothing was changed"),
        "missing": ("What the service needs isn't installed", "pip install 'twinbook[serve]'"),
    },
    backdrop={
        "busy": (
            "The backdrop is too busy to cut her out with a clean edge",
            "use a plate on a plain backdrop, or keep the plate's own scene",
        ),
    },
    watermark={
        "model": (
            "The second watermark's model can't be used",
            "point TWINBOOK_WATERMARK_MODEL at a TOML file as docs/reference/second-watermark.md describes it, or unset it",
        ),
        "runtime": (
            "A second watermark needs an extra",
            "install twinbook[second-watermark], or unset TWINBOOK_WATERMARK_MODEL",
        ),
    },
    matte={
        "unsure": (
            "Her outline can't be told from the backdrop everywhere",
            "paint a correction beside the photograph (NAME.mask.png), or retake it before a backdrop unlike her clothes",
        ),
        "mask": (
            "The painted correction can't be used",
            "paint a PNG of the photograph's own proportions: green or white is her, red or black is backdrop",
        ),
        "model": (
            "The neural matte can't be used",
            "point TWINBOOK_MATTE_MODEL at an ONNX file that takes 1×3×H×W and gives 1×1×H×W, or unset it",
        ),
        "runtime": ("The neural matte needs an extra", "install twinbook[neural-matte], or unset TWINBOOK_MATTE_MODEL"),
    },
    engine={
        "unknown": ("No such engine", "use one that the message names"),
        "operation": ("The engine can't do this operation", "ask for what the engine's profile lists"),
        "talents": (
            "The engine can't put these talents in one picture",
            "name one scene for all and plates framed alike, or give each talent a shot of her own",
        ),
        "plate": ("No plate fits the shot", "name a photograph that was enrolled, or enroll one that fits"),
        "region": ("The garment region was not found", "choose a plate that shows the garment, or another region"),
        "figure": ("The figure can't be placed in this scene", "choose another plate"),
        "measurements": (
            "A mannequin needs her own measurements",
            "give height, bust or chest, waist and hips in the campaign file, in centimetres, and enroll her again",
        ),
        "neck": (
            "Her head can't be put on a mannequin from this plate",
            "use a plate that shows her neck and all of her hair, in something with a low neckline",
        ),
        "packshot": (
            "The garment can't be taken from its packshot",
            "use a front view of one top or pair of trousers on a plain background, sleeves and legs apart",
        ),
        "pose": (
            "Nothing can be put on in this pose",
            "use a plate seen from the front, arms beside the body or away from it",
        ),
        "uncovered": (
            "The new garment would show what no photograph of hers shows",
            "choose one that covers what she wears, or a plate in which she wears less",
        ),
        "accessory": ("The accessory can't be laid on", "use a plain packshot of it, and a place that the plate shows"),
        "address": (
            "The server's address can't be used",
            "set TWINBOOK_COMFYUI_URL to http:// on this machine, or https:// anywhere else",
        ),
        "adapter": (
            "Her own checkpoint is needed and can't be used",
            "train one on the weights that the shot names, on this machine; or keep her as photographed",
        ),
        "budget": (
            "The jobs of the day are used up",
            "run again tomorrow (UTC), or raise TWINBOOK_COMFYUI_JOBS_A_DAY; nothing is lost",
        ),
        "busy": ("The engine makes another picture", "run again when that is done; nothing is lost"),
        "cancelled": ("The job was stopped on the server, not by a fault", "run again to have it made"),
        "folder": (
            "The folder named isn't ComfyUI's, or the server isn't on this machine",
            "set TWINBOOK_COMFYUI_FOLDER to the folder with models, input and output in it, or leave it out",
        ),
        "left": (
            "What was sent to the server couldn't be taken off it again",
            "run again when the server answers; if it stays, remove what the message names there by hand",
        ),
        "unreachable": (
            "The server doesn't answer as it should",
            "start it, or mend TWINBOOK_COMFYUI_URL, and run again; nothing is lost",
        ),
        "vendor": (
            "The picture would be made on somebody else's machine, and no signed hand-off names who runs it",
            "name the operator (TWINBOOK_COMFYUI_OPERATOR) as the shot's vendor and in the license that she signs",
        ),
        "weights": (
            "The server doesn't have the weights",
            "put them among its checkpoints under the name that the shot says",
        ),
        "workflow": (
            "The workflow doesn't fit the shot, or the server can't run it",
            "mend the slot or node that the message names; docs/reference/comfyui.md lists both",
        ),
        "memory": (
            "There isn't enough memory",
            "ask for a smaller resolution or rank, or use a machine with more memory",
        ),
        "failed": ("The engine failed", "run again; if it fails again, report it with the log"),
        "permit": ("The engine was given a job without a permit for it", "let the gate permit the job"),
    },
    signature={
        "missing": ("No signature", "have it signed with `twinbook sign`"),
        "invalid": ("The signature doesn't match the document", "sign the document as it stands"),
        "role": ("The key belongs to somebody who may not sign this", "it takes the key of the person named"),
        "unknown_key": ("The key is not registered", "register it with `twinbook keys new`"),
        "key_taken": ("The party has another key, or the key another party", "sign with the registered key"),
        "key_retired": ("The key did not count when it signed", "sign with the key that counts now"),
        "duty": ("The key is not for this duty", "sign with a key of the party that has it"),
        "language": ("The terms can't be shown in their language", "put them before her in a language that is there"),
        "declined": ("The typed confirmation was not as asked", "type it exactly as shown to sign"),
        "passkey": (
            "A passkey's answer isn't acceptable",
            "ask her to try again with the passkey on the page of this home",
        ),
    },
    key={
        "exists": ("A key file is there already", "choose another file name; keys are never overwritten"),
        "unreadable": ("The key file can't be read", "give the path of a Twinbook key file"),
        "retention": (
            "The retention key is missing or wrong",
            "set TWINBOOK_RETENTION_KEY or restore keys/retention.key in the home",
        ),
        "master": ("The master key is missing or wrong", "set TWINBOOK_MASTER_KEY or restore the home's key file"),
        "permissions": ("The key file can be read by others", "make it yours alone: chmod 600"),
        "change": ("Keys can't be changed like this", "see docs/howto/keys.md for further, rotated and lost keys"),
        "proof": ("Nobody has shown to hold the new key", "have its holder sign the same change with it"),
    },
    awaiting={
        "signature": ("Terms wait for a signature", "the person named runs the command shown"),
        "approval": ("A picture waits for her approval", "she runs the command shown"),
    },
    consent={
        "missing": ("There is no consent", "ask her to sign one"),
        "perpetual": ("The consent has no end", "ask her to sign one with a last day"),
        "not_started": ("The consent hasn't begun", "wait for its first day"),
        "cooling_off": ("Her time to think it over isn't over", "wait for the day named"),
        "stale": ("The consent is older than she lets it become", "ask her to sign it anew"),
        "bundled": (
            "The consent isn't separate from her contract of representation",
            "ask her for a consent of its own, on which nothing else depends",
        ),
        "power_of_attorney": (
            "Somebody claims to sign for her",
            "nobody can: ask her to sign with a key of her own",
        ),
        "edit": ("A change of the picture that she didn't allow", "leave it out, or ask her for it"),
        "brands": ("Her twin is licensed to as many brands as she allows", "wait until one of the licenses has ended"),
        "expired": ("The consent has ended", "ask her for a new consent"),
        "revoked": ("The consent was withdrawn", "stop; only she can consent anew"),
        "replaces": (
            "A consent replaces one that isn't there, or not hers, or not alive",
            "name a live consent of hers by its SHA-256, or leave `replaces` out",
        ),
        "part": ("The consent doesn't have the part this act needs", "ask her to sign a consent with that part"),
        "channel": ("A channel she didn't consent to", "use a channel she allows"),
        "territory": ("A territory she didn't consent to", "use a territory she allows"),
        "never": ("A context she never allows", "leave it out"),
        "fee_floor": ("The fee is under her minimum", "raise the fee to her minimum or above"),
        "cap": ("Her monthly cap is reached", "wait for the next month"),
    },
    talent={
        "deceased": ("She has died", "only her estate can agree, where her consent names it"),
        "death": ("A death can't be noted like this", "give its day, today or earlier, and what proves it"),
        "minor": ("Under 18", "a person under 18 can't have a twin here"),
        "unknown": ("No such talent", "use an id from the campaign file"),
    },
    party={
        "name": ("A name that makes no id", "give a name with letters or digits in it"),
        "unknown": ("Nobody of this id is known here", "use the id that `twinbook keys list` shows"),
        "role": ("The id belongs to somebody in another role", "give one of the two another name or id"),
        "born": ("Another day of birth than on file", "correct it in the campaign file, or give her an id of her own"),
    },
    license={
        "missing": ("There is no license", "have the talent and the brand sign one"),
        "expired": ("The license's term is over", "agree a new license"),
        "not_started": ("The license's term hasn't begun", "wait for its first day"),
        "revoked": ("The license was revoked", "agree a new license with her"),
        "channel": ("A channel outside the license", "use a licensed channel, or license this one"),
        "territory": ("A territory outside the license", "use a licensed territory"),
        "split": ("The split can't be paid", "let agency and crew have less than 100 percent together"),
        "other": ("The license is for something else", "ask under the license that fits"),
        "perpetual": ("The license has no end", "agree one with a term"),
        "auto_renewal": ("The license renews itself", "agree a license that ends; a new term takes new signatures"),
        "cap": ("The license's number of images is reached", "agree a license for more"),
        "sublicense": ("Another brand than the licensee", "license it from her yourself"),
        "vendor": ("A third party that she didn't name", "ask her for a license that names it, or do without"),
        "exclusivity": ("Another license is exclusive here", "choose another category, territory, channel or time"),
        "estate": ("An estate that can't agree for her", "only the estate that her consent names, after her death"),
        "unpaid": ("The brand owes her for an image for more than 45 days", "pay it and have it recorded"),
        "other_consent": ("The license rests on another consent", "agree the license anew under the live consent"),
    },
    offer={
        "unknown": ("There is no such booking", "use an id that `twinbook booking list` shows"),
        "window": ("A proposal's end isn't where it can be", "let it end within the next 90 days"),
        "parties": ("A proposal is for somebody else than its booking", "keep talent, brand, agency and consent"),
        "stale": ("Not the latest proposal of its booking", "look at the booking and answer its latest proposal"),
        "turn": ("Not theirs to answer like this", "wait for the other side, or withdraw the proposal"),
        "expired": ("The proposal has ended unanswered", "make a new offer"),
        "withdrawn": ("The proposal was withdrawn", "make a new offer"),
        "declined": ("The proposal was declined", "make another offer"),
        "taken": ("The terms were accepted already", "look at the booking"),
        "conflict": ("Somebody else holds what these terms ask for", "ask for another category, territory or time"),
        "repeated": (
            "Exactly these terms were signed before, or lie in another booking",
            "propose terms with another first day",
        ),
    },
    mandate={
        "missing": ("There is no mandate", "she accepts herself, or signs what her agency may accept"),
        "revoked": ("The mandate was revoked", "she accepts herself"),
        "scope": ("Outside what she signed that her agency may do", "put it before her"),
        "reserved": ("Only she can do this", "put it before her"),
    },
    words={
        "unsigned": ("Words attributed to her that she didn't sign", "have her sign exactly these words"),
        "revoked": ("She took these words back", "leave them out"),
    },
    revocation={
        "grounds": ("It can't be revoked on these grounds", "choose other grounds, or withdraw the consent"),
    },
    notice={
        "invalid": ("It is no notice that this home signed", "ask the home for it again: `twinbook notices show`"),
        "unknown": ("There is no such notice", "use an id that `twinbook notices list` shows"),
        "address": (
            "Notices can't be sent to this address",
            "give an https:// address on the public internet, or see TWINBOOK_WEBHOOK_PRIVATE",
        ),
        "undelivered": ("A notice was not taken", "it is sent again; `twinbook notices list` shows when"),
    },
    twin={
        "stale": ("The twin is older than she lets it become", "enroll new photographs"),
    },
    law={
        "pack": ("A law pack can't be read", "mend the file and rule named"),
        "no_pack": ("A territory whose law isn't known here", "check its law yourself; the strictest labels are used"),
        "consent": ("The law wants more of a consent", "mend the consent and have her sign it"),
        "separate": ("The law wants the consent on its own", "ask her for a separate consent"),
        "power_of_attorney": ("The law lets nobody sign for her", "she signs with her own key"),
        "biometric": ("The law protects her biometric data", "have her give that part explicitly"),
        "purpose": ("The law wants scope and purpose stated", "state them and have her sign"),
        "description": ("The law wants the uses described", "describe each use, then have her sign"),
        "advice": ("The law wants counsel or a union at her side", "name who advised her"),
        "pay": ("The law wants the rate of pay stated or paid", "state and pay it"),
        "commission": ("The commission is above the law's ceiling", "lower the agency's share"),
        "deduction": ("A deduction that the law doesn't allow", "take it out of the split"),
        "term": ("The term is longer than the law allows", "agree a shorter term"),
        "renewal": ("The law forbids renewal by silence", "agree a new term with new signatures"),
        "deadline": ("A deadline of the law hasn't passed", "wait until it has"),
        "payment": ("The law wants payment sooner", "agree and keep a shorter time to pay"),
        "training": ("The law lets nobody train on her without asking", "leave training out, or ask her for it"),
        "likeness": ("The law protects her likeness", "work under a live grant of hers only"),
        "deceased": ("The law protects the dead", "ask whoever holds her rights"),
        "minor": ("The law protects minors", "work with adults only"),
        "disclosure": ("The law wants it disclosed", "add the label that the message names"),
        "language": ("The law wants terms in her language", "put them before her in it"),
        "impact": ("The law wants an assessment or a record", "make it and keep it"),
    },
    permit={
        "forged": ("The permit was not made by the gate, or was changed", "ask the gate for a permit"),
        "expired": ("The permit is too old", "ask the gate for a new one"),
        "spent": ("The permit was used already", "ask the gate for a new one; each opens the vault once"),
        "revoked": ("What the permit rests on was revoked", "stop"),
        "act": ("The permit is for another act or twin", "ask the gate for a permit for this act"),
    },
    vault={
        "missing": ("The vault has no such object", "enroll again"),
        "damaged": ("An encrypted object fails its integrity check", "restore it from a backup"),
        "busy": ("Others work with this twin", "try again when they have ended; nothing was changed"),
    },
    plate={
        "unknown": ("No such plate", "use a name that `twinbook plates list` shows"),
    },
    access={
        "missing": ("There is no request of hers for access", "she signs one with her own key"),
        "revoked": ("The request for access was taken back", "she signs a new one"),
        "other": ("The request for access is for something else", "she signs one for exactly this"),
        "stale": ("The request for access isn't of today", "she signs a new one"),
    },
    retention={
        "unknown": ("No such paper is kept under retention", "use an id that `twinbook retention list` shows"),
        "years": ("The years of retention can't be read", "set TWINBOOK_RETENTION_YEARS to a number from 1 to 100"),
        "early": ("Papers are not destroyed before their time", "give a day that has come, today at the latest"),
    },
    fidelity={
        "quarantined": (
            "The picture was not found to be her, unchanged",
            "look at the measurements; use another plate or brief",
        ),
    },
    delivery={
        "none": (
            "There is nothing that this brand may use today",
            "look at `twinbook papers list` for its licenses, and at the contact sheet for what was released",
        ),
        "changed": ("A published copy isn't the one that was released", "restore the home's outbox from a backup"),
        "recipient": (
            "The license lets the pictures be passed on to nobody of this name",
            "name one of its sublicensees or vendors, or the brand's own people as BRAND/who",
        ),
    },
    trace={
        "unknown": (
            "There is nothing to hold the picture against",
            "name the release it may come from with --release; the contact sheet and the statement list them",
        ),
    },
    seal={
        "readback": (
            "A sealed copy failed its independent check",
            "nothing was released; run again, and report it if it stays",
        ),
        "label_room": ("There is no room for a legible label off the face", "use a larger plate or another format"),
        "label_text": ("The label has letters that its typeface lacks", "write the label in plain Latin letters"),
        "certificate": (
            "The signing certificate is missing or unusable",
            "run `twinbook init`, or name a certificate in the settings",
        ),
        "profile": (
            "The certificate isn't what the C2PA conformance programme asks for, so public validators won't trust it",
            "order one with that profile, or set TWINBOOK_SIGNING_PROFILE=basic for signatures within your own circle",
        ),
        "signer": (
            "The key that signs manifests can't be had, or its signature doesn't fit",
            "mend TWINBOOK_SIGNING_KEY or TWINBOOK_SIGNING_COMMAND; nothing was released",
        ),
        "timestamp": (
            "The time stamp authority gave no stamp",
            "see whether TWINBOOK_TIMESTAMP_URL answers, and run again; nothing was released",
        ),
        "watermark": ("The picture is too small or too flat for the watermark", "use a larger plate or another scene"),
    },
    log={
        "inconsistent": (
            "The log contradicts itself or its checkpoint",
            "stop using this home and restore a backup; somebody changed it",
        ),
        "receipt": (
            "A receipt doesn't fit the log's key",
            "ask for the receipt again; if it stays, the log was rewritten",
        ),
        "statement": (
            "The statement can't be held against the log",
            "give statement.csv as `twinbook statement` wrote it, with the bundle that came with it",
        ),
    },
    books={
        "unbalanced": ("A transaction doesn't sum to zero", "nothing was booked; report it"),
        "nothing_owed": ("There is nothing to be paid", "look at the statement"),
        "hold": ("The hold is not there to settle or void", "look at the shot's state"),
    },
    home={
        "missing": ("There is no Twinbook home here", "run `twinbook init`"),
        "busy": ("Another process is writing", "wait for it, then run again"),
        "newer": ("The home was made by a newer Twinbook", "upgrade Twinbook"),
        "disk": ("The disk is full or can't be written", "make room, then run again; nothing is lost"),
    },
    outbox={
        "missing": ("Released copies are gone from the home", "restore the home's outbox folder from a backup"),
    },
    image={
        "unreadable": ("The file is not an image that can be read", "give a JPEG, PNG, WebP or AVIF file"),
        "map": (
            "There is nothing to draw a map of alterations from",
            "give one picture that can be laid over a released copy, and the home that released it",
        ),
    },
    paper={
        "unreadable": ("The file is not a sealed paper", "give a PDF that Twinbook wrote"),
        "altered": (
            "The paper isn't as it was sealed, or nobody vouches for who sealed it",
            "ask the home that wrote it for it again: `twinbook papers write`",
        ),
        "unknown": ("There is no such paper here", "use a digest that `twinbook papers list` shows"),
        "ambiguous": ("Several papers begin like this", "give more of the digest"),
    },
    interchange={
        "malformed": (
            "A policy isn't as its terms are written",
            "mend the place named; docs/reference/odrl-profile.md shows how terms are written",
        ),
        "unsupported": (
            "A policy says something that can't be understood here",
            "leave it out, or ask whoever wrote it for a policy of Twinbook's profile",
        ),
        "paper": ("There is no such paper to hand on", "give the SHA-256 of a consent or license on file here"),
        "credential": (
            "The credential doesn't prove a right",
            "ask whoever showed it, and the home that issued it, for one that does",
        ),
    },
    shot={
        "unknown": ("No such shot", "use an id from the campaign"),
    },
)
_catalogue(**GENERATION)
