"""The packages of the demo board."""

from mmchangenet.boards.parts import BLACK, BLACK_INK, Look, Mark, Package, text_mark

_TAN, _GREY = (0.55, 0.36, 0.20), (0.16, 0.13, 0.15)

PACKAGES = dict(
    resistor=Package(
        'chip', 'R', 31, 16, 9, ((-33, 0, 14, 18), (33, 0, 14, 18)), looks=(
            Look(BLACK, (text_mark('103', 0, 0, 14, 8),)),
            Look(BLACK, (Mark('label', 0, 0, 17, 12, '4R7'),)),
            Look((0.04, 0.10, 0.30), (Mark('disc', 0, 0, 9, 9),)),
        )),
    capacitor=Package(
        'chip', 'C', 31, 17, 15, ((-33, 0, 14, 19), (33, 0, 14, 19)), looks=(
            Look(_TAN, gloss=0.15), Look(_GREY, gloss=0.15), Look((0.80, 0.78, 0.76), gloss=0.15))),
    led=Package(
        'chip', 'LED', 31, 17, 11, ((-33, 0, 14, 18), (33, 0, 14, 18)), polar=True, looks=(
            Look((0.80, 0.80, 0.76), (Mark('bar', -17, 0, 2.5, 12, colour=(0.02, 0.35, 0.10)),),
                 accent=(0.86, 0.66, 0.10)),
            Look((0.80, 0.80, 0.76), (Mark('bar', -17, 0, 2.5, 12, colour=(0.02, 0.35, 0.10)),),
                 accent=(0.75, 0.12, 0.10)),
        )),
    diode=Package(
        'gull', 'D', 27, 17, 13, ((-40, 0, 11, 12), (40, 0, 11, 12)), polar=True,
        leads=((-33, 0, 10, 7), (33, 0, 10, 7)), looks=(
            Look(BLACK, (Mark('bar', -19, 0, 4, 17), text_mark('4X', 4, 0, 8, 7))),
            Look(BLACK, (Mark('bar', -19, 0, 4, 17), Mark('label', 6, 0, 15, 14, 'SS'))),
        )),
    sot23=Package(
        'gull', 'Q', 30, 15, 12, ((-20, 31, 9, 13), (20, 31, 9, 13), (0, -31, 9, 13)),
        leads=((-20, 25, 5, 10), (20, 25, 5, 10), (0, -25, 5, 10)), looks=(
            Look(BLACK, (text_mark('1AM', 0, 0, 20, 8),)),
            Look(BLACK, (Mark('label', 0, 0, 25, 12, 'K7'),)),
        )),
    soic8=Package(
        'gull', 'U', 43, 27, 15,
        tuple((u, side * 44, 7, 12) for side in (1, -1) for u in (-33, -11, 11, 33)), polar=True,
        leads=tuple((u, side * 37, 4.0, 12) for side in (1, -1) for u in (-33, -11, 11, 33)), looks=(
            Look(BLACK,
                 (Mark('disc', -35, 19, 4, 4), text_mark('LM358', 2, -9, 30, 7),
                  text_mark('{lot}', 4, 10, 22, 5))),
            Look(BLACK, (Mark('label', 0, -8, 38, 13, 'NE555'), text_mark('{lot}', 4, 14, 22, 5))),
        )),
    electrolytic=Package(
        'can', 'CE', 37, 37, 34, ((-44, 0, 14, 9), (44, 0, 14, 9)), polar=True,
        leads=((-42, 0, 9, 5), (42, 0, 9, 5)), looks=(
            Look((0.60, 0.61, 0.62),
                 (text_mark('100', 5, -8, 16, 7, BLACK_INK), text_mark('{lot}', 5, 9, 15, 5, BLACK_INK)),
                 accent=(0.04, 0.04, 0.06), gloss=0.6),
            Look((0.60, 0.61, 0.62), (text_mark('47', 5, 0, 14, 13, BLACK_INK),), scale=0.80,
                 accent=(0.03, 0.10, 0.45), gloss=0.6),
        )),
)
