"""HealthyGAN: translate any image into a healthy one; what changes is the anomaly."""

__version__ = "0.1.0"
