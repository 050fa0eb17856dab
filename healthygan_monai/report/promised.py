"""Put the promised false-alarm rate and the list of subjects into words."""

from collections.abc import Mapping
from typing import Any

from healthygan_monai.report.summary import digits, headline_level, number


def promise_sentences(evaluation: Mapping[str, Any]) -> list[str]:
    """Say what known-healthy images promise, what was measured, and who is on the list."""
    told = headline_level(evaluation).get("promise")
    if not told:
        return []
    unit, known = evaluation["unit"], evaluation["known_healthy"]
    if told["threshold"] is None:
        return [f"No promise about false alarms: {told['reason']}.", *_list(evaluation)]
    rate = _rate(told["false_alarm_rate"])
    text = (
        f"Threshold without disease labels, from {known['words']}: score ≥ "
        f"{digits(told['threshold'])} gives a false alarm on at most {rate} of healthy {unit}s, "
        "on average over draws of the known-healthy subjects."
    )
    if told["bound"] is not None:
        confidence = _rate(told["bound_confidence"])
        text += f" For this draw: at most {_rate(told['bound'])}, with {confidence} confidence."
    return [text, _measured(told, unit), *_list(evaluation)]


def _measured(told: Mapping[str, Any], unit: str) -> str:
    alarms, parts = told["alarms"], []
    words = (("false_alarm_rate", "false alarms on"), ("sensitivity", "sensitivity"))
    for key, text in words:
        found = told["measured"][key]
        if found:
            spread = f"{_rate(found['low'])} to {_rate(found['high'])}"
            parts.append(f"{text} {_rate(found['value'])} ({spread}, {found['subjects']} subjects)")
    measured = (
        f"; measured, with 95 % intervals: {', '.join(parts)}"
        if parts
        else "; no labels to measure it by"
    )
    doubt = " The promise does not hold on these images." if told["holds"] is False else ""
    return f"It calls {alarms['called']} of {alarms['of']} test {unit}s{measured}.{doubt}"


def _list(evaluation: Mapping[str, Any]) -> list[str]:
    """Return the sentence about the list; nothing where there is none."""
    found = evaluation.get("false_discoveries")
    if not found:
        return []
    text = (
        f"List of test subjects of whom at most {_rate(found['rate'])} are expected to be healthy "
        f"(p_values.csv): {found['listed']} of {found['tested']}"
    )
    known = {k: n for k, n in found["listed_by_label"].items() if n and k != "unlabelled"}
    if known:
        text += ", of them " + " and ".join(f"{n} {label}" for label, n in known.items())
    if not found["listed"] and found["smallest_list"] > 1:
        text += (
            f"; with so few known-healthy subjects (smallest p {number(found['smallest_p'], 3)}) a "
            f"list has {found['smallest_list']} entries or none"
        )
    return [text + "."]


def _rate(value: float) -> str:
    """Return '5 %', '0.7 %': two digits where they matter."""
    return f"{100 * value:.2g} %" if value < 0.1 else f"{100 * value:.0f} %"
