"""What the commands share: RecBole's arguments, and errors for people."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from recbole.quick_start import run
from torch.multiprocessing.spawn import ProcessException

import recbole_hail  # noqa: F401  registers the plugin, in spawned ranks too, which import the command again
from dataset_converters import ConversionError
from recbole_hail import distributed
from recbole_hail.errors import FileError, Interrupted, SettingsError, UserError
from recbole_hail.interrupts import listen


def guarded(command: Callable[[], None]) -> int:
    """Runs a command; exit status 0, 2 for what the user can mend, 1 for a lost rank, 130 after Ctrl-C, 143 SIGTERM."""
    listen()
    if not gc.get_freeze_count():
        gc.freeze()  # what was imported; looking for garbage among it at the end took a second
    terminated = []

    def terminate(*_) -> None:  # everything is to be left as after Ctrl-C
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        terminated.append(True)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        command()
    except SettingsError as error:
        print(*(f"error: {problem}" for problem in error.problems), sep="\n", file=sys.stderr)
        return 2
    except (UserError, ConversionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.filename is None:
            raise
        print(f"error: {FileError(error)}", file=sys.stderr)
        return 2
    except ProcessException as error:
        said, status = distributed.explained(error)
        print(f"error: {said}", file=sys.stderr)
        return status
    except KeyboardInterrupt as interrupt:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Ctrl-C and SIGTERM together end what they end once
        distributed.terminate_ranks()  # a signal to this process alone does not reach them
        goes_on = f"; {interrupt}" if isinstance(interrupt, Interrupted) else ""
        print(("ended by SIGTERM" if terminated else "interrupted") + goes_on, file=sys.stderr)
        return 143 if terminated else 130
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
    return 143 if terminated else 0  # a library may have caught the interrupt


def recbole_parser(description: str) -> argparse.ArgumentParser:
    """The arguments that RecBole's three scripts have in common; every --key=value beside them is a setting."""
    parser = argparse.ArgumentParser(
        description=description, allow_abbrev=False, epilog="Any RecBole setting can be given as --name=value."
    )
    parser.add_argument("--dataset", "-d", default="ml-100k", help="name of a dataset (default: ml-100k)")
    parser.add_argument(
        "--config_files",
        default="",
        help="yaml files with settings, or shipped presets such as HAIL-I, separated by spaces",
    )
    return parser


def add_processes(parser: argparse.ArgumentParser) -> None:
    """RecBole's arguments for training with several processes."""
    parser.add_argument("--nproc", type=at_least_1, default=1, help="processes on this machine (default: 1)")
    parser.add_argument("--ip", default="localhost", help="address of the master node (default: localhost)")
    parser.add_argument("--port", type=_port, default="5678", help="port of the master node (default: 5678)")
    parser.add_argument("--world_size", type=int, default=-1, help="processes on all machines (default: nproc)")
    parser.add_argument("--group_offset", type=int, default=0, help="global rank of this machine's first process")


def at_least_1(text: str) -> int:
    """A whole number of at least 1, as the type of an argument."""
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number of at least 1")
    return int(text)


def _port(text: str) -> str:
    if not (text.isdecimal() and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 0 to 65535")
    return text


def check_folder(name: str, folder: Path) -> None:
    """SettingsError where a folder cannot be made there; before any work."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise SettingsError([f"{name}: {folder} cannot be a folder, for {there} is none; name another"])


def run_model(model: str, files: list[str] | None, arguments: argparse.Namespace):
    """`recbole.quick_start.run` with the processes that `add_processes` read; what it returns."""
    names = ("nproc", "ip", "port", "world_size", "group_offset")
    given = {name: getattr(arguments, name) for name in names}
    if given["world_size"] != -1 and not 0 <= given["group_offset"] <= given["world_size"] - given["nproc"]:
        raise SettingsError(
            [
                f"world_size: {given['world_size']} processes on all machines have no room for nproc: {given['nproc']} "
                f"from group_offset: {given['group_offset']} on"
            ]
        )
    with distributed.started_undisturbed():
        return run(model, arguments.dataset, config_file_list=files, **given)


def check_out(arguments: argparse.Namespace) -> None:
    """SettingsError where OUT cannot be written, or is there and need not go; before any work."""
    both_exist = os.path.exists(arguments.out) and os.path.exists(arguments.checkpoint)
    if both_exist and os.path.samefile(arguments.out, arguments.checkpoint):
        raise SettingsError([f"OUT: {arguments.out} is the checkpoint itself; give another name"])
    if os.path.exists(arguments.out) and not arguments.overwrite:
        raise SettingsError([f"OUT: {arguments.out} exists; give another name, or --overwrite"])
    if not os.path.isdir(os.path.dirname(arguments.out) or "."):
        raise SettingsError([f"OUT: the folder of {arguments.out} does not exist"])


def settings_of(given: list[str], command: str) -> dict[str, str]:
    """What is written --name=value, as text.

    Raises:
        SettingsError: names the first argument that is not, or the settings that have two values.
    """
    found: dict[str, list[str]] = {}
    for argument in given:
        name, equals, value = argument.removeprefix("--").partition("=")
        if not (argument.startswith("--") and name and equals):
            raise SettingsError([f"{argument}: is no argument of {command}; settings are written --name=value"])
        found.setdefault(name, []).append(value)
    twice = {name: list(dict.fromkeys(values)) for name, values in found.items() if len(set(values)) > 1}
    if twice:
        raise SettingsError(
            [f"{name}: given as {' and as '.join(values)}; leave out all but one" for name, values in twice.items()]
        )
    return {name: values[0] for name, values in found.items()}


def parse(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, list[str]]:
    """A command's own arguments, and the settings beside them; SettingsError for what is neither.

    The settings are what stays in the process arguments, where RecBole reads them.
    """
    arguments, given = parser.parse_known_args()
    settings_of(given, parser.prog)  # RecBole passes over what it cannot read
    sys.argv[1:] = given
    return arguments, given


def say(text: str) -> None:
    """How something long goes, to standard error: what it ends with stands alone in a file or a pipe."""
    print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """To standard error, where it stands in the way of no result."""
    print(f"warning: {text}", file=sys.stderr)


def seeds(text: str) -> list[int]:
    """The seeds that `text` lists, each once; SettingsError where they cannot be read."""
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    if not pieces or not all(piece.isdecimal() for piece in pieces):
        raise SettingsError([f"seeds: {text!r} must be whole numbers of at least 0, separated by commas, as in 1,2,3"])
    return list(dict.fromkeys(map(int, pieces)))
