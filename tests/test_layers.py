"""Which package may need which, as docs/hail.md lists them for those who look for something."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
LISTED = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "hail.md").read_text().split("## Where the code is")[1], re.M)
FOLDERS = {path.parent.name: path.parent for path in (ROOT / "recbole_hail").glob("*/__init__.py")}
FOLDERS["dataset_converters"] = ROOT / "dataset_converters"


def imported(file: Path) -> set[str]:
    """The packages that a file needs, within functions too."""
    nodes = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]
    names = [f"{node.module}.{alias.name}" for node in nodes for alias in node.names]
    return {part for name in names for part in name.removeprefix("recbole_hail.").split(".")[:1]} & FOLDERS.keys()


def test_every_package_is_listed():
    assert sorted(LISTED) == sorted(FOLDERS)


def test_packages_need_those_above_them_alone():
    """Data needed the evaluation, which needs data."""
    below = {
        f"{file.relative_to(ROOT)} needs {other}"
        for place, package in enumerate(LISTED)
        for file in FOLDERS[package].glob("*.py")
        for other in imported(file)
        if LISTED.index(other) > place
    }
    assert below == set()
