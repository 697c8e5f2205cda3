"""The frames and the transcript against whatever bytes a kernel may send, without any process."""

import contextlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.sandbox import Image, Logs, frames
from service.engine.sandbox.contract import FileRefused, Isolation
from service.engine.sandbox.directory import plain_name
from service.engine.sandbox.filters import compile_filter
from service.engine.sandbox.transcript import Transcript

_FRAME = st.one_of(
    st.builds(
        frames.Done, cell=st.integers(0, 2**31), error_name=st.none() | st.text(), traceback=st.none() | st.text()
    ),
    st.builds(frames.Shown, png=st.binary(max_size=300)),
    st.builds(frames.Refused, detail=st.text()),
    st.just(frames.Ready()),
)


@given(st.lists(_FRAME, max_size=8), st.data())
def test_frames_survive_any_cutting(sent: list[msgspec.Struct], data: st.DataObject) -> None:
    """However a stream is cut, the same frames come out in order."""
    stream = b"".join(frames.pack(frame) for frame in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    decoder: frames.Decoder[frames.FromKernel] = frames.Decoder(frames.FromKernel)
    got = [frame for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) for frame in decoder.feed(stream[a:b])]
    assert got == sent


@settings(max_examples=10_000, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_broken(stream: bytes) -> None:
    """Ten thousand streams of garbage: frames of the union or BrokenFrame, nothing else, and never much memory."""
    decoder: frames.Decoder[frames.FromKernel] = frames.Decoder(frames.FromKernel)
    with contextlib.suppress(frames.BrokenFrame):
        for frame in decoder.feed(stream):
            assert isinstance(frame, frames.FromKernel)


@settings(max_examples=2000, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_order_to_a_broker_or_an_error(packet: bytes) -> None:
    """What the kernel side sends to its broker is a Start or one of the errors at which a broker ends."""
    with contextlib.suppress(ValueError, RecursionError):
        assert isinstance(msgspec.msgpack.decode(packet, type=frames.Start), frames.Start)


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_is_a_frame_or_broken(value: object) -> None:
    """Well-formed msgpack of the wrong shape is refused as well."""
    body = msgspec.msgpack.encode(value)
    decoder: frames.Decoder[frames.FromKernel] = frames.Decoder(frames.FromKernel)
    with contextlib.suppress(frames.BrokenFrame):
        for frame in decoder.feed(len(body).to_bytes(4, "big") + body):
            assert isinstance(frame, frames.FromKernel)


def test_the_length_limit_is_exact() -> None:
    """A frame at the limit is announced in good faith, one byte more is not."""
    decoder: frames.Decoder[frames.FromKernel] = frames.Decoder(frames.FromKernel)
    assert list(decoder.feed(frames.MAX_FRAME_BYTES.to_bytes(4, "big"))) == []
    with pytest.raises(frames.BrokenFrame):
        list(frames.Decoder(frames.FromKernel).feed((frames.MAX_FRAME_BYTES + 1).to_bytes(4, "big")))


@given(st.lists(st.binary(max_size=60) | st.just(None), max_size=20), st.integers(2, 200))
def test_a_transcript_stays_within_its_cap(parts: list[bytes | None], cap: int) -> None:
    """Text is kept whole up to the cap; past it head and tail stay, and pictures stay in their place."""
    transcript = Transcript(cap)
    for part in parts:
        transcript.show(b"png") if part is None else transcript.write(part)
    written = b"".join(part for part in parts if part is not None)
    outputs = transcript.outputs()
    text = "".join(output.text for output in outputs if isinstance(output, Logs))
    assert sum(isinstance(output, Image) for output in outputs) == parts.count(None)
    assert transcript.received == len(written)
    if len(written) <= cap:
        assert text.encode(errors="replace").decode() == text
        assert len(text) <= len(written)
    else:
        assert "bytes of output are left out here" in text
        assert len(text) <= cap + 60


@given(st.text(max_size=400))
def test_a_plain_name_stays_in_its_folder(name: str) -> None:
    """Any name becomes one component of at most 255 bytes, or is refused."""
    with contextlib.suppress(FileRefused, UnicodeEncodeError):
        plain = plain_name(name)
        assert plain not in ("", ".", "..")
        assert "/" not in plain
        assert "\0" not in plain
        assert len(plain.encode()) <= 255


@pytest.mark.parametrize("isolation", list(Isolation))
def test_a_filter_is_a_program_for_the_kernel(isolation: Isolation) -> None:
    """Whole instructions, fewer than the kernel's limit, ending in a return."""
    program = compile_filter(isolation)
    assert len(program) % 8 == 0
    assert 50 < len(program) // 8 < 4096
    assert program[-8] == 0x06
