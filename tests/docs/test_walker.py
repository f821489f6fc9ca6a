"""A page is done as it says, and what is wrong on it is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.walker import Walker
from tests.support.markdown import parts_of

pytestmark = pytest.mark.docs


def walk(text: str, folder: Path) -> None:
    """Do what a page with this text says, in a folder."""
    page = folder / "page.md"
    page.write_text(text)
    with Walker(folder) as reader:
        reader.walk(parts_of(page))


RIGHT = """
This is the new file `a/greet.py`:

```python
print("Good morning")
```

And at the end of `a/greet.py`:

```python
print("Good night", 42)
```

```shell
python a/greet.py
```

```text
Good morning
Good night …
```
"""


def test_a_page_is_done(tmp_path):
    walk(RIGHT, tmp_path)
    assert (tmp_path / "a" / "greet.py").read_text().splitlines()[0] == 'print("Good morning")'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Good night …", "Good day", r"page.md:19: The page says\s+Good morning\nGood day"),
        ("Good night …\n", "", "page.md:19: The page says"),
        ("And at the end of", "And the whole of", "page.md:19: The page says"),
        ("And at the end of `a/greet.py`", "And the new file `a/greet.py`", "a/greet.py exists"),
        ("And at the end of `a/greet.py`:", "And this:", "What is to be done with this python"),
        ("python a/greet.py", "python a/meet.py", "page.md:15: .*failed"),
        ("python a/greet.py", "pip install teapot", "page.md:15: .*teapot"),
        ('print("Good night", 42)', "print(", "page.md:15: .*failed"),
    ],
)
def test_a_page_that_is_wrong_fails(tmp_path, old, new, message):
    assert old in RIGHT
    with pytest.raises(AssertionError, match=message):
        walk(RIGHT.replace(old, new), tmp_path)


def test_a_server_that_does_not_come_up_is_told(tmp_path):
    text = "```shell\npython manage.py runserver\n```"
    with pytest.raises(AssertionError, match=r"page.md:2: The server has ended(?s:.)*manage.py"):
        walk(text, tmp_path)
