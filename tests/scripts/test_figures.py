"""``scripts/figures``: measured numbers in README and docs are those of the benchmarks."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from scripts import figures
from scripts.figures import check, update

DATA = {
    "pages": {"data": {"kit": {"show_us": 28.14, "load_us": 13.1, "queries": 1}}},
    "uploads": {"data": {"easy": {"wall_ms": 2086.4, "least_times": 10.96}}},
    "growth": {"data": {"kit": {"100000": {"sweep_s": 0.0214}}}},
}


@pytest.fixture
def root(tmp_path):
    """A project with results, and with the page and a plot that were made from them."""
    for folder in ("docs/explanation", "docs/images"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / figures.RESULTS).write_text(json.dumps(DATA))
    stamp = f"<!-- made from results {digest(tmp_path)} -->"
    (tmp_path / figures.PAGE).write_text(f"{stamp}\n\nAn upload takes 147 ms.\n")
    (tmp_path / "docs/images/benchmark-pages-light.svg").write_text(f"<svg>{stamp}</svg>")
    (tmp_path / "README.md").write_text("# A project\n")
    return tmp_path


def digest(root: Path) -> str:
    return hashlib.sha256((root / figures.RESULTS).read_bytes()).hexdigest()[:12]


def updated(root: Path, text: str) -> str:
    (root / "README.md").write_text(text)
    update(root)
    return (root / "README.md").read_text()


def wrong(root: Path, text: str) -> list[str]:
    (root / "README.md").write_text(text)
    return check(root)


class TestUpdate:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("9 µs<!-- measured: pages.kit.show_us -->", "28 µs"),
            ("9.99 µs<!-- measured: pages.kit.show_us -->", "28.14 µs"),
            ("1 ms<!-- measured: uploads.easy.wall_ms -->", "2,086 ms"),
            ("0.20 s<!-- measured: growth.kit.100000.sweep_s -->", "0.02 s"),
            ("9,999.9\u00a0ms<!-- measured: uploads.easy.wall_ms -->", "2,086.4\u00a0ms"),
            ("9 queries<!-- measured: pages.kit.queries -->", "1 queries"),
        ],
    )
    def test_the_newest_result_is_written_with_as_many_decimals(self, root, before, after):
        comment = before[before.index("<!--") :]
        assert updated(root, f"About {before} each.\n") == f"About {after}{comment} each.\n"

    def test_emphasis_and_a_few_words_may_stand_before_the_comment(self, root):
        text = "**{} times as fast**<!-- measured: uploads.easy.least_times --> as before"
        assert updated(root, text.format(7)) == text.format(11)

    def test_a_number_without_a_unit_can_be_the_start_of_a_range(self, root):
        text = (
            "{}<!-- measured: pages.kit.load_us --> to {} µs<!-- measured: pages.kit.show_us -->\n"
        )
        assert updated(root, text.format(1, 2)) == text.format(13, 28)

    def test_other_numbers_and_unchanged_pages_stay(self, root):
        text = "At most 10 MB<!-- not measured: a setting -->, 64 px, `4 ms`.\n"
        (root / "docs/more.md").write_text(text)
        assert update(root) == []
        assert (root / "docs/more.md").read_text() == text

    def test_the_page_of_the_benchmarks_is_left_alone(self, root):
        before = (root / figures.PAGE).read_text()
        update(root)
        assert (root / figures.PAGE).read_text() == before

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            (
                "1 ms<!-- measured: uploads.hard.wall_ms -->",
                (
                    "uploads.hard.wall_ms is not in docs/explanation/benchmarks.json. "
                    "Its keys are a section, then its data."
                ),
            ),
            (
                "1 ms<!-- measured: uploads.easy -->",
                "uploads.easy is not in ms. The end of a key is its unit.",
            ),
            (
                "1 ms<!-- measured: pages.kit.show_us -->",
                "pages.kit.show_us is not in ms. The end of a key is its unit.",
            ),
            (
                "0 s<!-- measured: growth.kit.100000.sweep_s -->",
                "growth.kit.100000.sweep_s is 0.0214, which 0 has too few decimals for.",
            ),
        ],
    )
    def test_what_cannot_be_right_stays_and_check_says_why(self, root, text, error):
        right = "0 µs<!-- measured: pages.kit.show_us -->"
        assert updated(root, f"{text}, {right}") == f"{text}, {right.replace('0', '28')}"
        assert wrong(root, text) == [f"README.md: {error}"]


class TestCheck:
    @pytest.mark.parametrize(
        "number",
        [
            "3 ms",
            "2 µs",
            "0.2 s",
            "3 seconds",
            "700 bytes",
            "100 kB",
            "4 KB",
            "8 MiB",
            "40 MB",
            "5 %",
            "5%",
            "48 dB",
            "2.5 times",
            "1 query",
            "6 queries",
            "1,251\xa0ms",
            "22 requests",
        ],
    )
    def test_a_number_with_a_unit_that_nobody_explains_is_wrong(self, root, number):
        said = " ".join(number.split())
        assert wrong(root, f"It takes **{number}** each.\n") == [
            f"README.md: “{said}” is neither “measured: KEY” nor “not measured: REASON”."
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "4 KB<!-- not measured: the default of nginx -->",
            "**4 KB** of headers<!-- not measured: the default of nginx -->",
            "`4 KB` in code",
            "```python\ntime.sleep(1)  # 4 KB, 3 ms\n```",
            "64 px, 10 people, version 5.2, Django 6.0 sends, 2 sides, k1-10 sizes",
        ],
    )
    def test_these_are_fine(self, root, text):
        assert wrong(root, f"{text}\n") == []

    def test_a_number_that_differs_from_the_results_is_wrong(self, root):
        text = "27 µs<!-- measured: pages.kit.show_us -->"
        assert wrong(root, text) == ["README.md: 27 (pages.kit.show_us) is 28 µs now."]

    def test_a_page_and_plots_of_other_results_are_wrong(self, root):
        (root / figures.RESULTS).write_text(json.dumps({**DATA, "queries": {"data": {}}}))
        assert check(root) == [
            "docs/explanation/benchmarks.md was made from other results.",
            "docs/images/benchmark-pages-light.svg was made from other results.",
        ]


class TestCommand:
    def test_check_lists_what_is_wrong_and_fails(self, root, monkeypatch, capsys):
        (root / "README.md").write_text("It takes 3 ms.\n")
        monkeypatch.setattr(figures, "check", lambda: check(root))
        monkeypatch.setattr("sys.argv", ["figures", "check"])
        with pytest.raises(SystemExit, match=r"^1 errors\. `python -m scripts.figures --help`"):
            figures.main()
        assert capsys.readouterr().out.startswith("README.md: “3 ms” is neither")

    def test_update_lists_the_changed_pages(self, root, monkeypatch, capsys):
        (root / "README.md").write_text("3 µs<!-- measured: pages.kit.show_us -->\n")
        monkeypatch.setattr(figures, "update", lambda: update(root))
        monkeypatch.setattr("sys.argv", ["figures", "update"])
        figures.main()
        assert capsys.readouterr().out == f"{root / 'README.md'}\n"
