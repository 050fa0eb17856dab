"""Write the benchmark's table as Markdown, HTML and CSV, which also has plain numbers."""

import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from data_prep.files import write_rows, write_text
from healthygan_monai import __version__
from healthygan_monai.benchmark.table import COLUMNS, NUMBERS, Row

Tables = Mapping[str, Sequence[Row]]
NOTES = (
    "AUC is ROC-AUC on the test split, the mean over seeds; sd is between seeds (none for one "
    "seed), the interval a 95 % percentile bootstrap by subject of that mean.",
    "The reference is healthygan, or its first variant in a grid without a plain healthygan. The "
    "difference from it is paired by image and resampled by subject; p is two-sided and not "
    "corrected for the number of rows.",
    "A variant is a method with settings of its own (cell.json); the paper has no value for it.",
    "Mean (min to max) is of the seeds' values. Pixel figures are of all pixels of the test images "
    "with a lesion together; the brightest place of the smoothed map is judged image by image, and "
    "subjects weigh the same. The critic's own score sees whatever separates the training sets.",
    "An empty cell: a result.json of an earlier version lacks the value. Delete that file and run "
    "the benchmark again: the model is scored again, not trained; its fit time is lost.",
    "The paper's threshold is the one where sensitivity and specificity on the test labels are "
    "closest: it is optimistic. The other is chosen on validation.",
    "Times and peak memory are those of a cell's own process; memory includes images and "
    "libraries. A cell that was stopped and resumed has no fit time.",
    "mean-intensity, distance-to-mean and pu-classifier show what the data give away for free.",
)


def write_tables(tables: Tables, out: Path, command: str) -> list[Path]:
    """Write the three files, each completely or not at all; return their paths."""
    contents = {
        "benchmark.md": markdown(tables, command),
        "benchmark.csv": comma_separated(tables),
        "benchmark.html": page(tables, command),
    }
    for name, text in contents.items():
        write_text(out / name, text)
    return [out / name for name in contents]


def markdown(tables: Tables, command: str) -> str:
    lines = ["# Benchmark", "", f"healthygan {__version__}; made by `{command}`."]
    for name, rows in tables.items():
        lines += ["", f"## {name}", "", _line(COLUMNS.values()), _line(["---"] * len(COLUMNS))]
        lines += [_line(row[key] for key in COLUMNS) for row in rows]
    return "\n".join([*lines, "", *(f"- {note}" for note in NOTES), ""])


def _line(cells) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def comma_separated(tables: Tables) -> str:
    stream = io.StringIO()
    keys = (*COLUMNS, *NUMBERS)
    rows = ([name, *(row[key] for key in keys)] for name, found in tables.items() for row in found)
    write_rows(stream, ["dataset", *keys], rows)
    return stream.getvalue()


def page(tables: Tables, command: str) -> str:
    """Return one file that loads nothing from elsewhere."""
    parts = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Benchmark</title>',
        "<style>",
        "body{font:15px/1.45 system-ui,sans-serif;margin:2rem;color:#1c2733}",
        "table{border-collapse:collapse;margin:0 0 2rem}",
        "th,td{border-bottom:1px solid #d5dde5;padding:.35rem .6rem}",
        "th,td{text-align:left;vertical-align:top}",
        "th{font-size:.8rem;color:#51606e}td.absent{color:#8a97a3}</style></head><body>",
        f"<h1>Benchmark</h1><p>healthygan {__version__}; made by",
        f"<code>{html.escape(command)}</code>.</p>",
    ]
    for name, rows in tables.items():
        head = "".join(f"<th>{html.escape(title)}</th>" for title in COLUMNS.values())
        parts.append(f"<h2>{html.escape(name)}</h2><table><thead><tr>{head}</tr></thead><tbody>")
        parts += ["<tr>" + "".join(_cell(row[key]) for key in COLUMNS) + "</tr>" for row in rows]
        parts.append("</tbody></table>")
    parts += ["<ul>", *(f"<li>{html.escape(note)}</li>" for note in NOTES), "</ul></body></html>"]
    return "\n".join(parts) + "\n"


def _cell(text: str) -> str:
    absent = ' class="absent"' if "not " in text else ""
    return f"<td{absent}>{html.escape(text)}</td>"
