"""Run ``healthygan listen``: a DICOM node that scores what it is sent and sends results on."""

import argparse
import logging
from pathlib import Path
from typing import Any

from data_prep.errors import DONE, FAILED, UsageError
from healthygan_monai.cli.arguments import (
    A_MODEL,
    add_accept,
    add_device,
    add_options,
    command,
    options_given,
)

LOOPBACK = ("127.0.0.1", "::1", "localhost")
QUEUE_FOLDER = "listen-queue"
log = logging.getLogger(__name__)


def add(commands: Any) -> None:
    text = "receive studies by DICOM, score them, send DICOM results on"
    parser = command(commands, "listen", text, run)
    add = parser.add_argument
    add("model", type=Path, metavar="RUN", help=A_MODEL)
    text = "where results go: AE@host:port (C-STORE), a DICOMweb URL (STOW-RS), or a folder"
    add("--destination", required=True, metavar="WHERE", help=text)
    text = "private folder of what is received and not yet sent (default: %(default)s)"
    add("--queue", type=Path, default=Path(QUEUE_FOLDER), metavar="FOLDER", help=text)
    add(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default: %(default)s)",
    )
    add("--port", type=int, default=11112, metavar="NUMBER", help="default: %(default)s")
    text = "its own AE title (default: %(default)s)"
    add("--ae-title", default="HEALTHYGAN", metavar="AE", help=text)
    text = "calling AE titles that may send; without it everybody may"
    add("--allow", nargs="+", default=[], metavar="AE", help=text)
    text = "a study is scored after so many seconds without a new image (default: %(default)s)"
    add("--wait", type=float, default=10.0, metavar="SECONDS", help=text)
    add("--once", action="store_true", help="do not listen: work through the queue and end")
    add("--keep", action="store_true", help="keep files in the queue after their results are sent")
    add_options(parser)
    add_device(parser)
    add_accept(parser)
    tls = parser.add_argument_group("TLS (PEM files)")
    tls.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate of this node")
    tls.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key")
    text = "who must have signed the certificates of those that send"
    tls.add_argument("--tls-ca", type=Path, metavar="FILE", help=text)
    text = "speak TLS to the destination, whose certificate this one must have signed"
    tls.add_argument("--destination-ca", type=Path, metavar="FILE", help=text)
    text = "file with a bearer token for a DICOMweb URL"
    tls.add_argument("--token-file", type=Path, metavar="FILE", help=text)


def run(arguments: argparse.Namespace) -> int:
    from healthygan_monai.models.runtimes import needed

    needed("pynetdicom", "healthygan listen", "dicom")
    options = options_given(arguments.options)
    if (arguments.tls_cert is None) != (arguments.tls_key is None):
        raise UsageError("--tls-cert and --tls-key: give both or none.")
    if arguments.tls_ca is not None and arguments.tls_cert is None:
        raise UsageError("--tls-ca: it needs --tls-cert and --tls-key.")
    if not arguments.wait >= 0:
        raise UsageError(f"--wait {arguments.wait:g}: expected seconds, 0 or more.")
    from healthygan_monai.api.model import load_model
    from healthygan_monai.dicom_results.send import Tls
    from healthygan_monai.node.destination import destination
    from healthygan_monai.node.queue import Queue
    from healthygan_monai.node.receiver import Address
    from healthygan_monai.node.run import drain, stop_signals
    from healthygan_monai.node.scoring import FILMS, Scoring
    from healthygan_monai.node.work import Worker
    from healthygan_monai.serving.serving_json import SERVED_BY

    address = Address(arguments.host, arguments.port, arguments.ae_title, arguments.allow)
    ca = arguments.destination_ca
    place = destination(
        arguments.destination,
        arguments.ae_title,
        None if ca is None else Tls(ca, arguments.tls_cert, arguments.tls_key),
        arguments.token_file,
    )
    model = load_model(
        arguments.model, arguments.device, SERVED_BY, arguments.accept_changed_weights
    )
    queue = Queue(arguments.queue)
    try:
        scoring = Scoring(model, options, queue.folder / "work")
        worker = Worker(
            queue,
            scoring,
            place,
            say=lambda line: print(line, flush=True),
            quiet=0.0 if arguments.once else arguments.wait,
            at_end=scoring.kind == FILMS,
            keep=arguments.keep,
        )
        with stop_signals() as stop:
            if not arguments.once:
                _listen(arguments, address, queue, worker, scoring.kind, stop)
            elif drain(queue, worker, stop):
                return DONE
        images, results = queue.left()
        print(f"left in {arguments.queue}: {images} images, {results} results")
        return FAILED if arguments.once else DONE
    finally:
        queue.close()


def _listen(
    arguments: argparse.Namespace, address: Any, queue: Any, worker: Any, kind: str, stop: Any
) -> None:
    from healthygan_monai.node.receiver import CLASSES, Receiver, tls_context
    from healthygan_monai.node.run import serve

    _warn(arguments)
    tls = None
    if arguments.tls_cert is not None:
        tls = tls_context(arguments.tls_cert, arguments.tls_key, arguments.tls_ca)
    receiver = Receiver(queue, address, CLASSES[kind], tls)
    try:
        print(
            f"listening as {arguments.ae_title} on {arguments.host}:{receiver.port}"
            f"{' (TLS)' if tls else ''}; results -> {arguments.destination}; "
            "research, not for diagnosis. Ctrl-C ends it.",
            flush=True,
        )
        serve(receiver, worker, stop)
    finally:
        receiver.stop()


def _warn(arguments: argparse.Namespace) -> None:
    if arguments.host not in LOOPBACK:
        secret = (
            "" if arguments.tls_cert else ", and patients' data travels unencrypted (--tls-cert)"
        )
        log.warning(
            "WARNING: %s is not the loopback: other computers can connect%s.",
            arguments.host,
            secret,
        )
    if not arguments.allow:
        log.warning(
            "WARNING: no --allow: every AE title may send here. An AE title is no password; "
            "only --tls-ca checks who calls."
        )
