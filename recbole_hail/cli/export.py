"""Export one peer of a checkpoint to ONNX, which other programs can run."""

from recbole_hail.cli.common import check_out
from recbole_hail.forecast.export import export_onnx

OPENS_CHECKPOINT = True


def add_arguments(parser) -> None:
    parser.add_argument("--format", choices=["onnx"], default="onnx", help="default: onnx")
    parser.add_argument("--peer", type=int, help="number of the peer to write, from 1; optional if there is only one")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    parser.add_argument("--data_path", help="folder that holds the dataset's folder (default: as in training)")
    parser.add_argument("checkpoint", help="a checkpoint of HAIL or of another network of this plugin")
    parser.add_argument("out", metavar="OUT", help="the file to write, such as hail.onnx")


def run(arguments) -> None:
    check_out(arguments)
    difference = export_onnx(arguments.checkpoint, arguments.out, peer=arguments.peer, data_path=arguments.data_path)
    print(f"{arguments.out}: onnxruntime's scores differ from the checkpoint's by {difference:.1e} at most")
