"""Where results go: a folder, a DICOM node (C-STORE) or a DICOMweb server (STOW-RS)."""

import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pydicom
from pynetdicom import AE
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,  # type: ignore[attr-defined]
)

from data_prep.errors import UsageError, disk_words
from healthygan_monai.models.runtimes import needed
from healthygan_monai.node.parts import Destination, NotSent
from healthygan_monai.node.tables import write_durably

NODE = re.compile(r"(?P<ae>[^@/\\\s][^@/\\]{0,15})@(?P<host>\[[^\]]+\]|[^:/@]+):(?P<port>\d{1,5})")
TIMEOUT = 60.0  # seconds
PENDING = (0xFF00, 0xFF01)  # PS3.4 table C.4-1
WARNINGS = (0xB000, 0xB006, 0xB007)  # PS3.4 table B.2-1: stored all the same
TAGS = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]


def destination(text: str, ae_title: str, tls: ssl.SSLContext | None = None) -> Destination:
    """Return the destination that a text names: ``AE@host:port``, a URL, or a folder.

    Args:
        text: of ``--destination``.
        ae_title: of this node, by which it calls others.
        tls: of a client, for ``AE@host:port``.
    """
    if found := NODE.fullmatch(text):
        return Node(found["ae"], found["host"].strip("[]"), int(found["port"]), ae_title, tls)
    if tls is not None:
        raise UsageError("--destination-ca: it is for AE@host:port; a URL says https itself.")
    if text.startswith(("http://", "https://")):
        return Web(text)
    if "@" in text or "://" in text:
        raise UsageError(
            f"--destination {text}: expected AE@host:port, such as PACS@127.0.0.1:4242, "
            "an http(s) URL of a DICOMweb server, or a folder."
        )
    return Folder(Path(text))


def client_tls(authority: Path, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return the context of a TLS client.

    Args:
        authority: PEM that signed the certificate of the destination.
        certificate: of this node, for a destination that asks for one.
        key: of that certificate.
    """
    try:
        context = ssl.create_default_context(cafile=authority)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or "not PEM files that belong together"
        raise UsageError(f"TLS: {authority}, {certificate}, {key}: {why}.") from None
    return context


class Folder:
    """A folder on a disk."""

    def __init__(self, folder: Path) -> None:
        self.name, self._folder = str(folder), folder

    def send(self, path: Path) -> None:
        """Copy a result; it is whole and on the disk afterwards."""
        try:
            write_durably(self._folder / path.parent.name / path.name, [path.read_bytes()])
        except OSError as error:
            raise NotSent(disk_words(error), unreachable=True) from None

    def has(self, path: Path) -> bool | None:
        return (self._folder / path.parent.name / path.name).is_file()

    def close(self) -> None:
        """Nothing is open."""


class Node:
    """A C-STORE SCP (PS3.4 B), asked by C-FIND (PS3.4 C) what it has."""

    def __init__(
        self, ae: str, host: str, port: int, ae_title: str, tls: ssl.SSLContext | None
    ) -> None:
        self.name = f"{ae}@{host}:{port}"
        self._ae, self._host, self._port, self._tls = ae, host, port, tls
        self._entity = AE(ae_title=ae_title)
        self._entity.connection_timeout = self._entity.network_timeout = TIMEOUT
        self._entity.acse_timeout = self._entity.dimse_timeout = TIMEOUT
        self._entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
        self._wanted: set[tuple[str, str]] = set()
        self._link: Any = None

    def send(self, path: Path) -> None:
        """C-STORE one result; raises NotSent."""
        dataset = pydicom.dcmread(path)
        link = self._connect(dataset)
        try:
            status = link.send_c_store(dataset)
        except ValueError:
            raise NotSent("it takes no objects of this kind (presentation context)") from None
        except RuntimeError:
            status = None
        if not status:
            self.close()
            raise NotSent("the connection ended before the answer", unreachable=True)
        if status.Status != 0 and status.Status not in WARNINGS:
            raise NotSent(f"it answered with status 0x{status.Status:04X}")

    def has(self, path: Path) -> bool | None:
        """Ask by C-FIND on the image level; None where it does not answer such questions."""
        header = _header(path)
        link = self._connect(header)
        question = pydicom.Dataset()
        question.QueryRetrieveLevel = "IMAGE"
        for tag in TAGS:
            setattr(question, tag, header[tag].value)
        model = StudyRootQueryRetrieveInformationModelFind
        try:
            answers = list(link.send_c_find(question, model))
        except (ValueError, RuntimeError):
            return None
        if not answers or not answers[-1][0]:
            self.close()
            return None
        if any(status and status.Status in PENDING for status, _ in answers):
            return True
        return False if answers[-1][0].Status == 0 else None

    def close(self) -> None:
        """End the association."""
        if self._link is not None and self._link.is_established:
            self._link.release()
        self._link = None

    def _connect(self, dataset: pydicom.Dataset) -> Any:
        """Return an association by which a data set can be sent, the open one if it is such."""
        context = str(dataset.SOPClassUID), str(dataset.file_meta.TransferSyntaxUID)
        if context not in self._wanted:
            self._entity.add_requested_context(*context)
            self._wanted.add(context)
            self.close()
        if self._link is None or not self._link.is_established:
            tls = None if self._tls is None else (self._tls, self._host)
            link = self._entity.associate(self._host, self._port, ae_title=self._ae, tls_args=tls)
            if not link.is_established:
                why = "it refused the association" if link.is_rejected else "nobody answers"
                raise NotSent(why, unreachable=True)
            self._link = link
        return self._link


def _header(path: Path) -> pydicom.Dataset:
    return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID", *TAGS])


class Web:
    """A DICOMweb server (PS3.18): STOW-RS to store, QIDO-RS to ask."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        self.name = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"
        client = needed("dicomweb_client", "a DICOMweb destination", "dicom")
        self._client = client.DICOMwebClient(url.rstrip("/"))

    def send(self, path: Path) -> None:
        """STOW-RS one result; raises NotSent."""
        import requests

        try:
            answer = self._client.store_instances([pydicom.dcmread(path)])
        except requests.HTTPError as error:
            code = error.response.status_code if error.response is not None else 0
            raise NotSent(f"it answered with HTTP {code}", unreachable=code >= 500) from None
        except (requests.RequestException, OSError):
            raise NotSent("nobody answers", unreachable=True) from None
        failed = answer.get("FailedSOPSequence") or []
        if failed:
            raise NotSent(f"it answered with reason 0x{int(failed[0].FailureReason):04X}")

    def has(self, path: Path) -> bool | None:
        """Ask by QIDO-RS; None where it does not answer such questions."""
        import requests

        header = _header(path)
        study, series, own = (str(header[tag].value) for tag in TAGS)
        try:
            found = self._client.search_for_instances(
                study, series, search_filters={"SOPInstanceUID": own}
            )
        except requests.HTTPError:
            return None
        except (requests.RequestException, OSError):
            raise NotSent("nobody answers", unreachable=True) from None
        return bool(found)

    def close(self) -> None:
        """Nothing is open."""
