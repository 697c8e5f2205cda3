"""Kernels: a fresh, confined container for the price of a function call.

`Sandbox` lives in the engine's event loop and owns the zygotes; `Kernel` is one container. Nothing outside this
package knows what a zygote, a tier or a frame is; nothing in it knows HTTP or the OpenAI wire.
"""

from service.engine.sandbox.container import Kernel
from service.engine.sandbox.contract import (
    CellResult,
    Counts,
    Entry,
    FileRefused,
    Image,
    Isolation,
    IsolationTooWeak,
    Limits,
    Logs,
    Outcome,
    Package,
    SandboxDown,
    SandboxError,
    SandboxFull,
)
from service.engine.sandbox.pool import Sandbox

__all__ = [
    "CellResult",
    "Counts",
    "Entry",
    "FileRefused",
    "Image",
    "Isolation",
    "IsolationTooWeak",
    "Kernel",
    "Limits",
    "Logs",
    "Outcome",
    "Package",
    "Sandbox",
    "SandboxDown",
    "SandboxError",
    "SandboxFull",
]
