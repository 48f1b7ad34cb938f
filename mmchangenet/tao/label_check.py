"""Whether the labels of an evaluation mean what the figures take them for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mmchangenet.labels.cells import FOLDER_IN_NAME
from mmchangenet.labels.label_frame import read_label_csv
from mmchangenet.labels.pass_rule import GOOD_LABEL, no_pass_message

from .spec import Spec, SpecError

# what good parts are called where they are not called PASS
GOOD_WORDS = ('ok', 'okay', 'good', 'passed', 'normal', 'golden', 'no defect', 'no_defect', 'none', 'io',
              'i.o.', 'gut', '0')


def check_labels(spec: Spec) -> None:
    """Refuse test data whose good parts would all count as defects.

    Raises:
        SpecError: when no row is PASS and a label is another word for it; lists the labels with their counts.
    """
    file, pass_labels = spec[
        'dataset.classify.test_dataset.csv_path'], spec['dataset.classify.pass_labels'] or ()
    if not Path(file).is_file():
        return  # the dataset says so
    frame = read_label_csv(file, pass_labels, [FOLDER_IN_NAME])
    counts = Counter(frame['label'].tolist() if 'label' in frame else ())
    if counts and GOOD_LABEL not in counts and any(label.strip().casefold() in GOOD_WORDS
                                                   for label in counts):
        raise SpecError(f'{file}: {no_pass_message(counts)}, here dataset.classify.pass_labels=[OK]')
