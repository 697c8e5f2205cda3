"""``/v1/files``: upload, list, retrieve, content, delete."""

import os
from typing import Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK

from service.engine.assembly import Engine
from service.engine.documents import Described
from service.engine.errors import TooLarge
from service.engine.shape import fit_text
from service.engine.uploads import DEFAULT_NAME, download, nested, received, the_file
from service.engine.wire import Deleted, File, FilePage, FileQuery, UploadFields


class FileRoutes(Controller):
    """Uploads."""

    path = "/v1/files"

    @post(status_code=HTTP_200_OK, operation_id="createFile", operation_class=Described)
    async def create(self, request: Request[Any, Any, Any], engine: NamedDependency[Engine]) -> File:
        """Keep an upload, streamed to disk while it arrives."""
        async with received(request, engine.spool, max_bytes=engine.max_file_bytes) as sent:
            fields = fit_text(nested(sent.fields), UploadFields)
            file = the_file(sent)
            if file.bytes > engine.max_file_bytes:
                raise TooLarge(engine.max_file_bytes)
            return await engine.files.keep(
                file.path,
                size=file.bytes,
                filename=file.filename or DEFAULT_NAME,
                purpose=fields.purpose,
                expires_after=fields.expires_after,
            )

    @get(operation_id="listFiles", operation_class=Described)
    async def page(self, request: Request[Any, Any, Any], engine: NamedDependency[Engine]) -> FilePage:
        """List uploads."""
        return engine.files.page(fit_text(dict(request.query_params), FileQuery))

    @get("/{file_id:str}", operation_id="retrieveFile", operation_class=Described)
    async def retrieve(self, file_id: FromPath[str], engine: NamedDependency[Engine]) -> File:
        """Show an upload."""
        return engine.files.get(file_id)

    @get("/{file_id:str}/content", operation_id="downloadFile", operation_class=Described)
    async def content(self, file_id: FromPath[str], engine: NamedDependency[Engine]) -> Response[bytes] | Stream:
        """Send an upload's bytes back."""
        file = engine.files.get(file_id)
        return await download(os.open(engine.files.path(file), os.O_RDONLY | os.O_CLOEXEC), file.filename)

    @delete("/{file_id:str}", status_code=HTTP_200_OK, operation_id="deleteFile", operation_class=Described)
    async def remove(self, file_id: FromPath[str], engine: NamedDependency[Engine]) -> Deleted:
        """Unlink an upload at once."""
        await engine.files.delete(file_id)
        return Deleted(id=file_id, object="file")
