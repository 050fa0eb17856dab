import http.client
import json
import socket
from pathlib import Path

import pytest

from data_prep.errors import UsageError
from data_prep.files import sha256
from healthygan_monai.view.cases import read_cases
from healthygan_monai.view.page_files import NIIVUE
from healthygan_monai.view.server import POLICY, Viewer

NIIVUE_0_69_0 = "47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af"


class Bare(http.client.HTTPConnection):
    """Sends any bytes as an address."""

    def _encode_request(self, request: str) -> bytes:
        return request.encode()


class Caller:
    """Asks a viewer over a plain connection, with any headers."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer, self.port = viewer, viewer.server_address[1]
        self.host = f"127.0.0.1:{self.port}"

    def __call__(self, path: str, method: str = "GET", body=None, token=None, **headers: str):
        connection = Bare("127.0.0.1", self.port, timeout=20)
        sent = {"Host": self.host} | {k.replace("_", "-"): v for k, v in headers.items()}
        prefix = self.viewer.token if token is None else token
        connection.putrequest(method, f"/{prefix}/{path}", skip_host=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.body = answer.read()
        connection.close()
        return answer

    def mark(self, content: object, **headers: str):
        sent = {"Content_Type": "application/json", **headers}
        return self("mark", "POST", json.dumps(content).encode(), **sent)


@pytest.fixture
def viewer(run, data, serve) -> Viewer:
    return serve(run, data)


@pytest.fixture
def call(viewer) -> Caller:
    return Caller(viewer)


def test_it_listens_on_loopback_alone(viewer):
    assert viewer.socket.getsockname()[0] == "127.0.0.1"
    assert viewer.address.startswith("http://127.0.0.1:")


def test_the_page_and_all_that_it_names_are_served_with_a_policy(call):
    kinds = {"": "text/html", "cases.js": "text/javascript", "style.css": "text/css"}
    kinds |= {"niivue.js": "text/javascript", "start.js": "text/javascript"}
    kinds["part/0/image"] = "image/png"
    for path, kind in kinds.items():
        answer = call(path)
        assert answer.status == 200 and answer.headers["Content-Type"].startswith(kind), path
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
    assert "not for diagnosis" in call("").body.decode()


def test_a_picture_is_the_file_of_its_case(call, data):
    assert call("part/3/image").body == (data / "images/sub-00001/000003.png").read_bytes()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "", "127.0.0.1.evil.example:80"])
def test_another_host_name_is_refused(call, host):
    """DNS rebinding: a page elsewhere whose name leads here sends its own name."""
    answer = call("cases.js", Host=host)
    assert answer.status == 403 and b"sub-" not in answer.body
    assert call("cases.js", Host=f"localhost:{call.port}").status == 200


@pytest.mark.parametrize("token", ["", "x", "ü"])
def test_nothing_is_served_without_the_token(call, token):
    for path in ("", "cases.js", "part/0/image", "niivue.js"):
        answer = call(path, token=token)
        assert answer.status == 403 and b"sub-" not in answer.body


def test_every_viewer_has_a_token_of_its_own(run, data, serve):
    assert serve(run, data).token != serve(run, data).token


@pytest.mark.parametrize(
    "path",
    [
        *("part/8/image", "part/-1/image", "part/0/secret", "part/0/../image", "part/0", "part"),
        *("../scores.csv", "..%2fscores.csv", "scores.csv", "index.html", "part/1e0/mask"),
        *("part/٣/mask", "style.css/", "part/00000000000000000001/mask", "niivue/LICENSE"),
    ],
)
def test_only_the_parts_of_cases_can_be_asked_for(call, path):
    assert call(path).status == 404


def test_marks_are_written_and_shown_again(call, run):
    assert call.mark({"index": 1, "seen": True, "remark": "=1+1"}).status == 200
    assert "'=1+1" in (run / "review.csv").read_text()
    assert '"marks": [[1, {"seen": true, "remark": "=1+1"}]]' in call("cases.js").body.decode()


@pytest.mark.parametrize(
    "content",
    [
        *([], {}, 3, None, "x", {"index": 0, "seen": 1, "remark": ""}),
        *({"index": True, "seen": True, "remark": ""}, {"index": 0, "seen": True, "remark": None}),
        {"index": 0, "seen": True, "remark": "x" * 2001},
    ],
)
def test_marks_of_another_form_are_refused(call, run, content):
    assert call.mark(content).status == 400
    assert not (run / "review.csv").exists()


def test_marks_of_no_case_are_refused(call):
    for index in (8, -1, 10**30):
        assert call.mark({"index": index, "seen": True, "remark": ""}).status == 404


def test_a_form_of_another_page_cannot_write_marks(call, run):
    right = {"index": 0, "seen": True, "remark": ""}
    assert call.mark(right, Origin="http://evil.example").status == 400
    assert call.mark(right, Content_Type="text/plain").status == 400
    assert call.mark(right, Origin="null").status == 400
    assert not (run / "review.csv").exists()
    assert call.mark(right, Origin=f"http://127.0.0.1:{call.port}").status == 200


def test_a_large_body_is_refused_unread(call):
    assert call("mark", "POST", b"x" * 20_000, Content_Type="application/json").status == 400


def test_a_broken_request_does_not_end_the_viewer(call):
    with socket.create_connection(("127.0.0.1", call.port)) as raw:
        raw.sendall(b"\x16\x03\x01nonsense\r\n\r\n")
        raw.recv(100)
    assert call("").status == 200
    assert call("", "PUT").status == 501


def test_a_mark_that_cannot_be_written_is_said(call, run):
    (run / "review.csv").write_text("what a person broke\n")
    answer = call.mark({"index": 0, "seen": True, "remark": ""})
    assert answer.status == 500 and b"review.csv" in answer.body
    assert (run / "review.csv").read_text() == "what a person broke\n"


def test_a_port_that_is_taken_is_one_error(viewer, run, data):
    with pytest.raises(UsageError, match="--port"):
        Viewer(read_cases(run, data), viewer.server_address[1])
    with pytest.raises(UsageError, match="--port"):
        Viewer(read_cases(run, data), 70_000)


def test_niivue_is_the_file_of_its_release_with_its_licence():
    assert sha256(NIIVUE) == NIIVUE_0_69_0
    licence = Path(NIIVUE).with_name("LICENSE").read_text(encoding="utf-8")
    assert "BSD 2-Clause License" in licence and "0.69.0" in licence
