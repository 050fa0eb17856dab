"""The steps of the node, one after the other: group what came, score studies, send results."""

import logging
import time
from collections.abc import Callable, Collection

from data_prep.errors import Ended, HealthyGANError, disk_words
from data_prep.work.kept import decode
from healthygan_monai.node.header import study_uid
from healthygan_monai.node.outbox import Waiting
from healthygan_monai.node.parts import Destination, NotSent, Process, StudyAnswer
from healthygan_monai.node.queue import TRIES, Job, Queue

log = logging.getLogger(__name__)


class Worker:
    """Works through a queue."""

    def __init__(
        self,
        queue: Queue,
        process: Process,
        destination: Destination,
        *,
        say: Callable[[str], None] = print,
        quiet: float = 10.0,
        at_end: bool = True,
        keep: bool = False,
    ) -> None:
        """Prepare to work; nothing is done yet.

        Args:
            queue: of the node.
            process: scores a study.
            destination: of results.
            say: takes the line of a study.
            quiet: seconds without a new image after which a study is scored.
            at_end: whether the end of the association that sent it ends a study too.
            keep: whether files stay in the queue's folder once they are done.
        """
        self._queue, self._process, self._destination = queue, process, destination
        self._say, self._quiet, self._at_end, self._keep = say, quiet, at_end, keep

    def step(self, unfinished: Collection[str], stopped: Callable[[], bool]) -> bool:
        """Do what can be done now; return whether anything was.

        Args:
            unfinished: associations that are open.
            stopped: asked between two steps.
        """
        done = self._group(stopped)
        ends = unfinished if self._at_end else None
        for study in self._queue.ready(self._quiet, ends):
            if stopped():
                return True
            self._score(study, stopped)
            done = True
        sent, again = self._send(stopped)
        for study, number in sent.items():
            self._say(f"study {study}: {_count(number, 'result')} -> {self._destination.name}")
        if again:
            self._say(again)
        if not self._keep:
            self._queue.delete_done()
        return done or bool(sent)

    def _group(self, stopped: Callable[[], bool]) -> bool:
        images = self._queue.received()
        for image in images:
            if stopped():
                break
            try:
                self._queue.group(image, decode(study_uid, (image.path, image.sop_uid)))
            except Ended as error:
                seconds = self._queue.not_grouped(image, error.reason)
                end = _given_up() if seconds is None else f"next try in {seconds:.0f} s"
                self._say(f"an image of an unknown study: {error.reason}; {end}")
            except HealthyGANError as error:
                self._queue.refuse(image, str(error))
                self._say(f"an image of an unknown study was not scored: {error}")
        return bool(images)

    def _score(self, study: int, stopped: Callable[[], bool]) -> None:
        start = time.monotonic()
        job = self._queue.begin(study)
        try:
            answer = self._process(job.folder, job.output)
        except HealthyGANError as error:
            # of the system, such as a device without memory, in the words of a command
            passes = isinstance(error.__cause__, (OSError, RuntimeError, MemoryError))
            answer = _nothing(job, str(error), passes or isinstance(error, Ended))
        except MemoryError:
            answer = _nothing(job, "it needs more memory than there is", True)
        except (
            Exception
        ) as error:  # a full disk, a fault: nothing is lost, the study is tried again
            words = disk_words(error) if isinstance(error, OSError) else type(error).__name__
            seconds = self._queue.not_scored(job, words)
            log.error("study %d: not scored (%s); next try in %.0f s", study, words, seconds)
            log.debug("", exc_info=error)
            return
        if answer.again and job.ended + 1 < TRIES:
            seconds = self._queue.not_scored(job, answer.again, ended=True)
            self._say(f"study {study}: {answer.again}; next try in {seconds:.0f} s")
            return
        self._queue.scored(job, answer)
        if answer.again:
            self._say(f"study {study}: {answer.again}; {_given_up()}")
        sent, again = self._send(stopped)
        number = sent.pop(study, 0)
        took = time.monotonic() - start
        self._say(f"study {study}: {_line(answer)}, {took:.1f} s, {self._end(answer, number)}")
        for other, found in sent.items():
            self._say(f"study {other}: {_count(found, 'result')} -> {self._destination.name}")
        if again:
            self._say(again)

    def _end(self, answer: StudyAnswer, number: int) -> str:
        waiting = len(answer.results) - number
        text = f"{_count(number, 'result')} -> {self._destination.name}"
        return f"{text}, {waiting} waiting" if waiting > 0 else text

    def _send(self, stopped: Callable[[], bool]) -> tuple[dict[int, int], str]:
        """Send what is due; return how many results of each study went, and what failed."""
        sent: dict[int, int] = {}
        outbox = self._queue.outbox
        for result in outbox.due():
            if stopped():
                break
            try:
                self._send_one(result)
            except NotSent as error:
                seconds = outbox.not_sent(result, str(error), unreachable=error.unreachable)
                text = f"not sent to {self._destination.name}: {error}; next try in {seconds:.0f} s"
                if error.unreachable:
                    return sent, text
                self._say(f"study {result.study}: a result was {text}")
            else:
                sent[result.study] = sent.get(result.study, 0) + 1
        return sent, ""

    def _send_one(self, result: Waiting) -> None:
        """Send one result unless an earlier, interrupted sending has reached its destination."""
        if not (result.unsure and self._destination.has(result.path)):
            self._queue.outbox.sending(result)
            self._destination.send(result.path)
        self._queue.outbox.sent(result)


def _nothing(job: Job, error: str, passes: bool) -> StudyAnswer:
    refused = dict.fromkeys((image.path.name for image in job.images), error)
    return StudyAnswer(None, refused=refused, again=error if passes else "")


def _given_up() -> str:
    return f"given up after {TRIES} tries; send it again to have it tried again"


def _line(answer: StudyAnswer) -> str:
    if answer.score is None:
        (why,) = set(answer.refused.values()) if len(set(answer.refused.values())) == 1 else [""]
        return f"nothing scored of {_count(len(answer.refused), 'image')}" + (
            f" ({why})" * bool(why)
        )
    cut = answer.threshold
    side = "" if cut is None else f" (threshold {cut:.6g}, {_side(answer.score, cut)})"
    more = f", {len(answer.refused)} not usable" if answer.refused else ""
    more += f" ({answer.without})" if answer.without else ""
    if answer.warnings:
        more += f", {_count(len(answer.warnings), 'warning')}: {'; '.join(answer.warnings)}"
    return f"score {answer.score:.6g}{side}, {_count(answer.images, 'image')}{more}"


def _side(score: float, cut: float) -> str:
    return "above" if score >= cut else "below"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
