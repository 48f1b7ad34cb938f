"""Split a label CSV so that no board is in two splits, spreading defects as well as the boards permit.

    python tools/dataset_converters/split_csv.py labels.csv --out-dir splits --fractions train=0.8 val=0.1
    test=0.1

Exit codes: 0; 1 when a split has no PASS or no FAIL row; 2 when the CSV or an option is to be mended, nothing
is written.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence

from mmchangenet.apis.launch import MISTAKES, fail_or_raise
from mmchangenet.datasets.splitting import boards_of, split_by_board, summarise
from mmchangenet.files import check_output, write_text
from mmchangenet.labels.cells import LABEL_COLUMN
from mmchangenet.labels.label_frame import read_label_csv
from mmchangenet.labels.pass_rule import no_pass_message


def fraction(text: str) -> tuple[str, float]:
    """``NAME=SHARE`` of a command line."""
    name, _, share = text.partition('=')
    try:
        number = float(share)
    except ValueError:
        number = None
    if not name or set(name) & set('/\\') or number is None:
        raise argparse.ArgumentTypeError(f'{text!r}: wanted NAME=SHARE, such as val=0.1')
    return name, number


def parse_args(args: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('csv', help='label CSV')
    parser.add_argument('--out-dir', required=True, help='folder to write NAME.csv to')
    parser.add_argument('--fractions', nargs='+', type=fraction, metavar='NAME=SHARE',
                        default=[('train', 0.8), ('val', 0.1), ('test', 0.1)],
                        help='splits and their shares of the rows (default: train=0.8 val=0.1 test=0.1)')
    board = parser.add_mutually_exclusive_group()
    board.add_argument('--board', default='input_path', metavar='COLUMN',
                       help='column that tells boards apart')
    board.add_argument('--board-pattern', metavar='REGEX',
                       help='expression searched in input_path/object_name; '
                       'its first group or whole match is the board')
    parser.add_argument('--pass-labels', nargs='+', default=[], metavar='LABEL',
                        help='labels that mean PASS, such as OK; they are written as PASS')
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args(args)


def main(args: Sequence[str] | None = None) -> int:
    """Split; the exit code."""
    options = parse_args(args)
    try:
        return split(options)
    except MISTAKES as error:
        return fail_or_raise(error)


def split(options: argparse.Namespace) -> int:
    """Check everything, split and write; the exit code."""
    fractions = dict(options.fractions)
    if len(fractions) < len(options.fractions):
        raise ValueError('--fractions names a split twice')
    targets = {name: os.path.join(options.out_dir, f'{name}.csv') for name in fractions}
    for target in targets.values():
        check_output(target, [options.csv])
    frame = read_label_csv(options.csv, options.pass_labels)
    boards = boards_of(frame, options.board, options.board_pattern)
    splits = split_by_board(frame, fractions, boards, options.seed)
    os.makedirs(options.out_dir, exist_ok=True)
    for name, target in targets.items():
        write_text(frame[splits == name].to_csv(index=False), target)
    table = summarise(frame, boards, splits).loc[list(fractions)]
    print(table.to_string())
    if not table['PASS'].any():
        print(f'warning: {no_pass_message(Counter(frame[LABEL_COLUMN]))}', file=sys.stderr)
    lacking = [(name, kind) for kind in ('PASS', 'FAIL') for name in table.index[table[kind] == 0]]
    for name, kind in lacking:
        print(f'warning: {name} has no {kind} row, so neither AUROC nor a threshold can be had there: give '
              'it a larger share', file=sys.stderr)
    return 1 if lacking else 0


if __name__ == '__main__':
    sys.exit(main())
