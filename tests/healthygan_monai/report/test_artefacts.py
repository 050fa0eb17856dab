import pytest

from healthygan_monai.report.artefacts import read_artefacts, read_metrics


def test_a_last_line_cut_off_by_a_crash_is_dropped_and_a_resumed_run_overwrites(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"iteration": 10, "loss_d": 1}\n{"iteration": 20, "loss_d": 2}\n'
        '{"iteration": 10, "loss_d": 3}\n{"iteration": 30, "lo',
        encoding="utf-8",
    )
    assert read_metrics(path) == [{"iteration": 10, "loss_d": 3}, {"iteration": 20, "loss_d": 2}]


def test_a_broken_line_in_the_middle_is_not_passed_over(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"iter\n{"iteration": 20}\n', encoding="utf-8")
    with pytest.raises(ValueError):
        read_metrics(path)


@pytest.mark.parametrize(
    "line",
    [
        '{"iteration": 1e400}',
        '{"iteration": "3"}',
        '{"loss_d": 3}',
        '{"iteration": 3, "loss_d": 1' + "0" * 400 + "}",
        '{"iteration": 3, "loss_d": "x"}',
        "[" * 5_000 + "]" * 5_000,
        "[]",
        "null",
    ],
)
def test_a_line_that_holds_no_numbers_is_a_reason(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{line}\n{{"iteration": 20}}\n')
    with pytest.raises(ValueError):
        read_metrics(path)


def test_numbers_of_a_divergence_are_read(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"iteration": 20, "loss_d": NaN, "loss_g": null}\n')
    assert read_metrics(path)[0]["loss_g"] is None


@pytest.mark.parametrize(("chosen", "name"), [(10, "fid"), (20, "aucp"), (30, None)])
def test_the_criterion_named_is_the_one_that_chose(tmp_path, chosen, name):
    table = "iteration,fid,aucp,fid_features,chosen\n"
    for iteration, fid, aucp in ((10, 1, 0.5), (20, 2, 0.9), (30, 3, 0.6)):
        table += f"{iteration},{fid},{aucp},net,{int(iteration == chosen)}\n"
    (tmp_path / "selection.csv").write_text(table, encoding="utf-8")
    (tmp_path / "config.json").write_text('{"criterion": "fid"}', encoding="utf-8")
    assert read_artefacts(tmp_path).criterion() == name


@pytest.mark.parametrize(("error", "name"), [(0.1, "aucp"), (0, None)])
def test_the_latest_of_checkpoints_alike_was_chosen_by_aucp(tmp_path, error, name):
    """Within a standard error of the best; it is not the best for that."""
    judged = ((10, 0.5), (20, 0.9), (30, 0.85))
    rows = [f"{i},{i},{aucp},net,{int(i == 30)},{error}" for i, aucp in judged]
    table = ["iteration,fid,aucp,fid_features,chosen,aucp_error", *rows]
    (tmp_path / "selection.csv").write_text("\n".join(table), encoding="utf-8")
    (tmp_path / "config.json").write_text('{"criterion": "aucp"}', encoding="utf-8")
    found = read_artefacts(tmp_path)
    assert (found.criterion(), found.is_best_at_the_end()) == (name, False)
