"""Send a text while it is still being read, whichever handler of Django's asks for it.

Under ASGI (uvicorn) Django gathers what a plain iterator gives in a list before it sends the first byte. Under WSGI it
cannot send what an asynchronous one gives before that has ended. So each gets its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterable
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

# Bytes. A line at a time would cost under ASGI a change of thread for each, about 0.1 ms.
CHUNK_SIZE: Final = 64 * 1024


class TextStream(StreamingHttpResponse):
    """A response that holds one chunk of the text at a time, and reads the next when that one has been taken.

    Args:
        pieces: the text, read in the thread of the request, before and after the view has returned.
    """

    def __init__(self, request: HttpRequest, pieces: Iterable[str], **kwargs: Any) -> None:
        self._chunks = _chunks(pieces)
        super().__init__(_in_thread(self._chunks) if isinstance(request, ASGIRequest) else self._chunks, **kwargs)

    def close(self) -> None:
        """Stop reading, if the browser went away before the end; called in the thread that reads."""
        self._chunks.close()
        super().close()


def _chunks(pieces: Iterable[str]) -> Generator[bytes]:
    gathered = bytearray()
    for piece in pieces:
        gathered += piece.encode()
        if len(gathered) >= CHUNK_SIZE:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


async def _in_thread(chunks: Generator[bytes]) -> AsyncIterator[bytes]:
    # The thread of the request has its connections to the database, and Django closes them there at the end.
    advance = sync_to_async(_next, thread_sensitive=True)
    while (chunk := await advance(chunks)) is not None:
        yield chunk


def _next(chunks: Generator[bytes]) -> bytes | None:
    return next(chunks, None)
