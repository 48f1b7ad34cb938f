"""Several processes of a command: torchrun, told in a line when it fails.

    python -m mmchangenet.apis.processes --nproc_per_node 2 tools/train.py CONFIG --launcher pytorch

takes torchrun's options, and ends with the exit code of the process that failed first.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import parse_args, run

TORCHRUN_LOGS = 'torch.distributed.elastic'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run torchrun's command line.

    Returns:
        0, or the exit code of the process that failed first; 1 for one that a signal ended.
    """
    args = parse_args(arguments)
    logging.getLogger(TORCHRUN_LOGS).setLevel(logging.CRITICAL)  # it would say the same in forty lines
    try:
        run(args)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode > 0:
            return int(failure.exitcode)  # it has said why
        name = signal.Signals(-failure.exitcode).name
        print(f'error: process {rank} was ended by {name}, and with it the others of this run. A training '
              'goes on from its newest checkpoint with --resume.', file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
