"""The life of the node: receive and work until it is told to stop."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from data_prep.errors import disk_words
from healthygan_monai.node.queue import Queue
from healthygan_monai.node.receiver import Receiver
from healthygan_monai.node.work import Worker

PAUSE = 0.5  # seconds between two looks at the queue where nothing comes
DISK_PAUSE = 30.0  # seconds after the queue could not be written, or read
log = logging.getLogger(__name__)


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM or Ctrl-C sets; the second one interrupts at once."""
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve(receiver: Receiver, worker: Worker, stop: threading.Event) -> None:
    """Work as images arrive, until the event is set; the current step is finished.

    A full disk costs a pause: each step is whole or not done.
    """
    while not stop.is_set():
        receiver.arrived.clear()
        try:
            if not worker.step(receiver.unfinished(), stop.is_set):
                receiver.arrived.wait(PAUSE)
        except OSError as error:
            log.error("the queue: %s; next try in %.0f s", disk_words(error), DISK_PAUSE)
            stop.wait(DISK_PAUSE)


def drain(queue: Queue, worker: Worker, stop: threading.Event) -> bool:
    """Work until nothing can be done now; return whether nothing is left.

    Studies do not wait for more images. What the destination does not take now stays in the queue.
    """
    while not stop.is_set() and worker.step((), stop.is_set):
        pass
    return queue.left() == (0, 0)
