"""The settings: frozen Structs read once at start from ``RECAST_*``, flags of the same words, and the vendor's two names.

Field, environment name and flag are one word in three cases: ``max_input_bytes``, ``RECAST_MAX_INPUT_BYTES``,
``--max-input-bytes``. Modules get plain keyword values; only the command sees these Structs.
"""

import ipaddress
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct

PREFIX = "RECAST_"
VENDOR_URL = "https://api.openai.com/v1"

Port = Annotated[int, Meta(ge=0, le=65535)]
Url = Annotated[str, Meta(pattern="^(https?://.+)?$")]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Bytes = Annotated[int, Meta(ge=1, le=1 << 40)]


class SettingInvalid(Exception):
    """A setting that start-up refuses. ``str()`` is one line that names it."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. The descriptions are the help of the command and the table in the README."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port of the conversion API.")] = 8000
    engine_port: Annotated[Port, Meta(description="Port of the engine; on loopback when `serve` starts it.")] = 8001
    open: Annotated[bool, Meta(description="Serve addresses other than loopback without API keys.")] = False
    api_keys: Annotated[
        tuple[str, ...], Meta(description="Keys that callers present: a file, one a line, or a comma-separated list.")
    ] = ()
    internal_key: Annotated[
        str, Meta(description="Key of a converter on this machine, which the engine does not count.")
    ] = ""
    conversions_per_minute: Annotated[
        int,
        Meta(ge=0, le=1_000_000, description="Budget of each key or address on the conversion API; 0 counts nothing."),
    ] = 0
    requests_per_minute: Annotated[
        int,
        Meta(ge=0, le=1_000_000, description="Budget of each key or address on the engine's `/v1`; 0 counts nothing."),
    ] = 100
    cors_origins: Annotated[
        tuple[str, ...], Meta(description="Origins whose pages may call the API, comma-separated.")
    ] = ()

    engine_url: Annotated[
        Url, Meta(description="An engine or vendor elsewhere, with its `/v1`; then `serve` starts no engine.")
    ] = ""
    openai_api_key: Annotated[str, Meta(description="Key for that engine; alone, it means the vendor.")] = ""
    model: Annotated[
        str, Meta(description="Model for free instructions, repairs and recipes without a program; empty: none.")
    ] = ""
    model_url: Annotated[Url, Meta(description="OpenAI-compatible endpoint that the engine asks for models.")] = ""
    model_name: Annotated[
        str, Meta(description="Names of the models there, comma-separated; the first is the default.")
    ] = ""
    model_api_key: Annotated[str, Meta(description="Key for that endpoint.")] = ""

    model_dialect: Annotated[
        Literal["tools", "fenced", "json"],
        Meta(description="How that model asks to run code: tool calls, fenced blocks or JSON in its text."),
    ] = "tools"
    model_calls: Annotated[
        int, Meta(ge=1, le=1000, description="Most executions of code by that model in one conversion.")
    ] = 12
    model_tokens: Annotated[
        int,
        Meta(ge=0, le=10_000_000, description="Most tokens that model may write in one conversion; 0: its own limit."),
    ] = 0
    model_vision: Annotated[bool, Meta(description="Whether that model is shown images.")] = False

    recipes: Annotated[str, Meta(description="Directory of recipes that add to and override the built-in ones.")] = ""
    office: Annotated[
        bool, Meta(description="Use LibreOffice, where it is installed, for PDFs with the layout of the document.")
    ] = True
    max_input_bytes: Annotated[Bytes, Meta(description="Largest file accepted.")] = 512 << 20
    max_files: Annotated[int, Meta(ge=1, le=10_000, description="Most files in one request.")] = 100
    concurrency: Annotated[int, Meta(ge=0, le=1024, description="Conversions at a time; 0: twice the cores.")] = 0
    queue_places: Annotated[int, Meta(ge=0, le=100_000, description="Conversions that may wait for a turn.")] = 64
    queue_seconds: Annotated[Seconds, Meta(description="Longest wait for a turn, apart from the run.")] = 30.0
    run_seconds: Annotated[Seconds, Meta(description="Longest run of one conversion.")] = 120.0
    grace_seconds: Annotated[Seconds, Meta(description="How long SIGTERM lets running conversions finish.")] = 25.0

    data_dir: Annotated[str, Meta(description="Directory for files in flight and the engine's uploads.")] = ""
    warm: Annotated[
        tuple[Literal["light", "table", "document", "image", "general"], ...],
        Meta(description="Families of libraries that the engine loads at start, not at their first use."),
    ] = ("table", "document", "image")
    min_isolation: Annotated[
        Literal["namespaces", "uids", "landlock"],
        Meta(description="Weakest confinement the engine may start with."),
    ] = "landlock"
    memory_overcommit: Annotated[bool, Meta(description="Grant memory tiers that are larger than the machine.")] = False
    kernel_python: Annotated[str, Meta(description="Interpreter whose packages containers see.")] = ""
    log: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Lowest level of log lines.")] = (
        "info"
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can call."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def upstream_url(self) -> str | None:
        """Base URL of an engine elsewhere, or None when `serve` runs its own."""
        return self.engine_url or (VENDOR_URL if self.openai_api_key else None)

    @property
    def model_names(self) -> tuple[str, ...]:
        """The models of the endpoint that requests may name."""
        return tuple(name.strip() for name in self.model_name.split(",") if name.strip()) if self.model_url else ()

    @property
    def kernel_interpreter(self) -> Path:
        """The interpreter containers run: as set, else the kernel environment beside this one, else this one."""
        beside = Path(sys.prefix, "kernel", "bin", "python")
        return Path(self.kernel_python or (beside if beside.exists() else sys.executable))

    @property
    def places(self) -> int:
        """How many conversions run at a time."""
        return self.concurrency or 2 * len(os.sched_getaffinity(0))

    @property
    def data_directory(self) -> Path:
        """Where files in flight are kept."""
        return Path(self.data_dir or Path(tempfile.gettempdir(), f"recast-{os.getuid()}"))


def read(environ: Mapping[str, str], flags: Mapping[str, object] | None = None) -> Settings:
    """Read the settings; a flag wins over the environment.

    Args:
        environ: The process's environment. ``OPENAI_API_KEY`` and ``OPENAI_BASE_URL`` are the vendor's own names.
        flags: Values by field name; None counts as not given.

    Raises:
        SettingInvalid: An unknown ``RECAST_*`` name, or a value out of its bounds.
    """
    given: dict[str, object] = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and value and name != f"{PREFIX}URL"  # the command's own: which service it asks
    }
    unknown = sorted(given.keys() - set(Settings.__struct_fields__))
    if unknown:
        raise SettingInvalid(f"{PREFIX}{unknown[0].upper()}", "no such setting")
    given.setdefault("openai_api_key", environ.get("OPENAI_API_KEY", ""))
    given.setdefault("engine_url", environ.get("OPENAI_BASE_URL", ""))
    given |= {name: value for name, value in (flags or {}).items() if value is not None}
    for name in _lists():
        value = given.get(name)
        if isinstance(value, str):
            given[name] = _items(name, value)
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at ")
        raise SettingInvalid(_environment_name(where), reason) from None
    if not (settings.is_loopback or settings.api_keys or settings.open):
        raise SettingInvalid(
            f"{PREFIX}HOST",
            f"{settings.host} is not loopback: set {PREFIX}API_KEYS, or {PREFIX}OPEN=true to serve anyone",
        )
    return settings


def environment(settings: Settings, fields: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that gives another process these fields of the settings, and no other ``RECAST_*``."""
    inherited = {name: value for name, value in environ.items() if not name.startswith((PREFIX, "OPENAI_"))}
    unset = Settings()
    values = {field: value for field in fields if (value := getattr(settings, field)) != getattr(unset, field)}
    return inherited | {
        _environment_name(field): ",".join(value) if isinstance(value, tuple) else str(value)
        for field, value in values.items()
    }


