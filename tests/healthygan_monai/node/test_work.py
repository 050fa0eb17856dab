"""The steps of the node, and its lines."""

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from dicom_nodes import drawn, encoded, film, pacs

pytest.importorskip("pynetdicom")

from data_prep.errors import Ended, UsageError
from healthygan_monai.dicom_results.send import Tls
from healthygan_monai.node import outbox
from healthygan_monai.node.destination import Archive, Folder, destination
from healthygan_monai.node.queue import TRIES, Queue
from healthygan_monai.node.run import serve
from healthygan_monai.node.work import Worker


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """No child process, which takes a second to start."""
    monkeypatch.setattr("healthygan_monai.node.work.decode", lambda call, words: call(*words))


class Bench:
    """A queue with a clock, a worker and its lines."""

    def __init__(self, folder: Path, to: str, process=drawn, token_file=None, **options) -> None:
        self.now, self.lines = 1000.0, []
        self.queue = Queue(folder / "queue", lambda: self.now)
        self.place = destination(to, "HEALTHYGAN", token_file=token_file)
        self.worker = Worker(self.queue, process, self.place, say=self.lines.append, **options)

    def receive(self, *datasets) -> None:
        for dataset in datasets:
            self.queue.receive(str(dataset.SOPInstanceUID), "a", [encoded(dataset)])

    def work(self) -> None:
        while self.worker.step((), lambda: False):
            pass


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(to: str = str(tmp_path / "results"), **options) -> Bench:
        made.append(Bench(tmp_path, to, **options))
        return made[-1]

    yield make
    for each in made:
        each.queue.close()


def test_one_line_a_study_without_identifiers(bench, tmp_path):
    node = bench()
    node.receive(film(1, study=1), film(2, study=1), film(3, study=2))
    node.work()
    where = tmp_path / "results"
    assert [line.rpartition(" s, ")[0].rpartition(", ")[0] for line in node.lines] == [
        "study 1: score 0.25 (threshold 0.2, above), 2 images",
        "study 2: score 0.25 (threshold 0.2, above), 1 image",
    ]
    assert node.lines[0].endswith(f"2 results -> {where}")
    said = "".join(node.lines)
    assert not any(word in said for word in ("Doe", "4711", film(1).StudyInstanceUID))
    assert len(list(where.rglob("*.dcm"))) == 3


def test_what_cannot_be_used_is_said_and_the_others_go_on(bench):
    node = bench()
    node.queue.receive("1.2.3", "a", [b"\0" * 128 + b"DICM" + b"nothing that can be read"])
    node.receive(film(1), film(2, Modality="MR"), film(3, StudyInstanceUID=""))
    node.queue.receive("1.2.4", "a", [encoded(film(4))])
    node.work()
    said = "\n".join(node.lines)
    assert "study 1: score" in said
    assert "study 2: nothing scored of 1 image (not a radiograph)" in said
    assert "no Study Instance UID in the header" in said
    assert "another SOP Instance UID than the request" in said
    assert said.count("an image of an unknown study was not scored") == 3
    assert node.queue.left() == (0, 0)


def test_a_destination_that_is_down_is_tried_again_with_growing_pauses(bench):
    with pacs() as there:
        port = there.port
    node = bench(f"PACS@127.0.0.1:{port}")
    node.receive(film(1), film(2))
    node.work()
    assert node.queue.left() == (0, 2)
    assert "no connection to the archive; next try in 5 s" in "\n".join(node.lines)
    node.now += 5
    node.work()
    assert "no connection; next try in 10 s" in node.lines[-1]
    with pacs(port) as there:
        node.work()  # not yet
        assert not there.got
        node.now += 10
        node.work()
        assert sorted(there.got.values()) == [1, 1]
    assert node.queue.left() == (0, 0)


def test_a_result_that_is_refused_waits_alone(bench):
    with pacs() as there:
        node = bench(there.text)
        there.status = 0xA900
        node.receive(film(1))
        node.work()
        assert "the archive answered with status 0xA900; next try in 5 s" in "\n".join(node.lines)
        there.status = 0
        node.receive(film(2))
        node.work()
        assert len(there.got) == 1
        node.now += 5
        node.work()
        assert sorted(there.got.values()) == [1, 1] and there.asked == 0


