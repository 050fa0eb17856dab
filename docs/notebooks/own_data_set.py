# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A data set of your own: from a folder to the report
#
# The data are drawn here, so no data and no network are needed after the installation. For your
# own give another `export` and its table. **Research software. Not a medical device, not for
# diagnosis.**
#
# Each cell is one command of the quick start. `run` types it. The training here is a rehearsal of
# a few iterations: its numbers mean nothing. Leave `REHEARSAL` empty for a real one.

# %%
import csv
import json
import shlex
import tempfile
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot as plt

from healthygan_monai.cli.main import main as healthygan

work = Path(tempfile.mkdtemp(prefix="healthygan-notebook-"))
export, films, runs = work / "export", work / "films-64", work / "runs"
REHEARSAL = (
    "--set max_iterations=20 --set checkpoints=2 --set batch_size=4 --set price=1 "
    "--set generator_channels=8 --set generator_blocks=1"
)


def run(line: str) -> None:
    """Run a healthygan command, and stop the notebook where it fails."""
    if code := healthygan(shlex.split(line)):
        raise RuntimeError(f"healthygan {line}: exit code {code}")


# %% [markdown]
# A folder of films, and a table that says who is who. Yours may be shorter:
# `image, subject, group`.

# %%
run(f"prep phantom films {export}")
with (export / "cohort.csv").open() as file:
    for row in [*csv.DictReader(file)][:5]:
        print({key: value for key, value in row.items() if value})

# %% [markdown]
# Prepare. First a plan that writes nothing, then the work. Subjects get keyed pseudonyms.

# %%
prepare = (
    f"prep films {export} {films} --table {export / 'cohort.csv'} --size 64 --pseudonyms keyed"
)
run(f"{prepare} --dry-run")
run(prepare)
run(f"check {films}")

# %% [markdown]
# Look at the images before anything is trained. `prep_report.html` in the same folder has all of
# them.

# %%
pictures = sorted((films / "images").rglob("*.png"))[:8]
figure, axes = plt.subplots(2, 4, figsize=(8, 4.2), layout="constrained")
for axis, path in zip(axes.flat, pictures, strict=True):
    axis.imshow(matplotlib.image.imread(path), cmap="gray", vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# What will the training take on this machine? The plan measures it. Then train.

# %%
run(f"train {films} --runs-dir {runs} --dry-run {REHEARSAL}")
run(f"train {films} --runs-dir {runs} {REHEARSAL}")
model = next(runs.iterdir())

# %% [markdown]
# Score, measure, report.

# %%
run(f"infer {model}")
run(f"evaluate {model} --unit subject")
run(f"report {model}")

# %% [markdown]
# The AUC never stands without its interval.

# %%
auc = json.loads((model / "evaluation.json").read_text())["levels"]["subject"]["auc"]
print(auc)
print(model / "report.html")

# %% [markdown]
# The case with the highest score and the one with the lowest: image, healthy translation,
# difference. After a rehearsal the differences are dark: the model has hardly learned to change
# anything.

# %%
with (model / "scores.csv").open() as file:
    test = [row for row in csv.DictReader(file) if row["section"] == "test"]
test.sort(key=lambda row: -float(row["score"]))
figure, axes = plt.subplots(2, 3, figsize=(7, 5), layout="constrained")
for line, row in zip(axes, (test[0], test[-1]), strict=True):
    stem = (model / "pictures" / row["image"]).with_suffix("")
    paths = [
        films / row["image"],
        *(Path(f"{stem}_{part}.png") for part in ("healthy", "difference")),
    ]
    for axis, path in zip(line, paths, strict=True):
        axis.imshow(matplotlib.image.imread(path), cmap="gray", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
    line[0].set_title(f"score {float(row['score']):.4f}, label {row['label']}", fontsize=9)
figure.suptitle("Research, not for diagnosis")
plt.show()
