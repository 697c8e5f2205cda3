"""Output items while they are being made: each draft tells the transcript every step, in the order of wire-contract §8.1.

A draft owns one slot of the response's output. It does not run code and does not ask models.
"""

from service.engine import events
from service.engine.items import (
    CodeInterpreterCall,
    ContainerFileCitation,
    FunctionCall,
    ImageOutput,
    LogsOutput,
    OutputItem,
    OutputMessage,
    OutputText,
    Reasoning,
    ReasoningText,
)
from service.engine.response import Response
from service.engine.transcript import Transcript
from service.engine.wire import new_id


class _Draft:
    def __init__(self, response: Response, transcript: Transcript) -> None:
        self._response = response
        self._transcript = transcript
        self.index = len(response.output)
        self._pieces: list[str] = []

    def _begin(self, item: OutputItem) -> None:
        self._response.output.append(item)
        self._transcript.add(events.ItemAdded(output_index=self.index, item=item))

    def _end(self, item: OutputItem) -> None:
        self._transcript.add(events.ItemDone(output_index=self.index, item=item))

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._pieces)


class CallDraft(_Draft):
    """A code interpreter call, from its first letter to its outputs.

    Args:
        outputs: Whether the request wants to see outputs; else they stay null.
    """

    def __init__(self, response: Response, transcript: Transcript, *, container_id: str, outputs: bool) -> None:
        super().__init__(response, transcript)
        self._wanted = outputs
        self.item = CodeInterpreterCall(
            id=new_id("ci"), container_id=container_id, status="in_progress", code="", outputs=[] if outputs else None
        )
        self._begin(self.item)
        transcript.add(events.CallInProgress(output_index=self.index, item_id=self.item.id))

    def write(self, delta: str) -> None:
        """More code."""
        self._pieces.append(delta)
        self._transcript.add(events.CodeDelta(output_index=self.index, item_id=self.item.id, delta=delta))

    def written(self) -> str:
        """The code is whole and about to run; returns it."""
        self.item.code = self.text
        self.item.status = "interpreting"
        self._transcript.add(events.CodeDone(output_index=self.index, item_id=self.item.id, code=self.item.code))
        self._transcript.add(events.CallInterpreting(output_index=self.index, item_id=self.item.id))
        return self.item.code

    def ran(self, outputs: list[LogsOutput | ImageOutput]) -> None:
        """The code ran, well or not: a traceback is an output."""
        self.item.status = "completed"
        self.item.outputs = outputs if self._wanted else None
        self._transcript.add(events.CallCompleted(output_index=self.index, item_id=self.item.id))
        self._end(self.item)

    def stop(self, *, is_failed: bool) -> None:
        """The run ended before the code did."""
        self.item.code = self.text
        self.item.status = "failed" if is_failed else "incomplete"
        self._end(self.item)


class MessageDraft(_Draft):
    """A message of the assistant with one text part."""

    def __init__(self, response: Response, transcript: Transcript) -> None:
        super().__init__(response, transcript)
        self.item = OutputMessage(id=new_id("msg"), status="in_progress", content=[])
        self._begin(self.item)
        self._part = OutputText(text="")
        transcript.add(events.PartAdded(output_index=self.index, item_id=self.item.id, part=self._part))

    def write(self, delta: str) -> None:
        """More text."""
        self._pieces.append(delta)
        self._transcript.add(events.TextDelta(output_index=self.index, item_id=self.item.id, delta=delta))

    def finish(self, citations: list[ContainerFileCitation], *, is_complete: bool = True) -> None:
        """The text is whole; its citations follow."""
        index, item_id = self.index, self.item.id
        self._part.text = self.text
        for number, citation in enumerate(citations):
            self._part.annotations.append(citation)
            self._transcript.add(
                events.AnnotationAdded(
                    output_index=index, item_id=item_id, annotation_index=number, annotation=citation
                )
            )
        self._transcript.add(events.TextDone(output_index=index, item_id=item_id, text=self._part.text))
        self._transcript.add(events.PartDone(output_index=index, item_id=item_id, part=self._part))
        self.item.content.append(self._part)
        self.item.status = "completed" if is_complete else "incomplete"
        self._end(self.item)


class ReasoningDraft(_Draft):
    """What the model thinks, passed through."""

    def __init__(self, response: Response, transcript: Transcript) -> None:
        super().__init__(response, transcript)
        self.item = Reasoning(id=new_id("rs"), content=[], status="in_progress")
        self._begin(self.item)
        self._part = ReasoningText(text="")
        transcript.add(events.PartAdded(output_index=self.index, item_id=self.item.id, part=self._part))

    def write(self, delta: str) -> None:
        """More reasoning."""
        self._pieces.append(delta)
        self._transcript.add(events.ReasoningDelta(output_index=self.index, item_id=self.item.id, delta=delta))

    def finish(self, *, is_complete: bool = True) -> None:
        """The thought is whole."""
        self._part.text = self.text
        self._transcript.add(events.ReasoningDone(output_index=self.index, item_id=self.item.id, text=self._part.text))
        self._transcript.add(events.PartDone(output_index=self.index, item_id=self.item.id, part=self._part))
        self.item.content = [self._part]
        self.item.status = "completed" if is_complete else "incomplete"
        self._end(self.item)


class FunctionDraft(_Draft):
    """A call of one of the caller's functions."""

    def __init__(self, response: Response, transcript: Transcript, *, call_id: str, name: str) -> None:
        super().__init__(response, transcript)
        self.item = FunctionCall(id=new_id("fc"), call_id=call_id, name=name, arguments="", status="in_progress")
        self._begin(self.item)

    def write(self, delta: str) -> None:
        """More of the arguments."""
        self._pieces.append(delta)
        self._transcript.add(events.ArgumentsDelta(output_index=self.index, item_id=self.item.id or "", delta=delta))

    def finish(self, *, is_complete: bool = True) -> None:
        """The arguments are whole."""
        self.item.arguments = self.text
        self.item.status = "completed" if is_complete else "incomplete"
        self._transcript.add(
            events.ArgumentsDone(
                output_index=self.index, item_id=self.item.id or "", name=self.item.name, arguments=self.text
            )
        )
        self._end(self.item)


Draft = CallDraft | MessageDraft | ReasoningDraft | FunctionDraft