def test_a_full_disk_while_scoring_is_tried_again(bench):
    calls = []

    def full_once(folder, output):
        calls.append(folder)
        if len(calls) == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(output))
        return drawn(folder, output)

    node = bench(process=full_once)
    node.receive(film(1))
    node.work()
    assert node.queue.left() == (1, 0) and node.lines == []
    node.now += outbox.FIRST_PAUSE
    node.work()
    assert node.queue.left() == (0, 0) and len(calls) == 2


def test_files_are_deleted_unless_they_are_kept(bench, tmp_path):
    node = bench()
    node.receive(film(1))
    node.work()
    assert not list((tmp_path / "queue" / "received").iterdir())
    assert not list((tmp_path / "queue" / "results").iterdir())


def test_kept_files_stay(bench, tmp_path):
    node = bench(keep=True)
    node.receive(film(1))
    node.work()
    assert len(list((tmp_path / "queue" / "received").iterdir())) == 1
    assert len(list((tmp_path / "queue" / "results").rglob("*.dcm"))) == 1


def test_heads_wait_for_their_last_slice(bench):
    node = bench(at_end=False, quiet=10.0)
    node.receive(film(1, study=1))
    node.work()
    assert node.lines == []
    node.now += 9
    node.receive(film(2, study=1))
    node.now += 9
    node.work()
    assert node.lines == []
    node.now += 1
    node.work()
    assert "2 images" in node.lines[0]


def test_a_stop_comes_between_two_steps(bench):
    node = bench()
    node.receive(film(1), film(2))
    stops = iter([False, False, False, True, True, True, True])
    node.worker.step((), lambda: next(stops))
    assert len(node.lines) == 1 and node.queue.left()[0] == 1


def test_a_destination_is_known_by_its_form(tmp_path):
    assert isinstance(destination("PACS@127.0.0.1:4242", "A"), Archive)
    assert isinstance(destination("https://pacs.example/dicom-web", "A"), Archive)
    assert isinstance(destination(str(tmp_path), "A"), Folder)
    for wrong in ("PACS@host", "ftp://host/dicom-web", "a@b@c:1"):
        with pytest.raises(UsageError, match="expected AE@host:port"):
            destination(wrong, "A")


@pytest.mark.parametrize("port", [0, 65536, 99999])
def test_a_destination_has_a_port_that_there_is(port):
    with pytest.raises(UsageError, match="expected a port from 1 to 65535"):
        destination(f"PACS@127.0.0.1:{port}", "A")


def test_a_table_on_a_full_disk_costs_a_pause_and_the_node_goes_on(bench, monkeypatch, caplog):
    """SQLite says so in an error of its own, which ends nothing."""
    node, arrived, stop = bench(), threading.Event(), threading.Event()
    node.receive(film(1))
    base = node.queue._tables._base
    base.execute("PRAGMA query_only = 1")

    def wait(seconds: float) -> None:
        base.execute("PRAGMA query_only = 0")

    monkeypatch.setattr(stop, "wait", wait)
    monkeypatch.setattr(arrived, "wait", lambda seconds: stop.set())  # nothing more to do
    serve(SimpleNamespace(arrived=arrived, unfinished=set), node.worker, stop)
    assert "queue.sqlite" in caplog.text and "next try in 30 s" in caplog.text
    assert len(node.lines) == 1 and node.queue.left() == (0, 0)


def test_a_password_in_an_address_is_refused_and_not_shown():
    with pytest.raises(UsageError, match="--token-file") as raised:
        destination("https://me:secret@pacs.example:8443/dicom-web", "A")
    assert "secret" not in str(raised.value)


def test_a_token_that_is_missing_is_refused_at_the_start(tmp_path):
    pytest.importorskip("dicomweb_client")
    with pytest.raises(UsageError, match="No such file"):
        destination("https://pacs.example/dicom-web", "A", token_file=tmp_path / "token")


@pytest.mark.parametrize("to", ["https://127.0.0.1:9/dicom-web", "PACS@127.0.0.1:9"])
def test_a_ca_that_is_missing_is_refused_at_the_start(tmp_path, to):
    pytest.importorskip("dicomweb_client")
    with pytest.raises(UsageError, match="TLS: No such file"):
        destination(to, "A", Tls(tmp_path / "ca.pem"))


