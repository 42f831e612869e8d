"""Write one HTML page about a trained model: data, curves, metrics, repeats, generators, peers and settings."""

from pathlib import Path

import recbole_hail  # noqa: F401  registers the plugin
from recbole_hail.cli.checkpoints import add_checkpoint, chosen
from recbole_hail.cli.common import say
from recbole_hail.errors import SettingsError
from recbole_hail.files import write_text
from recbole_hail.page.gather import gather
from recbole_hail.page.html import to_html
from recbole_hail.training.loading import open_run

OPENS_CHECKPOINT = True


def add_arguments(parser) -> None:
    add_checkpoint(parser, "a checkpoint of any model trained by run_recbole or compare")
    parser.add_argument("--output", type=Path, help="the page (default: beside the checkpoint, with the suffix .html)")
    parser.add_argument("--overwrite", action="store_true", help="replace the page if it exists")


def _output(arguments) -> Path:
    """Checked before the work; never a file that is not a page."""
    path = arguments.output or Path(arguments.checkpoint).with_suffix(".html")
    found = []
    if path.suffix.lower() not in (".html", ".htm"):
        found.append(f"output: {path} must end in .html")
    elif path.is_dir():
        found.append(f"output: {path} is a folder; name a file")
    elif path.exists() and not arguments.overwrite:
        found.append(f"output: {path} exists; give another name, or --overwrite")
    elif not path.absolute().parent.is_dir():
        found.append(f"output: the folder of {path} does not exist")
    if found:
        raise SettingsError(found)
    return path


def run(arguments) -> None:
    arguments.checkpoint = chosen(arguments)
    output = _output(arguments)
    with open_run(arguments.checkpoint, data_path=arguments.data_path) as found:
        report = gather(found, say=say)
    write_text(output, to_html(report))
    print(output)
