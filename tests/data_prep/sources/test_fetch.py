import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("pooch")

from data_prep.datalist import DataError
from data_prep.sources.fetch import PIECE, Archive, fetch, fetch_ixi, unpack_ixi

CONTENT = bytes(range(256)) * 4000  # 1,024,000 bytes


class Server(ThreadingHTTPServer):
    """Sends `content`, but no more than `most` bytes an answer, then drops the connection."""

    content = CONTENT
    most = 20 * PIECE
    ranges = True
    etag = '"one"'
    status = 0
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.asked.append(wanted)
        if self.server.status:
            self.send_error(self.server.status)
            return
        content, start = self.server.content, 0
        same = self.headers.get("If-Range") == self.server.etag
        if wanted and self.server.ranges and same:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", self.server.etag)
        self.end_headers()
        self.wfile.write(content[start : start + self.server.most])
        self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as made:
        made.asked = []
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()


def archive(server: Server, content: bytes = CONTENT, name: str = "file.bin") -> Archive:
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    return Archive(name, f"md5:{hashlib.md5(content).hexdigest()}", url)


def quick(**others) -> dict:
    return {"wait": 0.0, "timeout": 5.0, **others}


def test_a_download_that_breaks_off_goes_on_where_it_was(server, tmp_path):
    path = fetch(archive(server), tmp_path, **quick())
    assert path.read_bytes() == CONTENT
    assert server.asked == ["", *(f"bytes={20 * k * PIECE}-" for k in (1, 2, 3))]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file.bin"]


def test_a_run_that_was_stopped_is_gone_on_with_by_the_next(server, tmp_path):
    server.most = 0
    with pytest.raises(DataError, match="0 bytes are kept"):
        fetch(archive(server), tmp_path, **quick(retries=1))
    server.most = 42 * PIECE

    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(archive(server), tmp_path, **quick(sleep=stop))
    assert (tmp_path / "file.bin.part").stat().st_size == 42 * PIECE
    server.asked.clear()
    assert fetch(archive(server), tmp_path, **quick()).read_bytes() == CONTENT
    assert server.asked == [f"bytes={42 * PIECE}-"]


def test_a_file_that_changed_in_between_is_begun_again(server, tmp_path):
    server.most = 42 * PIECE
    changed = CONTENT[::-1]

    def change(seconds: float) -> None:
        server.content, server.etag, server.most = changed, '"two"', len(changed)

    path = fetch(archive(server, changed), tmp_path, **quick(sleep=change))
    assert path.read_bytes() == changed


def test_a_server_without_ranges_is_begun_again_and_an_error_if_it_never_ends(server, tmp_path):
    server.ranges = False
    with pytest.raises(DataError, match="3 times without progress"):
        fetch(archive(server), tmp_path, **quick(retries=2))
    server.most = len(CONTENT)
    assert fetch(archive(server), tmp_path, **quick()).read_bytes() == CONTENT


def test_a_file_that_was_whole_already_needs_no_more_bytes(server, tmp_path):
    server.most = len(CONTENT)
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    (tmp_path / "file.bin.part.json").write_text('{"validator": "\\"one\\""}', "utf-8")
    assert fetch(archive(server), tmp_path, **quick()).read_bytes() == CONTENT
    server.asked.clear()
    fetch(archive(server), tmp_path, **quick())
    assert server.asked == []


def test_a_wrong_checksum_is_refused_and_nothing_stays(server, tmp_path):
    server.most = len(CONTENT)
    with pytest.raises(DataError, match="does not have the checksum md5:"):
        fetch(archive(server, b"other"), tmp_path, **quick())
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_address_is_an_error_at_once(server, tmp_path):
    server.status = 404
    with pytest.raises(DataError, match="the server answers 404"):
        fetch(archive(server), tmp_path, **quick())
    assert len(server.asked) == 1


def tar_of(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("IXI003-HH-1-T1.nii.gz")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return buffer.getvalue()


def test_ixi_is_fetched_and_only_its_volumes_are_unpacked(server, tmp_path):
    server.content = tar_of(
        ("IXI002-Guys-0828-T1.nii.gz", b"head"),
        ("../../IXI012-HH-1211-T1.nii.gz", b"another"),
        ("notes.txt", b"no"),
    )
    files = [archive(server, server.content, "IXI-T1.tar")]
    assert fetch_ixi(tmp_path / "ixi", files[0].url, files, **quick()) == 2
    found = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    heads = ["IXI002-Guys-0828-T1.nii.gz", "IXI012-HH-1211-T1.nii.gz"]
    assert found == ["ixi/IXI-T1.tar", *(f"ixi/T1/{name}" for name in heads)]


def test_a_damaged_archive_is_refused(tmp_path):
    path = tmp_path / "IXI-T1.tar"
    path.write_bytes(b"not a tar")
    with pytest.raises(DataError, match="not a whole tar"):
        unpack_ixi(path, Path(tmp_path))
