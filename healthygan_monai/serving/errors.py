"""What a request gets to read when it cannot be answered."""

from __future__ import annotations

import sys
from typing import Any

UNPROCESSABLE = 422  # RFC 9110, 15.5.21: understood, but what was sent cannot be used


class RequestError(ValueError):
    """An input that cannot be scored; the message names no file and nobody."""


def refusal(message: str) -> RequestError:
    """The error to raise; one that a web server answers with its message, where this process is one.

    FastAPI (MONAI Label's framework) answers other errors with "Internal Server Error" and nothing else. It is
    looked up, not imported: whoever does not serve does not have it.
    """
    web = sys.modules.get("starlette.exceptions")
    if web is None:
        return RequestError(message)

    http_exception: Any = web.HTTPException

    class Answered(RequestError, http_exception):  # type: ignore[misc]
        def __init__(self) -> None:
            http_exception.__init__(self, status_code=UNPROCESSABLE, detail=message)

        def __str__(self) -> str:
            return message

    return Answered()
