"""What one execution of code gave, as the wire and the models see it: outputs in order, and how it ended in words at their end."""

import base64

import msgspec

from service.engine.items import ImageOutput, LogsOutput
from service.engine.sandbox import CellResult, Image, Outcome
from service.engine.wire import ContainerFile, MemoryLimit


class Cell(msgspec.Struct):
    """What one execution gave. ``made`` lists the files it made or rewrote, displayed figures first."""

    outputs: list[LogsOutput | ImageOutput]
    is_ok: bool
    made: list[ContainerFile]
    figures: int
    seconds: float


def outputs_of(result: CellResult, memory_limit: MemoryLimit, seconds: float) -> list[LogsOutput | ImageOutput]:
    """Logs and images in the order of emission; how a cell failed stands at the end of the logs."""
    outputs: list[LogsOutput | ImageOutput] = [
        ImageOutput(url=f"data:image/png;base64,{base64.b64encode(each.png).decode()}")
        if isinstance(each, Image)
        else LogsOutput(logs=each.text)
        for each in result.outputs
    ]
    ending = "\n".join(filter(None, (result.traceback, _explained(result.outcome, memory_limit, seconds))))
    if not ending:
        return outputs
    last = outputs[-1] if outputs else None
    if isinstance(last, LogsOutput):
        last.logs += ("" if last.logs.endswith("\n") or not last.logs else "\n") + ending
    else:
        outputs.append(LogsOutput(logs=ending))
    return outputs


def _explained(outcome: Outcome, memory_limit: MemoryLimit, seconds: float) -> str | None:
    lost = "A fresh Python was started: variables are lost, files in /mnt/data are kept."
    match outcome:
        case Outcome.OK | Outcome.ERROR:
            return None
        case Outcome.INTERRUPTED:
            return f"The call was interrupted: its time budget of {seconds:g} s is spent. Variables are kept."
        case Outcome.KILLED:
            return f"The call was killed: its time budget of {seconds:g} s is spent. {lost}"
        case Outcome.MEMORY:
            return f"The call was killed: it passed the container's memory limit of {memory_limit}. {lost}"
        case Outcome.DIED:
            return lost
