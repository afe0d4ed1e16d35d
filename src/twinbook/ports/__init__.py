"""What the rules and services need from the world. Adapters implement these; `testing` has a public fake of each.

Arrays are named for what they hold: ``rgb_srgb`` is uint8 sRGB of shape (h, w, 3), ``alpha`` is uint8 of shape (h, w),
255 where the talent is. Linear-light arrays are float32 and say ``rgb_linear``. Nothing converts silently.
"""

from .engines import Engine, EngineProfile, Figure, Outbox, Plan, Reader, Rendering, RenderJob, Scenes, Sealed, Sealer
from .papers import (
    CredentialReading,
    CredentialState,
    Disclosure,
    Documents,
    Interchange,
    Post,
    RawSigner,
    SessionSheet,
    Sheet,
    SheetCopy,
    SheetShot,
)
from .pictures import Asked, Capture, CaptureSession, Enrolled, Face, FaceEmbedder, Meter, Plate
from .records import Books, Clock, LogFile, Notices, PaperFile, Parties, Twins, UnitOfWork, Verifier, Works
from .vault import BoxState, OpenTwin, PermitRegister, Retained, Retention, Vault, VaultState

__all__ = [
    "Asked",
    "Books",
    "BoxState",
    "Capture",
    "CaptureSession",
    "Clock",
    "CredentialReading",
    "CredentialState",
    "Disclosure",
    "Documents",
    "Engine",
    "EngineProfile",
    "Enrolled",
    "Face",
    "FaceEmbedder",
    "Figure",
    "Interchange",
    "LogFile",
    "Meter",
    "Notices",
    "OpenTwin",
    "Outbox",
    "PaperFile",
    "Parties",
    "PermitRegister",
    "Plan",
    "Plate",
    "Post",
    "RawSigner",
    "Reader",
    "RenderJob",
    "Rendering",
    "Retained",
    "Retention",
    "Scenes",
    "Sealed",
    "Sealer",
    "SessionSheet",
    "Sheet",
    "SheetCopy",
    "SheetShot",
    "Twins",
    "UnitOfWork",
    "Vault",
    "VaultState",
    "Verifier",
    "Works",
]
