"""The queue keeps each image and each result once, whatever step it is killed in."""

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from dicom_nodes import drawn, encoded, film, uid

from data_prep.errors import UsageError
from data_prep.files import WriteError
from healthygan_monai.node import tables
from healthygan_monai.node.outbox import LONGEST_PAUSE, pause
from healthygan_monai.node.queue import OTHER_CONTENT, TRIES, Queue


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(tmp_path: Path, clock: Clock):
    queue = Queue(tmp_path / "queue", clock)
    yield queue
    queue.close()


def received(queue: Queue, number: int, study: object = None, association: str = "a") -> bool:
    return queue.receive(uid("film", number), association, [encoded(film(number, study))])


def group(queue: Queue, study: str) -> None:
    for image in queue.received():
        queue.group(image, study)


def files(queue: Queue) -> list[str]:
    return sorted(p.name for p in (queue.folder / "received").iterdir())


def test_the_folder_is_open_to_its_owner_alone(queue):
    assert queue.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_can_open_is_refused(tmp_path):
    tmp_path.chmod(0o755)
    with pytest.raises(UsageError, match="others can open"):
        Queue(tmp_path)


def test_two_processes_do_not_share_a_queue(queue):
    code = (
        "import sys; from pathlib import Path; from healthygan_monai.node.queue import Queue\n"
        "Queue(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(queue.folder)], capture_output=True, text=True
    )
    assert done.returncode == 1 and "another healthygan listen uses this queue" in done.stderr


def test_the_same_film_twice_is_kept_once(queue, caplog):
    assert received(queue, 1)
    assert not received(queue, 1)
    assert caplog.text == ""
    assert not queue.receive(uid("film", 1), "a", [encoded(film(1, Rows=4))])
    assert OTHER_CONTENT in caplog.text and uid("film", 1) not in caplog.text
    assert len(queue.received()) == 1 and len(files(queue)) == 1


def test_a_film_that_comes_again_replaces_only_a_refused_one(queue):
    received(queue, 1)
    other = [encoded(film(1, Rows=4))]
    assert not queue.receive(uid("film", 1), "a", other)
    queue.refuse(queue.received()[0], "cut off")
    queue.delete_done()
    assert received(queue, 1)  # the same bytes: it may have been the computer's fault
    assert len(queue.received()) == 1 and len(files(queue)) == 1
    assert not received(queue, 1)
    queue.refuse(queue.received()[0], "cut off")
    assert queue.receive(uid("film", 1), "a", other)
    assert len(queue.received()) == 1 and len(files(queue)) == 1


def test_a_study_is_ready_when_it_is_quiet_or_its_association_has_ended(queue, clock):
    received(queue, 1, association="a")
    group(queue, "1.2")
    clock.now += 5
    received(queue, 2, association="b")
    group(queue, "1.2")
    clock.now += 9
    assert queue.ready(10, {"a", "b"}) == queue.ready(10, {"b"}) == queue.ready(10) == []
    assert queue.ready(10, set()) == queue.ready(10, {"c"}) == [1]
    clock.now += 1
    assert queue.ready(10, {"a", "b"}) == queue.ready(10) == [1]


def test_a_full_disk_leaves_nothing(queue, monkeypatch):
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tables.os, "fsync", full)
    with pytest.raises(WriteError, match="No space left"):
        received(queue, 1)
    assert files(queue) == [] and queue.left() == (0, 0)


def test_a_full_disk_of_the_table_leaves_nothing(queue):
    queue._tables._base.execute("PRAGMA max_page_count = 1")
    with pytest.raises(WriteError, match="full"):
        for number in range(200):
            received(queue, number)
    left = queue.left()[0]
    assert left == len(files(queue)) < 200


def test_files_of_unfinished_steps_are_removed_at_the_start(queue, clock):
    received(queue, 1)
    (queue.folder / "received" / "unknown.dcm").write_bytes(b"no row says so")
    (queue.folder / "results" / "1-1").mkdir()
    (queue.folder / "work" / "1").mkdir()
    queue.close()
    again = Queue(queue.folder, clock)
    assert len(files(again)) == 1
    assert not list((again.folder / "results").iterdir())
    assert not list((again.folder / "work").iterdir())
    again.close()


def test_a_study_that_ends_the_process_lets_others_go_first(queue, clock):
    received(queue, 1)
    group(queue, "1.1")
    queue.begin(1)  # and the process dies
    assert queue.ready(0) == [1]
    queue.begin(1)
    received(queue, 2)
    group(queue, "1.2")
    assert queue.ready(0) == [2]
    clock.now += pause(1)
    assert queue.ready(0) == [1, 2]


def test_results_that_are_made_again_are_not_sent_again(queue):
    received(queue, 1)
    group(queue, "1.1")
    job = queue.begin(1)
    queue.scored(job, drawn(job.folder, job.output))
    (result,) = queue.outbox.due()
    queue.outbox.sending(result)
    queue.outbox.sent(result)
    received(queue, 2)
    group(queue, "1.1")
    job = queue.begin(1)
    answer = drawn(job.folder, job.output)
    again = answer.results[0].__class__(answer.results[0].path, result.sop_uid)
    queue.scored(job, answer.__class__(0.5, results=[again]))
    assert queue.outbox.due() == [] and queue.left() == (0, 0)


def test_pauses_grow_up_to_an_hour():
    assert [pause(n) for n in (1, 2, 3, 4)] == [5, 10, 20, 40]
    assert pause(50) == pause(10_000) == LONGEST_PAUSE


def test_files_stay_until_all_results_of_their_study_are_sent(queue):
    received(queue, 1, study=1)
    received(queue, 2, study=1)
    group(queue, "1.1")
    job = queue.begin(1)
    queue.scored(job, drawn(job.folder, job.output))
    first, second = queue.outbox.due()
    queue.outbox.sent(first)
    queue.delete_done()
    assert len(files(queue)) == 2 and first.path.is_file()
    queue.outbox.sent(second)
    queue.delete_done()
    assert files(queue) == [] and not list((queue.folder / "results").iterdir())
    assert not received(queue, 1, study=1)  # it is still known


def test_a_film_without_results_may_come_again_and_one_with_results_not(queue):
    for number in (1, 2):
        received(queue, number, study=1)
    group(queue, "1.1")
    job = queue.begin(1)
    answer = drawn(job.folder, job.output)
    bare = job.images[1].path.name
    queue.scored(job, replace(answer, results=answer.results[:1], without="crashed", bare={bare}))
    assert not received(queue, 1, study=1)
    assert received(queue, 2, study=1)
    assert [image.sop_uid for image in queue.received()] == [uid("film", 2)]


def test_an_image_whose_child_is_ended_is_tried_a_few_times_and_holds_its_association(queue, clock):
    received(queue, 1, association="a")
    received(queue, 2, association="a")
    first, second = queue.received()
    queue.group(first, "1.1")
    for tried in range(1, TRIES):
        assert queue.not_grouped(second, "crashed") == pause(tried)
        assert queue.received() == [] and queue.ready(0) == []
        clock.now += pause(tried)
        assert queue.received() == [second]
    assert queue.not_grouped(second, "crashed") is None
    assert queue.received() == [] and queue.ready(0) == [1]


def test_an_image_that_could_not_be_stored_again_leaves_no_file(queue):
    received(queue, 1)
    queue.refuse(queue.received()[0], "cut off")
    queue.delete_done()
    queue._tables._base.execute("PRAGMA query_only = 1")
    with pytest.raises(WriteError, match="readonly"):
        received(queue, 1)
    assert files(queue) == []
