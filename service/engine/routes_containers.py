"""``/v1/containers`` and the files in them."""

from typing import Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK

from service.engine.assembly import Engine
from service.engine.documents import Described, body
from service.engine.errors import InvalidRequest, TooLarge
from service.engine.sandbox import Package
from service.engine.shape import fit, fit_text, parse_json
from service.engine.uploads import DEFAULT_NAME, download, nested, received, the_file
from service.engine.wire import (
    Container,
    ContainerFile,
    ContainerFilePage,
    ContainerPage,
    ContainerQuery,
    CreateContainer,
    CreateContainerFile,
    Deleted,
    NetworkAllowlist,
    Page,
    PageQuery,
)


class PackagePage(Page[Package]):
    """All packages."""


class ContainerRoutes(Controller):
    """Containers."""

    path = "/v1/containers"

    @post(
        status_code=HTTP_200_OK,
        operation_id="createContainer",
        operation_class=Described,
        responses=body(CreateContainer),
    )
    async def create(self, request: Request[Any, Any, Any], engine: NamedDependency[Engine]) -> Container:
        """Make a container."""
        wanted = fit(parse_json(await request.body()), CreateContainer)
        if isinstance(wanted.network_policy, NetworkAllowlist):
            raise InvalidRequest.not_served("network_policy", "Network access of containers")
        if wanted.skills:
            raise InvalidRequest.not_served("skills", "The Skills API")
        container = await engine.containers.create(
            name=wanted.name,
            family="general",
            memory_limit=wanted.memory_limit,
            expires_after=wanted.expires_after,
            file_ids=wanted.file_ids,
        )
        return await engine.containers.describe(container.id)

    @get(operation_id="listContainers", operation_class=Described)
    async def page(self, request: Request[Any, Any, Any], engine: NamedDependency[Engine]) -> ContainerPage:
        """List containers, expired ones too."""
        return engine.containers.page(fit_text(dict(request.query_params), ContainerQuery))

    @get("/{container_id:str}", operation_id="retrieveContainer", operation_class=Described)
    async def retrieve(self, container_id: FromPath[str], engine: NamedDependency[Engine]) -> Container:
        """Show a container."""
        return await engine.containers.describe(container_id)

    @delete("/{container_id:str}", status_code=HTTP_200_OK, operation_id="deleteContainer", operation_class=Described)
    async def remove(self, container_id: FromPath[str], engine: NamedDependency[Engine]) -> Deleted:
        """End a container and unlink everything in it."""
        await engine.containers.delete(container_id)
        return Deleted(id=container_id, object="container.deleted")

    @get("/{container_id:str}/packages", operation_id="listContainerPackages", operation_class=Described)
    async def packages(self, container_id: FromPath[str], engine: NamedDependency[Engine]) -> PackagePage:
        """List the Python packages that code in the container can import; an extension of this engine."""
        await engine.containers.describe(container_id)
        packages = await engine.containers.packages()
        return PackagePage(
            packages, packages[0].name if packages else None, packages[-1].name if packages else None, False
        )


class ContainerFileRoutes(Controller):
    """The files of a container."""

    path = "/v1/containers/{container_id:str}/files"

    @post(
        status_code=HTTP_200_OK,
        operation_id="createContainerFile",
        operation_class=Described,
        responses=body(CreateContainerFile),
    )
    async def create(
        self, container_id: FromPath[str], request: Request[Any, Any, Any], engine: NamedDependency[Engine]
    ) -> ContainerFile:
        """Put a file into a container: a multipart part ``file``, or the id of an upload."""
        container = await engine.containers.use(container_id)
        if not request.headers.get("content-type", "").startswith("multipart/"):
            return await self._copy(
                fit(parse_json(await request.body()), CreateContainerFile).file_id, container_id, engine
            )
        async with received(request, engine.spool, max_bytes=engine.max_file_bytes) as sent:
            fields = nested(sent.fields)
            if not sent.files and "file_id" in fields:
                return await self._copy(fit(fields, CreateContainerFile).file_id, container_id, engine)
            file = the_file(sent)
            if file.bytes > engine.max_file_bytes:
                raise TooLarge(engine.max_file_bytes)
            return await container.add(file.path, file.filename or DEFAULT_NAME, size=file.bytes)

    async def _copy(self, file_id: str, container_id: str, engine: Engine) -> ContainerFile:
        upload = engine.files.get(file_id)
        container = await engine.containers.use(container_id)
        return await container.add(engine.files.path(upload), upload.filename, size=upload.bytes)

    @get(operation_id="listContainerFiles", operation_class=Described)
    async def page(
        self, container_id: FromPath[str], request: Request[Any, Any, Any], engine: NamedDependency[Engine]
    ) -> ContainerFilePage:
        """List the regular files of a container."""
        query = fit_text(dict(request.query_params), PageQuery)
        return await (await engine.containers.use(container_id)).page(query)

    @get("/{file_id:str}", operation_id="retrieveContainerFile", operation_class=Described)
    async def retrieve(
        self, container_id: FromPath[str], file_id: FromPath[str], engine: NamedDependency[Engine]
    ) -> ContainerFile:
        """Show a file of a container."""
        return (await engine.containers.use(container_id)).file(file_id)

    @get("/{file_id:str}/content", operation_id="downloadContainerFile", operation_class=Described)
    async def content(
        self, container_id: FromPath[str], file_id: FromPath[str], engine: NamedDependency[Engine]
    ) -> Response[bytes] | Stream:
        """Send a file of a container, as it is now."""
        container = await engine.containers.use(container_id)
        name = container.file(file_id).path.rpartition("/")[2]
        return await download(container.open(file_id), name)

    @delete("/{file_id:str}", status_code=HTTP_200_OK, operation_id="deleteContainerFile", operation_class=Described)
    async def remove(
        self, container_id: FromPath[str], file_id: FromPath[str], engine: NamedDependency[Engine]
    ) -> Deleted:
        """Unlink a file of a container."""
        container = await engine.containers.use(container_id)
        await container.remove(file_id)
        return Deleted(id=file_id, object="container.file.deleted")
