"""Errors whose message a request receives when it cannot be answered."""

import sys
from typing import Any

UNPROCESSABLE = 422  # RFC 9110, 15.5.21: understood, but what was sent cannot be used


class RequestError(ValueError):
    """An input that cannot be scored; the message holds no file name and no identifier."""


def refusal(message: str) -> RequestError:
    """Return the error to raise; inside a web server, one that is answered with its message.

    FastAPI, MONAI Label's framework, answers all other errors with "Internal Server Error" only. It
    is looked up and not imported, since it is installed on servers only.
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
