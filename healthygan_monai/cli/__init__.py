"""The ``healthygan`` command: one file a sub-command; heavy imports only when one runs."""
