"""Score a label CSV with an exported network: ``python -m mmchangenet.runtime FOLDER CSV --out scores.csv``.

Exit codes: 0; 1 when rows could not be scored, after everything is written; 2 when folder, CSV or options are
to be mended; 130 when it was stopped, after which ``--resume`` goes on.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mmchangenet.exit_codes import DONE, MISTAKE, STOPPED, UNSCORED
from mmchangenet.labels.score_file import PARTIAL

from .backends import BACKENDS
from .change_runtime import ChangeRuntime

LISTED = 20  # errors of rows on the terminal; the rest is counted
MEGABYTE = 1 << 20


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog='python -m mmchangenet.runtime', description='Score a label CSV with an exported network')
    parser.add_argument('folder', help='what tools/export_runtime.py wrote')
    parser.add_argument('csv', help='label CSV; the labels may be missing')
    parser.add_argument(
        '--out',
        required=True,
        metavar='CSV',
        help="file for the CSV's own rows in order with their siamese_score, written as they are scored")
    parser.add_argument('--resume', action='store_true', help='go on with what a stopped run left of --out')
    parser.add_argument('--images-dir',
                        metavar='DIR',
                        help="folder that the CSV's paths start from; default: images "
                        "beside the CSV where there is such a folder, otherwise the CSV's own")
    parser.add_argument('--backend', choices=list(BACKENDS), default='onnxruntime')
    parser.add_argument('--threads', type=int, metavar='N', help='default: all cores')
    parser.add_argument('--cache-mb', type=int, default=1024, metavar='MB',
                        help='memory for encoded golden sides; default: 1024')
    return parser.parse_args(arguments)


class Progress:
    """A bar on stderr, one line in place on a terminal, a line every tenth otherwise."""

    def __init__(self) -> None:
        self.stream, self.start, self.shown = sys.stderr, time.monotonic(), -1

    def show(self, done: int, total: int) -> None:
        """Show how many of how many rows are done."""
        percent = 100 * done // total
        in_place = self.stream.isatty()
        step = percent if in_place else percent // 10
        if step == self.shown:
            return
        self.shown = step
        rate = done / max(time.monotonic() - self.start, 1e-9)
        bar = ('#' * (percent // 4)).ljust(25, '.')
        left = (total - done) / rate if rate else 0
        print(f'[{bar}] {done}/{total}, {rate:.1f} pairs/s, {left:.0f} s left',
              end='\r' if in_place and done < total else '\n', file=self.stream, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command; the exit code."""
    args = parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        beside = Path(args.csv).parent
        images_dir = args.images_dir or (beside / 'images' if (beside / 'images').is_dir() else beside)
        runtime = ChangeRuntime(args.folder, args.backend, args.threads, args.cache_mb * MEGABYTE)
        results = runtime.score_csv(args.csv, images_dir, args.out, Progress().show, args.resume)
    except KeyboardInterrupt:
        print(f'stopped: what was scored is in {args.out}{PARTIAL}; the same command with --resume goes on',
              file=sys.stderr)
        return STOPPED
    except (ValueError, OSError, ImportError) as error:
        print(f'error: {error}', file=sys.stderr)
        return MISTAKE
    failed = [(number, result.error) for number, result in enumerate(results, 1) if result.error]
    for number, reason in failed[:LISTED]:
        print(f'row {number} has no score: {reason}', file=sys.stderr)
    if len(failed) > LISTED:
        print(f'... and {len(failed) - LISTED} more', file=sys.stderr)
    fails = sum(result.is_fail for result in results) - len(failed)
    print(
        f'{len(results)} rows are in {args.out}: {fails} FAIL above {runtime.threshold:.9g}, {len(failed)} '
        'without a '
        f'score; {runtime.cache.misses} golden sides were encoded')
    return UNSCORED if failed else DONE


if __name__ == '__main__':
    sys.exit(main())
