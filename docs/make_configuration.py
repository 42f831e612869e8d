"""Writes configuration.md beside this file from the comments of the shipped yaml files.

python docs/make_configuration.py
"""

import re
from pathlib import Path

HERE = Path(__file__).parent
YAML = HERE.parent / "yaml"
# First what every model has, then HAIL, then the others, which say what differs from HAIL.
FIRST = ("evaluation", "HAIL")
SETTING = re.compile(r"(?P<name>\w+):\s+(?P<value>\S.*?)(?:\s+#\s+(?P<meaning>.*))?$")
HEAD = """# Configuration

Made by `python docs/make_configuration.py` from the comments in [`yaml/`](../yaml); change them there.

Every setting can be given as `--name=value` or in a file of `--config_files`. The later of these wins: RecBole's
defaults, `evaluation.yaml`, `HAIL.yaml` (for this plugin's networks), `<dataset>.yaml`, `<Model>.yaml`,
`--config_files`, the command line. A wrong value ends a command with exit status 2 before anything is written; all
wrong values are named together. Settings without a meaning here are
[RecBole's](https://recbole.io/docs/user_guide/config_settings.html).
"""


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def rows(lines: list[str]) -> list[str]:
    """Table rows; a comment on a line of its own goes on from the row above if it is indented, else heads a part."""
    found = []
    for line in lines:
        if setting := SETTING.fullmatch(line):
            meaning = cell(setting["meaning"] or "")
            found.append(f"| `{setting['name']}` | `{cell(setting['value'])}` | {meaning} |")
        elif line.startswith(" ") and found:
            found[-1] = f"{found[-1].removesuffix(' |')} {cell(line.strip().lstrip('# '))} |"
        elif line.startswith("# "):
            found.append(f"| **{line[2:].rstrip('.')}** | | |")
    return found


def section(file: Path) -> str:
    title, *lines = file.read_text(encoding="utf-8").splitlines()
    head = title.lstrip("# ")
    while lines and lines[0].startswith("#"):  # the title goes on
        head += " " + lines.pop(0).lstrip("# ")
    name = file.relative_to(YAML).as_posix()
    table = "\n".join(rows(lines))
    return f"\n## {name}\n{head}\n\n| setting | value | meaning |\n|---|---|---|\n{table}\n"


def page() -> str:
    first = [YAML / f"{name}.yaml" for name in FIRST]
    others = {*YAML.glob("*.yaml")} - {*first}
    models_then_datasets = sorted(others, key=lambda file: (file.stem.islower(), file.stem))
    return HEAD + "".join(map(section, [*first, *models_then_datasets, *sorted((YAML / "presets").glob("*.yaml"))]))


if __name__ == "__main__":
    (HERE / "configuration.md").write_text(page(), encoding="utf-8", newline="\n")
