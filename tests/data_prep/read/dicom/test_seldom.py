"""What happens seldom in a reader: a decoder that fails, a code that is missing, no memory."""

import numpy as np
import pytest
from codestreams import JPEG, jpeg, waves
from pydicom.dataset import Dataset, FileMetaDataset

from data_prep.errors import FilmError
from data_prep.film.open import read_film
from data_prep.read.dicom import file, pixels
from data_prep.read.dicom.display import _span
from data_prep.read.dicom.ending import _lengths, ends_early
from data_prep.read.dicom.stored_values import Stored


def tables(*counts: int, symbols: bytes, number: int = 0) -> bytes:
    """A JPEG that holds a Huffman table alone (T.81 B.2.4.2)."""
    body = bytes([number, *counts, *[0] * (16 - len(counts))]) + symbols
    return b"\xff\xd8\xff\xc4" + (len(body) + 2).to_bytes(2, "big") + body + b"\xff\xd9"


def test_a_difference_costs_its_code_and_its_bits_and_one_without_a_code_cannot_be_paid():
    """Codes of 2, 2 and 3 bits for the categories 0, 3 and 16."""
    lengths = _lengths(tables(0, 2, 1, symbols=bytes([0, 3, 16])), 0)
    assert [lengths[d] for d in (0, 4, 7, -4 & 0xFFFF, -7 & 0xFFFF, 32768)] == [2, 5, 5, 5, 5, 3]
    missing = [lengths[d & 0xFFFF] for d in (1, -1, 2, 3, 8, 300, -300, 32767)]
    assert min(missing) >= 255  # far more than any code: such a pixel was filled in


def test_the_table_of_another_number_and_a_later_one_of_the_same_number():
    first, other = (tables(0, 1, symbols=b"\0", number=n)[2:-2] for n in (0, 1))
    later = tables(0, 0, 1, symbols=b"\1")[2:-2]
    lengths = _lengths(b"\xff\xd8" + first + other + later + b"\xff\xd9", 0)
    assert (lengths[1], lengths[0] >= 255) == (3 + 1, True)
    assert _lengths(b"\xff\xd8" + first + other + later + b"\xff\xd9", 1)[0] == 2


def test_a_table_with_fewer_symbols_than_it_says_is_no_error():
    _lengths(tables(0, 9, symbols=b"\0\1"), 0)


def test_a_decoder_that_gives_up_at_one_noise_is_asked_with_the_other():
    frame, values = jpeg(waves()), waves()
    answers: list[object] = [ValueError("two odd things"), values + 1]

    def decode(_: bytes) -> np.ndarray:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert ends_early(frame, values, decode) and answers == []
    answers = [ValueError("two odd things"), values]
    assert not ends_early(frame, values, decode) and answers == []
    answers = [MemoryError(), values]
    with pytest.raises(MemoryError):
        ends_early(frame, values, decode)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ImportError("no such package"), "needs a decoder"),
        (NotImplementedError("no plug-in"), "needs a decoder"),
        (RuntimeError("Missing dependencies"), "needs a decoder"),
        (RuntimeError("Doe^Jane is broken"), "cannot be decoded"),
    ],
)
def test_a_decoder_that_is_not_there_is_told_from_one_that_fails(
    make_dicom, monkeypatch, error, words
):
    def fail(*_: object) -> None:
        raise error

    film = make_dicom(waves(top=255), frames=[jpeg(waves())], syntax=JPEG)
    monkeypatch.setattr(pixels, "_encapsulated", fail)
    with pytest.raises(FilmError, match=words) as caught:
        read_film(film)
    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize("error", [MemoryError, ValueError])
def test_an_element_that_cannot_be_read_goes_and_a_lack_of_memory_is_passed_on(error):
    class Odd(Dataset):
        def __getitem__(self, key):
            if key == 0x00080060:
                raise error
            return super().__getitem__(key)

    odd = Odd()
    odd.Modality, odd.Rows = "DX", 4
    odd.file_meta = FileMetaDataset()
    if error is MemoryError:
        with pytest.raises(MemoryError):
            file._convert(odd)
    else:
        file._convert(odd)
        assert "Modality" not in odd and "Rows" in odd


@pytest.mark.parametrize(
    ("bits", "signed", "span"),
    [(12, True, (-2048, 2047)), (12, False, (0, 4095)), (1, True, (-1, 0))],
)
def test_the_span_of_stored_values_is_that_of_their_bits(bits, signed, span):
    assert _span(Stored(np.zeros((1, 1), np.uint16), None, bits, signed)) == span
