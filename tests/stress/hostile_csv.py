"""Label CSVs as they come from spreadsheets, scripts and accidents: random, the same for the same seed.

Half of them are usable, in any dialect that is promised, and come with the rows that have to be read. The
other half may have anything wrong with them.
"""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass

COLUMNS = ('input_path', 'golden_path', 'label', 'object_name')
ENCODINGS = (*5 * ['utf-8'], 'utf-8-sig', 'utf-16', 'utf-16-le', 'utf-16-be', 'utf-32', 'utf-7', 'latin-1')
WRONG_BYTES = (b'', b'"', b'\r', b'\n', b',', b'\0', b'\xff', b'\xed\xa0\x80', b'\xef\xbb\xbf')
LONG = 131_073  # one more than the csv module takes in a cell
BLANKS = ('', ' ', '\t ', '\xa0', '\u3000\u2003', '\x0b', '\x0c\x1f', '\u2028', ' \x85')
FOLDERS = ('board_017', 'a/b', 'a\\b', '.', './x', 'x/../y', 'ünï', 'u\u0308', '板/一', '😀', 'NA', '007',
           'a b',
           "it's",
           'a..b')
NAMES = ('R12', 'C3', '007', '1e5', '7.0', 'NA', 'None', 'nan', 'True', 'R 1', 'R-0402_1', 'ÄÖ', '部品', '🙂',
         'a.b',
         'x' * 300, '-1', '=1+1', '@a', '#1', '%s', '{0}', 'a\u2028b', 'a\x85b', 'a\xa0b', 'R\ufeff')
LABELS = ('PASS', 'pass', 'Pass', 'missing', 'NG', 'paß', 'Passive', 'NA', 'nan', '0', 'fehlt ä', '虚焊')
NOTES = ('', 'PN-1', '3.5', 'a note', 'größer', '2"x4"', "''", '\ufeff', 'x' * 2000)
WRONG_FOLDERS = ('', ' ', '/abs', '\\abs', 'C:/x', 'c:x', '..', '../x', 'a/../../x', '..\\x', '\ufeffa',
                 'a\u200b',
                 '\u202ea')
WRONG_NAMES = ('', '\xa0', 'a/b', 'a\\b', '/', '\u200b', 'x' * LONG, '"', '"a', 'a"', 'a"b', '"a"b', '"a" ')
WRONG_LABELS = ('', '\u2003', 'ＰＡＳＳ', 'pa\u017fs', 'PASS\u200b', '\ufeffPASS', 'P\xadASS', 'РASS', 'OK',
                'ok',
                '"PASS', 'x' * LONG)
WRONG_COLUMNS = ('part', '', ' ', 'label', 'Label', 'x' * LONG, '"', 'input path')
WRONG_FIRST_LINES = ('', ' ', 'sep=;', 'sep=|', 'sep=', '"sep=,"', 'SEP=\t', '\ufeff', '\x1a', '# comment')
WRONG_LINES = ('', '\xa0', '\t\t\t', ',,,', ';;;', '" ",', '"', '\u200b', '\x1a')
POOLS = dict(input_path=(FOLDERS, WRONG_FOLDERS), golden_path=(FOLDERS, WRONG_FOLDERS),
             label=(LABELS, WRONG_LABELS),
             object_name=(NAMES, WRONG_NAMES))


@dataclass
class HostileCsv:
    """A file's content.

    Attributes:
        content: its bytes.
        columns: the names that the reader has to give; None where it may refuse the file.
        rows: the cells that it has to give.
    """

    content: bytes
    columns: list[str] | None = None
    rows: list[list[str]] | None = None


def hostile_csv(seed: int) -> HostileCsv:
    """The file of a seed; even seeds give usable ones."""
    rng = random.Random(seed)
    return _broken(rng) if seed % 2 else _usable(rng)


