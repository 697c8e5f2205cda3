"""The turn loop: ask the model, run the code it writes, show it what came of it, until it has nothing more to run or a limit is met.

Everything that happens is told to the transcript through drafts, in order. It knows neither HTTP nor how containers are chosen.
"""

import asyncio
import time
from contextlib import aclosing
from typing import cast

import msgspec

from service.engine import events
from service.engine.citations import cite, uncited
from service.engine.container import Container
from service.engine.drafts import CallDraft, Draft, FunctionDraft, MessageDraft, ReasoningDraft
from service.engine.errors import CONTEXT_EXCEEDED, ApiError, InvalidRequest, UpstreamError
from service.engine.items import ContainerFileCitation, ImageOutput, InputItem, InputMessage, LogsOutput
from service.engine.models import (
    Arguments,
    Code,
    CodeBegun,
    FunctionBegun,
    Model,
    Ran,
    Stopped,
    Stray,
    Text,
    Thought,
    ToolUse,
    Turn,
    Used,
    newer_half,
    tools_of,
)
from service.engine.request import OUTPUTS, CreateResponse
from service.engine.response import Ended, IncompleteDetails, LimitMet, Response, Status, Usage
from service.engine.transcript import Transcript
from service.engine.wire import ContainerFile

_GRACE_SECONDS = 2.0  # so that a call which spends the run's last second can still report
_CONTINUES = {Text: MessageDraft, Thought: ReasoningDraft, Code: CallDraft, Arguments: FunctionDraft}


