"""Files are whole or absent, and one function hashes them."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_prep.files import feed, read_json, sha256, whole, write_csv, write_json, write_text


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


def test_what_a_killed_process_left_is_no_obstacle(tmp_path):
    (tmp_path / f"t.csv.{os.getpid()}.tmp").write_text("half")
    write_csv(tmp_path / "t.csv", ["a"], [[1]])
    assert (tmp_path / "t.csv").read_bytes() == b"a\n1\n"
    assert len(list(tmp_path.iterdir())) == 1


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
    for private, cell in ((True, b"caf\xe9.dcm"), (False, b"caf?.dcm")):
        write_csv(tmp_path / "t.tsv", ["n", "m"], [[name, None]], delimiter="\t", private=private)
        assert (tmp_path / "t.tsv").read_bytes() == b"n\tm\n" + cell + b"\t\n"
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
