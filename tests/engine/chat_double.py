"""A chat completions server on a socket that plays a script: what it is asked is kept, what it answers is streamed in small pieces."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = list[dict[str, Any]]
"""The deltas of one answer; ``finish_reason`` ends it; ``status``, with members of the error, refuses the request instead; ``raw`` is
all bytes of an answer that ends the connection."""

PIECE = 7


def says(text: str, **last: Any) -> Answer:
    """Plain text, in pieces."""
    return [
        *({"content": text[at : at + PIECE]} for at in range(0, len(text), PIECE)),
        {"finish_reason": "stop"} | last,
    ]


def thinks(text: str) -> Answer:
    """Reasoning, as vLLM and llama.cpp send it."""
    return [{"reasoning_content": text[at : at + PIECE]} for at in range(0, len(text), PIECE)]


def calls(*calls: tuple[str, dict[str, Any] | str]) -> Answer:
    """Tool calls: name and arguments, the arguments in pieces."""
    deltas: Answer = []
    for index, (name, arguments) in enumerate(calls):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        head = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
        deltas.append({"tool_calls": [head]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": text[at : at + PIECE]}}]}
            for at in range(0, len(text), PIECE)
        ]
    return [*deltas, {"finish_reason": "tool_calls"}]


def python(code: str) -> Answer:
    """One call of the tool ``python``."""
    return calls(("python", {"code": code}))


class Double:
    """Answers one request after the other from its script."""

    def __init__(self, script: list[Answer]) -> None:
        self.script = list(script)
        self.requests: list[dict[str, Any]] = []
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                double.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                answer = double.script.pop(0)
                if "raw" in answer[0]:
                    self.wfile.write(answer[0]["raw"])
                    return
                if "status" in answer[0]:
                    self._refuse(answer[0])
                    return
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                for delta in answer:
                    self._chunk(delta)
                usage = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
                self._send({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage})
                self.wfile.write(b"data: [DONE]\n\n")

            def _refuse(self, answer: dict[str, Any]) -> None:
                body = json.dumps(
                    {"error": {"message": "no", "type": "t", "param": None, "code": None} | answer}
                ).encode()
                self.send_response(answer["status"])
                self.send_header("content-type", "application/json")
                self.send_header("retry-after", "0")
                self.end_headers()
                self.wfile.write(body)

            def _chunk(self, delta: dict[str, Any]) -> None:
                reason = delta.get("finish_reason")
                inner = {name: value for name, value in delta.items() if name != "finish_reason"}
                choice = {"index": 0, "delta": inner, "finish_reason": reason}
                self._send(
                    {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
                )

            def _send(self, chunk: dict[str, Any]) -> None:
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.flush()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    @contextmanager
    def serving(self) -> Iterator["Double"]:
        """Serve for the length of the ``with``."""
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()