class Run:
    """One response being made.

    Args:
        response: Filled as the run goes on.
        history: The conversation so far, the request's input last.
        container: Where code runs; None without the tool.
        run_seconds: Budget of the whole run.
        call_seconds: Budget of one call.
        packages: Names of what code can import, for the model to know.
    """

    def __init__(
        self,
        *,
        request: CreateResponse,
        response: Response,
        transcript: Transcript,
        history: list[InputItem],
        model: Model,
        container: Container | None,
        run_seconds: float,
        call_seconds: float,
        packages: list[str],
    ) -> None:
        self._request = request
        self.response = response
        self.transcript = transcript
        self._history: list[InputItem | Ran] = list(history)
        self._model = model
        self._container = container
        self._started = time.monotonic()
        self._deadline = self._started + run_seconds
        self._call_seconds = call_seconds
        self._packages = packages
        self._shows_outputs = OUTPUTS in (request.include or [])
        self._usage = Usage()
        self._calls = 0  # of tools that are not there, too
        self._ran = 0
        self._made: dict[str, ContainerFile] = {}
        self._figures: list[ContainerFile] = []
        self._draft: Draft | None = None
        self._asks_caller = False
        self.failure: ApiError | None = None
        self.outputs: dict[str, list[LogsOutput | ImageOutput]] = {}  # of every call by its id, shown or not

    async def __call__(self) -> None:
        """Run to the end and tell the last event. Only cancellation and bugs get out."""
        self.transcript.add(events.Created(response=self.response))
        if self.response.status == "queued":
            self.transcript.add(events.Queued(response=self.response))
            self.response.status = "in_progress"
        self.transcript.add(events.InProgress(response=self.response))
        try:
            async with asyncio.timeout(self._seconds_left() + _GRACE_SECONDS):
                while await self._take_turn():
                    pass
        except LimitMet as limit:
            self._end_incomplete(limit.reason)
        except TimeoutError:
            self._end_incomplete("deadline")
        except ApiError as error:
            self.fail(error)
        else:
            self._settle("completed")
            self.transcript.add(events.Completed(response=self.response))
            self.transcript.close()

    def fail(self, error: ApiError) -> None:
        """End the response as failed: a nested error event, then the response with its error."""
        self.failure = error
        self._abandon(is_failed=True)
        self.response.error = error.for_response()
        self._settle("failed")
        self.transcript.add(events.Error(error=error.body().error))
        self.transcript.add(events.Failed(response=self.response))
        self.transcript.close()

    def cancelled(self) -> None:
        """The run was cancelled from outside: say so in the response."""
        self._abandon(is_failed=False)
        self._settle("cancelled")
        self.transcript.add(events.Cancelled(response=self.response))
        self.transcript.close()

    def ended(self) -> Ended:
        """The run in numbers."""
        return Ended(
            response_id=self.response.id,
            container_id=self._container.id if self._container else None,
            model=self._model.name,
            status=self.response.status,
            calls=self._ran,
            seconds=round(time.monotonic() - self._started, 4),
            usage=self._usage,
        )

    def _end_incomplete(self, reason: str) -> None:
        self._abandon(is_failed=False)
        self.response.incomplete_details = IncompleteDetails(reason=reason)
        self._settle("incomplete")
        self.transcript.add(events.Incomplete(response=self.response))
        self.transcript.close()

    def _settle(self, status: Status) -> None:
        self.response.status = status
        self.response.completed_at = int(time.time()) if status == "completed" else None
        self.response.usage = self._usage

    async def _take_turn(self) -> bool:
        """Ask once and act on the answer; True when the model is owed another turn."""
        if self._seconds_left() <= 0:
            raise LimitMet("deadline")
        calls_before, self._asks_caller = self._calls, False
        try:
            await self._listen()
        except InvalidRequest as refusal:
            shorter = newer_half(self._history) if self._request.truncation == "auto" else None
            if refusal.code != CONTEXT_EXCEEDED or shorter is None:
                raise
            self._history = shorter
            return True
        is_last = self._calls == calls_before and not isinstance(self._draft, CallDraft)
        await self._close(is_last=is_last)
        return not is_last and not self._asks_caller

    async def _listen(self) -> None:
        async with aclosing(self._model.answer(self._turn())) as pieces:  # a limit met ends the model's stream now
            async for piece in pieces:
                match piece:
                    case Used():
                        self._usage.add(piece.read, piece.cached, piece.written, piece.reasoned)
                    case Stopped():
                        raise LimitMet(piece.reason)
                    case Stray():
                        await self._turn_away(piece)
                    case _:
                        await self._continue(piece)

    async def _continue(self, piece: Text | Thought | CodeBegun | Code | FunctionBegun | Arguments) -> None:
        if isinstance(piece, CodeBegun | FunctionBegun) or type(self._draft) is not _CONTINUES[type(piece)]:
            await self._close(is_last=False)
            self._draft = self._opened(piece)
        if isinstance(piece, Text | Thought | Code | Arguments) and self._draft:
            self._draft.write(piece.delta)

    def _opened(self, piece: Text | Thought | CodeBegun | Code | FunctionBegun | Arguments) -> Draft:
        match piece:
            case Text():
                return MessageDraft(self.response, self.transcript)
            case Thought():
                return ReasoningDraft(self.response, self.transcript)
            case FunctionBegun():
                self._asks_caller = True
                return FunctionDraft(self.response, self.transcript, call_id=piece.call_id, name=piece.name)
            case CodeBegun():
                return self._opened_call()
            case Code() | Arguments():
                raise UpstreamError("The model's answer is out of order.")

    async def _turn_away(self, stray: Stray) -> None:
        self._check_calls()
        await self._close(is_last=False)
        self._calls += 1
        self._history += stray.answered(self._tools())

    def _check_calls(self) -> None:
        limit = self._request.max_tool_calls
        if limit is not None and self._calls >= limit:
            raise LimitMet("max_tool_calls")

    def _opened_call(self) -> CallDraft:
        self._check_calls()
        if self._container is None:
            raise UpstreamError("The model called the python tool, which this request does not give it.")
        return CallDraft(self.response, self.transcript, container_id=self._container.id, outputs=self._shows_outputs)

    async def _close(self, *, is_last: bool) -> None:
        """Finish the open item; a call is run. ``is_last`` tells a message that nothing follows it."""
        draft, self._draft = self._draft, None
        match draft:
            case CallDraft():
                await self._execute(draft)
            case MessageDraft():
                draft.finish(self._citations(draft.text, is_last=is_last))
                self._history.append(InputMessage(role="assistant", content=draft.text))
            case ReasoningDraft():
                draft.finish()
                self._history.append(draft.item)
            case FunctionDraft():
                draft.finish()
                self._history.append(draft.item)

    async def _execute(self, draft: CallDraft) -> None:
        container = cast("Container", self._container)
        self._draft = draft
        self._calls += 1
        self._ran += 1
        cell = await container.run(draft.written(), seconds=min(self._call_seconds, max(1.0, self._seconds_left())))
        draft.ran(cell.outputs)
        self.outputs[draft.item.id] = cell.outputs
        self._draft = None
        self._figures += cell.made[: cell.figures]
        made = cell.made[cell.figures :]
        self._made |= {file.path: file for file in made}
        call = msgspec.structs.replace(draft.item, outputs=cell.outputs)
        self._history.append(Ran(call=call, is_ok=cell.is_ok, made=[file.path for file in made]))

    def _abandon(self, *, is_failed: bool) -> None:
        """Close the open item as it stands, without running it."""
        draft, self._draft = self._draft, None
        match draft:
            case CallDraft():
                draft.stop(is_failed=is_failed)
            case MessageDraft():
                draft.finish(self._citations(draft.text, is_last=True), is_complete=False)
            case ReasoningDraft() | FunctionDraft():
                draft.finish(is_complete=False)

    def _citations(self, text: str, *, is_last: bool) -> list[ContainerFileCitation]:
        if self._container is None:
            return []
        files = self._container.files()
        there = {file.id for file in files.values()}
        found = cite(text, files)
        if not is_last:
            return found
        figures = uncited([file for file in self._figures if file.id in there], found)
        return figures + found + uncited([file for file in self._made.values() if file.id in there], found)

    def _turn(self) -> Turn:
        request = self._request
        spent = self._usage.output_tokens
        if request.max_output_tokens is not None and spent >= request.max_output_tokens:
            raise LimitMet("max_output_tokens")
        return Turn(
            instructions=request.instructions,
            history=self._history,
            tools=self._tools(),
            text=request.text,
            packages=self._packages,
            tokens_left=None if request.max_output_tokens is None else request.max_output_tokens - spent,
            temperature=request.temperature,
            top_p=request.top_p,
            effort=request.reasoning.effort if request.reasoning else None,
        )

    def _tools(self) -> ToolUse:
        return tools_of(self._request, is_first=self._ran == 0)

    def _seconds_left(self) -> float:
        return self._deadline - time.monotonic()
