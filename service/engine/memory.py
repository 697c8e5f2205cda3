"""The responses the engine remembers, and the conversations they form by ``previous_response_id``.

It knows nothing of how responses are made.
"""

import msgspec

from service.engine.errors import InvalidRequest, PreviousResponseNotFound
from service.engine.items import (
    CodeInterpreterCall,
    FunctionCall,
    ImageOutput,
    InputItem,
    InputMessage,
    LogsOutput,
    OutputMessage,
    Reasoning,
)
from service.engine.response import Response
from service.engine.state import State, Table

ROWS_KEPT = 10_000
BYTES_KEPT = 256 << 20
ITEMS_KEPT = 100_000
_MAX_CHAIN = 1000


class Stored(msgspec.Struct):
    """A response as it is remembered.

    ``input`` is its own input with ids, ``seen`` the same as a model was shown it, with files in their places; ``outputs`` is what its
    calls put out, shown to the caller or not, by call id.
    """

    response: Response
    input: list[InputItem]
    seen: list[InputItem]
    outputs: dict[str, list[LogsOutput | ImageOutput]] = {}

    def output(self) -> list[InputItem]:
        """The response's output as items of a later input, calls with their outputs."""
        items: list[InputItem] = []
        for item in self.response.output:
            match item:
                case OutputMessage():
                    items.append(
                        InputMessage(role="assistant", content=[*item.content], id=item.id, status=item.status)
                    )
                case CodeInterpreterCall():
                    items.append(msgspec.structs.replace(item, outputs=self.outputs.get(item.id)))
                case FunctionCall() | Reasoning():
                    items.append(item)
        return items


class Memory:
    """Stored responses, and where each of their items is.

    Args:
        state: Where rows are kept.
    """

    def __init__(self, state: State) -> None:
        self._responses = Table(state.connection, "responses", Stored)
        self._items = Table(state.connection, "items", str)

    def keep(self, stored: Stored) -> None:
        """Remember a response, or its present state."""
        self._responses.put(stored.response.id, stored)
        for item in [*stored.input, *stored.response.output]:
            if item.id:
                self._items.put(item.id, stored.response.id)

    def get(self, identifier: str) -> Stored | None:
        """The stored response, or None."""
        return self._responses.get(identifier)

    def unfinished(self) -> list[Stored]:
        """Responses whose run ended with an earlier engine."""
        return [each for each in self._responses.all() if each.response.status in ("queued", "in_progress")]

    def forget(self, identifier: str) -> bool:
        """Forget a response; False when it was not there."""
        return self._responses.delete(identifier)

    def sweep(self) -> None:
        """Forget the oldest responses past ``ROWS_KEPT`` and ``BYTES_KEPT``."""
        self._responses.keep_newest(ROWS_KEPT, max_bytes=BYTES_KEPT)
        self._items.keep_newest(ITEMS_KEPT)

    def before(self, identifier: str | None) -> list[InputItem]:
        """The conversation that ended with a response, oldest item first.

        Raises:
            PreviousResponseNotFound: It, or one before it, is not stored.
        """
        chain: list[Stored] = []
        while identifier is not None and len(chain) < _MAX_CHAIN:
            stored = self.get(identifier)
            if stored is None:
                raise PreviousResponseNotFound(identifier)
            chain.append(stored)
            identifier = stored.response.previous_response_id
        return [item for stored in reversed(chain) for item in [*stored.seen, *stored.output()]]

    def item(self, identifier: str, param: str) -> InputItem:
        """The stored item that an ``item_reference`` names.

        Raises:
            InvalidRequest: No stored response has it.
        """
        home = self._items.get(identifier)
        stored = self.get(home) if home else None
        items = [*stored.input, *stored.output()] if stored else []
        for item in items:
            if item.id == identifier:
                return item
        raise InvalidRequest(f"Item with id '{identifier}' not found.", param=param, code=None)
