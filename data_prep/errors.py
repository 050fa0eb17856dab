"""The one parent of all errors that are about what the user gave. Standard library only."""

from __future__ import annotations


class HealthyGANError(ValueError):
    """Something given cannot be used; the message says what, where, what was expected and what to do.

    Commands print it behind ``error:``; the Python API raises it. It never holds a value of a header.
    """
