"""Send results to an archive: C-STORE (PS3.4 B) or STOW-RS (PS3.18 10.5); extra ``dicom``."""

import copy
import logging
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from data_prep.errors import UsageError, disk_words
from healthygan_monai.models.runtimes import needed

SECONDS = 60.0  # without an answer
STORED = (
    0x0000,
    0xB000,
    0xB006,
    0xB007,
)  # PS3.4 table B.2-1: success, and warnings of a stored one
NO_ROOM = range(0xA700, 0xA800)  # out of resources: later there may be some
LATER = (408, 425, 429)  # of HTTP, beside 5xx
LOCAL = ("localhost", "127.0.0.1", "::1")
PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
LOGGERS = ("pynetdicom", "dicomweb_client", "urllib3", "pydicom")


@dataclass(frozen=True)
class Tls:
    """PEM files. ca: who signed the archive's certificate; None for those the system trusts."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Raises UsageError: the files cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.ca is not None:
                # From 3.13 on, Python asks for extensions that certificates of a hospital's own
                # authority often lack. Who signed, and for which host, is checked as before.
                context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # ssl.SSLError is one
            why = error.strerror or "no PEM files that belong together"
            raise UsageError(f"TLS: {why}; give PEM files of a CA, a certificate, a key.") from None
        return context


@dataclass(frozen=True)
class Node:
    """An archive that takes C-STORE. title: its AE title; own_title: ours."""

    title: str
    host: str
    port: int
    own_title: str = "HEALTHYGAN"
    tls: Tls | None = None


@dataclass(frozen=True)
class Web:
    """A DICOMweb server. token_file: holds a bearer token, nothing else. tls: for https."""

    url: str
    token_file: Path | None = None
    tls: Tls | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("DICOMweb: expected a URL, such as https://pacs/dicom-web.")
        if self.token_file and parts.scheme == "http" and parts.hostname not in LOCAL:
            raise UsageError("DICOMweb: a token over http can be read by others; use https.")


@dataclass(frozen=True)
class Outcome:
    """reason: why it was not stored, without identifiers, "" if it was; later: try again then."""

    reason: str = ""
    later: bool = False


@dataclass(frozen=True)
class Sent:
    """One outcome for each of what was given, in its order."""

    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> list[int]:
        """Return which were not stored, from 0."""
        return [number for number, outcome in enumerate(self.outcomes) if outcome.reason]


def send(results: Sequence[Dataset | Path], destination: Node | Web) -> Sent:
    """Send results one after the other; one that fails does not keep the others back.

    What an archive does not take compressed is sent uncompressed (C-STORE).

    Raises:
        NotInstalled: the extra ``dicom`` is not installed.
        UsageError: the files of TLS or of the token cannot be used.
    """
    with quiet():
        if isinstance(destination, Node):
            return Sent(tuple(_to_node(results, destination)))
        return Sent(tuple(_to_web(results, destination)))


def _to_node(results: Sequence[Dataset | Path], node: Node) -> Iterator[Outcome]:
    link = associate(node, _kinds(results))
    try:
        for result in results:
            yield _store(link, result)
    finally:
        if link.is_established:
            link.release()


def associate(node: Node, kinds: Iterable[tuple[str, str]]) -> Any:
    """Return an association of pynetdicom, established or not.

    Args:
        node: whom to call.
        kinds: SOP class and transfer syntax of what is to be sent or asked.
    """
    needed("pynetdicom", "sending results", "dicom")
    from pynetdicom import AE

    entity = AE(ae_title=node.own_title)
    entity.connection_timeout = entity.network_timeout = SECONDS
    entity.acse_timeout = entity.dimse_timeout = SECONDS
    for sop_class, syntax in sorted(kinds):
        if syntax not in PLAIN:
            entity.add_requested_context(sop_class, syntax)
        entity.add_requested_context(sop_class, list(PLAIN))
    tls = None if node.tls is None else (node.tls.context(), node.host)
    return entity.associate(node.host, node.port, ae_title=node.title, tls_args=tls)


def _kinds(results: Sequence[Dataset | Path]) -> set[tuple[str, str]]:
    found = set()
    for result in results:
        one = _header(result)
        if one is not None:
            found.add((str(one.SOPClassUID), str(one.file_meta.TransferSyntaxUID)))
    return found


def _header(result: Dataset | Path) -> Dataset | None:
    """Return None where there is no readable file; `_read` says why."""
    try:
        if isinstance(result, Dataset):
            return result
        return pydicom.dcmread(result, specific_tags=["SOPClassUID"], stop_before_pixels=True)
    except Exception:
        return None


def _read(result: Dataset | Path) -> Dataset | Outcome:
    if isinstance(result, Dataset):
        return result
    try:
        return pydicom.dcmread(result)
    except OSError as error:
        return Outcome(disk_words(error) if error.errno else "the file cannot be read")
    except Exception:  # pydicom raises many kinds, whose texts may quote the header
        return Outcome("the file is no DICOM file")


def _store(link: Any, result: Dataset | Path) -> Outcome:
    dataset = _read(result)
    if isinstance(dataset, Outcome):
        return dataset
    if not link.is_established:
        return _no_link(link)
    try:
        try:
            status = link.send_c_store(dataset)
        except ValueError:  # no context for it as it is
            plain = _uncompressed(dataset)
            if plain is None:
                return Outcome("the archive takes no results of this kind")
            status = link.send_c_store(plain)
    except ValueError:
        return Outcome("the archive takes no results of this kind")
    except RuntimeError:
        return Outcome("the connection ended", later=True)
    if not status:
        return Outcome("the connection ended before an answer", later=True)
    if status.Status in STORED:
        return Outcome()
    reason = f"the archive answered with status 0x{status.Status:04X}"
    return Outcome(reason, later=status.Status in NO_ROOM)


def _no_link(link: Any) -> Outcome:
    if not link.is_rejected:
        return Outcome("no connection to the archive", later=True)
    answer = link.acceptor.primitive
    words = answer.reason_str.lower() if answer is not None else "no reason given"
    return Outcome(f"the archive refused the connection: {words}", later=answer.result == 2)


def _uncompressed(dataset: Dataset) -> Dataset | None:
    if not dataset.file_meta.TransferSyntaxUID.is_compressed:
        return None
    plain = copy.deepcopy(dataset)
    plain.decompress(generate_instance_uid=False)
    return plain


def _to_web(results: Sequence[Dataset | Path], web: Web) -> Iterator[Outcome]:
    with web_client(web) as client:
        for result in results:
            dataset = _read(result)
            yield dataset if isinstance(dataset, Outcome) else _store_by_web(client, dataset)


@contextmanager
def web_client(web: Web) -> Iterator[Any]:
    """Yield a client of dicomweb_client that asks nobody but the named server."""
    needed("dicomweb_client", "sending results over DICOMweb", "dicom")
    import requests

    with requests.Session() as session:
        yield _client(session, web)


def _client(session: Any, web: Web) -> Any:
    from dicomweb_client import DICOMwebClient

    session.trust_env = False  # no proxy, password or certificate that nobody named here
    if web.token_file is not None:
        session.headers["Authorization"] = f"Bearer {_token(web.token_file)}"
    if web.tls is not None:
        session.verify = str(web.tls.ca) if web.tls.ca else True
        if web.tls.certificate is not None:
            session.cert = (str(web.tls.certificate), str(web.tls.key or web.tls.certificate))
    client: Any = DICOMwebClient(web.url.rstrip("/"), session=session, timeout=SECONDS)
    client.set_http_retry_params(retry=False)
    return client


def _store_by_web(client: Any, dataset: Dataset) -> Outcome:
    import requests

    try:
        answer = client.store_instances([dataset])
    except requests.HTTPError as error:
        code = 0 if error.response is None else error.response.status_code
        reason = f"the server answered with HTTP {code}"
        return Outcome(reason, later=code >= 500 or code in LATER)
    except requests.exceptions.SSLError:
        return Outcome("the server's certificate is not trusted, or it does not speak TLS")
    except (requests.ConnectionError, requests.Timeout):
        return Outcome("no connection to the server", later=True)
    except Exception:  # an answer that is no DICOM JSON; its text may quote what was sent
        return Outcome("the server's answer is not of DICOMweb")
    failed = answer.get("FailedSOPSequence") or []
    if not failed:
        return Outcome()
    code = int(failed[0].get("FailureReason") or 0)
    return Outcome(f"the server answered with reason 0x{code:04X}", later=code in NO_ROOM)


def _token(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise UsageError(f"token: {disk_words(error, path)}.") from None
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable() or " " in text:
        raise UsageError(f"{path}: expected a bearer token, one word and nothing else.")
    return text


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the lines of the libraries back: they hold UIDs, addresses and tokens."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
