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
# # One film: from DICOM to score and map
#
# A film is drawn, so no data and no network are needed after the installation. For a film of your
# own change `film`. **Research software. Not a medical device, not for diagnosis.**
#
# On Colab run first, once: `pip install "healthygan-monai[fid]"` from the wheel that you made
# (installation.md in the documentation).

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pydicom

import healthygan_monai as hg
from healthygan_monai.cli.main import main as healthygan

work = Path(tempfile.mkdtemp(prefix="healthygan-notebook-"))

# %% [markdown]
# Draw films as DICOM files, as a hospital exports them. Look at what one of them says about
# itself.

# %%
assert healthygan(["prep", "phantom", "films", str(work / "films")]) == 0
film = sorted((work / "films").rglob("*.dcm"))[0]
header = pydicom.dcmread(film)
for name in ("Modality", "Rows", "Columns", "PhotometricInterpretation", "ViewPosition"):
    print(name, header.get(name))

# %% [markdown]
# Load a model. The bundle's model was trained on chest films of children. A drawn film is unlike
# them, so the score below means nothing; it only shows the way. Give the folder of your own run
# instead: `runs/00000-films`.

# %%
model = hg.load_model(hg.bundle_root(), device="cpu")
print(model)

# %% [markdown]
# Score the film. It is prepared as the training images were: decoded, windowed, framed, resized.
# Then it is translated.

# %%
found = model.score_folder(film)
for problem in found.problems:
    print(problem)
result = found[0]
print(f"subject {result.subject}  score {result.score:.4f}")

# %% [markdown]
# Look at the image first, then at the healthy translation, then at the difference. Its scale is
# fixed here: 0 to 0.2.

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for axis, part in zip(axes, ("input", "healthy", "difference"), strict=True):
    colours, top = ("inferno", 0.2) if part == "difference" else ("gray", 1.0)
    drawn = axis.imshow(getattr(result, part), cmap=colours, vmin=0, vmax=top)
    axis.set(title=part, xticks=[], yticks=[])
figure.colorbar(drawn, ax=axes[-1])
figure.suptitle("Research, not for diagnosis")
plt.show()

# %% [markdown]
# Keep the maps as files. No name of a patient is in them.

# %%
for path in result.save_pictures(work / "results", name="first"):
    print(path.name)
