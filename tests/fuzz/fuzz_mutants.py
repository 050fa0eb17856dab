"""Ways to damage a file, each by a seeded generator: the same seed gives the same mutant."""

import gzip
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Rng = np.random.Generator
Mutate = Callable[[Rng, bytes, Sequence[bytes]], bytes]  # the file, and others of its kind

NUMBERS = (0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 127, 128, 255, 256, 32767, 32768, 65535, 65536)
NUMBERS += (2**31 - 1, 2**31, 2**32 - 1)
WORDS: tuple[Any, ...] = (
    *("", " ", "0", "-1", "1e400", "-inf", "nan", "1,5", "1.2.3", "\0", "\ud800", "\x85", "=1+1"),
    *(
        "../x",
        "/",
        ".",
        "..",
        "a" * 300,
        "a" * 70_000,
        "[" * 70_000,
        "9" * 5000,
        "王小东",
        "é" * 9,
        "true",
        "$x",
    ),
    *("@x", "%x", "#x", "None", "[]", "\n", "\r\n", '"', "'", ",", ";", "\t", "yes", "2024-13-45"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 10**6, -(10**6), 2**63, 10**30, 0.5, 1e308, -0.0, [], {}, ""),
    *([[]], [{}], {"": None}, [None], [0] * 50, {"a": {"b": {}}}, float("nan"), float("inf")),
    *WORDS,
)  # fmt: skip


def pick(rng: Rng, items: Sequence[Any]) -> Any:
    return items[int(rng.integers(len(items)))]


def _place(rng: Rng, size: int) -> int:
    """Anywhere, more often in the first two kilobytes, where headers are."""
    return int(rng.integers(max(1, min(size, 2048) if rng.random() < 0.6 else size)))


