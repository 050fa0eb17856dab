"""Grey pictures for MONAI, decoded in a guarded child: one by one, or a batch in one call."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import Dataset, PILReader
from PIL import Image

from data_prep.errors import DataError, PrepError
from data_prep.film import read_all_levels, read_levels
from data_prep.work.kept import decode

Levels = tuple[np.ndarray, str]
_decoded: ContextVar[dict[str, Levels]] = ContextVar("decoded")  # of the batch that is being made


class GreyReader(PILReader):
    """MONAI's reader of pictures, for grey ones only, rows first as in the file.

    Files are decoded in a guarded child (``data_prep.work.kept``), in :meth:`get_data`: MONAI's
    ``LoadImage`` answers an error in :meth:`read` by trying its other readers, which would take a
    colour picture, turned on its side.

    Raises:
        ValueError: not a picture, a broken one, a colour picture, or one that ends the child.
    """

    def __init__(self) -> None:
        super().__init__(reverse_indexing=False)

    def read(self, data: Any, **kwargs: Any) -> Any:
        return data

    def get_data(self, img: Any) -> tuple[np.ndarray, dict]:
        (path,) = img
        try:
            known = _decoded.get({}).get(str(path))
            levels, name = known or decode(read_levels, (Path(path),))
        except (PrepError, OSError) as error:
            raise DataError(f"{Path(path).name}: {_words(error)}") from error
        picture = Image.fromarray(levels)
        picture.format = name
        return super().get_data(picture)


class DecodedBatches(Dataset):
    """MONAI's ``Dataset`` of items with ``image``, whose batches are decoded in one call.

    Two processes take turns at each call, which costs more than to decode a small picture.
    """

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return the items of a batch; PyTorch's loader asks for them so."""
        with decoded_together([str(self.data[k]["image"]) for k in indices]):
            return [self[k] for k in indices]


@contextmanager
def decoded_together(paths: Sequence[str]) -> Iterator[None]:
    """Let :class:`GreyReader` find these files decoded; those that cannot be, it reads alone."""
    try:
        found = decode(read_all_levels, ([Path(path) for path in paths],))
    except PrepError:  # one of them ended the child: which one is found out file by file
        found = [None] * len(paths)
    pairs = zip(paths, found, strict=True)
    token = _decoded.set({path: levels for path, levels in pairs if levels is not None})
    try:
        yield
    finally:
        _decoded.reset(token)


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or type(error).__name__})."
    return str(error)
