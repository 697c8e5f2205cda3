"""What one execution of code gave, as the wire and the models see it: outputs in order, and how it ended in words at their end."""

import base64

import msgspec

from service.engine.items import ImageOutput, LogsOutput
from service.engine.sandbox import CellResult, Image, Outcome
from service.engine.wire import ContainerFile


class Cell(msgspec.Struct):
    """What one execution gave. ``made`` lists the files it made or rewrote, displayed figures first."""

    outputs: list[LogsOutput | ImageOutput]
    is_ok: bool
    made: list[ContainerFile]
    figures: int
    seconds: float


def outputs_of(result: CellResult, seconds: float) -> list[LogsOutput | ImageOutput]:
    """Logs and images in the order of emission; how a cell failed stands at the end of the logs, as Python words an exception."""
    outputs: list[LogsOutput | ImageOutput] = [
        ImageOutput(url=f"data:image/png;base64,{base64.b64encode(each.png).decode()}")
        if isinstance(each, Image)
        else LogsOutput(logs=each.text)
        for each in result.outputs
    ]
    ending = _ending(result, seconds)
    if not ending:
        return outputs
    last = outputs[-1] if outputs else None
    if isinstance(last, LogsOutput):
        last.logs += ("" if last.logs.endswith("\n") or not last.logs else "\n") + ending
    else:
        outputs.append(LogsOutput(logs=ending))
    return outputs


def _ending(result: CellResult, seconds: float) -> str | None:
    match result.outcome:
        case Outcome.OK | Outcome.ERROR:
            return result.traceback
        case Outcome.INTERRUPTED:
            spent = f"TimeoutError: the call was interrupted, its time budget of {seconds:g} s is spent. Variables are kept."
            return "\n".join(filter(None, (result.traceback, spent)))
        case Outcome.KILLED | Outcome.MEMORY | Outcome.DIED:
            lost = "A fresh Python was started: variables are lost, files in /mnt/data are kept."
            return f"{result.error_name}: {result.traceback}. {lost}"
