"""Galleries of wrongly called rows and the page that shows them, for looking at without any server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from mmchangenet.imaging import ImageError, read_image
from mmchangenet.verdict import is_fail

from .pair_picture import draw_pair

QUALITY = 92  # of the JPEG pictures, colours not subsampled

STYLE = '''
body { font: 15px/1.45 system-ui, sans-serif; color: #202124; background: #f4f5f7;
       margin: 0 auto; max-width: 1500px; padding: 1.5rem; }
h1 { margin: 0 0 .3rem; font-size: 1.6rem } h2 { margin: 2.2rem 0 .6rem; font-size: 1.2rem }
nav a { margin-right: 1.2rem } a { color: #2f6fb7 } p { margin: .3rem 0 .8rem; color: #5f6368 }
.tables { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start }
table { background: #fff; border-collapse: collapse; border: 1px solid #dadce0;
        font-variant-numeric: tabular-nums }
caption { text-align: left; padding: .4rem 0; font-weight: 600 }
th, td { padding: .25rem .7rem; text-align: right; border-top: 1px solid #eceef1 }
th.text, td.text { text-align: left } th { color: #5f6368; font-weight: 500 }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start }
.plots img { max-width: 100%; max-height: 34rem; border: 1px solid #dadce0 }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 28rem), 1fr)); gap: 1rem }
figure { margin: 0; background: #fff; border: 1px solid #dadce0; border-radius: 6px; overflow: hidden }
figure img { display: block; width: 100%; height: 19rem; object-fit: contain; background: #fff }
figcaption { padding: .5rem .8rem .7rem; border-top: 1px solid #eceef1; overflow-wrap: anywhere;
             font-size: .88rem }
figcaption b { font-size: 1rem } figcaption span { color: #5f6368 }
'''


@dataclass
class Pair:
    """A row of a gallery.

    Attributes:
        position (int): the row's place in the dataset, from 0.
        score (float): its score.
        info (dict): the dataset's ``get_data_info``: paths, label, object name, ``compare_files`` and
            ``golden_files``.
    """

    position: int
    score: float
    info: dict[str, Any]


@dataclass
class Gallery:
    """Pictures of rows of one kind.

    Attributes:
        folder (str): name of the folder within the page's.
        title, explanation (str): what the page says of it.
        total (int): rows of this kind; more than ``pairs`` when not all are drawn.
        pairs (list[Pair]): rows to draw, worst first.
    """

    folder: str
    title: str
    explanation: str
    total: int
    pairs: list[Pair]


def write_gallery(out_dir: str | Path, gallery: Gallery, margin: float) -> list[str]:
    """Draw one picture a row into ``out_dir/folder``; pictures of an earlier gallery there are deleted.

    Args:
        out_dir: the page's folder.
        gallery: rows.
        margin: the head's margin.

    Returns:
        the pictures' paths within ``out_dir``.
    """
    folder = Path(out_dir, gallery.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob('[0-9]*_score*.jpg'):
        old.unlink()
    return [
        f'{gallery.folder}/{_write_picture(folder, rank, pair, margin)}'
        for rank, pair in enumerate(gallery.pairs, 1)
    ]


def _write_picture(folder: Any, rank: Any, pair: Any, margin: Any) -> Any:
    info = pair.info
    called, relation = ('FAIL', '>') if is_fail(pair.score, margin) else ('PASS', '≤')
    lightings = len(info['compare_files'])
    which = f'   (the first of {info["num_golden"]})' if 'num_golden' in info else ''
    compare, golden = ([_read(file) for file in info[side][:lightings]]
                       for side in ('compare_files', 'golden_files'))
    picture = draw_pair(
        compare,
        golden,
        light_names(info),
        heading=
        f'{info["label"] or "no label"}, called {called}   score {pair.score:.4g} {relation} margin '
        f'{margin:.4g}',
        details=[
            f'{info["object_name"]}   (row {pair.position}, from 0)', f'compare  {info["input_path"]}',
            f'golden  {info["golden_path"]}{which}'
        ])
    board = Path(info['input_path']).name
    name = _file_name(f'{rank:03d}_score{pair.score:.4f}', board, info['object_name'], info['label'])
    Image.fromarray(picture).save(folder / name, quality=QUALITY, subsampling=0)
    return name


def _read(file: Any) -> Any:
    try:
        return read_image(file)
    except ImageError as error:
        return f'unreadable: {error}'


def light_names(info: Any) -> Any:
    """The lighting of each file, as its name tells after the object's; its number where it does not."""
    names = []
    for number, file in enumerate(info['compare_files'], 1):
        light = Path(file).stem.removeprefix(Path(info['object_name']).name).removeprefix('_')
        names.append(light or (str(number) if len(info['compare_files']) > 1 else ''))
    return names


