"""From a model file to scores: what is known about it, its weights, its runtime."""
