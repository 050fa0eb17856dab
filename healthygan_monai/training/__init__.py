"""Ignite loop, handlers, checkpoints, ranks and tracking; the step itself is trainer.py."""
