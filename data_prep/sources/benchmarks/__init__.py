"""Benchmarks of anomaly detection: healthy training images, and labelled images to be tested."""
