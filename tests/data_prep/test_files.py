"""Files are whole or absent, and one function hashes them."""

import csv
import errno
import hashlib
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from data_prep.errors import disk_words
from data_prep.files import (
    WriteError,
    cell,
    feed,
    read_csv,
    read_json,
    sha256,
    whole,
    write_csv,
    write_json,
    write_text,
)


@pytest.mark.parametrize("same_name", [False, True])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, same_name):
    path = tmp_path / "a" / "b.txt"
    with whole(path, same_name=same_name) as part:
        part.write_text("old")
    with pytest.raises(ZeroDivisionError), whole(path, same_name=same_name) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]
    assert path.read_text() == "old"


def test_the_file_is_not_there_before_it_is_whole(tmp_path):
    with whole(tmp_path / "b.txt") as part:
        part.write_text("half")
        assert not (tmp_path / "b.txt").exists() and part.parent == tmp_path


def test_two_processes_write_to_two_temporary_files_of_the_file_system_of_the_file(tmp_path):
    code = "import sys; from data_prep.files import *; from pathlib import Path\n"
    code += "with whole(Path(sys.argv[1])) as part: print(part); part.touch()"
    words = [sys.executable, "-c", code, str(tmp_path / "b.txt")]
    with whole(tmp_path / "b.txt") as mine:
        mine.write_text("mine")
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        other = Path(done.stdout.strip())
        assert other != mine and other.parent == mine.parent
    assert (tmp_path / "b.txt").read_text() == "mine"


def test_a_writer_that_goes_by_the_name_gets_it(tmp_path):
    with whole(tmp_path / "head.nii.gz", same_name=True) as part:
        assert part.name == "head.nii.gz" and part.parent.parent == tmp_path
        part.touch()


