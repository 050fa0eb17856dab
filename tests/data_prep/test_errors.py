"""Messages name the nearest known name."""

import pytest

from data_prep.errors import nearest


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("lamda_gp", ["lambda_id", "lambda_gp"], ", did you mean 'lambda_gp'?"),
        ("pa,", ["AP", "PA", "LL"], ", did you mean 'PA'?"),
        ("epochs", ["lambda_gp", "seed"], ""),
        (3, [], ""),
    ],
)
def test_the_nearest_in_any_case_of_letters_or_nothing(name, known, said):
    assert nearest(name, known) == said
