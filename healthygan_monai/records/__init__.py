"""What is read back from a run folder: known keys of known types, as data; needs no torch."""
