"""The ``healthygan`` command: one sub-command a file, heavy imports only where a command runs."""
