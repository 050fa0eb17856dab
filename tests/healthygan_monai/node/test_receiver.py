"""What the node takes, from whom, and what it answers."""

import errno
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from dicom_nodes import CR, film, send, uid

pytest.importorskip("pynetdicom")

from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless
from pynetdicom import AE

from data_prep.errors import UsageError
from healthygan_monai.dicom_results.send import Tls
from healthygan_monai.node import tables
from healthygan_monai.node.queue import Queue
from healthygan_monai.node.receiver import CLASSES, SYNTAXES, Address, Receiver, tls_context

VERIFICATION = "1.2.840.10008.1.1"
REPORT = "1.2.840.10008.5.1.4.1.1.88.11"


@pytest.fixture
def queue(tmp_path: Path):
    queue = Queue(tmp_path / "queue")
    yield queue
    queue.close()


@pytest.fixture
def listening(queue, monkeypatch):
    started = []
    monkeypatch.setattr("threading.excepthook", threading.excepthook)  # put back at the end

    def start(tls=None, **address) -> Receiver:
        receiver = Receiver(queue, Address(port=0, **address), CLASSES["films"], tls)
        started.append(receiver)
        return receiver

    yield start
    for receiver in started:
        receiver.stop()


def test_it_answers_an_echo(listening):
    entity = AE()
    entity.add_requested_context(VERIFICATION)
    link = entity.associate("127.0.0.1", listening().port)
    assert link.send_c_echo().Status == 0
    link.release()


def test_success_means_that_the_whole_file_is_on_the_disk(listening, queue):
    assert send(listening().port, [film(1)]) == [0]
    (image,) = queue.received()
    assert image.sop_uid == uid("film", 1)
    data = image.path.read_bytes()
    assert data[128:132] == b"DICM" and data.endswith(film(1).PixelData)


def test_bytes_that_are_no_data_set_are_stored_as_they_are(listening, queue):
    """Nothing is decoded in the receiving process, so nothing can fail there."""
    broken = film(1, PixelData=encapsulate([b"no codestream"]))
    broken.file_meta.TransferSyntaxUID = JPEG2000Lossless
    broken["PixelData"].is_undefined_length = True
    assert send(listening().port, [broken]) == [0]
    assert len(queue.received()) == 1


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_transfer_syntax_is_accepted(listening, syntax):
    entity = AE()
    for each in CLASSES["films"]:
        entity.add_requested_context(each, syntax)
    link = entity.associate("127.0.0.1", listening().port)
    assert len(link.accepted_contexts) == len(CLASSES["films"])
    link.release()


def test_reports_are_turned_away_before_they_are_sent(listening):
    assert send(listening().port, [film(1, SOPClassUID=REPORT)]) == []


def test_only_allowed_callers_may_connect(listening, queue):
    port = listening(allow=["CR1", "CR2"]).port
    assert send(port, [film(1)], "CR1") == send(port, [film(2)], "CR2") == [0]
    assert send(port, [film(3)], "CR3") == []
    assert len(queue.received()) == 2


def test_a_full_disk_is_out_of_resources_and_leaves_nothing(listening, queue, monkeypatch):
    port = listening().port

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(tables.os, "fsync", full)
        assert send(port, [film(1)]) == [0xA700]
        assert not list((queue.folder / "received").iterdir())
    assert send(port, [film(1)]) == [0]


def test_a_port_in_use_is_named(queue, listening):
    port = listening().port
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
        Receiver(queue, Address(port=port), [CR])


def test_it_knows_which_associations_are_open(listening, queue):
    receiver = listening()
    entity = AE()
    entity.add_requested_context(CR)
    link = entity.associate("127.0.0.1", receiver.port)
    link.send_c_store(film(1))
    queue.group(queue.received()[0], "1.2")
    assert queue.ready(1000, receiver.unfinished()) == []
    link.release()
    for _ in range(100):
        time.sleep(0.05)
        if not receiver.unfinished():
            break
    assert queue.ready(1000, receiver.unfinished()) == [1]


@pytest.fixture(scope="module")
def papers(tmp_path_factory) -> Path:
    """An authority, a certificate for localhost that it signed, and one that it did not."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]
    alternative = ["-addext", "subjectAltName=IP:127.0.0.1"]
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority")
    for name in ("node", "client"):
        openssl(
            "req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"
        )
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"]
        openssl("x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem", "-days", "2")
    own = ["-keyout", "stranger.key", "-out", "stranger.pem", "-subj", "/CN=stranger"]
    openssl("req", "-x509", *new, *alternative, *own)
    return folder


def calls(papers: Path, port: int, name: str | None) -> list[int]:
    key = None if name is None else papers / f"{name}.key"
    certificate = None if name is None else papers / f"{name}.pem"
    context = Tls(papers / "ca.pem", certificate, key).context()
    return send(port, [film(1)], tls_args=(context, "127.0.0.1"))


def test_mutual_tls_lets_only_signed_clients_in(papers, listening):
    tls = tls_context(papers / "node.pem", papers / "node.key", papers / "ca.pem")
    port = listening(tls).port
    assert calls(papers, port, "client") == [0]
    assert calls(papers, port, "stranger") == calls(papers, port, None) == []
    assert send(port, [film(1)]) == []  # without TLS


def test_a_client_that_says_nothing_holds_up_nobody(papers, listening):
    port = listening(tls_context(papers / "node.pem", papers / "node.key", None)).port
    with socket.create_connection(("127.0.0.1", port)):
        assert calls(papers, port, None) == [0]


def test_the_wrong_files_for_tls_are_named(papers):
    with pytest.raises(UsageError, match=r"absent\.pem"):
        tls_context(papers / "absent.pem", papers / "node.key", None)
    with pytest.raises(UsageError, match=r"node\.pem"):
        tls_context(papers / "node.pem", papers / "client.key", None)
