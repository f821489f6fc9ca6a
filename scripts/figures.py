"""Keep the measured numbers of the documentation: ``python -m scripts.figures update|check``.

A measured number in README.md or docs/ is followed by a comment, which no reader sees:

    A sweep takes 0.2 s<!-- measured: growth.kit.100000.sweep_s --> for each avatar.

The key leads into the results of the benchmarks, docs/explanation/benchmarks.json: a section, then
the path inside its ``data``. ``update`` writes the newest result there, with as many decimals as
the number has. The benchmarks do this at their end.

A number that nobody measures, such as a limit of a browser, says where it comes from:

    Common proxies take 4 KB<!-- not measured: the default of nginx --> of headers.

``check`` changes nothing. It says which numbers with a unit have no such comment, which differ
from the results, and which plots were drawn from others. Code, in blocks and in backticks, is not
read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path("docs/explanation/benchmarks.json")
#: Written from the results as a whole.
PAGE = Path("docs/explanation/benchmarks.md")
PLOTS = Path("docs/images")

#: What a measured number can be followed by, and how the last part of its key ends then.
UNITS = {
    "ms": "ms",
    "µs": "us",
    "s": "s",
    "second": "s",
    "seconds": "s",
    "bytes": "bytes",
    "kB": "kb",
    "KB": "kb",
    "KiB": "kib",
    "MB": "mb",
    "MiB": "mib",
    "GB": "gb",
    "%": "percent",
    "dB": "db",
    "times": "times",
    "query": "queries",
    "queries": "queries",
    "request": "requests",
    "requests": "requests",
}
NUMBER = r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?"
UNIT = rf"(?:{'|'.join(UNITS)})(?!\w)"
#: Between a number and its comment there may be a unit, emphasis or a few words.
NEAR = r"[^\d<]{0,24}?"
MARKED = re.compile(rf"(?P<number>{NUMBER})(?P<between>{NEAR})<!-- measured: (?P<key>[\w.]+) -->")
WITH_UNIT = re.compile(rf"{NUMBER}[\s ]?(?P<unit>{UNIT})")
EXPLAINED = re.compile(rf"{NEAR}<!-- (?:not )?measured: [^>]+ -->")
#: Not read. Comments stay, because they explain the numbers before them.
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)


class FigureError(Exception):
    """A number of the documentation cannot be right. Names the key and says why."""


def pages(root: Path) -> list[Path]:
    """The pages that may have such numbers."""
    found = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return [path for path in found if path != root / PAGE and "_build" not in path.parts]


def results(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / RESULTS).read_text(encoding="utf-8"))
    return found


def looked_up(results: dict[str, Any], key: str) -> float:
    """The result with this key. Raises :class:`FigureError` if there is none."""
    section, *path = key.split(".")
    value: Any = results.get(section, {}).get("data", {})
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, (int, float)):
        raise FigureError(f"{key} is not in {RESULTS}. Its keys are a section, then its data.")
    return value


def written(value: float, like: str, key: str) -> str:
    """The value with as many decimals as another number has."""
    decimals = len(like.partition(".")[2])
    text = f"{value:,.{decimals}f}"
    if value and not float(text.replace(",", "")):
        raise FigureError(f"{key} is {value}, which {like} has too few decimals for.")
    return text


def replaced(results: dict[str, Any], match: re.Match[str]) -> str:
    """The same text with the number of the results."""
    key, between = match["key"], match["between"]
    unit = re.match(rf"[\s ]?({UNIT})", between)
    if unit and not key.endswith(f"_{UNITS[unit[1]]}") and not key.endswith(f".{UNITS[unit[1]]}"):
        raise FigureError(f"{key} is not in {unit[1]}. The end of a key is its unit.")
    number = written(looked_up(results, key), match["number"], key)
    return f"{number}{between}<!-- measured: {key} -->"


def replaced_if_known(results: dict[str, Any], match: re.Match[str]) -> str:
    try:
        return replaced(results, match)
    except FigureError:
        return match[0]


def update(root: Path = ROOT) -> list[Path]:
    """Write the results into all pages. Gives those that have changed.

    A number whose key cannot be right stays as it is. :func:`check` says why.
    """
    found, changed = results(root), []
    for path in pages(root):
        old = path.read_text(encoding="utf-8")
        new = MARKED.sub(partial(replaced_if_known, found), old)
        if new != old:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def check(root: Path = ROOT) -> list[str]:
    """What is wrong with the numbers of the documentation; for people."""
    found = results(root)
    wrong = list(stale(root))
    for path in pages(root):
        name, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        wrong += [f"{name}: {problem}" for problem in unexplained(text)]
        wrong += [f"{name}: {problem}" for problem in outdated(found, text)]
    return wrong


def unexplained(text: str) -> Iterator[str]:
    """Numbers with a unit that no comment follows."""
    prose = CODE.sub("…", text)
    for match in WITH_UNIT.finditer(prose):
        if not EXPLAINED.match(prose, match.end()):
            said = " ".join(match[0].split())
            yield f"“{said}” is neither “measured: KEY” nor “not measured: REASON”."


def outdated(results: dict[str, Any], text: str) -> Iterator[str]:
    """Numbers that are not those of the results."""
    for match in MARKED.finditer(text):
        if problem := outdated_figure(results, match):
            yield problem


def outdated_figure(results: dict[str, Any], match: re.Match[str]) -> str:
    try:
        right = replaced(results, match)
    except FigureError as error:
        return str(error)
    now = right.partition("<")[0].strip()
    return "" if right == match[0] else f"{match['number']} ({match['key']}) is {now} now."


def stale(root: Path) -> Iterator[str]:
    """The page of the benchmarks and plots that were made from other results."""
    digest = hashlib.sha256((root / RESULTS).read_bytes()).hexdigest()[:12]
    for path in [root / PAGE, *sorted((root / PLOTS).glob("benchmark-*.svg"))]:
        if f"from results {digest} -->" not in path.read_text(encoding="utf-8"):
            yield f"{path.relative_to(root).as_posix()} was made from other results."


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["update", "check"])
    if parser.parse_args().action == "update":
        print(*update(), sep="\n")
        return
    wrong = check()
    if wrong:
        print(*wrong, sep="\n")
        sys.exit(f"{len(wrong)} errors. `python -m scripts.figures --help` says what to do.")
    print("All measured numbers are those of the results.")


if __name__ == "__main__":
    main()
