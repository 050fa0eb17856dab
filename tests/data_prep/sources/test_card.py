"""The cohort table that a source writes: what of the truth goes into it."""

import csv

import numpy as np
import pytest
from PIL import Image

from data_prep.cli.main import main
from data_prep.sources.card import Row, write_table


@pytest.mark.parametrize(
    ("section", "label", "kept"),
    [
        ("training_healthy", None, ("", "m.png")),
        ("training_mixed", 0, ("0", "m.png")),
        ("training_mixed", 1, ("", "")),
        ("training_mixed", None, ("", "")),
        ("test", 1, ("1", "m.png")),
    ],
)
def test_of_training_rows_only_the_mask_of_a_healthy_image_is_kept(tmp_path, section, label, kept):
    write_table([Row("a.png", "p", section, label, "m.png")], tmp_path / "t.csv")
    (row,) = csv.DictReader((tmp_path / "t.csv").open())
    assert (row["label"], row["mask"]) == kept


@pytest.mark.parametrize("command", ["films", "csv"])
def test_a_lesion_on_a_known_healthy_training_image_is_refused(tmp_path, command, capsys):
    rng, lines = np.random.default_rng(0), ["image,subject,section,group,label,mask"]
    marked = np.zeros((80, 80), np.uint8)
    marked[30:40, 30:40] = 255
    (tmp_path / "in").mkdir()
    Image.fromarray(marked).save(tmp_path / "in" / "mask.png")
    for k, known in enumerate(
        (
            *("training_healthy,,,mask.png", "training_mixed,healthy,,mask.png"),
            *("training_mixed,,0,mask.png", "training_mixed,diseased,,mask.png"),
            *("training_healthy,,,", "test,,0,", "test,,1,mask.png", "validation,,0,"),
        )
    ):
        pixels = rng.integers(0, 255, (80, 80), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / f"f{k}.png")
        lines.append(f"f{k}.png,s{k},{known}")
    table = tmp_path / "in" / "t.csv"
    table.write_text("\n".join(lines))
    words = ["--table", table, "--size", "32", "--jobs", "0", "--pseudonyms", "given"]
    words += ["--max-skipped", "100%", "--collimation", "keep", "--allow-burned-in"]
    main([command, *map(str, (tmp_path / "in", tmp_path / "out", *words))])
    refused = list(csv.DictReader((tmp_path / "out" / "skipped.csv").open()))
    assert sorted(row["source"] for row in refused) == ["f0.png", "f1.png", "f2.png"]
    assert all("its mask marks a lesion" in row["reason"] for row in refused)
