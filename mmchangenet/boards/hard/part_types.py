"""The part types of the hard boards: packages of every family, and the part numbers that come in them."""

from __future__ import annotations

from mmchangenet.boards.parts import BLACK, BLACK_INK, WHITE_INK, Look, Mark, Package, Rectangle, text_mark

RGB = tuple[float, float, float]

GOLD: RGB = (0.85, 0.68, 0.36)
_TANTALUM: RGB = (0.72, 0.50, 0.10)
_NYLON: RGB = (0.80, 0.78, 0.70)
_FERRITE: RGB = (0.13, 0.12, 0.12)
_DARK_NYLON: RGB = (0.10, 0.10, 0.11)
_HOLE: RGB = (0.03, 0.03, 0.03)
_CATHODE: RGB = (0.02, 0.30, 0.10)
_ALUMINIUM: RGB = (0.60, 0.61, 0.62)


def _chip(prefix: str, half_u: float, half_v: float, height: float, looks: tuple[Look, ...],
          polar: bool = False) -> Package:
    pads = tuple((side * (half_u + 2), 0, 0.45 * half_u, half_v + 2) for side in (-1, 1))
    return Package('chip', prefix, half_u, half_v, height, pads, looks, polar=polar)


def _dual(prefix: str, half_u: float, half_v: float, height: float,
          rows: tuple[tuple[float, ...], tuple[float, ...]], half_lead: float,
          looks: tuple[Look, ...], polar: bool = True, reach: float = 10) -> Package:
    """A body with leads along its lower and upper side, at the given places."""
    places = [(u, side) for side, row in zip((1, -1), rows, strict=True) for u in row]
    return Package(
        'gull', prefix, half_u, half_v, height,
        tuple((u, side * (half_v + reach + 4), half_lead + 2.5, reach + 2) for u, side in places), looks,
        leads=tuple((u, side * (half_v + reach - 2), half_lead, reach) for u, side in places), polar=polar)


def _can(prefix: str, half: float, looks: tuple[Look, ...]) -> Package:
    return Package(
        'can', prefix, half, half, 0.9 * half, tuple((side * (half + 7), 0, 13, 9) for side in (-1, 1)),
        looks, leads=tuple((side * (half + 5), 0, 9, 5) for side in (-1, 1)), polar=True)


def _bare(prefix: str, pads: tuple[Rectangle, ...]) -> Package:
    return Package('bare', prefix, 20, 20, 0, pads, (Look(BLACK), ), pad_colour=GOLD)


def _row(count: int, pitch: float) -> tuple[float, ...]:
    return tuple((index - (count - 1) / 2) * pitch for index in range(count))


def _printed(body: RGB, texts: tuple[str, ...], half_u: float, half_v: float, colour: RGB = WHITE_INK,
             gloss: float = 0.3) -> tuple[Look, ...]:
    """Part numbers of one body that are told apart by their print."""
    return tuple(Look(body, (text_mark(text, 0, 0, half_u, half_v, colour), ), gloss=gloss) for text in texts)


def _plain(*bodies: RGB) -> tuple[Look, ...]:
    return tuple(Look(body, gloss=0.15) for body in bodies)


def _ic(texts: tuple[str, ...], half_u: float, half_v: float, colour: RGB = WHITE_INK) -> tuple[Look, ...]:
    """An IC's print: dot at pin 1, part number, and a date code that changes from part to part."""
    dot = Mark('disc', -half_u + 7, half_v - 6, 3.5, 3.5, colour=colour)
    return tuple(
        Look(BLACK, (dot, text_mark(text, 0, -0.3 * half_v, 0.84 * half_u, 0.42 * half_v, colour),
                     text_mark('{lot}', 4, 0.5 * half_v, 0.5 * half_u, 0.2 * half_v, colour)))
        for text in texts)


def _lit(bodies: tuple[RGB, ...]) -> tuple[Look, ...]:
    bar = Mark('bar', -14, 0, 2.5, 10, colour=_CATHODE)
    return tuple(Look((0.80, 0.80, 0.76), (bar, ), accent=lens) for lens in bodies)


def _electrolytic(texts: tuple[str, ...], half: float, accent: RGB) -> tuple[Look, ...]:
    return tuple(
        Look(_ALUMINIUM, (text_mark(text, 5, -0.22 * half, 0.42 * half, 0.2 * half, BLACK_INK),
                          text_mark('{lot}', 5, 0.28 * half, 0.38 * half, 0.13 * half, BLACK_INK)),
             accent=accent, gloss=0.6) for text in texts)