def described() -> list[tuple[str, str, str, str]]:
    """Return ``(field, environment name, default, description)`` of every setting, in order."""
    hints: dict[str, Any] = get_type_hints(Settings, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(Settings):
        about = next(meta.description for meta in reversed(hints[field.name].__metadata__) if meta.description)
        default = ",".join(field.default) if isinstance(field.default, tuple) else str(field.default)
        rows.append((field.name, _environment_name(field.name), default, about))
    return rows


def _lists() -> list[str]:
    return [field.name for field in msgspec.structs.fields(Settings) if isinstance(field.default, tuple)]


def _items(name: str, value: str) -> tuple[str, ...]:
    path = Path(value).expanduser()
    if name == "api_keys" and (path.is_absolute() or path.is_file()):
        try:
            value = path.read_text(encoding="utf-8").replace("\n", ",")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingInvalid(_environment_name(name), f"cannot read the file: {error}") from None
    items = tuple(item for item in (part.strip() for part in value.split(",")) if item and not item.startswith("#"))
    if value.strip() and not items:
        raise SettingInvalid(_environment_name(name), "names nothing")
    return items


def _environment_name(field: str) -> str:
    field = field.strip("`$.").split("[")[0]
    return "OPENAI_API_KEY" if field == "openai_api_key" else f"{PREFIX}{field.upper()}"
