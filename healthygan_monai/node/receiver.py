"""The C-STORE and C-ECHO SCP (PS3.4 B and A). It writes what comes and decodes nothing."""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from data_prep.errors import UsageError, disk_words
from healthygan_monai.node.parts import LAST_PORT, TITLE
from healthygan_monai.node.queue import Queue

log = logging.getLogger(__name__)

# PS3.4 table B.2-1
STORED, OUT_OF_RESOURCES, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000
SILENCE = 60.0  # seconds without a byte before a connection is closed
# PS3.4 table B.5-1, by what a model was trained on
CLASSES = {
    "films": (
        "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography
        "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray, for presentation
        "1.2.840.10008.5.1.4.1.1.1.1.1",  # for processing, which is received and listed
        "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture
        "1.2.840.10008.5.1.4.1.1.7.2",  # Multi-frame Grayscale Byte Secondary Capture
        "1.2.840.10008.5.1.4.1.1.7.3",  # Multi-frame Grayscale Word Secondary Capture
    ),
    "brains": (
        "1.2.840.10008.5.1.4.1.1.4",  # MR
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR
    ),
}
# PS3.5 A and 10: all of still pictures, those that nothing here decodes included, so that such an
# image is listed instead of turned away without a word
SYNTAXES = [
    *(f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.98", ".1.99", ".2", ".5")),
    *(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91, 92, 93)),
    *(f"1.2.840.10008.1.2.4.{n}" for n in (110, 111, 112, 201, 202, 203)),
]


@dataclass(frozen=True)
class Address:
    """Where the node listens. allow: calling AE titles that may connect; all where empty.

    Raises UsageError: an invalid port or AE title.
    """

    host: str = "127.0.0.1"
    port: int = 11112
    ae_title: str = "HEALTHYGAN"
    allow: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= LAST_PORT:
            raise UsageError(f"--port {self.port}: expected 0 (a free one) to {LAST_PORT}.")
        for title in (self.ae_title, *self.allow):
            if not TITLE.fullmatch(title):
                raise UsageError(
                    f"AE title {title!r}: expected 1 to 16 characters, without a backslash "
                    "(PS3.5 6.2)."
                )


def tls_context(certificate: Path, key: Path, authority: Path | None) -> ssl.SSLContext:
    """Return the context of a TLS server.

    Args:
        certificate: of the node, PEM.
        key: its private key, PEM.
        authority: PEM; only clients with a certificate that it signed may connect.

    Raises:
        UsageError: a file that is missing, or not what it should be.
    """
    context = _Handshakes(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        if authority is not None:
            context.load_verify_locations(authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        what = error.strerror or "not PEM files that belong together"
        raise UsageError(
            f"TLS: {certificate}, {key}, {authority or 'no authority'}: {what}."
        ) from None
    return context


class _Handshakes(ssl.SSLContext):
    """Shakes hands in the connection's own thread: a client that is silent stops nobody else."""

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        sock.settimeout(SILENCE)
        return super().wrap_socket(sock, *args, **{**options, "do_handshake_on_connect": False})


def _ended_by(error: threading.ExceptHookArgs) -> None:
    """Log what ends a connection's thread, such as a caller that says nothing; no traceback."""
    log.debug("a connection ended by %s", error.exc_type.__name__)


class Receiver:
    """Puts what is sent to it into a queue, from threads of its own.

    Attributes:
        port: on which it listens.
    """

    def __init__(
        self,
        queue: Queue,
        address: Address,
        classes: Sequence[str],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Begin to listen.

        Args:
            queue: where images go.
            address: where to listen; port 0 takes a free one.
            classes: SOP Class UIDs that are accepted.
            tls: of a server.

        Raises:
            UsageError: the address cannot be had.
        """
        self._queue = queue
        self._names: WeakKeyDictionary[Association, str] = WeakKeyDictionary()
        self._numbers, self._start = count(1), time.time_ns()
        self.arrived = threading.Event()
        threading.excepthook = _ended_by  # of the threads of connections
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # its lines quote data sets
        _config.LOG_HANDLER_LEVEL = "none"
        entity = AE(ae_title=address.ae_title)
        entity.require_calling_aet = list(address.allow)
        entity.network_timeout = SILENCE
        entity.add_supported_context(Verification)
        for each in classes:
            entity.add_supported_context(each, SYNTAXES)
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_CONN_CLOSE, self._ended),
        ]
        try:
            server = entity.start_server(
                (address.host, address.port), block=False, ssl_context=tls, evt_handlers=handlers
            )
        except OSError as error:
            raise UsageError(
                f"cannot listen on {address.host}:{address.port}: {disk_words(error)}; "
                "give another --host or --port."
            ) from None
        assert server is not None
        self._entity = entity
        self.port: int = server.server_address[1]

    def unfinished(self) -> set[str]:
        """Return the names of the associations that are open, as the queue has them."""
        return {self._names.get(each, "") for each in self._entity.active_associations}

    def stop(self) -> None:
        """Close the port and all associations."""
        self._entity.shutdown()

    def _ended(self, event: evt.Event) -> None:
        self.arrived.set()

    def _store(self, event: evt.Event) -> int:
        """Return the status of a C-STORE request; success only once the image is on the disk."""
        try:
            request: Any = event.request  # a C-STORE, whatever the types say
            uid = str(request.AffectedSOPInstanceUID)
            data = event.encoded_dataset(include_meta=False)
            meta = b"\0" * 128 + b"DICM" + encode_file_meta(event.file_meta)  # PS3.10 7.1
        except (AttributeError, TypeError, ValueError):
            return NOT_UNDERSTOOD
        if not data:
            return NOT_UNDERSTOOD
        name = self._names.setdefault(event.assoc, f"{self._start}-{next(self._numbers)}")
        try:
            self._queue.receive(uid, name, [meta, data])
        except OSError as error:
            words = disk_words(error)
            log.error("an image could not be stored, and was turned away (0xA700): %s", words)
            return OUT_OF_RESOURCES
        self.arrived.set()
        return STORED
