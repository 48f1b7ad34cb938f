"""Hard boards: several designs over months of a line, with held-out designs, to measure on with room in it."""

from .contact_sheet import contact_sheet
from .defects import DEFECTS
from .designs import DESIGNS
from .generate import SPLITS, generate_hard_boards
from .shot import Flaw, take_shot

__all__ = ['DEFECTS', 'DESIGNS', 'SPLITS', 'Flaw', 'contact_sheet', 'generate_hard_boards', 'take_shot']
