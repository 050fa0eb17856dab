"""Defaults of an evaluation."""

RESAMPLES = 2000  # of the bootstrap behind each interval
PROBE_RESAMPLES = 1000  # behind those of the probes
FALSE_ALARMS = 0.05  # promised rate among the healthy
FALSE_DISCOVERIES = 0.1  # share of healthy subjects that p_values.csv may list
