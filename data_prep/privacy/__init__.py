"""De-identification: what may leave, and under which name."""
