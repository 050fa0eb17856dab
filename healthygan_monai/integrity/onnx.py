"""The SHA-256 at the end of an .onnx file, of all that stands before it.

The file is a ModelProto, and ONNX Runtime compares no checksum. An entry of ``metadata_props``
(onnx.proto: field 14; key is field 1, value field 2 of the entry) may stand at the end, where any
reader takes it as one more entry.
"""

import hashlib

KEY = b"content_sha256"
_DIGITS = 64
_INSIDE = b"\x0a" + bytes([len(KEY)]) + KEY + b"\x12" + bytes([_DIGITS])
_HEAD = b"\x72" + bytes([len(_INSIDE) + _DIGITS]) + _INSIDE


def sealed(model: bytes) -> bytes:
    """Return the bytes of a model with the entry behind them.

    >>> is_changed(sealed(b"model")), is_changed(b"m" + sealed(b"model")[1:])
    (False, False)
    >>> is_changed(b"n" + sealed(b"model")[1:])
    True
    """
    return model + _HEAD + hashlib.sha256(model).hexdigest().encode()


def is_changed(content: bytes) -> bool:
    """Tell whether a file differs from what was sealed; False without an entry, as of before."""
    end = len(content) - _DIGITS
    start = end - len(_HEAD)
    if start < 0 or content[start:end] != _HEAD:
        return KEY in content[max(0, start) :]  # the entry itself was changed
    return hashlib.sha256(content[:start]).hexdigest().encode() != content[end:]
