"""The resources of the wire: containers, container files, uploads, models, and the list that pages through any of them.

Names and order are OpenAI's. Times are whole unix seconds, sizes are bytes. Nothing here acts.
"""

import secrets
import string
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

MemoryLimit = Literal["1g", "4g", "16g", "64g"]
MEMORY_BYTES: dict[MemoryLimit, int] = {"1g": 1 << 30, "4g": 4 << 30, "16g": 16 << 30, "64g": 64 << 30}
Order = Literal["asc", "desc"]
Purpose = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]

T = TypeVar("T")
_BASE62 = string.digits + string.ascii_letters


def new_id(prefix: str) -> str:
    """A fresh identifier of the vendor's shape: ``cntr_`` and 48 hex digits, ``file-`` and 22 base62 ones, and so on."""
    if prefix == "file":
        return "file-" + "".join(secrets.choice(_BASE62) for _ in range(22))
    return f"{prefix}_{secrets.token_hex(16 if prefix == 'cfile' else 24 if prefix == 'cntr' else 25)}"


class Page(msgspec.Struct, Generic[T]):
    """One page of a list. An empty page has null ids."""

    data: list[T]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


class PageQuery(msgspec.Struct, frozen=True):
    """The query of a list: ``after`` is exclusive."""

    after: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    order: Order = "desc"


class ContainerQuery(PageQuery, frozen=True):
    """The query of ``GET /containers``; ``name`` filters exactly."""

    name: str | None = None


class FileQuery(msgspec.Struct, frozen=True):
    """The query of ``GET /files``."""

    after: str | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 10_000
    order: Order = "desc"
    purpose: str | None = None


class ExpiresAfter(msgspec.Struct, forbid_unknown_fields=True):
    """How long a container lives after its last use."""

    anchor: Literal["last_active_at"]
    minutes: Annotated[int, Meta(ge=1)]


class NetworkDisabled(msgspec.Struct, tag="disabled"):
    """No network: the only policy here."""


class NetworkAllowlist(msgspec.Struct, tag="allowlist"):
    """Understood, so that it can be refused in clear words."""

    allowed_domains: list[str]


NetworkPolicy = NetworkDisabled | NetworkAllowlist


class CreateContainer(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /containers``."""

    name: str
    file_ids: Annotated[list[str], Meta(max_length=1000)] = []
    expires_after: ExpiresAfter | None = None
    memory_limit: MemoryLimit | None = None
    network_policy: NetworkPolicy | None = None
    skills: list[Any] | None = None


class Container(msgspec.Struct, kw_only=True):
    """A container as it stands on the wire."""

    id: str
    object: Literal["container"] = "container"
    name: str
    created_at: int
    status: str
    last_active_at: int
    expires_after: ExpiresAfter
    memory_limit: MemoryLimit
    network_policy: NetworkDisabled = msgspec.field(default_factory=NetworkDisabled)


class CreateContainerFile(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON body of ``POST /containers/{id}/files``."""

    file_id: str


class ContainerFile(msgspec.Struct, kw_only=True):
    """A file in a container; ``path`` is absolute."""

    id: str
    object: Literal["container.file"] = "container.file"
    bytes: int
    container_id: str
    created_at: int
    path: str
    source: Literal["user", "assistant"]


class FileExpiry(msgspec.Struct, forbid_unknown_fields=True):
    """How long an upload is kept."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Meta(ge=3600, le=2_592_000)]


class UploadFields(msgspec.Struct, forbid_unknown_fields=True):
    """The form fields of ``POST /files`` beside the file itself."""

    purpose: Purpose
    expires_after: FileExpiry | None = None


class File(msgspec.Struct, kw_only=True):
    """An upload of the Files API."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | UnsetType = UNSET
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"


class ContainerPage(Page[Container]):
    """A page of containers."""


class ContainerFilePage(Page[ContainerFile]):
    """A page of a container's files."""


class FilePage(Page[File]):
    """A page of uploads."""


class Deleted(msgspec.Struct):
    """The answer to every delete."""

    id: str
    object: Literal["container.deleted", "container.file.deleted", "file", "response"]
    deleted: bool = True


class ModelCard(msgspec.Struct):
    """A model that requests may name."""

    id: str
    created: int
    owned_by: str
    object: Literal["model"] = "model"


class ModelPage(Page[ModelCard]):
    """All models."""
