"""A node that ends at any point goes on from there: nothing is lost, nothing is sent twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dicom_nodes import drawn, encoded, film, pacs, uid

from healthygan_monai.node import tables
from healthygan_monai.node.destination import destination
from healthygan_monai.node.queue import Queue
from healthygan_monai.node.work import Worker

pytest.importorskip("pynetdicom")
FILMS = 2


class Killed(BaseException):
    """The process ends here."""


class Points:
    """Ends the process at the point of a number; every change and every sending has two."""

    def __init__(self, last: int) -> None:
        self.left = last

    def passed(self) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1

    @contextmanager
    def around(self) -> Iterator[None]:
        self.passed()
        yield
        self.passed()


def life(folder: Path, to: str, points: Points) -> None:
    """Receive all films again, as a sender does that had no answer, and work until done."""
    change = tables.Tables.change

    @contextmanager
    def killable(self):
        points.passed()
        with change(self) as base:
            yield base
            points.passed()  # before the commit
        points.passed()

    tables.Tables.change = killable
    queue = Queue(folder)
    place = destination(to, "HEALTHYGAN")
    send = place.send

    def killable_send(path: Path) -> None:
        with points.around():
            send(path)

    place.send = killable_send
    try:
        for number in range(FILMS):
            queue.receive(uid("film", number), "a", [encoded(film(number))])
        worker = Worker(queue, drawn, place, say=lambda line: None)
        while worker.step((), lambda: False):
            pass
        assert queue.left() == (0, 0)
    finally:
        tables.Tables.change = change
        queue.close()


def test_a_kill_at_any_point_loses_and_doubles_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("healthygan_monai.node.work.decode", lambda call, words: call(*words))
    monkeypatch.setattr("healthygan_monai.node.outbox.FIRST_PAUSE", 0)
    with pacs() as there:
        for point in range(1000):
            there.got.clear()
            folder = tmp_path / str(point)
            try:
                life(folder, there.text, Points(point))
            except Killed:
                life(folder, there.text, Points(-1))
                assert len(there.got) == FILMS and set(there.got.values()) == {1}, point
            else:
                assert point > 10 * FILMS
                return
    pytest.fail("the node never came to its end")


def test_where_the_destination_cannot_be_asked_only_the_interrupted_result_goes_again(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("healthygan_monai.node.work.decode", lambda call, words: call(*words))
    with pacs(finds=False) as there:
        queue = Queue(tmp_path / "queue")
        for number in range(FILMS):
            queue.receive(uid("film", number), "a", [encoded(film(number))])
        worker = Worker(queue, drawn, destination(there.text, "HEALTHYGAN"), say=lambda line: None)
        monkeypatch.setattr(queue.outbox, "sent", lambda result: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            worker.step((), lambda: False)
        queue.close()
        life(tmp_path / "queue", there.text, Points(-1))
        assert sorted(there.got.values()) == [1, 2]
