"""The server of ``healthygan view``: loopback alone, one address with a random token.

The standard library serves it: one reader on one machine, ten addresses, nothing more to install.
"""

import logging
import secrets
import shutil
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any

from data_prep.errors import HealthyGANError, UsageError
from data_prep.files import parse_json
from healthygan_monai.paths import REVIEW_FILE
from healthygan_monai.view.cases import PARTS, Cases
from healthygan_monai.view.marks import LONGEST, Review
from healthygan_monai.view.page_files import (
    NIIVUE,
    PAGE,
    SCRIPTS,
    STYLE,
    cases_script,
    page,
)

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
HOSTS = (HOST, "localhost")  # names by which a browser on this machine may call it
MOST_BYTES = 16_384  # of a request's body
SECONDS = 60  # a connection may be silent
HTML, CSS, JAVASCRIPT = (f"text/{kind}; charset=utf-8" for kind in ("html", "css", "javascript"))
# NiiVue compiles a decoder ('wasm-unsafe-eval'), and its font is a data: address
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self' data: blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Refused(Exception):
    """An answer other than OK: its status, and a line for people."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class Viewer(ThreadingHTTPServer):
    """The server of one folder's cases.

    Args:
        cases: what it shows.
        port: to listen on; 0 takes a free one.

    Raises:
        ReviewError: review.csv is malformed. UsageError: the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, cases: Cases, port: int = 0) -> None:
        self.cases = cases
        self.review = Review(cases.folder, cases.rows)
        self.review.marks()  # refuse early
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__((HOST, port), Answer)
        except (OSError, OverflowError) as error:
            raise UsageError(f"--port {port}: it cannot be used ({error}). Give another.") from None
        self.hosts = [f"{name}:{self.server_address[1]}" for name in HOSTS]

    def server_bind(self) -> None:
        """As the base class, without asking a name server for the name of this machine."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no error; others are logged without what was asked."""
        log.debug("a request of the viewer failed", exc_info=True)


class Answer(BaseHTTPRequestHandler):
    """One connection of a browser."""

    server: Viewer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "healthygan", ""
    timeout = SECONDS

    def do_GET(self) -> None:
        self._guarded(self._get)

    def do_POST(self) -> None:
        self._guarded(self._post)

    def _guarded(self, answer: Callable[[list[str]], None]) -> None:
        """Answer a request to the right name with the right token; refuse all others."""
        try:
            # a page elsewhere can make its own name mean 127.0.0.1, but cannot send another name
            if self.headers.get("Host") not in self.server.hosts:
                raise Refused(HTTPStatus.FORBIDDEN, "only for this machine's own browser")
            token, *path = self.path.removeprefix("/").split("/")
            if not secrets.compare_digest(token.encode(), self.server.token.encode()):
                raise Refused(HTTPStatus.FORBIDDEN, "open the address that healthygan view printed")
            answer(path)
        except Refused as refused:
            self.close_connection = True  # a body may not have been read
            self._send(str(refused).encode(), "text/plain; charset=utf-8", refused.status)

    def _get(self, path: list[str]) -> None:
        viewer = self.server
        match path:
            case [""]:
                html = page(viewer.cases.folder.resolve().name, remark_length=LONGEST)
                self._send(html.encode(), HTML)
            case ["cases.js"]:
                script = cases_script(
                    viewer.cases.data(),
                    served=True,
                    marks=viewer.review.marks(),
                    review=REVIEW_FILE,
                )
                self._send(script.encode(), JAVASCRIPT)
            case ["style.css"]:
                self._send_file(PAGE / STYLE, CSS)
            case ["niivue.js"]:
                self._send_file(NIIVUE, JAVASCRIPT)
            case [name] if name in SCRIPTS:
                self._send_file(PAGE / name, JAVASCRIPT)
            case ["part", number, part] if part in PARTS:
                found = viewer.cases.file(self._index(number), part)
                if found is None:
                    raise _absent()
                self._send_file(*found)
            case _:
                raise _absent()

    def _post(self, path: list[str]) -> None:
        if path != ["mark"]:
            raise _absent()
        index, seen, remark = self._marks()
        try:
            self.server.review.mark(index, seen, remark)
        except (HealthyGANError, OSError) as error:
            log.error("%s", error)
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)) from None
        self._send(b"{}", "application/json")

    def _marks(self) -> tuple[int, bool, str]:
        """The body {"index": 3, "seen": true, "remark": "..."}, sent by the page itself."""
        wrong = Refused(HTTPStatus.BAD_REQUEST, "expected the JSON that the page sends")
        length = self.headers.get("Content-Length", "")
        origins = [None, *(f"http://{host}" for host in self.server.hosts)]
        if (
            self.headers.get("Content-Type") != "application/json"
            or self.headers.get("Origin") not in origins
            or not (length.isascii() and length.isdigit() and int(length) <= MOST_BYTES)
        ):
            raise wrong
        try:
            found = parse_json(self.rfile.read(int(length)).decode())
            index, seen, remark = found["index"], found["seen"], found["remark"]
        except (ValueError, KeyError, TypeError):
            raise wrong from None
        if not (type(index) is int and type(seen) is bool and type(remark) is str):
            raise wrong
        if len(remark) > LONGEST:
            raise Refused(HTTPStatus.BAD_REQUEST, f"a remark has at most {LONGEST} characters")
        return self._index(str(index)), seen, remark

    def _index(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise _absent()
        index = int(text)
        if index >= len(self.server.cases.rows):
            raise _absent()
        return index

    def _send_file(self, path: Path, kind: str) -> None:
        with path.open("rb") as file:
            self._head(kind, path.stat().st_size)
            shutil.copyfileobj(file, self.wfile)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._head(kind, len(body), status)
        self.wfile.write(body)

    def _head(self, kind: str, length: int, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": length}.items():
            self.send_header(name, str(value))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: an address has the token."""


def _absent() -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, "not there")