def _usable(rng: random.Random) -> HostileCsv:
    columns = [*COLUMNS, *rng.sample(['part', 'Lot no', 'Größe', 'siamese_score', '备注'], rng.randrange(3))]
    if rng.random() < 0.3:
        columns.remove('label')
    rng.shuffle(columns)
    rows = [[rng.choice(POOLS.get(name, (NOTES, ))[0]) for name in columns] for _ in range(rng.randint(1, 6))]
    delimiter, trailing = rng.choice(',;\t'), rng.choice((0, 0, 1, 3))
    header = [rng.choice((str, str.upper, str.title))(name) if name in COLUMNS else name for name in columns]
    lines = [] if rng.random() < 0.8 else [f'sep={delimiter}']
    empty = delimiter * (len(columns) + trailing - 1)
    for cells in (header, *rows):
        lines += rng.choices(['', ' ', '\xa0\u2003', empty], k=rng.choice((0, 0, 0, 2)))
        lines.append(_line(rng, cells, delimiter) + delimiter * trailing)
    expected = [['PASS' if name == 'label' and cell.lower() == 'pass' else cell.strip()
                 for name, cell in zip(columns, row, strict=True)] for row in rows]
    encoding = rng.choice(('utf-8', 'utf-8', 'utf-8-sig', 'utf-16'))
    return HostileCsv(_joined(rng, lines).encode(encoding), columns, expected)


def _line(rng: random.Random, cells: list[str], delimiter: str) -> str:
    """Cells quoted where it has to be or by chance, with blanks around them."""
    texts = []
    for cell in cells:
        quoted = delimiter in cell or cell.startswith('"') or rng.random() < 0.1
        inner = '"' + cell.replace('"', '""') + '"' if quoted else cell
        around = ('', ' ') if quoted else tuple(blank for blank in BLANKS if delimiter not in blank)
        if rng.random() < 0.2:
            inner = rng.choice(around) + inner + ('' if quoted else rng.choice(around))
        texts.append(inner)
    return delimiter.join(texts)


def _joined(rng: random.Random, lines: list[str]) -> str:
    ends = rng.choice((['\n'], ['\r\n'], ['\r'], ['\n', '\r\n'], ['\n', '\r\n', '\r']))
    text = ''.join(line + rng.choice(ends) for line in lines)
    return text if rng.random() < 0.7 else text.rstrip('\r\n')


def _broken(rng: random.Random) -> HostileCsv:
    delimiter = rng.choice(',,,,;;;\t\t\t|')
    columns = [*COLUMNS, *rng.sample(WRONG_COLUMNS, rng.choice((0, 0, 0, 0, 0, 1, 2)))]
    if rng.random() < 0.1:
        columns.remove(rng.choice(columns))
    if rng.random() < 0.3:
        rng.shuffle(columns)
    write = rng.choice((_line, _as_csv_writes, lambda rng, cells, delimiter: delimiter.join(cells)))
    lines = rng.choices(WRONG_FIRST_LINES, k=rng.choice((0, 0, 0, 0, 1, 2)))
    lines.append(write(rng, columns, delimiter))
    for _ in range(rng.randrange(7)):
        cells = [_cell(rng, name) for name in columns]
        if rng.random() < 0.04:
            cells = cells[:rng.randrange(len(cells) + 1)] + rng.choices(['', ' ', 'x', '\ufeff'],
                                                                        k=rng.randrange(3))
        lines.append(write(rng, cells, delimiter))
        lines += rng.choices(WRONG_LINES, k=rng.random() < 0.04)
    text = _joined(rng, lines)
    if rng.random() < 0.1:
        text = text.replace(rng.choice(text or ' '), rng.choice('\0\ud800\udfff\U0010ffff"\r\n'), 1)
    encoding = rng.choice(ENCODINGS)
    return HostileCsv(_damaged(rng, text.encode(encoding,
                                                'replace' if encoding == 'latin-1' else 'surrogatepass')))


def _cell(rng: random.Random, column: str) -> str:
    good, wrong = POOLS.get(column, (NOTES, WRONG_NAMES))
    return rng.choice(wrong if rng.random() < 0.04 else good)


def _as_csv_writes(rng: random.Random, cells: list[str], delimiter: str) -> str:
    out = io.StringIO()
    quoting = rng.choice((csv.QUOTE_ALL, csv.QUOTE_MINIMAL))
    csv.writer(out, delimiter=delimiter, lineterminator='', quoting=quoting).writerow(cells)
    return out.getvalue()


def _damaged(rng: random.Random, data: bytes) -> bytes:
    """Sometimes cut off, or with some bytes changed, removed or put in."""
    if rng.random() < 0.75 or not data:
        return data
    if rng.random() < 0.3:
        return data[:rng.randrange(len(data))]
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(damaged) + 1)
        damaged[place:place + rng.randrange(2)] = rng.choice(WRONG_BYTES)
    return bytes(damaged)
