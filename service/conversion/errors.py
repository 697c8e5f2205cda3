"""Why a conversion was not done, as exceptions with fields.

They carry no status and no prose: `problems` turns each into both. ``ConversionError`` ← ``TypeUnsupported``, ``PairUnsupported``,
``FormatMissing`` ← ``FormatUnacceptable``, ``FileMissing``, ``BodyPartial``, ``EncodingUnsupported``, ``ModelMissing``, ``DocumentRefused``, ``RunTooLong``; and ``AttemptFailed`` ←
``ProgramFailed``, ``ModelStopped``, ``OutputMissing``, ``OutputWrong``, which another attempt may mend. What the parts raise by themselves is theirs:
`media.MediaError`, `recipes.OptionInvalid`, `admission.Busy`, `faults.InterpreterError`, `spool.BodyRefused`.
"""


class ConversionError(Exception):
    """A conversion that was not done."""


class TypeUnsupported(ConversionError):
    """No recipe takes this media type."""

    def __init__(self, input_type: str) -> None:
        super().__init__(input_type)
        self.input_type = input_type


class PairUnsupported(ConversionError):
    """A recipe takes the type, but none makes this format of it; ``formats`` are those that are made."""

    def __init__(self, input_type: str, output_format: str, formats: tuple[str, ...]) -> None:
        super().__init__(input_type, output_format, formats)
        self.input_type = input_type
        self.output_format = output_format
        self.formats = formats


class FormatMissing(ConversionError):
    """The request names no output format: none in the path, and its ``Accept`` takes anything."""

    def __init__(self, input_type: str, formats: tuple[str, ...]) -> None:
        super().__init__(input_type, formats)
        self.input_type = input_type
        self.formats = formats


class FormatUnacceptable(FormatMissing):
    """``Accept`` names nothing that this input can become."""


class FileMissing(ConversionError):
    """The request has no file, or an empty body."""


class BodyPartial(ConversionError):
    """The body is a part of a file: it comes with ``Content-Range``."""


class EncodingUnsupported(ConversionError):
    """The body comes with a ``Content-Encoding``, which would make every size limit a lie."""

    def __init__(self, encoding: str) -> None:
        super().__init__(encoding)
        self.encoding = encoding


class RecipeUnknown(ConversionError):
    """No recipe has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class FormatUnknown(RecipeUnknown):
    """No format has this name, extension or media type."""


class ModelMissing(ConversionError):
    """Only a model can do this, and none is configured."""


class DocumentRefused(ConversionError):
    """The document is known not to be convertible; ``code`` is damaged, encrypted, too_large, unsupported or empty."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class RunTooLong(ConversionError):
    """The run budget of so many seconds is spent."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class AttemptFailed(ConversionError):
    """One attempt made no good file; ``logs`` are what a model needs to mend it, and never leave the service."""

    def __init__(self, logs: str) -> None:
        super().__init__()
        self.logs = logs


class ProgramFailed(AttemptFailed):
    """The code ended in an error of its own; ``error`` is its class's name, if it told."""

    def __init__(self, logs: str, error: str | None) -> None:
        super().__init__(logs)
        self.error = error


class ModelStopped(AttemptFailed):
    """The model met a limit before a file was verified; ``stopped`` is the wire's reason, as in ``max_tool_calls``."""

    def __init__(self, logs: str, stopped: str) -> None:
        super().__init__(logs)
        self.stopped = stopped


class OutputMissing(AttemptFailed):
    """The run came to its end, but there is no file."""


class OutputWrong(AttemptFailed):
    """There is a file, but it is empty or not of the promised type."""
