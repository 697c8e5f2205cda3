"""The use case: one file becomes another.

Identify the file, choose the recipe, run its prompt in a fresh container, check the file it made, hand it over. The parts are
elsewhere: bytes in (`service.spool`), decisions (`plan`, `output`), places (`admission`), the wire (`interpreter`), HTTP (`routes`).
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import anyio
from msgspec import Struct

from service.conversion.admission import Admission
from service.conversion.errors import (
    AttemptFailed,
    ConversionError,
    DocumentRefused,
    ModelStopped,
    OutputMissing,
    OutputWrong,
    ProgramFailed,
    RunTooLong,
)
from service.conversion.interpreter import Download, Interpreter, Session
from service.conversion.media import could_be, format_named, identify
from service.conversion.output import Report, choose, error_of, report_of
from service.conversion.plan import PROGRAM, Attempt, Budget, Plan, Wish, memory_for, planned
from service.conversion.prompt import render
from service.conversion.recipes import LiveCatalogue
from service.conversion.record import Record, Recorder
from service.conversion.task import Inline, MemoryLimit, Task, Uploaded
from service.conversion.transcript import Transcript
from service.spool import SpooledFile

INLINE_BYTES = 256 * 1024  # in base64 on the wire; beyond, an upload streamed from disk costs less


class Output(Struct, frozen=True):
    """A finished file, opened and checked: its first chunk is read, the rest can be. ``container_id`` is where it was made."""

    plan: Plan
    attempt: Attempt
    report: Report | None
    container_id: str
    download: Download


class Converter:
    """Converts files through one interpreter.

    Args:
        catalogue: The recipes.
        interpreter: Where prompts run.
        admission: The places.
        recorder: Gets one record of each conversion.
        model: Name to ask the interpreter for where a program is not enough; None: there is no model.
        budget: What one attempt of that model may spend.
        run_seconds: Longest time of one conversion, from its place to the first byte of its output.
    """

    def __init__(
        self,
        *,
        catalogue: LiveCatalogue,
        interpreter: Interpreter,
        admission: Admission,
        recorder: Recorder,
        model: str | None,
        budget: Budget,
        run_seconds: float,
    ) -> None:
        self._catalogue = catalogue
        self._interpreter = interpreter
        self._admission = admission
        self._recorder = recorder
        self._model = model
        self._budget = budget
        self._run_seconds = run_seconds

    @asynccontextmanager
    async def convert(self, file: SpooledFile, wish: Wish, record: Record) -> AsyncIterator[Output]:
        """Convert one file. The output is read inside the ``async with``; at its end nothing is left anywhere.

        Raises:
            MediaError: The file cannot be identified, or is not what it claims.
            OptionInvalid: An option is unknown or ill-typed.
            Busy: No place in time.
            InterpreterError: The interpreter did not do its part.
            ConversionError: Every other reason.
        """
        async with self._recorder.recorded(record), self._interpreter.session() as session:
            with record.phase("identify"):
                input_type = await anyio.to_thread.run_sync(_media_type, file, wish)
            program = await self._interpreter.offers(PROGRAM)
            plan = record.plan = planned(
                self._catalogue.current(time.monotonic()), input_type, wish, program=program, model=self._model
            )
            async with AsyncExitStack() as place:
                with record.phase("queue"):
                    await place.enter_async_context(self._admission.place(wish.caller))
                with _budget(self._run_seconds):
                    output = await self._first_good(session, plan, file, record)
            yield output

    async def _first_good(self, session: Session, plan: Plan, file: SpooledFile, record: Record) -> Output:
        """Make the attempts in turn until one gives a good file; a later one is told how the earlier failed."""
        failure = AttemptFailed("")
        for attempt in plan.attempts:
            prompt = render(
                plan.recipe,
                source_type=plan.input_type,
                target=plan.target.name,
                options=plan.options,
                instructions=plan.instructions,
                earlier_failure=failure.logs or None,
            )
            with record.phase("upload"):
                sent = await _sent(session, plan, attempt, file)
            with record.phase("engine"):
                transcript = await session.run(self._task(prompt, plan, attempt, sent, memory_for(file.bytes)))
            record.attempted(attempt, transcript)
            try:
                with record.phase("fetch"):
                    return await _output(session, plan, attempt, transcript)
            except AttemptFailed as error:
                failure = error
        raise failure

    def _task(
        self, prompt: str, plan: Plan, attempt: Attempt, file: Uploaded | Inline, memory_limit: MemoryLimit
    ) -> Task:
        budget = self._budget if attempt.kind == "model" else Budget()
        return Task(
            prompt,
            attempt.model,
            file,
            memory_limit,
            plan.recipe.kernel,
            max_calls=budget.calls,
            max_tokens=budget.tokens,
        )


async def _sent(session: Session, plan: Plan, attempt: Attempt, file: SpooledFile) -> Uploaded | Inline:
    """Give the file to the run. Only a program, which reads no words, is handed a small one in its request."""
    name = f"input.{format_named(plan.input_type).name}"
    if attempt.kind == "program" and file.bytes <= INLINE_BYTES:
        return Inline(name, await anyio.Path(file.path).read_bytes())
    return await session.upload(file.path, name)


async def _output(session: Session, plan: Plan, attempt: Attempt, transcript: Transcript) -> Output:
    """Find the file a run made, open it, and check what it is."""
    report, logs = report_of(transcript.logs), "\n".join(transcript.logs)
    if report and report.refused:
        raise DocumentRefused(report.refused.code, report.refused.detail)
    if report is None and attempt.kind == "program":  # whatever it left behind was not verified
        raise _failure(transcript)
    if report is None and transcript.stopped:  # whatever there is may be half of it
        raise ModelStopped(logs, transcript.stopped)
    extensions = (plan.target.name, *plan.target.extensions)
    chosen = choose(transcript, [], extensions) or choose(transcript, await session.files(transcript), extensions)
    if chosen is None:
        raise _failure(transcript) if transcript.calls and report is None else OutputMissing(logs)
    download = await session.fetch(*chosen)
    if not download.first or not could_be(plan.target, download.first):
        raise OutputWrong(logs)
    return Output(plan, attempt, report, chosen[0], download)


def _failure(transcript: Transcript) -> ConversionError:
    error = error_of(transcript.logs)
    if error == "MemoryError":  # a kernel that passed its limit is killed before the program can say so
        return DocumentRefused("too_large", "the document needs more memory than a container has")
    return ProgramFailed("\n".join(transcript.logs), error)


def _media_type(file: SpooledFile, wish: Wish) -> str:
    return identify(file.path, filename=file.filename, declared=file.declared, said=wish.source_type).media_type


@contextmanager
def _budget(seconds: float) -> Iterator[None]:
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        raise RunTooLong(seconds) from None
