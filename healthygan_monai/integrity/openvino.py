"""The SHA-256 at the end of an OpenVINO .xml file, of the graph before it and of the .bin file.

OpenVINO compares no checksum. It stands in a comment of XML, which every reader passes over.
"""

import hashlib

_HEAD, _END, _DIGITS = b"<!-- content_sha256 ", b" -->\n", 64


def sealed(graph: bytes, weights: bytes) -> bytes:
    """Return the .xml with the comment behind it.

    >>> is_changed(sealed(b"graph", b"weights"), b"weights")
    False
    >>> is_changed(sealed(b"graph", b"weights"), b"other weights")
    True
    """
    return graph + _HEAD + _sum(graph, weights) + _END


def is_changed(graph: bytes, weights: bytes) -> bool:
    """Tell whether the two files differ from what was sealed; also True without the comment."""
    start = len(graph) - len(_HEAD) - _DIGITS - len(_END)
    before = graph[: max(0, start)]
    return graph[len(before) :] != _HEAD + _sum(before, weights) + _END


def _sum(graph: bytes, weights: bytes) -> bytes:
    return hashlib.sha256(graph + weights).hexdigest().encode()
