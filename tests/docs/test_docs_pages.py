"""The reader of pages, on a page made for it."""

from __future__ import annotations

from docs_pages import anchors, blocks, commands, links

PAGE = """# A title: `code`, and more

Say `healthygan train`, type `healthygan train data --set
lambda_id=2`, or see [there](other.md#part).

    D=data
    healthygan prep films $D out   # comment

    {"a": 1}

```python
x = 1
```

then

```python
print(x)
```

```
healthygan check \\
    out
```
"""


def test_commands_come_in_the_order_of_the_page_with_their_variables():
    found = [(c.text, c.python, c.variables) for c in commands(PAGE)]
    assert found == [
        ("healthygan train data --set lambda_id=2", False, ()),
        ("healthygan prep films $D out   # comment", False, ("D=data",)),
        ("x = 1\n\nprint(x)", True, ("D=data",)),
        ("healthygan check      out", False, ("D=data",)),
    ]


def test_blocks_have_a_language():
    assert [b.language for b in blocks(PAGE)] == ["shell", "json", "python", "python", "shell"]


def test_links_and_anchors():
    assert links(PAGE) == [(4, "other.md#part")]
    assert anchors(PAGE) == {"a-title-code-and-more"}
