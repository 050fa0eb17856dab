"""The reader of pages, on pages made for it."""

import pytest
from docs_pages import read

PAGE = """# A title: `code`, and more

Say `healthygan train`, type `healthygan train data --set
lambda_id=2`, or see [there](other.md#part).

```sh slow
D=data
# a comment
healthygan check \\
    $D
```

```json
{"a": 1}
```

```python
x = 1
```

```sh in=bundle exit=3 cannot: needs a network
curl -s there
```

<!-- slow -->
| a table | with `pytest -m slow` |
|---|---|
| again | `pip install .` |
"""


def test_commands_come_in_the_order_of_the_page_with_their_marks():
    found = [(c.text, c.kind, c.python, c.inline) for c in read(PAGE).commands]
    assert found == [
        ("healthygan train data --set lambda_id=2", "run", False, True),
        ("D=data", "slow", False, False),
        ("healthygan check      $D", "slow", False, False),
        ("x = 1\n", "run", True, False),
        ("curl -s there", "cannot", False, False),
        ("pytest -m slow", "slow", False, True),
        ("pip install .", "slow", False, True),
    ]
    assert [(c.folder, c.exit_code) for c in read(PAGE).commands if c.kind == "cannot"] == [
        ("bundle", 3)
    ]


def test_fences_links_and_anchors():
    page = read(PAGE)
    assert [fence.language for fence in page.fences] == ["sh", "json", "python", "sh"]
    assert page.links == [(3, "other.md#part")]
    assert page.anchors == {"a-title-code-and-more"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("```\npip install .\n```", "after a fence"),
        ("```shell\npip install .\n```", "after a fence"),
        ("```sh quick\npip install .\n```", "after a fence"),
        ("```json slow\n{}\n```", "after a fence"),
        ("    pip install .", "indented block"),
        ("```sh cannot\npip install .\n```", "after a fence"),
        ("```sh cannot: \npip install .\n```", "after a fence"),
        ("```json cannot: needs a network\n{}\n```", "after a fence"),
        ("<!-- slow -->\n```sh\npip install .\n```", "after its language"),
        ("<!-- cannot -->\nSay `pip install .`", "the reason"),
        ("<!-- cannot: -->\nSay `pip install .`", "the reason"),
        ("<!-- never -->\nSay `pip install .`", "the reason"),
        ("<!-- slow -->\n\nSay `pip install .`", "for no command"),
        ("<!-- slow -->\nNo command here.", "for no command"),
        ("Here `pytest -m slow` <!-- slow -->", "a line above"),
    ],
)
def test_what_is_unmarked_or_marked_wrongly_is_an_error(text, reason):
    with pytest.raises(ValueError, match=reason):
        read(text)
