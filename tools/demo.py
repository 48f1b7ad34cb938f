"""Everything once, from an empty folder to pictures: data, training, threshold, evaluation.

The commands are those that a user would type; each is printed before it runs.
"""

import argparse
import shlex
import subprocess
import sys
import time
from pathlib import Path

TOOLS = Path(__file__).parent


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--config', default=str(TOOLS.parent / 'configs/changenet_demo.py'))
    parser.add_argument('--work-dir', default='work_dirs/changenet_demo')
    parser.add_argument('--recall', default='1.0', help='share of the validation defects that the threshold finds')
    return parser.parse_args()


def run(*command):
    """Show a command and run it; its failure ends the demo."""
    print(f'\n$ python {shlex.join(command)}', flush=True)
    code = subprocess.call([sys.executable, *command])
    if code:
        raise SystemExit(code)


def best_checkpoint(work_dir):
    """The newest of the checkpoints that validated best."""
    return str(max(Path(work_dir).glob('best_*.pth'), key=lambda path: path.stat().st_mtime))


def main():
    args = parse_args()
    start = time.time()
    run(str(TOOLS / 'train.py'), args.config, '--work-dir', args.work_dir)
    checkpoint = best_checkpoint(args.work_dir)
    run(str(TOOLS / 'analysis_tools/pick_threshold.py'), args.config, checkpoint, '--recall', args.recall)
    results = Path(args.work_dir) / 'results'
    run(str(TOOLS / 'test.py'), args.config, checkpoint, '--work-dir', args.work_dir, '--out', str(results / 'scores.csv'),
        '--show-dir', str(results))
    print(f'''
Done in {(time.time() - start) / 60:.1f} minutes; the figures are in the table above.
  pictures    {results / "index.html"}   open it: escapes, false alarms, curves
  scores      {results / "scores.csv"}
  checkpoint  {checkpoint}
Next: your own images (README.md, "Train on your own images"), or scoring on a line's computer (docs/runtime.md).''')


if __name__ == '__main__':
    main()
