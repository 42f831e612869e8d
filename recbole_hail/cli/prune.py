"""Cut a saved model down to one of its peers, which scores exactly as before."""

from recbole_hail.cli.common import check_out
from recbole_hail.training.checkpoints import prune_to_peer, read_checkpoint, write_checkpoint

OPENS_CHECKPOINT = True


def add_arguments(parser) -> None:
    parser.add_argument("--peer", type=int, required=True, help="number of the peer to keep, from 1")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    parser.add_argument("checkpoint", help="a checkpoint of HAIL, or of another model with peers")
    parser.add_argument("out", metavar="OUT", help="the checkpoint to write")


def run(arguments) -> None:
    check_out(arguments)
    state = read_checkpoint(arguments.checkpoint)
    write_checkpoint(prune_to_peer(state, arguments.peer), arguments.out)
    print(f"{arguments.out}: peer {arguments.peer} of {state['config']['peers']}, a model of one peer")
