"""Where results go: a folder, a DICOM node (C-STORE) or a DICOMweb server (STOW-RS)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from data_prep.errors import HealthyGANError, UsageError, disk_words
from healthygan_monai.dicom_results.ask import holds
from healthygan_monai.dicom_results.send import Node, Tls, Web, send, web_client
from healthygan_monai.node.parts import LAST_PORT, Destination, NotSent
from healthygan_monai.node.tables import write_durably

NODE = re.compile(r"(?P<ae>[^@/\\\s][^@/\\]{0,15})@(?P<host>\[[^\]]+\]|[^:/@]+):(?P<port>\d{1,5})")


def destination(
    text: str, ae_title: str, tls: Tls | None = None, token_file: Path | None = None
) -> Destination:
    """Return the destination that a text names: ``AE@host:port``, a URL, or a folder.

    Args:
        text: of ``--destination``.
        ae_title: of this node, by which it calls others.
        tls: of a client.
        token_file: holds a bearer token, for a URL.

    Raises:
        UsageError: none of these, or the files of TLS or of the token cannot be used.
        NotInstalled: a URL, and the extra ``dicom`` is not installed.
    """
    if found := NODE.fullmatch(text):
        host, port = found["host"].strip("[]"), int(found["port"])
        if not 0 < port <= LAST_PORT:
            raise UsageError(f"--destination {text}: expected a port from 1 to {LAST_PORT}.")
        return Archive(text, Node(found["ae"], host, port, ae_title, tls))
    if text.startswith(("http://", "https://")):
        parts = urlsplit(text)
        if parts.username or parts.password:
            raise UsageError("--destination: a URL holds no password; give --token-file.")
        return Archive(text, Web(text, token_file, tls))
    if "@" in text or "://" in text:
        raise UsageError(
            f"--destination {text}: expected AE@host:port, such as PACS@127.0.0.1:4242, "
            "an http(s) URL of a DICOMweb server, or a folder."
        )
    return Folder(Path(text))


class Archive:
    """A DICOM node or a DICOMweb server."""

    def __init__(self, name: str, where: Node | Web) -> None:
        self.name, self._where = name, where
        self._check()

    def _check(self) -> None:
        if self._where.tls is not None:
            self._where.tls.context()
        if isinstance(self._where, Web):
            with web_client(self._where):  # reads the token
                pass

    def send(self, path: Path) -> None:
        """Send one result; raises NotSent."""
        with _not_sent():
            self._check()  # requests says nothing clear of a missing file
            (outcome,) = send([path], self._where).outcomes
        if outcome.reason:
            raise NotSent(outcome.reason, unreachable=outcome.later)

    def has(self, path: Path) -> bool | None:
        """Ask whether it has a result; None where it answers no questions."""
        with _not_sent():
            self._check()
            return holds(path, self._where)


@contextmanager
def _not_sent() -> Iterator[None]:
    """Turn what may pass, such as files of a token that are just being replaced, into NotSent."""
    try:
        yield
    except ConnectionError:
        raise NotSent("no connection", unreachable=True) from None
    except HealthyGANError as error:
        raise NotSent(str(error).rstrip("."), unreachable=True) from None
    except OSError as error:  # of the result's file, whose name holds a UID
        raise NotSent(f"its file: {error.strerror}") from None


class Folder:
    """A folder on a disk."""

    def __init__(self, folder: Path) -> None:
        self.name, self._folder = str(folder), folder

    def send(self, path: Path) -> None:
        """Copy a result; it is whole and on the disk afterwards."""
        try:
            write_durably(self._place(path), [path.read_bytes()])
        except OSError as error:
            named = OSError(error.errno, error.strerror, self.name)  # a file's name holds a UID
            raise NotSent(disk_words(named), unreachable=True) from None

    def has(self, path: Path) -> bool | None:
        """Tell whether the file is there; a file that exists is whole."""
        return self._place(path).is_file()

    def _place(self, path: Path) -> Path:
        return self._folder / path.name  # which holds the SOP Instance UID
