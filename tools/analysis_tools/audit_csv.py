"""Look through a label CSV and its images: labels without PASS, unreadable images, contradicting labels,
sides alike.

    python tools/analysis_tools/audit_csv.py labels.csv images --input-map LowAngleLight=0 WhiteLight=1

Exit codes: 0; 1 when something was found; 2 when the CSV or an option is to be mended.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial

from mmengine.utils import track_iter_progress

from mmchangenet.apis.launch import MISTAKES, fail_or_raise
from mmchangenet.cfg_options import CfgOptions
from mmchangenet.datasets import LightingPairDataset
from mmchangenet.datasets.audit import UNREADABLE, audit
from mmchangenet.files import check_output, write_text
from mmchangenet.labels.pass_rule import counted

SHOWN = 100  # findings


def parse_args(args: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('csv', help='label CSV')
    parser.add_argument('images_dir', help='folder that its paths are relative to')
    parser.add_argument('--image-ext', default='.jpg', help='extension of the images (default: .jpg)')
    parser.add_argument('--input-map', nargs='+', action=CfgOptions, metavar='LIGHT=POSITION',
                        help='lighting names and positions (default: one image without suffix)')
    parser.add_argument('--num-golden', type=int, default=1, metavar='N',
                        help='golden_path is a folder of goldens: look at the first N (default: 1, one '
                             'golden of the '
                        'same name)')
    parser.add_argument('--pass-labels', nargs='+', default=[], metavar='LABEL',
                        help='labels that mean PASS, such as OK')
    parser.add_argument('--out', metavar='CSV', help='write the findings to this file')
    return parser.parse_args(args)


def main(args: Sequence[str] | None = None) -> int:
    """Audit; the exit code."""
    options = parse_args(args)
    try:
        if options.out:
            check_output(options.out, [options.csv])
        dataset = LightingPairDataset(
            options.csv, data_prefix=dict(img_path=options.images_dir), image_ext=options.image_ext,
            input_map=options.input_map, num_golden=options.num_golden, pass_labels=options.pass_labels,
            test_mode=True, check_images=False)
    except MISTAKES as error:
        return fail_or_raise(error)
    findings = audit(dataset, progress=partial(track_iter_progress, file=sys.stderr))
    print(file=sys.stderr)
    for line, finding, label, name, detail in findings.head(SHOWN).to_numpy().tolist():
        part = f'{name} ({label}): ' if name else ''
        print(f'line {line}: {finding}: {part}{detail}')
    if len(findings) > SHOWN:
        print(f'and {len(findings) - SHOWN} more, which --out writes to a file')
    if dataset.has_labels:
        print(f'labels: {counted(Counter(dataset.labels.tolist()))}')
    counts = findings['finding'].value_counts()
    found = ', '.join(f'{count}x {name}' for name, count in counts.items())
    print(f'{len(dataset)} rows: {found or "nothing found"}')
    if findings.loc[findings['finding'] == UNREADABLE, 'line'].nunique() == len(dataset):
        print('No row could be read: look at the image folder, --image-ext and --input-map first')
    if options.out:
        write_text(findings.to_csv(index=False), options.out)
    return 1 if len(findings) else 0


if __name__ == '__main__':
    sys.exit(main())
