"""One public data set a file: where it comes from, what the paper used of it, what is wrong with
it.

Every module has CARD, Options (whose fields are its flags), verify(folder, options) and
cohort(folder, options); the command `healthygan prep NAME` is made of these (see cli/protocols.py).
"""

from __future__ import annotations

PROTOCOLS = {  # name of the command -> module, imported when the command is asked for
    "covidx": "covidx",
    "chestxray14": "chestxray14",
    "ixi": "ixi",
    "migraine": "migraine",
    "unlabelled-json": "unlabelled_json",
    "lgg": "lgg",
    "csv": "own_table",
}
