"""Weights and results to and from other programs."""
