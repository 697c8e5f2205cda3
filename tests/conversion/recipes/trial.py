# ruff: noqa: ANN201, D100, D103, F821, F841, INP001
# mypy: ignore-errors
CALENDAR = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"


def convert():
    does = OPTIONS["does"]
    if does == "sleep":
        time.sleep(OPTIONS["seconds"])
    if does == "crash":
        raise KeyError("a secret from the file")
    if does == "eat":
        hoard = [bytearray(64 << 20) for _ in range(100)]
    if does in ("exit", "die"):
        os._exit(3) if does == "exit" else os.kill(os.getpid(), 9)
    if does == "warn":
        warn('naïve "quotes"\r\nSet-Cookie: a=b')
    if does == "nothing":
        report(facts={})
        return sys.exit(0)
    content = {"wrong": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "empty": b"", "large": CALENDAR * 1_000_000}.get(
        does, CALENDAR
    )
    OUTPUT.write_bytes(content)
    if does == "empty":
        report(facts={})
        return sys.exit(0)
    return {"events": 0, "name": "naïve\r\nX: y"}


run(convert)
