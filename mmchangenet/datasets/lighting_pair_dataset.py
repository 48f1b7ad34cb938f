"""A label CSV becomes samples: golden-versus-compare pairs, each side one image per lighting."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from numpy.typing import NDArray
from torch.utils.data import get_worker_info

from mmchangenet.imaging import ImageError
from mmchangenet.labels.cells import KNOWN_COLUMNS, LABEL_COLUMN, PATH_COLUMNS, check_allowed, forward
from mmchangenet.labels.goldens import choose_goldens
from mmchangenet.labels.label_csv import LabelCsv
from mmchangenet.labels.label_frame import read_label_csv
from mmchangenet.labels.lightings import image_names, ordered_lightings
from mmchangenet.labels.pass_rule import GOOD_LABEL, PassRule, no_pass_message
from mmchangenet.labels.problems import Problems
from mmchangenet.registry import DATASETS, TRANSFORMS

from .columns import PairTable, StringColumn
from .draw import Draw
from .golden_folders import list_goldens
from .missing_images import check_images_exist

GOLDENS = 'goldens'  # our own column beside those of the CSV: the names of a row's goldens


@DATASETS.register_module()
class LightingPairDataset(BaseDataset):
    """The rows of a label CSV as pairs of lighting tuples.

    A row's images are ``{img_path}/{input_path}/{object_name}[_{lighting}]{image_ext}`` and the same with
    ``golden_path``. The label PASS means good, everything else is the name of a defect. Rows are kept as
    columns of shared tensors; a million take well under 1 GB and loader processes add no copy.

    With ``num_golden`` > 1 the images in the folder ``{img_path}/{golden_path}`` are the goldens of the row's
    part, whatever their names: in training a random ``num_golden`` of them, drawn anew every time, in
    evaluation the first in the order of the alphabet. Where there are fewer they are repeated.

    Everything that can be known is checked when the dataset is built, and reported at once.

    Args:
        ann_file: the label CSV with columns ``input_path, golden_path, label, object_name``, see
            :class:`~mmchangenet.labels.label_csv.LabelCsv`; backslashes in the paths are read as separators.
            In test mode the labels may be missing.
        data_root: what ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: ``img_path``: the image folder.
        image_ext: the extension of the image files, with its dot.
        input_map: lighting name → position, 0 to L - 1, each once; None: one image a side, without suffix.
        num_golden: goldens that a part is compared with.
        pass_labels: labels that mean PASS beside ``PASS`` itself, such as ``['OK']``.
        allow: what is otherwise refused: ``folder in object_name``, and ``empty label`` for rows without one.
        pipeline: transforms.
        classes: class names, PASS first. By default those of the CSV, sorted.
        indices: take only the first (negative: last) rows, or these.
        test_mode: whether to evaluate: unreadable images then give a sample with ``error``.
        broken_images: in training, 'skip' puts a random other row in the place of one whose image cannot be
            read and notes it in ``replaced``; 'stop' raises.
        max_refetch: so many rows one after another may be unreadable before training stops.
        check_images: whether to look for all image files when the dataset is built.
        metainfo: more of MMEngine's meta information.
        lazy_init: whether to read the CSV later, in ``full_init``.

    Raises:
        LabelCsvError: with everything wrong with the CSV, by kind and line.
        ValueError: for an ``input_map``, ``classes`` or option that cannot be.
    """

    data_list: PairTable

    def __init__(self, ann_file: str, data_root: str = '', data_prefix: dict[str, str] | None = None,
                 image_ext: str = '.jpg', input_map: dict[str, int] | None = None, num_golden: int = 1,
                 pass_labels: Iterable[str | int] = (), allow: Collection[str] = (),
                 pipeline: Sequence[dict[str, Any] | Callable[..., Any]] = (),
                 classes: Sequence[str] | None = None, indices: int | Sequence[int] | None = None,
                 test_mode: bool = False, broken_images: str = 'skip', max_refetch: int = 20,
                 check_images: bool = True, metainfo: dict[str, Any] | None = None,
                 lazy_init: bool = False) -> None:
        if broken_images not in ('skip', 'stop'):
            raise ValueError(f"broken_images={broken_images!r}: it is 'skip' or 'stop'")
        if not isinstance(num_golden, int) or num_golden < 1:
            raise ValueError(f'num_golden={num_golden!r}: it is the number of goldens per part, 1 or more')
        data_prefix = data_prefix or dict(img_path='')
        if set(data_prefix) != {'img_path'}:
            raise ValueError(f'data_prefix={data_prefix}: give the image folder as img_path and nothing else')
        self.broken_images, self.check_images, self.num_golden = broken_images, check_images, num_golden
        PassRule(pass_labels)  # whether they can be used is told at once
        check_allowed(allow)
        self.pass_labels, self.allow = list(pass_labels), list(allow)
        self._endings = image_names('', ordered_lightings(input_map), image_ext)
        metainfo = dict(metainfo or {})
        if classes is not None or 'classes' in metainfo:
            metainfo['classes'] = _checked_classes(metainfo['classes'] if classes is None else classes)
        super().__init__(
            ann_file, metainfo=metainfo, data_root=data_root, data_prefix=data_prefix, indices=indices,
            serialize_data=False, test_mode=test_mode, max_refetch=max_refetch, lazy_init=lazy_init,
            pipeline=[TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline])

    def load_data_list(self) -> PairTable:
        """Read and check the CSV; its rows."""
        problems = Problems(self.ann_file)
        source = LabelCsv(self.ann_file, problems, need_label=not self.test_mode,
                          pass_labels=self.pass_labels, allow=self.allow)
        columns = [name for name in KNOWN_COLUMNS if name in source.columns]
        parts: dict[str, list[StringColumn]] = {name: [] for name in columns}
        lines = []
        for chunk in source.chunks(columns):
            lines.append(torch.from_numpy(chunk.lines))
            for name in columns:
                parts[name].append(StringColumn.from_strings(chunk.columns[name]))
        num_rows = sum(map(len, lines))
        if not num_rows:
            problems.raise_if_any()
        table = PairTable({name: StringColumn.concatenate(parts.pop(name)) for name in columns},
                          torch.arange(num_rows, dtype=torch.int32), torch.cat(lines))
        if LABEL_COLUMN in columns:
            self._settle_classes(table, problems)
        images_dir = self.data_prefix['img_path']
        sides: tuple[str, ...] = PATH_COLUMNS
        if self.num_golden > 1:
            table.strings[GOLDENS] = list_goldens(table, images_dir, self._endings, problems)
            sides = ('input_path', )
        if self.check_images:
            check_images_exist(table, images_dir, self._endings, problems, sides)
        problems.raise_if_any()
        return table

    def _settle_classes(self, table: PairTable, problems: Problems) -> None:
        labels = table.strings[LABEL_COLUMN]
        names = {name for name in labels.table() if name}
        if GOOD_LABEL not in names:
            print_log(f'label CSV {self.ann_file}: {no_pass_message(Counter(labels.strings().tolist()))}',
                      logger='current', level=logging.WARNING)
        classes = self._metainfo.setdefault('classes', (GOOD_LABEL, *sorted(names - {GOOD_LABEL})))
        unknown = names - set(classes)
        if unknown and len(classes) > 2 and not self.test_mode:
            for row in np.flatnonzero(np.isin(labels.strings(), list(unknown))).tolist():
                problems.add(f'a label that is not among the classes {", ".join(classes)}: mend it, or add '
                             'it to classes', int(table.lines[row]), f'{LABEL_COLUMN} {labels[row]!r}')

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """What the CSV says of a row.

        Args:
            idx: index; of a :class:`Draw`, ``sample_idx`` is the index in the outermost dataset.

        Returns:
            ``sample_idx, input_path, golden_path, label, object_name, compare_files, golden_files``, where
            there are labels ``gt_fail``, and with several goldens ``num_golden``; ``golden_files`` are then
            those of the first golden, of the second and so on, and those of evaluation.
        """
        return self._row_info(idx)

    def _row_info(self, idx: int, rng: np.random.Generator | None = None) -> dict[str, Any]:
        """As ``get_data_info``; with a generator, goldens are drawn where there are several."""
        self.full_init()
        row = range(len(self))[idx]
        info: dict[str, Any] = {name: column[row] for name, column in self.data_list.strings.items()}
        goldens = []
        if GOLDENS in info:
            goldens = choose_goldens(info.pop(GOLDENS).split('/'), self.num_golden, rng)
        if info.get(LABEL_COLUMN):
            info['gt_fail'] = int(info[LABEL_COLUMN] != GOOD_LABEL)
        for side, column in (('compare', 'input_path'), ('golden', 'golden_path')):
            info[column] = forward(info[column])
            stem = os.path.join(self.data_prefix['img_path'], info[column], info['object_name'])
            info[f'{side}_files'] = [stem + ending for ending in self._endings]
        if goldens:
            folder = os.path.join(self.data_prefix['img_path'], info['golden_path'])
            info['golden_files'] = [os.path.join(folder, name + ending) for name in goldens
                                    for ending in self._endings]
            info['num_golden'] = self.num_golden
        return dict(label='', sample_idx=idx.origin if isinstance(idx, Draw) else row) | info

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on a row; ``broken_images``, ``test_mode`` say what happens to unreadable ones."""
        rng = _generator(idx)
        replaced: list[tuple[int, str]] = []
        while True:
            results = self._row_info(idx, None if self.test_mode else rng) | dict(rng=rng)
            if replaced:
                results['replaced'] = list(replaced)
            try:
                return self.pipeline(results)
            except ImageError as error:
                where = f'{self.ann_file} line {self.data_list.lines[idx]}: {error}'
                if self.test_mode:
                    blank = dict(rng=_generator(idx), blank=True, error=where)
                    return self.pipeline(self.get_data_info(idx) | blank)
                if self.broken_images == 'stop':
                    raise ImageError(f'{where}. Mend or delete the row, or go on with '
                                     "broken_images='skip'") from error
                replaced.append((results['sample_idx'], where))
                if len(replaced) > self.max_refetch:
                    listing = '\n'.join(dict.fromkeys(f'  {message}' for _, message in replaced))
                    raise ImageError(f'{len(replaced)} rows one after another have unreadable '
                                     f'images:\n{listing}') from error
                other = int(rng.integers(len(self)))
                idx = idx.moved_to(other) if isinstance(idx, Draw) else other

    def __getitem__(self, idx: int) -> Any:
        """The packed sample of a row; a pipeline that gives None is an error, not another row in silence."""
        self.full_init()
        data = self.prepare_data(idx)
        if data is None:
            raise RuntimeError(f'{self.ann_file} line {self.data_list.lines[idx]}: the pipeline gave None; '
                               'each of its transforms must return the results')
        return data

    def get_cat_ids(self, idx: int) -> list[int]:
        """The class of a row as MMEngine's ClassBalancedDataset asks for it: [position in ``classes``]."""
        return [self._metainfo['classes'].index(self._label_column()[idx])]

    @property
    def has_labels(self) -> bool:
        """Whether the CSV has labels."""
        self.full_init()
        return LABEL_COLUMN in self.data_list.strings

    @property
    def labels(self) -> NDArray[np.object_]:
        """(N,) object array of the labels.

        Raises:
            ValueError: when the CSV has none.
        """
        return self._label_column().strings()

    @property
    def gt_fail(self) -> NDArray[np.uint8]:
        """(N,) uint8 array, 1 where the label is not PASS.

        Raises:
            ValueError: when the CSV has no labels.
        """
        column = self._label_column()
        return np.array([name != GOOD_LABEL for name in column.table()], np.uint8)[column.codes.numpy()]

    @property
    def num_pass(self) -> int:
        """The number of rows labelled PASS."""
        return len(self) - self.num_fail

    @property
    def num_fail(self) -> int:
        """The number of rows labelled otherwise."""
        return int(self.gt_fail.sum())

    @property
    def csv_rows(self) -> NDArray[np.int32]:
        """(N,) position of each row among those of the CSV, which differs from its index in a subset."""
        self.full_init()
        return self.data_list.rows.numpy()

    def label_frame(self) -> pd.DataFrame:
        """The rows with all columns of the CSV, as :func:`read_label_csv` gives them, from 0; read anew."""
        frame = read_label_csv(self.ann_file, self.pass_labels, self.allow)
        return frame.iloc[self.csv_rows].reset_index(drop=True)

    def _label_column(self) -> StringColumn:
        if not self.has_labels:
            raise ValueError(f'label CSV {self.ann_file} has no column {LABEL_COLUMN!r}; add it to train, '
                             'sample or evaluate')
        return self.data_list.strings[LABEL_COLUMN]

    def _get_unserialized_subset(self, indices: int | Sequence[int]) -> PairTable:
        """MMEngine's hook behind ``indices``, ``get_subset`` and ``get_subset_``."""
        if isinstance(indices, int):
            return self.data_list.take(slice(indices) if indices >= 0 else slice(indices, None))
        rows = np.arange(len(self.data_list))[np.asarray(indices, dtype=np.int64)]
        return self.data_list.take(torch.from_numpy(rows))


def _checked_classes(classes: Iterable[str]) -> tuple[str, ...]:
    classes = tuple(classes)
    if len(classes) < 2 or classes[0] != GOOD_LABEL or len(set(classes)) < len(classes) or not all(classes):
        raise ValueError(f'classes={classes!r}: give at least two different names, {GOOD_LABEL} first')
    return classes


def _generator(idx: int) -> np.random.Generator:
    """The random generator of one sample's augmentation.

    For the plain index of somebody else's sampler it follows from the loader's own seed, new every epoch
    (with persistent workers every run), and the index.
    """
    if isinstance(idx, Draw):
        return idx.generator()
    worker = get_worker_info()
    seed = worker.seed - worker.id if worker else int(torch.randint(2**62, ()))
    return np.random.default_rng([seed, int(idx) % 2**32])
