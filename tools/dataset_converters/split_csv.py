"""Split a label CSV so that no board is in two splits, spreading defects as well as the boards permit.

    python tools/dataset_converters/split_csv.py labels.csv --out-dir splits --fractions train=0.8 val=0.1 test=0.1
"""

import argparse
import os
import sys

from mmchangenet.datasets.splitting import boards_of, split_by_board, summarise
from mmchangenet.labels.label_frame import read_label_csv


def fraction(text):
    name, _, share = text.partition('=')
    try:
        share = float(share)
    except ValueError:
        share = None
    if not name or set(name) & set('/\\') or share is None:
        raise argparse.ArgumentTypeError(f'{text!r}: wanted NAME=SHARE, such as val=0.1')
    return name, share


def parse_args(args=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('csv', help='label CSV')
    parser.add_argument('--out-dir', required=True, help='folder to write NAME.csv to')
    parser.add_argument('--fractions', nargs='+', type=fraction, default=[('train', 0.8), ('val', 0.1), ('test', 0.1)],
                        metavar='NAME=SHARE', help='splits and their shares of the rows (default: train=0.8 val=0.1 test=0.1)')
    board = parser.add_mutually_exclusive_group()
    board.add_argument('--board', default='input_path', metavar='COLUMN', help='column that tells boards apart')
    board.add_argument('--board-pattern', metavar='REGEX',
                       help='expression searched in input_path/object_name; its first group or whole match is the board')
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args(args)


def main(args=None):
    args = parse_args(args)
    fractions = dict(args.fractions)
    if len(fractions) < len(args.fractions):
        sys.exit('error: --fractions names a split twice')
    targets = {name: os.path.join(args.out_dir, f'{name}.csv') for name in fractions}
    if os.path.realpath(args.csv) in map(os.path.realpath, targets.values()):
        sys.exit(f'error: a split would overwrite {args.csv}; choose another --out-dir')
    try:
        frame = read_label_csv(args.csv)
        boards = boards_of(frame, args.board, args.board_pattern)
        splits = split_by_board(frame, fractions, boards, args.seed)
    except (OSError, ValueError) as error:
        sys.exit(f'error: {args.csv}: {error}')
    os.makedirs(args.out_dir, exist_ok=True)
    for name, target in targets.items():
        frame[splits == name].to_csv(target, index=False)
    table = summarise(frame, boards, splits).loc[list(fractions)]
    print(table.to_string())
    for kind in ('PASS', 'FAIL'):
        for name in table.index[table[kind] == 0]:
            print(f'warning: {name} has no {kind} row, so neither AUROC nor a threshold can be had there: give it a larger share',
                  file=sys.stderr)


if __name__ == '__main__':
    main()