def _file_name(*parts: Any, longest: int = 100) -> Any:
    """A name that every file system takes."""
    return '_'.join(re.sub(r'[^A-Za-z0-9._-]+', '-', part).strip('-')
                    for part in parts if part)[:longest] + '.jpg'


def write_index(out_dir: str | Path, title: str, tables: Any, plots: Sequence[str],
                galleries: Sequence[Gallery], pictures: Sequence[Sequence[str]]) -> Path:
    """Write ``index.html``: figures, plots and all pictures. It needs nothing from outside its folder.

    Args:
        out_dir: folder of the page.
        title: heading.
        tables: objects with ``title``, ``header`` and ``lines`` of text, and ``text_columns``.
        plots: pictures' paths within ``out_dir``.
        galleries: what was drawn.
        pictures: each gallery's pictures within ``out_dir``.

    Returns:
        the page.
    """
    links = ''.join(f'<a href="#{quote(gallery.folder)}">{escape(gallery.title)} ({gallery.total})</a>'
                    for gallery in galleries)
    body = [
        f'<h1>{escape(title)}</h1>', f'<nav>{links}</nav>', '<h2>Figures</h2>', '<div class="tables">',
        *map(_table, tables), '</div>', '<h2>Scores</h2>', '<div class="plots">',
        *(f'<a href="{quote(plot)}"><img src="{quote(plot)}" alt="{escape(Path(plot).stem)}"></a>'
          for plot in plots), '</div>'
    ]
    for gallery, files in zip(galleries, pictures, strict=True):
        shown = '' if gallery.total == len(
            files) else f' Only the first {len(files)} of {gallery.total} are drawn.'
        body += [f'<h2 id="{quote(gallery.folder)}">{escape(gallery.title)} ({gallery.total})</h2>',
                 f'<p>{escape(gallery.explanation + shown)}</p>', '<div class="cards">',
                 *(_card(*item) for item in enumerate(zip(gallery.pairs, files, strict=True), 1)), '</div>']
    page = Path(out_dir, 'index.html')
    page.write_text('<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
                    '<meta name="viewport" content="width=device-width">'
                    f'<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n' +
                    '\n'.join(body) + '\n</body>\n</html>\n',
                    encoding='utf-8')
    return page


def _table(table: Any) -> Any:
    kinds = [
        ' class="text"' if not number or name in table.text_columns else ''
        for number, name in enumerate(table.header)
    ]

    def row(cells: Any, tag: Any) -> Any:
        cells = (f'<{tag}{kind}>{escape(cell)}</{tag}>' for cell, kind in zip(cells, kinds, strict=True))
        return f'<tr>{"".join(cells)}</tr>'

    lines = [row(table.header, 'th')] if table.header else []
    lines += [row(line, 'td') for line in table.lines]
    return f'<table><caption>{escape(table.title.rstrip(":"))}</caption>{"".join(lines)}</table>'


def _card(rank: Any, item: Any) -> Any:
    pair, file = item
    info = {key: escape(str(pair.info[key])) for key in ('label', 'object_name', 'input_path', 'golden_path')}
    return (
        f'<figure><a href="{quote(file)}"><img loading="lazy" src="{quote(file)}" '
        f'alt="{info["object_name"]}"></a>'
        f'<figcaption><b>{rank}. {info["label"]}, score {pair.score:.4g}</b><br>{info["object_name"]}<br>'
        f'<span>compare {info["input_path"]}<br>golden {info["golden_path"]}</span></figcaption></figure>')
