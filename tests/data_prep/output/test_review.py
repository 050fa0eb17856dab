"""Films set aside for likely text: what is shown of them to whom, and how a person lets them in."""

import base64
import csv
import io
import json
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from data_prep.cli.main import main
from data_prep.datalist import SECTIONS
from data_prep.errors import DataError, UsageError
from data_prep.film import FilmRecipe, SetAside
from data_prep.film import prepare as prepare_film
from data_prep.film.options import FilmOptions
from data_prep.film.set_aside import COARSE
from data_prep.outcome import Outcome
from data_prep.output import mix, ticks
from data_prep.output.review import SET_ASIDE
from data_prep.source import Source, Truth

NAME = "MUSTERMANN ERIKA"


def film(seed: int, text: str = "", size: int = 512) -> np.ndarray:
    """uint8 (size, size): shading without a sharp edge; white text in its lower half."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(40, 160, (8, 8)).astype(np.uint8))
    picture = coarse.resize((size, size), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    pen.text((size * 0.3, size * 0.6), text, fill=255, font=ImageFont.load_default(size // 24))
    return np.asarray(picture)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """a.png and b.png with a name on them, c.png without."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for k, (stem, text) in enumerate((("a", NAME), ("b", NAME), ("c", ""))):
        Image.fromarray(film(k, text)).save(folder / f"{stem}.png")
    return folder


def private(tmp_path: Path) -> Path:
    return tmp_path / "out.review"