def test_a_token_that_is_away_for_a_moment_costs_a_pause(tmp_path, bench):
    pytest.importorskip("dicomweb_client")
    token = tmp_path / "token"
    token.write_text("secret")
    node = bench("http://127.0.0.1:9/dicom-web", token_file=token)
    token.unlink()
    node.receive(film(1))
    node.work()
    assert "token: No such file or directory" in node.lines[-1]
    assert node.lines[-1].endswith("next try in 5 s")
    token.write_text("secret")
    node.now += 5
    node.work()
    assert "no connection; next try in 10 s" in node.lines[-1]


def test_a_result_that_somebody_took_away_does_not_end_the_node(bench, tmp_path):
    with pacs() as there:
        node = bench(there.text)
        there.status = 0xA700
        node.receive(film(1))
        node.work()
        for path in (tmp_path / "queue" / "results").rglob("*.dcm"):
            path.unlink()
        node.now += 5
        node.work()
    assert "its file: No such file or directory; next" in node.lines[-1] and node.queue.left() == (
        0,
        1,
    )


def ended_first(times: int, calls: list):
    """Score without results so many times, as where the child that makes them is killed."""

    def process(folder, output):
        calls.append(folder)
        answer = drawn(folder, output)
        if len(calls) > times:
            return answer
        names = {path.name for path in folder.iterdir()}
        return replace(answer, results=(), without="it died", bare=names, again="it died")

    return process


def test_a_child_that_is_killed_is_tried_again_and_its_results_are_sent(bench, tmp_path):
    calls = []
    node = bench(process=ended_first(2, calls))
    node.receive(film(1))
    for number in (1, 2):
        node.work()
        assert node.lines == [f"study 1: it died; next try in {5 * n} s" for n in (1, 2)[:number]]
        assert node.queue.left() == (1, 0)
        node.now += 5 * number
    node.work()
    assert "1 result ->" in node.lines[-1] and node.queue.left() == (0, 0)
    assert len(list((tmp_path / "results").iterdir())) == 1 and len(calls) == 3


def test_a_child_that_always_dies_is_given_up_and_its_film_may_come_again(bench, tmp_path):
    calls = []
    node = bench(process=ended_first(TRIES, calls))
    node.receive(film(1))
    for _ in range(20):
        node.work()
        node.now += outbox.LONGEST_PAUSE
    assert len(calls) == TRIES and node.queue.left() == (0, 0)
    assert "it died; given up after 6 tries; send it again" in node.lines[-2]
    assert "0 results" in node.lines[-1]
    node.receive(film(1))
    node.work()
    assert "1 result ->" in node.lines[-1]
    assert len(list((tmp_path / "results").iterdir())) == 1


@pytest.mark.parametrize("error", [MemoryError(), Ended("it took too long")])
def test_a_study_that_takes_too_much_is_not_refused_at_once(bench, error):
    def process(folder, output):
        raise error

    node = bench(process=process)
    node.receive(film(1))
    node.work()
    assert "next try in 5 s" in node.lines[0] and node.queue.left() == (1, 0)
    for _ in range(20):
        node.now += outbox.LONGEST_PAUSE
        node.work()
    assert node.queue.left() == (0, 0) and "nothing scored of 1 image" in node.lines[-1]


def test_a_header_whose_child_died_is_read_again(bench, monkeypatch):
    calls = []

    def dies_once(call, words):
        calls.append(call)
        if len(calls) == 1:
            raise Ended("the decoder crashed on this input")
        return call(*words)

    monkeypatch.setattr("healthygan_monai.node.work.decode", dies_once)
    node = bench()
    node.receive(film(1))
    node.work()
    words = "an image of an unknown study: the decoder crashed on this input; next try in 5 s"
    assert node.lines == [words]
    node.now += 5
    node.work()
    assert "study 1: score" in node.lines[-1]


def test_warnings_are_in_the_line_of_the_study(bench):
    def warned(folder, output):
        return replace(drawn(folder, output), warnings=["first of 2 frames"])

    node = bench(process=warned)
    node.receive(film(1))
    node.work()
    assert "1 image, 1 warning: first of 2 frames, " in node.lines[0]
