"""What one run said: its containers, logs, texts and citations, folded out of the wire's events.

Pure: events in, a `Transcript` out. The two forms of an error event, and a failed response, raise an ``InterpreterError``.
"""

from msgspec import Struct

from service.conversion.events import Event, Item, Response
from service.conversion.faults import fail


class Citation(Struct, frozen=True):
    """A ``container_file_citation`` of the final text; ``start`` and ``end`` are both 0 for a figure that was only shown."""

    container_id: str
    file_id: str
    filename: str
    start: int
    end: int


class ContainerFile(Struct, frozen=True):
    """A row of a container's listing."""

    container_id: str
    file_id: str
    path: str
    source: str
    created_at: int


class Transcript(Struct):
    """What one run said, in order: the containers it used, the logs of each call, its final texts and citations."""

    container_ids: list[str] = []
    logs: list[str] = []
    texts: list[str] = []
    citations: list[Citation] = []
    calls: int = 0
    ended: bool = False
    stopped: str | None = None  # why a run ended before its time: max_output_tokens, …
    input_tokens: int = 0
    output_tokens: int = 0

    def take(self, event: Event) -> None:
        """Fold one event in. Unknown ones are passed over.

        Raises:
            InterpreterError: The event is an error.
        """
        if event.type == "error" or event.error:
            fail(event.error.code if event.error else event.code)
        if event.item:
            self._take_container(event.item)
            if event.type == "response.output_item.done":
                self._take_item(event.item)
        if event.response:
            match event.type:
                case "response.failed":
                    fail(event.response.error.code if event.response.error else None)
                case "response.completed" | "response.incomplete":
                    self._take_end(event.response)

    def _take_container(self, item: Item) -> None:
        if item.type == "code_interpreter_call" and item.container_id not in self.container_ids:
            self.container_ids.append(item.container_id)

    def _take_item(self, item: Item) -> None:
        if item.type == "code_interpreter_call":
            self.calls += 1
            self.logs += [each.logs for each in item.outputs or [] if each.type == "logs"]
        elif item.type == "message":
            for part in item.content or []:
                if part.type != "output_text":
                    continue
                self.texts.append(part.text)
                self.citations += [
                    Citation(each.container_id, each.file_id, each.filename or "", each.start_index, each.end_index)
                    for each in part.annotations
                    if each.type == "container_file_citation"
                ]

    def _take_end(self, response: Response) -> None:
        self.ended = True
        self.stopped = response.incomplete_details.reason if response.incomplete_details else None
        if response.usage:
            self.input_tokens = response.usage.input_tokens
            self.output_tokens = response.usage.output_tokens
