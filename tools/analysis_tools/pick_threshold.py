"""Pick the threshold that a line works at, on validation data, and write it into the checkpoint.

    python tools/analysis_tools/pick_threshold.py CONFIG CHECKPOINT --recall 1.0
    python tools/analysis_tools/pick_threshold.py --scores scores.csv CHECKPOINT --false-alarm-rate 0.01
    python tools/analysis_tools/pick_threshold.py --scores scores.csv --recall 0.99

The first scores the config's validation data, the others take a score file of ``tools/test.py --out`` with
labels; the last only shows the figures. Test, inference and export of the checkpoint use the threshold as the
margin.

Exit codes: 0; 1 when rows had no score, after the threshold is written; 2 when something is to be mended.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mmchangenet import verdict
from mmchangenet.apis.launch import prepare_test, run_tool
from mmchangenet.cfg_options import CfgOptions
from mmchangenet.evaluation.threshold_picking import (
    labelled_scores,
    read_score_file,
    validation_as_test,
    write_threshold,
)
from mmchangenet.exit_codes import DONE, UNSCORED
from mmchangenet.files import check_output
from mmchangenet.labels.score_file import float_text
from mmchangenet.thresholds import LEAST_ROOM, pick_threshold


def parse_args(arguments: Any = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('files',
                        nargs='*',
                        metavar='CONFIG CHECKPOINT',
                        help='with --scores only the checkpoint, or nothing')
    parser.add_argument('--scores', help='score file with the columns label and siamese_score')
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument('--recall', type=float, help='share of the defects to find, such as 0.99')
    wanted.add_argument('--false-alarm-rate',
                        type=float,
                        help='share of the PASS rows that may be called FAIL, such as 0.01')
    parser.add_argument('--out', help='write a checkpoint of its own instead of changing the given one')
    parser.add_argument('--work-dir', help='folder for logs; work_dirs/<config name> by default')
    parser.add_argument('--cfg-options',
                        nargs='+',
                        action=CfgOptions,
                        help='replace keys of the config: key=value')
    args = parser.parse_args(arguments)
    if args.scores and (len(args.files) > 1 or args.cfg_options):
        parser.error('with --scores at most a checkpoint is given, and no config')
    if not args.scores and len(args.files) != 2:
        parser.error('give a config and a checkpoint, or --scores with a score file')
    if args.out and not args.files:
        parser.error('--out needs a checkpoint to write the threshold into')
    for file in filter(None, [args.scores, *args.files]):
        if not Path(file).is_file():
            parser.error(f'there is no file {file}')
    return args


def describe(threshold: Any, scores: Any, is_fail: Any) -> Any:
    """What the threshold gives, in words."""
    called = verdict.is_fail(scores, threshold['value'])
    lines = [f'threshold {float_text(threshold["value"])} for {threshold["wanted"]} on {threshold["data"]}:']
    for key, chosen, rows in (('recall', is_fail, 'FAIL'), ('false_alarm_rate', ~is_fail, 'PASS')):
        found, whole = np.count_nonzero(called & chosen), np.count_nonzero(chosen)
        share = f'{100 * threshold[key]:.2f} %   {found} of {whole} {rows} rows'
        lines.append(f'  {key.replace("_", " "):<16}  ' +
                     (share if chosen.any() else f'undefined: no {rows} row'))
    if np.isfinite(threshold['room']):
        close = ', which another batch size or processor may turn into a miss' if threshold[
            'room'] < LEAST_ROOM else ''
        lines.append(f'  the weakest defect found scores {threshold["room"]:.3g} more{close}')
    if threshold['unscored']:
        lines.append(
            f'  {threshold["unscored"]} rows have no score and were left out: the figures say nothing of them'
        )
    return '\n'.join(lines)


def main(arguments: Any = None) -> int:
    args = parse_args(arguments)

    def prepare() -> Any:
        if args.out:
            check_output(args.out, filter(None,
                                          [args.scores, args.files[0] if len(args.files) > 1 else None]))
        if args.scores:
            return None
        config, checkpoint = args.files
        return prepare_test(config,
                            checkpoint,
                            args.work_dir,
                            cfg_options=validation_as_test(config, args.cfg_options))

    def work(runner: Any) -> Any:
        if runner is None:
            scores, is_fail, data = *read_score_file(args.scores), Path(args.scores).name
        else:
            runner.test()
            scores, is_fail, data = labelled_scores(runner)
        scored = np.isfinite(scores)
        scores, is_fail = scores[scored], is_fail[scored]
        threshold = pick_threshold(scores, is_fail, args.recall, args.false_alarm_rate)
        threshold.update(data=data, unscored=int(np.count_nonzero(~scored)))
        print(describe(threshold, scores, is_fail))
        if args.files:
            before = write_threshold(args.files[-1], threshold, args.out)
            print(f'written into {args.out or args.files[-1]}' +
                  (f', in place of {float_text(before["value"])}' if before else ''))
        return UNSCORED if threshold['unscored'] else DONE

    return run_tool(prepare, work)


if __name__ == '__main__':
    sys.exit(main())
