"""Results go to an archive by C-STORE and by STOW-RS, and errors name no patient."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from dicom_sources import FACTS, corner, film_source
from planted import PLANTED
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from data_prep.errors import UsageError
from healthygan_monai.dicom_results import ResultFacts, make_results
from healthygan_monai.dicom_results.send import Node, Outcome, Tls, Web, send

pynetdicom = pytest.importorskip("pynetdicom")
pytest.importorskip("dicomweb_client")


@pytest.fixture(scope="module")
def results() -> list[Dataset]:
    return make_results([film_source()], *corner((96, 80)), ResultFacts(**FACTS))


class Archive:
    """A C-STORE SCP on loopback. syntaxes: what it takes; statuses: its answers, then success."""

    def __init__(self, syntaxes: list[str] | None = None, statuses: tuple[int, ...] = ()) -> None:
        self.received: list[Dataset] = []
        self._statuses = list(statuses)
        entity = pynetdicom.AE(ae_title="ARCHIVE")
        entity.require_called_aet = True
        given = {} if syntaxes is None else {"transfer_syntax": syntaxes}
        if syntaxes is None:
            given = {"transfer_syntax": pynetdicom.ALL_TRANSFER_SYNTAXES}
        for context in pynetdicom.AllStoragePresentationContexts:
            entity.add_supported_context(context.abstract_syntax, **given)
        handlers = [(pynetdicom.evt.EVT_C_STORE, self._store)]
        self._server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.node = Node("ARCHIVE", "127.0.0.1", self._server.server_address[1])

    def _store(self, event: Any) -> int:
        status = self._statuses.pop(0) if self._statuses else 0
        if status == 0:
            dataset = event.dataset
            dataset.file_meta = event.file_meta
            self.received.append(dataset)
        return status

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()


def encoded(dataset: Dataset) -> bytes:
    file = BytesIO()
    pydicom.dcmwrite(file, Dataset(dataset), implicit_vr=False, little_endian=True)
    return file.getvalue()


def test_data_sets_and_files_arrive_whole(results: list[Dataset], tmp_path: Path) -> None:
    path = tmp_path / "report.dcm"
    results[3].save_as(path, enforce_file_format=True)
    with Archive() as archive:
        sent = send([*results[:3], path], archive.node)
    assert sent.failed == [] and len(archive.received) == 4
    for given, found in zip(results, archive.received, strict=True):
        assert found.SOPInstanceUID == given.SOPInstanceUID
        assert encoded(found) == encoded(given)


def test_an_archive_without_compression_gets_plain_pixels(results: list[Dataset]) -> None:
    with Archive([ExplicitVRLittleEndian]) as archive:
        assert send(results, archive.node).failed == []
    (fraction,) = [f for f in archive.received if f.get("SegmentationType") == "FRACTIONAL"]
    assert fraction.SOPInstanceUID == results[2].SOPInstanceUID
    plain = results[2].pixel_array
    assert fraction.PixelData[: plain.size] == plain.tobytes()
    assert results[2].file_meta.TransferSyntaxUID != ExplicitVRLittleEndian  # as it was


def test_one_refusal_does_not_keep_the_others_back(results: list[Dataset]) -> None:
    with Archive(statuses=(0, 0xA700, 0xC001)) as archive:
        sent = send(results, archive.node)
    assert sent.outcomes == (
        Outcome(),
        Outcome("the archive answered with status 0xA700", later=True),
        Outcome("the archive answered with status 0xC001"),
        Outcome(),
    )
    assert sent.failed == [1, 2] and len(archive.received) == 2


def test_nobody_there_and_a_wrong_title(results: list[Dataset]) -> None:
    with Archive() as archive:
        port = archive.node.port
        (refused,) = send(results[:1], Node("OTHER", "127.0.0.1", port)).outcomes
    assert refused.reason == ("the archive refused the connection: called ae title not recognised")
    assert not refused.later
    (nobody,) = send(results[:1], Node("ARCHIVE", "127.0.0.1", port)).outcomes
    assert nobody == Outcome("no connection to the archive", later=True)


def test_files_that_are_none(results: list[Dataset], tmp_path: Path) -> None:
    (tmp_path / "text.dcm").write_text("not DICOM")
    with Archive() as archive:
        sent = send([tmp_path / "none.dcm", tmp_path / "text.dcm", results[0]], archive.node)
    assert sent.failed == [0, 1] and len(archive.received) == 1
    assert [o.later for o in sent.outcomes] == [False, False, False]


class Server:
    """A STOW-RS server on loopback with the given answer."""

    def __init__(self, code: int = 200, answer: bytes = b"{}") -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.headers.append(dict(self.headers))
                outer.bodies.append(self._body())
                self.send_response(code)
                self.send_header("Content-Type", "application/dicom+json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def _body(self) -> bytes:
                if "Content-Length" in self.headers:
                    return self.rfile.read(int(self.headers["Content-Length"]))
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        ThreadingHTTPServer.daemon_threads = True  # kept connections do not hold the test
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/dicom-web"

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_stow_sends_each_with_the_token(results: list[Dataset], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret-token\n")
    with Server() as server:
        sent = send(results, Web(server.url, token_file=tmp_path / "token"))
    assert sent.failed == [] and len(server.bodies) == 4
    for body, header, result in zip(server.bodies, server.headers, results, strict=True):
        assert str(result.SOPInstanceUID).encode() in body
        assert header["Authorization"] == "Bearer secret-token"


REFUSED = json.dumps(
    {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0x0122]}}]}}
).encode()


@pytest.mark.parametrize(
    ("code", "answer", "expected"),
    [
        (401, b"", Outcome("the server answered with HTTP 401")),
        (503, b"", Outcome("the server answered with HTTP 503", later=True)),
        (202, REFUSED, Outcome("the server answered with reason 0x0122")),
        (200, b"no JSON", Outcome("the server's answer is not of DICOMweb")),
    ],
)
def test_what_a_server_answers(
    results: list[Dataset], code: int, answer: bytes, expected: Outcome
) -> None:
    with Server(code, answer) as server:
        assert send(results[:1], Web(server.url)).outcomes == (expected,)
    assert len(server.bodies) == 1  # asked once: who waits, and how long, the caller decides


def test_no_server(results: list[Dataset]) -> None:
    with Server() as server:
        url = server.url
    assert send(results[:1], Web(url)).outcomes == (
        Outcome("no connection to the server", later=True),
    )


@pytest.mark.parametrize("url", ["pacs/dicom-web", "ftp://pacs", "http://"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="URL"):
        Web(url)


def test_a_token_does_not_go_over_http(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="https"):
        Web("http://pacs.example/dicom-web", token_file=tmp_path / "token")


def test_files_of_tls_and_token_that_cannot_be_used(results: list[Dataset], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("two words")
    with pytest.raises(UsageError, match="token"):
        send(results, Web("https://127.0.0.1:1/", token_file=tmp_path / "text"))
    with pytest.raises(UsageError, match="TLS"):
        send(results, Node("A", "127.0.0.1", 1, tls=Tls(ca=tmp_path / "text")))
    with pytest.raises(UsageError, match="TLS"):
        send(results, Node("A", "127.0.0.1", 1, tls=Tls(ca=tmp_path / "none.pem")))


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_nothing_said_names_patient_uid_or_token(
    results: list[Dataset], tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "token").write_text("secret-token")
    reasons = []
    with Archive(statuses=(0xC001,)) as archive, Server(500) as server:
        reasons += send(results[:2], archive.node).outcomes
        reasons += send(results[:1], Web(server.url, token_file=tmp_path / "token")).outcomes
    ours = [r.getMessage() for r in said.records if "acse" not in r.name]
    text = " ".join([*(outcome.reason for outcome in reasons), *ours])
    for secret in (*PLANTED, "secret-token", str(results[0].SOPInstanceUID)):
        assert secret not in text