def damaged(rng: Rng, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """One to four blows at bytes, whatever they mean; mostly one."""
    for _ in range(min(4, int(rng.geometric(0.6)))):
        data = _blow(rng, data, others)
    return data


def _blow(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    body = bytearray(data or b"\0")
    at = _place(rng, len(body))
    span = int(rng.integers(1, max(2, min(512, len(body)))))
    how = int(rng.integers(10))
    if how == 0:
        body[at] ^= 1 << int(rng.integers(8))
    elif how == 1:
        body[at : at + span] = rng.bytes(min(span, 16))
    elif how in (2, 3):
        code = ("<" if how == 2 else ">") + str(pick(rng, "BHI"))
        number = int(pick(rng, NUMBERS)) % (1 << 8 * struct.calcsize(code))
        body[at : at + struct.calcsize(code)] = struct.pack(code, number)
    elif how == 4:
        del body[int(rng.integers(len(body))) :]
    elif how == 5:
        del body[at : at + span]
    elif how == 6:
        body[at:at] = body[at : at + span]
    elif how == 7:
        body[at : at + span] = bytes(min(span, len(body) - at))
    elif how == 8:
        body[at:at] = rng.bytes(min(span, 64))
    elif others:
        other = pick(rng, others)
        body[at:] = other[int(rng.integers(max(1, len(other)))) :]
    return bytes(body)


def with_structure(structured: Mutate) -> Mutate:
    """Half of the mutants by ``structured``, which keeps checksums right, the others by bytes."""

    def mutate(rng: Rng, data: bytes, others: Sequence[bytes] = ()) -> bytes:
        if rng.random() < 0.5:
            return damaged(rng, data, others)
        try:
            return structured(rng, data, others)
        except Exception:  # a writer that refuses what is asked of it
            return damaged(rng, data, others)

    return mutate


def dicom(rng: Rng, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """One to three elements, of the file meta information too, get another value."""
    import pydicom
    from pydicom import config

    config.settings.reading_validation_mode = config.settings.writing_validation_mode = 0
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    for _ in range(int(rng.integers(1, 4))):
        part = dataset.file_meta if rng.random() < 0.15 else dataset
        element = part[pick(rng, sorted(part.keys()))]
        if rng.random() < 0.1:
            del part[element.tag]
        elif element.VR in ("US", "SS", "UL", "SL"):
            element.value = int(pick(rng, NUMBERS)) % (1 << (15 if element.VR[1] == "S" else 31))
        elif element.VR in ("OB", "OW", "UN"):
            element.value = damaged(rng, bytes(element.value))
        elif element.VR == "SQ":
            element.value = list(element.value)[: int(rng.integers(3))] * int(rng.integers(3))
        else:
            element.value = str(pick(rng, WORDS))[:1000]
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset)
    return buffer.getvalue()


def png(rng: Rng, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Chunks with other content or in another order; their checksums fit."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    k = int(rng.integers(len(chunks)))
    name, body = chunks[k]
    how = int(rng.integers(5))
    if how == 0 and name == b"IDAT":
        chunks[k] = name, zlib.compress(damaged(rng, zlib.decompress(body)))
    elif how <= 1:
        chunks[k] = name, damaged(rng, body)
    elif how == 2:
        del chunks[k]
    elif how == 3:
        chunks.insert(int(rng.integers(len(chunks) + 1)), chunks[k])
    else:
        odd = pick(rng, (b"tRNS", b"PLTE", b"eXIf", b"zTXt", b"iCCP", b"acTL", b"gAMA", b"sBIT"))
        chunks.insert(1, (odd, rng.bytes(int(rng.integers(40)))))
    out = [data[:8]]
    for name, body in chunks:
        tail = struct.pack(">I", zlib.crc32(name + body))
        out.append(struct.pack(">I", len(body)) + name + body + tail)
    return b"".join(out)


def gzipped(rng: Rng, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """The content changes, the gzip stream around it is whole."""
    if data[:2] != b"\x1f\x8b":
        return damaged(rng, data, others)
    return gzip.compress(damaged(rng, gzip.decompress(data)), 1, mtime=0)


def zipped(rng: Rng, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Members with other names, methods or content; the archive around them is whole."""
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        chosen = int(rng.integers(len(old.infolist())))
        for k, info in enumerate(old.infolist()):
            content, name, method = old.read(info), info.filename, info.compress_type
            if k == chosen:
                how = int(rng.integers(4))
                content = damaged(rng, content, others) if how < 2 else content
                name = str(pick(rng, WORDS)) + name if how == 2 else name
                method = pick(rng, methods) if how == 3 else method
            new.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content, method)
    body = buffer.getvalue()
    return damaged(rng, body) if rng.random() < 0.3 else body


def table(rng: Rng, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Cells, lines, separators and quotes of a text table."""
    lines = data.decode("utf-8").splitlines()
    for _ in range(int(rng.integers(1, 4))):
        k = int(rng.integers(len(lines)))
        cells = lines[k].split(",")
        how = int(rng.integers(6))
        if how <= 2:
            cells[int(rng.integers(len(cells)))] = str(pick(rng, WORDS))
            lines[k] = ",".join(cells)
        elif how == 3:
            del lines[k]
        elif how == 4:
            lines.insert(k, lines[k])
        else:
            lines[k] = lines[k].replace(",", str(pick(rng, (";", "\t", "", ",,", '","'))))
        lines = lines or [""]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def json_text(rng: Rng, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Values, keys and types of a JSON file, or of the lines of one; sometimes far too deep."""
    text = data.decode("utf-8")
    if rng.random() < 0.03:
        return (b"[" * 100_000) + (b"]" * 100_000 if rng.random() < 0.5 else b"")
    if rng.random() < 0.03:
        return re.sub(r"\d+", "9" * 5000, text, count=int(rng.integers(1, 9))).encode()
    lines = text.splitlines()
    one_each_line = len(lines) > 1 and lines[0][:1] == "{" and lines[0][-1:] == "}"
    if one_each_line:
        k = int(rng.integers(len(lines)))
        lines[k] = _json_of(rng, json.loads(lines[k]))
        return "\n".join(lines).encode("utf-8", "surrogatepass")
    return _json_of(rng, json.loads(text)).encode("utf-8", "surrogatepass")


def _json_of(rng: Rng, content: Any) -> str:
    for _ in range(int(rng.integers(1, 4))):
        content = _changed(rng, content)
    return json.dumps(content, ensure_ascii=bool(rng.random() < 0.5))


def _changed(rng: Rng, content: Any) -> Any:
    """Another value somewhere below; a key gone, added or renamed."""
    if not isinstance(content, (dict, list)) or not content or rng.random() < 0.12:
        return pick(rng, VALUES)
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    key = pick(rng, keys)
    how = rng.random()
    content = dict(content) if isinstance(content, dict) else list(content)
    if how < 0.12:
        del content[key]
    elif how < 0.2 and isinstance(content, dict):
        content[str(pick(rng, WORDS))[:300]] = pick(rng, VALUES)
    elif how < 0.25 and isinstance(content, dict):
        content[str(pick(rng, WORDS))[:300]] = content.pop(key)
    elif how < 0.3 and isinstance(content, list):
        content += [content[key]] * int(rng.integers(1, 30))
    else:
        content[key] = _changed(rng, content[key])
    return content
