"""``/v1/models``, and what an operator asks: ``/livez``, ``/readyz``, ``/metrics``."""

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.status_codes import HTTP_503_SERVICE_UNAVAILABLE

from service.engine.assembly import Engine
from service.engine.documents import Described
from service.engine.metrics import Metrics
from service.engine.sandbox import SandboxError
from service.engine.wire import ModelCard, ModelPage

_CREATED = 1_763_769_600  # when this engine's first models were made: 2025-11-22


class ModelRoutes(Controller):
    """Models."""

    path = "/v1/models"

    @get(operation_id="listModels", operation_class=Described)
    async def page(self, engine: NamedDependency[Engine]) -> ModelPage:
        """List the models that requests may name."""
        cards = [ModelCard(id=name, created=_CREATED, owned_by="recast") for name in engine.models.names()]
        return ModelPage(cards, cards[0].id, cards[-1].id, False)

    @get("/{model:path}", operation_id="retrieveModel", operation_class=Described)
    async def retrieve(self, model: FromPath[str], engine: NamedDependency[Engine]) -> ModelCard:
        """Show a model."""
        name = model.removeprefix("/")
        return ModelCard(id=engine.models.get(name).name, created=_CREATED, owned_by="recast")


class Readiness(msgspec.Struct):
    """Whether containers can be made now, and how they are held."""

    status: str
    isolation: str
    containers: int


class ServiceRoutes(Controller):
    """Probes and numbers; no key is asked for."""

    path = "/"

    @get("/livez", operation_id="livez", operation_class=Described, media_type="text/plain")
    async def live(self) -> str:
        """The process answers."""
        return "ok"

    @get("/readyz", operation_id="readyz", operation_class=Described)
    async def ready(self, engine: NamedDependency[Engine]) -> Response[Readiness]:
        """A container was made just now, and answered."""
        counts = engine.sandbox.counts()
        state = Readiness(status="ready", isolation=engine.sandbox.isolation.value, containers=counts.live)
        try:
            await engine.sandbox.ping()
        except SandboxError:
            state.status = "down"
            return Response(state, status_code=HTTP_503_SERVICE_UNAVAILABLE)
        return Response(state)

    @get("/metrics", operation_id="metrics", operation_class=Described, media_type="text/plain")
    async def numbers(self, engine: NamedDependency[Engine], metrics: NamedDependency[Metrics]) -> Response[bytes]:
        """The numbers in Prometheus' text format."""
        return Response(metrics.text(engine), media_type=metrics.media_type)
