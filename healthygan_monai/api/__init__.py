"""The Python API: load a model, score images, folders and volumes."""
