"""How far a work is: a bar for a person, lines for a log, nothing for who wants quiet."""

import io
import logging
import sys

import pytest

from data_prep.work import progress as module
from data_prep.work.progress import Meter, progress, span


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves by what is added to it."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def lines(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_line_after_ten_seconds_then_one_a_minute(clock, caplog):
    caplog.set_level(logging.INFO)
    for _ in progress(range(200), 200, "prep", "input"):
        clock[0] += 1.0
    assert lines(caplog)[0] == "prep 10/200  1.0 input/s  eta 3 min"
    assert [line.split()[1] for line in lines(caplog)] == ["10/200", "70/200", "130/200", "190/200"]


def test_what_goes_on_counts_only_its_own_pace(clock):
    meter = Meter(100, "iter", "it", done=90)
    clock[0] += 4.0
    meter.step()
    meter.step()
    assert meter.line("loss_d -1.0") == "iter 92/100  loss_d -1.0  0.5 it/s  eta 16 s"


def test_a_bar_on_a_terminal_unless_quiet(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(module, "BAR_AFTER", 0.0)
    assert list(progress("abc", 3, "prep", "input")) == ["a", "b", "c"]
    assert "prep: 100%" in sys.stderr.getvalue() and not lines(caplog)
    monkeypatch.setattr(sys, "stderr", Terminal())
    caplog.set_level(logging.WARNING, module.log.name)  # a command before may have set its own
    assert list(progress("abc", 3, "prep", "input")) == ["a", "b", "c"]
    assert sys.stderr.getvalue() == ""


def test_words_are_asked_for_only_where_they_are_shown(clock, caplog):
    caplog.set_level(logging.INFO)
    meter, asked = Meter(9, "iter", "it"), []
    meter.step(lambda: asked.append(1) or "loss_d 1.0")
    assert not asked
    clock[0] += 11.0
    meter.step(lambda: asked.append(1) or "loss_d 1.0")
    assert asked == [1] and "loss_d 1.0" in lines(caplog)[0]


@pytest.mark.parametrize(
    ("seconds", "words"), [(42, "42 s"), (300, "5 min"), (17 * 3600, "17 h"), (3 * 86400, "3 days")]
)
def test_spans_in_words(seconds, words):
    assert span(seconds) == words
