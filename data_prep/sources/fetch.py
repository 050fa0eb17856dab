"""Public archives over HTTP: resumed where they broke off, kept only if their checksum is right."""

import json
import logging
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from data_prep.datalist import DataError
from data_prep.errors import NotInstalled
from data_prep.files import read_json, whole
from data_prep.sources.ixi import IMAGE

log = logging.getLogger(__name__)

IXI_URL = "http://biomedic.doc.ic.ac.uk/brain-development/downloads/IXI/"
PIECE = 1 << 14  # of a download: what has not filled one is lost where the connection breaks


@dataclass(frozen=True)
class Archive:
    """One file to fetch. known_hash: "md5:..." or "sha256:...", None where nobody published one."""

    name: str
    known_hash: str | None
    url: str = IXI_URL


# MD5 of IXI-T1.tar as torchio's and OpenBHB's readers give it; of IXI.xls as the latter does
IXI_FILES = (
    Archive("IXI-T1.tar", "md5:34901a0593b41dd19c1a1f746eac2d58"),
    Archive("IXI.xls", "md5:066002afe250e4375d132266fcfceac5"),
)


@dataclass
class Resuming:
    """A downloader for pooch: it calls it with (url, where to, itself). pooch removes what did not
    arrive whole, so bytes are collected in `part`, which outlives an interrupted run.

    RFC 9110: Range asks for the rest (14.2), If-Range with the ETag or date only if the file is
    still the same (13.1.5); 206 sends the rest, 200 the whole, 416 says there is no more.
    """

    part: Path
    retries: int = 8
    timeout: float = 60.0
    wait: float = 1.0  # seconds, doubled after every failure without progress
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __call__(self, url: str, output_file: str | Path, pooch: Any = None) -> None:
        import requests

        failures = 0
        self.part.parent.mkdir(parents=True, exist_ok=True)
        while True:
            before = self._have()
            try:
                if self._rest(url, requests):
                    break
                problem = "the connection ended early"
            except (requests.ConnectionError, requests.Timeout) as error:
                problem = type(error).__name__
            except requests.exceptions.ChunkedEncodingError:
                problem = "the connection broke"
            except requests.HTTPError as error:
                code = error.response.status_code if error.response is not None else 0
                if code < 500:
                    raise DataError(f"{url}: the server answers {code}. Correct --url.") from None
                problem = f"the server answers {code}"
            failures = 0 if self._have() > before else failures + 1
            if failures > self.retries:
                raise DataError(
                    f"{url}: {problem}, {self.retries + 1} times without progress. "
                    f"{self._have():,} bytes are kept; the same command goes on from there."
                )
            log.info("%s: %s at %s bytes; going on", self.part.stem, problem, f"{self._have():,}")
            self.sleep(self.wait * 2 ** min(failures, 6))
        os.replace(self.part, output_file)
        self._state().unlink(missing_ok=True)

    def _rest(self, url: str, requests: Any) -> bool:
        """Append what is missing; True once the file has the length the server names."""
        have, headers = self._have(), {"Accept-Encoding": "identity"}
        validator = self._validator() if have else ""
        if have and validator:
            headers |= {"Range": f"bytes={have}-", "If-Range": validator}
        with requests.get(url, headers=headers, stream=True, timeout=self.timeout) as answer:
            if answer.status_code == 416:  # nothing after what is there, or another file
                total = answer.headers.get("Content-Range", "").rpartition("/")[2]
                if total == str(have):
                    return True
                self.part.unlink()
                return False
            answer.raise_for_status()
            resumed = answer.status_code == 206
            if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                raise DataError(f"{url}: the server sends another range than the one asked for.")
            have = have if resumed else 0
            length = answer.headers.get("Content-Length")
            self._remember(answer.headers)
            with self.part.open("ab" if resumed else "wb") as file:
                for block in answer.iter_content(PIECE):
                    file.write(block)
        return length is None or self._have() == have + int(length)

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _state(self) -> Path:
        return self.part.with_name(self.part.name + ".json")

    def _remember(self, headers: Any) -> None:
        """A weak ETag may not be used with If-Range (RFC 9110 13.1.5), a date may."""
        tag = headers.get("ETag", "")
        tag = "" if tag.startswith("W/") else tag
        self._state().write_text(
            json.dumps({"validator": tag or headers.get("Last-Modified", "")}), encoding="utf-8"
        )

    def _validator(self) -> str:
        try:
            return str(read_json(self._state())["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""


def fetch(archive: Archive, folder: Path, **options: Any) -> Path:
    """folder/name, downloaded unless whole; DataError: no pooch, server refuses, wrong checksum."""
    try:
        import pooch  # type: ignore[import-not-found]
    except ImportError:
        raise NotInstalled(
            'fetching needs pooch: pip install "healthygan-monai[fetch]", or download the file '
            f"{archive.name} from {archive.url} by hand."
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    pooch.get_logger().setLevel(logging.WARNING)
    downloader = Resuming(folder / f"{archive.name}.part", **options)
    try:
        path = pooch.retrieve(
            archive.url.rstrip("/") + "/" + archive.name,
            known_hash=archive.known_hash,
            fname=archive.name,
            path=folder,
            downloader=downloader,
        )
    except DataError:
        raise
    except ValueError:  # pooch's word for a hash that does not match
        raise DataError(
            f"{archive.name}: what arrived does not have the checksum {archive.known_hash}; it was "
            "removed. Run again; if it stays so, the file at that address is another one."
        ) from None
    if archive.known_hash is None:
        log.warning(
            "%s: nobody published a checksum; yours is sha256:%s",
            archive.name,
            pooch.file_hash(path, alg="sha256"),
        )
    return Path(path)


def unpack_ixi(archive: Path, folder: Path) -> int:
    """Extract the tar's IXI T1 files, by bare name, keeping whole ones; return how many."""
    count = 0
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                if not member.isfile() or not IMAGE.match(name):
                    continue
                count += 1
                path = folder / name
                if path.is_file() and path.stat().st_size == member.size:
                    continue
                content = tar.extractfile(member)
                assert content is not None  # a regular file
                with content, whole(path) as part, part.open("wb") as file:
                    shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError):
        raise DataError(
            f"{archive}: not a whole tar archive. Remove it and fetch it again."
        ) from None
    return count


def fetch_ixi(
    folder: Path, url: str = IXI_URL, files: Sequence[Archive] = IXI_FILES, **options: Any
) -> int:
    """IXI-T1.tar and IXI.xls into folder, the volumes unpacked into folder/T1; how many volumes."""
    volumes = 0
    for archive in files:
        path = fetch(Archive(archive.name, archive.known_hash, url), folder, **options)
        if path.suffix == ".tar":
            volumes += unpack_ixi(path, folder / "T1")
    return volumes
