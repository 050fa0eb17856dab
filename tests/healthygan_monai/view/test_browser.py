"""The pages in a headless Chromium, by keyboard alone."""

import shutil

import viewed

from healthygan_monai.scoring import write_scores
from healthygan_monai.view.cases import read_cases
from healthygan_monai.view.gallery import write_gallery

READY = "document.documentElement.dataset.ready === 'yes'"
TITLE = "document.getElementById('case-title').textContent"
SHOWN = "!document.getElementById('case').hidden"
ALL_LOADED = "[...document.images].every((i) => i.naturalWidth || i.closest('[hidden]'))"


def test_a_reader_goes_through_the_cases_by_keyboard(run, data, serve, browser):
    viewer = serve(run, data)
    browser.open(viewer.address, READY)
    browser.press("j")
    browser.press("j")
    browser.press("k")
    browser.press("Enter")
    browser.wait(SHOWN)
    assert browser.value(TITLE) == "sub-00000, slice 0"
    browser.press("ArrowRight")
    browser.wait(f"{TITLE} === 'sub-00000, slice 1'")
    browser.wait("document.querySelector('#panels .over')?.naturalWidth > 0")
    browser.press("o")
    assert browser.value("document.querySelector('#panels .over')") is None
    browser.press("h")
    over = "document.querySelector('#panels .over')?.className"
    assert browser.value(over) == "healthy over"
    browser.press("h")
    assert browser.value(over) is None  # as it was before
    browser.press("s")
    browser.press("m")
    browser.type("tube o s j")  # letters that are keys elsewhere
    browser.press("Escape")
    browser.wait("document.getElementById('saved').textContent.startsWith('Saved')")
    browser.press("ArrowLeft")
    browser.wait(f"{TITLE} === 'sub-00000, slice 0'")
    assert browser.value("document.getElementById('remark').value") == ""
    browser.press("Escape")
    browser.wait("!document.getElementById('grid').hidden")
    assert browser.value("document.activeElement.hash") == "#case=0"
    assert viewer.review.marks() == [(1, {"seen": True, "remark": "tube o s j"})]
    assert browser.logged == []


def test_marks_are_there_after_a_restart_and_can_be_filtered(run, data, serve, browser):
    serve(run, data).review.mark(5, True, "=look")
    browser.open(serve(run, data).address, READY)
    assert "1 seen" in browser.value("document.getElementById('count').textContent")
    browser.value(
        "{const marks = document.getElementById('marks'); marks.value = 'remark';"
        "marks.dispatchEvent(new Event('change'))}"
    )
    texts = browser.value("[...document.querySelectorAll('.card')].map((c) => c.textContent)")
    assert len(texts) == 1 and "=look" in texts[0]


def test_sections_and_subjects_are_filtered(run, data, serve, browser):
    browser.open(serve(run, data).address, READY)
    browser.press("/")
    browser.type("00001")
    count = "document.getElementById('count').textContent"
    assert browser.value(count).startswith("2 of 8")
    browser.value(
        "{const one = document.getElementById('section'); one.value = 'validation';"
        "one.dispatchEvent(new Event('change'))}"
    )
    assert browser.value(count).startswith("1 of 8")


def test_the_gallery_works_as_a_file_without_a_network(run, data, browser):
    index = write_gallery(read_cases(run, data))
    browser.open(index.as_uri(), READY)
    browser.wait(ALL_LOADED)
    assert browser.value("document.images.length") == 4 * 8
    browser.press("j")
    browser.press("Enter")
    browser.wait(SHOWN)
    browser.wait(ALL_LOADED)
    assert browser.value("document.getElementById('remark')") is None
    # chrome: its own start page
    assert {url.partition(":")[0] for url in browser.requested} <= {"file", "data", "chrome"}
    assert browser.logged == []


def test_pages_of_the_gallery_follow_each_other(tmp_path, browser):
    rows = viewed.rows(130)
    write_scores(tmp_path / "scores.csv", rows)
    browser.open(write_gallery(read_cases(tmp_path)).as_uri(), READY)
    cards = "document.querySelectorAll('.card').length"
    assert browser.value(cards) == 60
    assert "No pictures" in browser.value("document.querySelector('.card').textContent")
    assert "healthygan infer" in browser.value("document.getElementById('notes').textContent")
    browser.value("document.querySelectorAll('.pager')[0].lastChild.click()")
    browser.value("document.querySelectorAll('.pager')[0].lastChild.click()")
    assert browser.value(cards) == 10
    browser.press("ArrowLeft")  # the last card of the page has the focus first
    assert browser.value("document.activeElement.hash") == "#case=129"


def test_the_window_changes_the_grey_levels_that_are_seen(run, data, serve, browser, tmp_path):
    from PIL import Image

    browser.open(serve(run, data).address + "#case=0", READY)
    browser.wait(ALL_LOADED)
    place = browser.value(
        "(() => {const b = document.querySelector('#panels figure.healthy .fitted')"
        ".getBoundingClientRect(); return [b.x + 2, b.y + b.height / 2]})()"
    )

    def grey() -> int:
        picture = Image.open(browser.picture(tmp_path / "seen.png")).convert("L")
        return int(picture.getpixel((int(place[0]), int(place[1]))))

    before = grey()
    browser.value(
        "{const level = document.getElementById('level'); level.value = 100;"
        "level.dispatchEvent(new Event('input'))}"
    )
    assert grey() < before - 20
    browser.press("r")
    assert abs(grey() - before) <= 2


def test_a_volume_is_shown_with_its_map_at_the_brightest_place(tmp_path, serve, browser):
    output, inputs = viewed.make_study(tmp_path)
    browser.open(serve(output, inputs).address + "#case=1", READY)
    browser.wait("document.querySelector('canvas')?.dataset.ready === 'yes'")
    place = browser.value("Array.from(VOLUME.view.scene.crosshairPos)")
    # voxel (14, 6, 9) of (20, 24, 16); the first axis runs to the left
    sides = zip(place, (20, 24, 16), strict=True)
    assert [round(share * side - 0.5) for share, side in sides] == [5, 6, 9]
    assert browser.value("VOLUME.view.volumes.length") == 2
    assert browser.logged == []


def test_cases_of_one_patient_have_the_names_of_their_files(tmp_path, serve, browser):
    output, inputs = viewed.make_study(tmp_path)
    browser.open(serve(output, inputs).address, READY)
    heads = browser.value("[...document.querySelectorAll('.card b')].map((one) => one.textContent)")
    assert heads == ["sub-a_ses-1", "sub-b_ses-1"]
    browser.press("j")
    browser.press("Enter")
    browser.wait(SHOWN)
    said = browser.value("document.getElementById('case').textContent")
    assert said.count("sub-a_ses-1") == 1 and "Warning: first of 2 frames" in said


def test_a_picture_that_cannot_be_read_is_said(run, data, serve, browser):
    (data / "images/sub-00000/000000.png").write_bytes(b"no picture")
    shutil.rmtree(run / "pictures" / "images" / "sub-00001")
    browser.open(serve(run, data).address, READY)
    text = "document.querySelectorAll('.card')[{}].textContent"
    browser.wait(f"{text.format(0)}.includes('cannot be read')")
    assert "no picture" in browser.value(text.format(2))
