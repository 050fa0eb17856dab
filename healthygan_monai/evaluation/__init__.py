"""From scores.csv to evaluation.json: metrics, thresholds, intervals, localisation, probes."""

from healthygan_monai.evaluation.evaluate import evaluate, evaluate_rows

__all__ = ["evaluate", "evaluate_rows"]
