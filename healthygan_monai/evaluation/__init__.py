"""From scores.csv to evaluation.json: metrics, thresholds, intervals, localisation, probes."""
