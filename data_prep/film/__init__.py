"""Chest films: open, choose, find the exposed field, frame."""
