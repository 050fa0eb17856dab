"""Raw films and brain volumes -> PNG images and one dataset.json; needs neither torch nor monai."""

__version__ = "0.2.0"
