"""One public data set a file: its origin, the paper's use of it, its flaws.

Each has CARD, Options (fields are flags), verify(folder, options) and cohort(folder, options), for
``healthygan prep NAME`` (cli/protocols.py).
"""

PROTOCOLS = {  # name of the command -> module, imported when the command is asked for
    "covidx": "covidx",
    "chestxray14": "chestxray14",
    "ixi": "ixi",
    "migraine": "migraine",
    "unlabelled-json": "unlabelled_json",
    "bmad": "benchmarks.bmad",
    "medianomaly": "benchmarks.medianomaly",
    "lgg": "lgg",
    "csv": "own_table",
}
