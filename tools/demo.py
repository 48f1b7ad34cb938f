"""Everything once, from an empty folder to pictures: data, training, threshold, evaluation.

The commands are those that a user would type; each is printed before it runs.

Exit codes: 0; 1 when rows had no score; what the first command that fails gives, 2 when something is to be
mended.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mmchangenet.exit_codes import DONE, UNSCORED

TOOLS = Path(__file__).parent


def parse_args(args: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', default=str(TOOLS.parent / 'configs/changenet_demo.py'),
                        help='(default: configs/changenet_demo.py)')
    parser.add_argument('--work-dir', default='work_dirs/changenet_demo',
                        help='(default: work_dirs/changenet_demo)')
    parser.add_argument('--recall', default='1.0',
                        help='share of the validation defects that the threshold finds (default: 1.0)')
    return parser.parse_args(args)


def run(*command: str) -> int:
    """Show a command and run it; its exit code, 0 or 1. Any other ends the demo."""
    print(f'\n$ python {shlex.join(command)}', flush=True)
    code = subprocess.call([sys.executable, *command])
    if code not in (DONE, UNSCORED):
        raise SystemExit(code)
    return code


def best_checkpoint(work_dir: str) -> str:
    """The newest of the checkpoints that validated best."""
    found = sorted(Path(work_dir).glob('best_*.pth'), key=lambda path: path.stat().st_mtime)
    if not found:
        print(f'error: training left no best_*.pth in {work_dir}: look at its log, and at the validation in '
              'the config', file=sys.stderr)
        raise SystemExit(2)
    return str(found[-1])


def main(args: Sequence[str] | None = None) -> int:
    """Run it all; the exit code."""
    options = parse_args(args)
    start = time.time()
    if code := run(str(TOOLS / 'train.py'), options.config, '--work-dir', options.work_dir):
        return code
    checkpoint = best_checkpoint(options.work_dir)
    codes = [run(str(TOOLS / 'analysis_tools/pick_threshold.py'), options.config, checkpoint, '--recall',
                 options.recall)]
    results = Path(options.work_dir) / 'results'
    codes.append(run(str(TOOLS / 'test.py'), options.config, checkpoint, '--work-dir', options.work_dir,
                     '--out',
                     str(results / 'scores.csv'), '--show-dir', str(results)))
    print(f'''
Done in {(time.time() - start) / 60:.1f} minutes; the figures are in the table above.
  pictures    {results / "index.html"}   open it: escapes, false alarms, curves
  scores      {results / "scores.csv"}
  checkpoint  {checkpoint}
Next: your own images (README.md, "Train on your own images"), or a line's computer (docs/runtime.md).''')
    return max(codes)


if __name__ == '__main__':
    sys.exit(main())
