"""How many tokens a model would read of a request, without asking it and without a container."""

from typing import Literal

import msgspec

from service.engine.context import Contexts
from service.engine.models import Models, Turn, tools_of
from service.engine.request import parse_count
from service.engine.shape import Json


class InputTokens(msgspec.Struct):
    """The answer to ``POST /responses/input_tokens``."""

    input_tokens: int
    object: Literal["response.input_tokens"] = "response.input_tokens"


class Counting:
    """Counts.

    Args:
        models: Who would read.
        contexts: Where conversations are known.
        packages: Names of what code can import, which models are told.
    """

    def __init__(self, *, models: Models, contexts: Contexts, packages: list[str]) -> None:
        self._models = models
        self._contexts = contexts
        self._packages = packages

    def count(self, body: Json) -> InputTokens:
        """What the first turn of this request would read. Files count as nothing: code opens them, not the model.

        Raises:
            ApiError: What is wrong with the request.
        """
        request = parse_count(body, model=self._models.default())
        before, own = self._contexts.items(request)
        turn = Turn(
            instructions=request.instructions,
            history=[*before, *own],
            tools=tools_of(request, is_first=True),
            text=request.text,
            packages=self._packages,
        )
        return InputTokens(self._models.get(request.model).count(turn))