def filled(tmp_path: Path, **allow: str) -> Path:
    """review.csv with the cells of `allow`, by the film's stem."""
    table = private(tmp_path) / "review.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["allow"] = allow.get(Path(row["input"]).stem, "")
    with (tmp_path / "filled.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path / "filled.csv"


def taken(result) -> list[str]:
    return sorted(outcome.source for outcome in result.outcomes if outcome.taken)


def listed(tmp_path: Path, *arguments: str) -> Path:
    assert main(["review", str(tmp_path / "out"), *map(str, arguments)]) == 0
    return tmp_path / "out.allowed.txt"


class TestWhatIsShown:
    def test_the_full_pictures_are_in_a_folder_of_the_owner_beside_output(
        self, raw, tmp_path, prepare
    ):
        prepare()
        assert stat.S_IMODE(private(tmp_path).stat().st_mode) == 0o700
        pictures = sorted((private(tmp_path) / "pictures").iterdir())
        assert len(pictures) == 2
        with Image.open(pictures[0]) as picture:
            assert picture.size == (512, 512)
        page = (private(tmp_path) / "review.html").read_text()
        assert all(path.name in page for path in pictures) and "a.png" in page
        assert page.count('class="text"') >= 2

    def test_the_report_shows_each_film_coarsely_and_its_text_painted_over(
        self, raw, tmp_path, prepare
    ):
        prepare()
        page = (tmp_path / "out" / "prep_report.html").read_text()
        aside = re.search(r'<div class="aside">.*?</figure>\n</div>', page, re.S)[0]
        coarse = re.findall(r"data:image/png;base64,([^\"]+)", aside)
        assert len(coarse) == 2 and aside.count("<i style=") >= 2
        for data in coarse:
            with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
                assert max(picture.size) <= COARSE
                left, top, width, height = (
                    float(n) / 100 for n in re.search(
                        r"left:([\d.]+)%;top:([\d.]+)%;width:([\d.]+)%;height:([\d.]+)%", aside
                    ).groups()
                )  # fmt: skip
                x, y = (left + width / 2) * picture.width, (top + height / 2) * picture.height
                assert picture.getpixel((int(x), int(y))) < 40
        digests = [path.name[:64] for path in (private(tmp_path) / "pictures").iterdir()]
        written = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
        assert not any(digest.encode() in written for digest in digests)

    def test_a_name_in_a_path_is_on_the_private_page_alone(self, make_dicom, tmp_path, prepare):
        header = {"PatientName": "Amsel^Vera", "PatientID": "77123"}
        make_dicom(film(0, NAME), "raw/Amsel_77123/film.dcm", **header)
        make_dicom(film(1), "raw/film.dcm")
        prepare()
        assert "Amsel" in (private(tmp_path) / "review.html").read_text()
        for path in (tmp_path / "out").rglob("*"):
            if path.is_file():
                assert b"Amsel" not in path.read_bytes() and b"77123" not in path.read_bytes()

    def test_a_film_that_the_header_admits_is_shown_too(self, make_dicom, tmp_path, prepare):
        make_dicom(film(0), "raw/film.dcm", BurnedInAnnotation="YES")
        make_dicom(film(1), "raw/other.dcm")
        prepare()
        assert len(list((private(tmp_path) / "pictures").iterdir())) == 1
        rows = list(csv.DictReader((tmp_path / "out" / "inputs.csv").open()))
        assert [row["view"] for row in rows] == ["PA", "PA"]

    def test_of_several_frames_each_with_text_is_shown(self, make_dicom):
        stack = [film(0), film(1, NAME), film(2), film(3, NAME)]
        path = make_dicom(stack[0], frames=[frame.tobytes() for frame in stack])
        recipe = FilmRecipe(16, options=FilmOptions(frames="each"))
        frames = prepare_film(path.read_bytes(), recipe)
        assert next(frames).index == 0
        with pytest.raises(SetAside) as caught:
            next(frames)
        assert len(caught.value.looks) == 2

    def test_nothing_is_left_where_nothing_is_set_aside(self, raw, tmp_path, prepare):
        prepare()
        assert private(tmp_path).is_dir()
        for stem in "ab":
            (raw / f"{stem}.png").unlink()
        prepare()
        assert not private(tmp_path).exists()

    def test_a_folder_of_somebody_else_is_left_alone(self, raw, tmp_path, prepare):
        private(tmp_path).mkdir()
        (private(tmp_path) / "notes.txt").write_text("mine")
        with pytest.raises(UsageError, match=r"out\.review: not made by data_prep"):
            prepare()
        assert (private(tmp_path) / "notes.txt").read_text() == "mine"

    def test_none_of_it_becomes_an_input(self, raw, tmp_path, prepare):
        from flat_settings import settings

        from data_prep.pipeline import run

        inside = settings(raw, raw / "out", size=16)
        run(inside)
        (raw / "out.allowed.txt").write_text("a.png\n")
        assert sorted(o.source for o in run(inside).outcomes) == ["a.png", "b.png", "c.png"]
        assert not any("jpg" in outcome.source for outcome in prepare().outcomes)


class TestTheReview:
    def test_those_ticked_are_taken_and_the_others_stay_out(self, raw, tmp_path, prepare, capsys):
        assert taken(prepare()) == ["c.png"]
        listed(tmp_path)
        assert "review.html" in capsys.readouterr().out
        allowed = listed(tmp_path, filled(tmp_path, a="yes", b="no"))
        assert stat.S_IMODE(allowed.stat().st_mode) == 0o600
        assert f"--allow-burned-in {allowed}" in capsys.readouterr().out
        assert taken(prepare(cleared=allowed)) == ["a.png", "c.png"]
        assert len(list((private(tmp_path) / "pictures").iterdir())) == 1

    def test_a_second_review_adds_to_the_first_and_can_take_back(self, raw, tmp_path, prepare):
        prepare()
        first = filled(tmp_path, a="x").read_text()
        allowed = listed(tmp_path, filled(tmp_path, a="x"))
        prepare(cleared=allowed)
        listed(tmp_path, filled(tmp_path, b="1"))
        assert len(allowed.read_text().splitlines()) == 2
        (tmp_path / "back.csv").write_text(first.replace(";x;", ";no;"))
        listed(tmp_path, tmp_path / "back.csv")
        assert "a.png" not in allowed.read_text()

    def test_another_film_under_the_same_name_is_set_aside_again(self, raw, tmp_path, prepare):
        prepare()
        allowed = listed(tmp_path, filled(tmp_path, a="yes"))
        Image.fromarray(film(7, NAME)).save(raw / "a.png")
        assert taken(prepare(cleared=allowed)) == ["c.png"]

    def test_paths_alone_clear_a_film_too(self, raw, tmp_path, prepare):
        (tmp_path / "mine.txt").write_text("b.png\r\n")
        assert taken(prepare(cleared=tmp_path / "mine.txt")) == ["b.png", "c.png"]

    def test_a_name_that_is_not_utf8_can_be_allowed(self, raw, tmp_path, prepare):
        odd = os.fsencode(raw) + b"/K\xf6hler.png"
        os.rename(os.fsencode(raw / "a.png"), odd)
        prepare()
        table = private(tmp_path) / "review.csv"
        film_id = next(
            row["film"]
            for row in csv.DictReader(table.open(errors="surrogateescape"))
            if "hler" in row["input"]
        )
        (tmp_path / "saved.csv").write_text(f"film,allow\n{film_id},yes\n")
        assert len(taken(prepare(cleared=listed(tmp_path, tmp_path / "saved.csv")))) == 2

    def test_what_is_filled_in_survives_another_run(self, raw, tmp_path, prepare):
        prepare()
        os.replace(filled(tmp_path, a="yes"), private(tmp_path) / "review.csv")
        prepare()
        assert "a.png" in listed(tmp_path, private(tmp_path) / "review.csv").read_text()

    def test_films_of_another_run_are_refused(self, raw, tmp_path, prepare, capsys):
        prepare()
        (tmp_path / "saved.csv").write_text(f"film,allow\n{'a' * 64},yes\n")
        assert main(["review", str(tmp_path / "out"), str(tmp_path / "saved.csv")]) == 1
        assert "1 of its 1 films were not set aside" in capsys.readouterr().err
        assert not (tmp_path / "out.allowed.txt").exists()

    @pytest.mark.parametrize(
        "text, words",
        [
            ("film,allow\nabc,perhaps\n", "lines 2"),
            ("film,allow\n,yes\n", "lines 2"),
            ("input,allow\na,yes\n", "columns film and allow"),
            ("", "columns film and allow"),
            ("film,allow\n" + "a" * 200_000 + ",yes\n", "as CSV"),
        ],
    )
    def test_a_table_that_is_not_clear_is_refused(self, tmp_path, text, words):
        (tmp_path / "saved.csv").write_text(text)
        with pytest.raises(DataError, match=words):
            ticks.read(tmp_path / "saved.csv")

    def test_a_list_that_is_damaged_is_refused(self, raw, tmp_path, prepare):
        prepare()
        (private(tmp_path) / "films.json").write_text(json.dumps([1]))
        assert main(["review", str(tmp_path / "out")]) == 2


class TestTheMix:
    def test_the_report_says_how_many_of_each_section_and_view(self, raw, tmp_path, prepare):
        rows = "image,subject,section,label,view\na.png,1,test,1,AP\nb.png,2,test,0,AP supine\n"
        (tmp_path / "t.csv").write_text(f"{rows}c.png,3,test,0,PA\n")
        result = prepare(table=tmp_path / "t.csv")
        said = "2 of 3 films are set aside for likely text: AP 2 of 2 (100 %), PA 0 of 1 (0 %)"
        assert said in result.summary and "mix of cases: AP 67 % before, 0 % now" in result.summary
        page = (tmp_path / "out" / "prep_report.html").read_text()
        assert said in page and "<td>test</td><td>AP</td>" in page

    def test_the_protocol_of_your_own_table_keeps_the_views(self, raw, tmp_path):
        rows = "image,subject,section,label,aspect\na.png,1,test,1,AP\nc.png,3,test,0,PA\n"
        (tmp_path / "t.csv").write_text(rows)
        given = [str(raw), str(tmp_path / "out"), "--table", str(tmp_path / "t.csv")]
        main(["csv", *given, "--columns", "view=aspect", "--size", "16", "--jobs", "0"])
        rows = list(csv.DictReader((tmp_path / "out" / "inputs.csv").open()))
        assert sorted(row["view"] for row in rows) == ["AP", "PA"]

    def test_a_film_that_the_table_calls_lateral_is_left_out(self, raw, tmp_path, prepare):
        (tmp_path / "t.csv").write_text("image,subject,section,view\nc.png,3,test,LAT\n")
        (outcome,) = prepare(table=tmp_path / "t.csv").outcomes
        assert outcome.reason == "a lateral film"
        result = prepare(table=tmp_path / "t.csv", options=FilmOptions(views="any"))
        assert taken(result) == ["c.png"]

    def test_equal_shares_change_nothing(self):
        def outcome(view: str, aside: bool) -> Outcome:
            details = {"view": view, **({SET_ASIDE: {}} if aside else {})}
            return Outcome("left" if aside else "written", "x", details=details)

        sources = [Source("x", Path("x"), "picture", truth=Truth(s)) for s in SECTIONS]
        outcomes = [outcome(view, aside) for view in ("AP", "PA") for aside in (True, False)]
        assert len(mix.sentences(sources, outcomes)) == 1
        assert [share.percent for share in mix.shares(sources, outcomes)] == [
            "100 %", "0 %", "100 %", "0 %",
        ]  # fmt: skip
