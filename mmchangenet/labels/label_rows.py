"""A label CSV in and out without pandas: the same files are understood as in training, the same score column is written."""

import csv
import os
from contextlib import suppress
from pathlib import Path

from mmchangenet.thresholds import float_text

COLUMNS = ('input_path', 'golden_path', 'object_name')
LABEL_COLUMN, GOOD_LABEL = 'label', 'PASS'
SCORE_COLUMN = 'siamese_score'
LISTED = 20  # faulty rows in a message; the rest is counted


class LabelRowsError(ValueError):
    """A label CSV that cannot be used; the message names lines."""


class LabelRows:
    """The rows of a label CSV, all cells text.

    UTF-8 with or without byte-order mark (UTF-16 with one); comma, semicolon or tab; any line ends; blank lines are skipped,
    blanks around cells too; a label ``pass`` in any case is ``PASS``.

    Args:
        path (str | Path): the file.

    Attributes:
        columns (list[str]): the header's names.
        rows (list[list[str]]): a list of cells a row.

    Raises:
        FileNotFoundError: when there is no such file.
        LabelRowsError: for a header without the needed columns, rows of another width, or paths that leave the image folder.
    """

    def __init__(self, path):
        self.path = str(path)
        lines = _text(path).replace('\r\n', '\n').replace('\r', '\n').split('\n')  # splitlines() breaks at more
        start = next((number for number, line in enumerate(lines) if line.strip()), None)
        if start is None:
            raise LabelRowsError(f'label CSV {path} is empty: its first line must name the columns {", ".join(COLUMNS)}')
        delimiter, self.columns = _header(lines[start])
        wrong = [name for name in COLUMNS if name not in self.columns]
        wrong += [name or '(no name)' for name in set(self.columns) if self.columns.count(name) > 1 or not name]
        if wrong:
            raise LabelRowsError(f'label CSV {path}: columns missing, doubled or without a name: {", ".join(sorted(wrong))}. '
                                 f'The header has {", ".join(self.columns)} (delimiter {delimiter!r})')
        self.rows, faults = [], []
        for number, line in enumerate(lines[start + 1:], start + 2):
            if line.strip():
                self._take(number, line, delimiter, faults)
        if faults:
            more = [f'... and {len(faults) - LISTED} more'] if len(faults) > LISTED else []
            raise LabelRowsError('\n  '.join([f'label CSV {path} cannot be used:', *faults[:LISTED], *more]))
        if not self.rows:
            raise LabelRowsError(f'label CSV {path} has a header but no rows: add one line a pair of images')
        if LABEL_COLUMN in self.columns:
            place = self.columns.index(LABEL_COLUMN)
            for row in self.rows:
                row[place] = GOOD_LABEL if row[place].upper() == GOOD_LABEL else row[place]

    def _take(self, number, line, delimiter, faults):
        """Add a line to the rows, or what is wrong with it to the faults."""
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))]
        except csv.Error as error:
            faults.append(f'line {number}: {error}; a quoted field must end on its line')
            return
        if len(cells) != len(self.columns):
            faults.append(f'line {number}: {len(cells)} fields, the header has {len(self.columns)}')
            return
        self.rows.append(cells)
        faults += [f'line {number}: {name} {cell!r} {fault}' for name in COLUMNS
                   if (fault := _fault(name, cell := cells[self.columns.index(name)]))]

    def __len__(self):
        return len(self.rows)

    def pairs(self, images_dir, settings):
        """The files of each row.

        Args:
            images_dir (str | Path): the folder that the CSV's paths start from.
            settings (RuntimeSettings): with the lightings and the extension of image files.

        Yields:
            tuple[list[str], list[str]]: of the compare and of the golden side.
        """
        places = [self.columns.index(name) for name in COLUMNS]
        for row in self.rows:
            compare, golden, name = (row[place] for place in places)
            names = settings.file_names(name)
            yield tuple([os.path.join(images_dir, folder.replace('\\', '/'), file) for file in names]
                        for folder in (compare, golden))

    def write_scores(self, path, scores):
        """Write the rows with a column ``siamese_score`` as comma-separated UTF-8, whole or not at all.

        Args:
            path (str | Path): the file; an older one is replaced.
            scores (Sequence[float]): one a row, NaN where there is none (an empty cell). A column of that name in the CSV is
                replaced.
        """
        texts = [float_text(score) for score in scores]
        place = self.columns.index(SCORE_COLUMN) if SCORE_COLUMN in self.columns else len(self.columns)
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
        try:
            with temporary.open('w', encoding='utf-8', newline='') as file:
                writer = csv.writer(file, lineterminator='\n')
                writer.writerow([*self.columns[:place], SCORE_COLUMN, *self.columns[place + 1:]])
                writer.writerows([*row[:place], text, *row[place + 1:]]
                                 for row, text in zip(self.rows, texts, strict=True))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()


def _text(path):
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no label CSV {path}')
    data = Path(path).read_bytes()
    encoding = 'utf-16' if data[:2] in (b'\xff\xfe', b'\xfe\xff') else 'utf-8-sig'
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b'\n', 0, error.start) + 1
        raise LabelRowsError(f'label CSV {path} line {line}: not UTF-8, save the file as UTF-8 (Excel: "CSV UTF-8")') from error
    if '\0' in text:
        raise LabelRowsError(f'label CSV {path}: zero bytes, probably UTF-16 without byte-order mark: save the file as UTF-8')
    return text


def _header(line):
    """The delimiter, out of comma, semicolon and tab, under which most of the known columns appear, and all columns."""
    readings = []
    for delimiter in ',;\t':
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
        readings.append((len({*COLUMNS, LABEL_COLUMN} & set(names)), len(names), delimiter, names))
    return max(readings, key=lambda reading: reading[:2])[2:]


def _fault(name, cell):
    """What is wrong with a cell, or None."""
    if not cell:
        return 'is an empty cell'
    if name == 'object_name':
        return 'has a folder in it: move it into input_path and golden_path' if set(cell) & set('/\\') else None
    if cell[0] in '/\\' or cell[1:2] == ':':
        return 'is an absolute path: write it relative to the image folder'
    if os.path.normpath(cell.replace('\\', '/')).split(os.sep)[0] == '..':
        return 'leaves the image folder'
    return None