def _housing(count: int, pitch: float, colours: tuple[RGB, ...]) -> tuple[Look, ...]:
    cavities = tuple(Mark('cavity', u, -3, 0.3 * pitch, 9, colour=_HOLE) for u in _row(count, pitch))
    key = Mark('cavity', -0.5 * count * pitch - 2, 10, 2.5, 4, colour=(0.2, 0.2, 0.2))
    return tuple(Look(colour, (*cavities, key), gloss=0.15) for colour in colours)


PART_TYPES: dict[str, Package] = {
    'resistor-small': _chip('R', 22, 12, 7, _printed(BLACK, ('103', '472', '86R'), 12, 9)),
    'resistor': _chip('R', 31, 16, 9, _printed(BLACK, ('100', '4R7', '332'), 18, 12)),
    'resistor-blue': _chip('R', 34, 17, 9, _printed((0.04, 0.10, 0.30), ('R01', '470', '2K2'), 19, 12)),
    'capacitor-small': _chip('C', 21, 12, 12, _plain((0.55, 0.36, 0.20), (0.25, 0.17, 0.12))),
    'capacitor': _chip('C', 31, 17, 15, _plain((0.62, 0.43, 0.26), (0.18, 0.15, 0.16))),
    'inductor': _chip('L', 35, 29, 22, _printed(_FERRITE, ('100', '4R7', '221'), 16, 10, gloss=0.1)),
    'tantalum': _chip('C', 33, 19, 16, tuple(
        Look(_TANTALUM, (Mark('bar', -18, 0, 4, 19, colour=(0.25, 0.08, 0.03)),
                         text_mark(text, 5, -4, 13, 7, (0.15, 0.07, 0.03))), gloss=0.2)
        for text in ('106C', '227A')), polar=True),
    'led': _chip('D', 29, 16, 11, _lit(((0.86, 0.66, 0.10), (0.75, 0.12, 0.10))), polar=True),
    'led-white': _chip('D', 27, 15, 10, _lit(((0.80, 0.78, 0.35), (0.15, 0.45, 0.75))), polar=True),
    'diode': Package(
        'gull', 'D', 27, 17, 13, ((-40, 0, 11, 12), (40, 0, 11, 12)), polar=True,
        leads=((-33, 0, 10, 7), (33, 0, 10, 7)), looks=tuple(
            Look(BLACK, (Mark('bar', -19, 0, 4, 17), text_mark(text, 5, 0, 12, 8)))
            for text in ('SS4', 'M7'))),
    'sot23': _dual('Q', 29, 14, 12, ((-20, 20), (0, )), 5, _printed(BLACK, ('1AM', 'K7W'), 19, 8), reach=8),
    'sot25': _dual('U', 31, 16, 12, ((-20, 0, 20), (-20, 20)), 4.5, _printed(BLACK, ('LB3T', 'A70G'), 22, 8),
                   reach=8),
    'soic8': _dual('U', 43, 26, 15, (_row(4, 22), _row(4, 22)), 4.5, _ic(('M358', 'L072', 'NE55'), 43, 26)),
    'tssop14': _dual('U', 47, 28, 10, (_row(7, 13), _row(7, 13)), 2.8, _ic(('HC08', 'LV14'), 47, 28)),
    'msop10': _dual('U', 40, 30, 10, (_row(5, 15), _row(5, 15)), 3.2, _ic(('8628', 'NA19'), 40, 30)),
    'connector': _dual('J', 46, 20, 22, (_row(5, 17), ()), 3.5, _housing(5, 17, (_NYLON, _DARK_NYLON)),
                       reach=11),
    'connector-fine': _dual('J', 48, 18, 16, (_row(8, 11), ()), 2.4, _housing(8, 11, (_DARK_NYLON, _NYLON))),
    'electrolytic': _can('C', 36, _electrolytic(('100', '470'), 36, (0.04, 0.04, 0.06))),
    'electrolytic-small': _can('C', 28, _electrolytic(('47', '220'), 28, (0.03, 0.10, 0.45))),
    'pads': _bare('R', ((-27, 0, 14, 17), (27, 0, 14, 17))),
    'pads-row': _bare('J', tuple((u, 0, 5, 20) for u in _row(5, 20))),
    'test-points': _bare('T', ((-24, -20, 11, 11), (22, -18, 11, 11), (0, 24, 13, 13))),
}
