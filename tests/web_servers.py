"""A request as a web server hands it to Django, and the answer chunk by chunk as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory


def get_by_asgi(path: str, on_chunk: Callable[[bytes], None], *, leave_after: int | None = None) -> int:
    """Status of what uvicorn would be given; `leave_after`: so many chunks and the browser is gone."""
    statuses: list[int] = []

    async def request() -> None:
        gone = asyncio.Event()
        chunks = 0
        requests = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict:
            for message in requests:
                return message
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            nonlocal chunks
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            elif message.get("body"):
                chunks += 1
                on_chunk(message["body"])
                if chunks == leave_after:
                    gone.set()
                    await asyncio.sleep(0)

        headers = [(b"host", b"testserver")]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
        await ASGIHandler()(scope, receive, send)

    asyncio.run(request())
    return statuses[0]


def get_by_wsgi(path: str, on_chunk: Callable[[bytes], None]) -> int:
    statuses: list[str] = []
    environ = RequestFactory().get(path).environ
    answer = WSGIHandler()(environ, lambda status, headers: statuses.append(status))
    try:
        for chunk in answer:
            on_chunk(chunk)
    finally:
        answer.close()
    return int(statuses[0].split()[0])