KILLED = """
import os, sys
from pathlib import Path
from data_prep.files import whole
for name in ("t.csv", "head.nii.gz"):
    with whole(Path(sys.argv[1]) / name, same_name=name != "t.csv") as part:
        part.write_text("half")
        if name != "t.csv":
            whole(Path(sys.argv[1]) / "u.csv").__enter__().write_text("half")
            os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no kill -9")
def test_what_a_killed_process_left_is_no_obstacle_and_goes_with_the_next_write(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert len(list(tmp_path.iterdir())) == 3  # one whole file, and two halves
    with whole(tmp_path / "v.csv") as of_a_living_one:
        of_a_living_one.touch()
        write_csv(tmp_path / "t.csv", ["a"], [[1]])
        assert of_a_living_one.exists()
    assert (tmp_path / "t.csv").read_bytes() == b"a\n1\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "v.csv"]


@pytest.mark.parametrize("same_name", [False, True])
def test_a_file_that_cannot_be_written_is_named_itself(tmp_path, same_name):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError) as caught, whole(tmp_path / "file" / "a.csv"):
        pass
    assert caught.value.filename == str(tmp_path / "file")
    with pytest.raises(WriteError) as caught, whole(tmp_path / "a", same_name=same_name):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "a") and caught.value.errno == errno.ENOSPC
    assert not (tmp_path / "a").exists()


def test_an_error_of_another_file_stays_what_it_is(tmp_path):
    with pytest.raises(FileNotFoundError), whole(tmp_path / "a"):
        (tmp_path / "b").read_bytes()
    with pytest.raises(ConnectionResetError), whole(tmp_path / "a"):
        raise ConnectionResetError(errno.ECONNRESET, "reset")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOTDIR])
def test_the_words_for_an_error_of_the_disk_are_one_line_with_the_place_and_a_remedy(number):
    words = disk_words(OSError(number, os.strerror(number), "/out/a.png"))
    assert words.startswith(f"{os.strerror(number)}: /out/a.png; ") and "\n" not in words
    assert disk_words(OSError(number, "full"), "/out").startswith("full: /out; ")


def test_json_that_cannot_be_written_changes_nothing(tmp_path):
    write_json(tmp_path / "a.json", {"a": Path("b")})
    with pytest.raises((TypeError, ValueError)):
        write_json(tmp_path / "a.json", {(1, 2): 3})
    assert read_json(tmp_path / "a.json") == {"a": "b"}
    assert (tmp_path / "a.json").read_bytes() == b'{\n  "a": "b"\n}\n'
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX")
def test_a_private_table_is_its_owners_alone_and_keeps_every_byte_of_a_name(tmp_path):
    name = os.fsdecode(b"caf\xe9.dcm")
    for private, text in ((True, b"caf\xe9.dcm"), (False, b"caf?.dcm")):
        write_csv(tmp_path / "t.tsv", ["n", "m"], [[name, None]], delimiter="\t", private=private)
        assert (tmp_path / "t.tsv").read_bytes() == b"n\tm\n" + text + b"\t\n"
        assert bool((tmp_path / "t.tsv").stat().st_mode & 0o077) is not private


def test_the_hash_is_that_of_the_bytes_whatever_the_size(tmp_path):
    data = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(data)
    assert sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()
    begun = hashlib.sha256(b"x")
    assert feed(begun, tmp_path / "a") is begun
    assert begun.digest() == hashlib.sha256(b"x" + data).digest()


def test_text_has_unix_line_ends(tmp_path):
    write_text(tmp_path / "a", "ä\nb\n")
    assert (tmp_path / "a").read_bytes() == "ä\nb\n".encode()


FORMULAS = (
    "=1+1",
    "+1-cmd|' /C calc'!A0",
    "-2+3+cmd|x",
    "@SUM(A1)",
    "\t=x",
    " =x",
    "＝1",
    "a;=x",
    "\r@x",
)


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_no_cell_of_a_table_is_a_formula_and_every_text_comes_back(tmp_path, delimiter):
    rows = [[text, text, "'" + text, "plain"] for text in FORMULAS]
    write_csv(tmp_path / "t.csv", ["a", "=b", "c", "d"], rows, delimiter=delimiter)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        for line in csv.reader(file, delimiter=delimiter):
            for text in line:
                assert not re.search(r"(^|[;\t\r\n])\s*[=+\-@＝]", text), text
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        columns, records = read_csv(file, delimiter)
    assert columns[0] == "a" and [list(record.values()) for _, record in records] == rows


@pytest.mark.parametrize(
    "text",
    ["-0.5", "+3", "-1e-05", "-.5", "-12%", "-0.05 (-0.10 to 0.01; p = 0.2)", "-0.1 ± 0.2", "a-b",
     "sub-01", "x@y", "", "2024-01-01", "it's = fine"],
)  # fmt: skip
def test_numbers_and_other_texts_stay_as_they_are(text):
    assert cell(text) == text
    assert cell(-0.5) == -0.5 and cell(None) is None


def test_any_text_comes_back_from_a_table(tmp_path):
    rng = random.Random(0)
    texts = ["".join(rng.choices("=-+@'; \t\r\n1a,\"＝", k=rng.randrange(9))) for _ in range(3000)]
    write_csv(tmp_path / "t.csv", ["a", "b"], [[text, "x"] for text in texts])
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        _, records = read_csv(file)
    assert [record["a"] for _, record in records] == texts


def test_a_text_with_a_nul_stops_no_table(tmp_path):
    write_csv(tmp_path / "t.csv", ["a", "b"], [["x\0y", "z"]])
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        ((_, record),) = read_csv(file)[1]
    assert record == {"a": "x\0y" if sys.version_info >= (3, 11) else "x\ufffdy", "b": "z"}


def test_tables_are_written_in_one_place():
    packages = [ROOT / "data_prep", ROOT / "healthygan_monai"]
    modules = [path for package in packages for path in package.rglob("*.py")]
    words = ("csv.writer", "DictWriter", "to_csv", "savetxt")
    found = {p.name for p in modules if any(word in p.read_text("utf-8") for word in words)}
    assert found == {"files.py"}


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, "9" * 5000])
def test_json_that_is_too_deep_or_too_long_is_no_json(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError):
        read_json(tmp_path / "a.json")
