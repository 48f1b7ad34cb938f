r"""Leave one group out: how a recipe does on boards, designs or parts that it has never seen.

    python tools/analysis_tools/cross_validate.py CONFIG --groups design --work-dir work_dirs/by_design
    python tools/analysis_tools/cross_validate.py CONFIG --groups '^compare/(\d{5})' --seeds 0 1 --work-dir x

The rows are those of the config's train_dataloader.dataset. For every group a network is trained on all
other rows and scores the group's. Every fold is kept in the work dir: a command that was stopped goes on
where it was. At the end there are scores.csv, figures.md and figures.png.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import Config, DictAction


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of one training')
    parser.add_argument('--groups', required=True, metavar='COLUMN|board|REGEX',
                        help="a column of the CSV; 'board': input_path; or an expression searched in "
                             'input_path/object_name, whose first group or whole match is the group')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0],
                        help='train every fold with each (default: 0)')
    parser.add_argument('--work-dir', required=True, help='where folds and results are kept')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
                        help='replace values of the config')
    return parser.parse_args(args)


def main(args: list[str] | None = None) -> int:
    """Carry out the command; its exit code is 2 when config, data or groups are to be mended."""
    options = parse_args(args)
    from mmchangenet.apis.launch import MISTAKES, fail_or_raise, read_config
    try:
        config, _ = read_config(options.config, options.work_dir, options.cfg_options)
        _run(options, config)
    except MISTAKES as error:
        return fail_or_raise(error)
    return 0


def _run(options: argparse.Namespace, config: Config) -> None:
    from mmchangenet.apis import cross_validation as folds
    from mmchangenet.files import write_text
    from mmchangenet.visualization.group_plot import plot_groups
    done = []
    for seed, group in folds.cross_validate(config, options.groups, options.work_dir, options.seeds):
        done.append(group)
        print(f'seed {seed}, group {group} is scored', file=sys.stderr, flush=True)
    scores = folds.read_scores(config, options.work_dir, options.seeds, len(set(done)))
    folds.write_scores(scores, Path(options.work_dir, 'scores.csv'))
    figures = folds.figures_of(scores)
    table = folds.markdown(figures)
    write_text(table + '\n', Path(options.work_dir, 'figures.md'))
    plot_groups(Path(options.work_dir, 'figures.png'), figures)
    print(table)
    unscored = sum(one.unscored for one in figures[folds.POOLED].values())
    if unscored:
        print(f'{unscored} rows have no score; they count as called FAIL')


if __name__ == '__main__':
    sys.exit(main())
