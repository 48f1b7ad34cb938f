"""Several goldens a part: ``golden_path`` is a folder, and every image in it is a golden."""

import os

import numpy as np

from mmchangenet.labels.image_files import forward


def list_goldens(table, images_dir, endings, problems):
    """The goldens of every row; lists each folder once.

    A golden is a name that the folder has with every lighting's suffix and the extension. Other files are passed over.

    Args:
        table (PairTable): the rows.
        images_dir (str): the folder that paths are relative to.
        endings (list[str]): suffix and extension of each lighting.
        problems (Problems): where to note folders that cannot be listed, hold no golden, or one that lacks a lighting.

    Returns:
        StringColumn: each row's golden names in alphabetical order, joined by slashes.
    """
    column, lines = table.strings['golden_path'], table.lines.numpy()
    entries, first_rows = np.unique(column.codes.numpy(), return_index=True)
    paths, listings, known = column.table(), [''] * (len(column.offsets) - 1), {}
    for entry, row in zip(entries.tolist(), first_rows.tolist(), strict=True):
        folder = os.path.join(images_dir, forward(paths[entry]))
        if folder not in known:
            known[folder] = _list_folder(folder, endings, int(lines[row]), problems)
        listings[entry] = '/'.join(known[folder])
    return column.with_table(listings)


def _list_folder(folder, endings, line, problems):
    try:
        files = set(os.listdir(folder))
    except OSError as error:
        problems.add('a golden folder that cannot be listed: correct golden_path or put the folder there', line,
                     f'{folder}: {error.strerror}')
        return []
    names = sorted({file[:-len(ending)] for ending in endings for file in files if file.endswith(ending)} - {''})
    whole = [name for name in names if all(name + ending in files for ending in endings)]
    for name in set(names) - set(whole):
        problems.add('a golden that lacks a lighting: put the image there, or delete its others', line,
                     os.path.join(folder, name))
    if not whole:
        problems.add('a golden folder without goldens: put some there, or correct golden_path, image_ext or input_map', line,
                     folder)
    return whole


def choose_goldens(names, count, rng=None):
    """``count`` of a part's goldens.

    Args:
        names (list[str]): all of them, in alphabetical order.
        count (int): how many; where there are fewer, they are repeated.
        rng (np.random.Generator, optional): draws which; without one the first are taken.

    Returns:
        list[str]: of length ``count``.
    """
    if rng is not None:
        names = [names[index] for index in rng.permutation(len(names))]
    return [names[index % len(names)] for index in range(count)]
