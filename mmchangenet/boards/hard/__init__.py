"""Hard boards: several designs over months of a line, whole designs held out, to measure recipes on."""

from .contact_sheet import contact_sheet
from .defects import DEFECTS
from .designs import DESIGNS
from .generate import SPLITS, generate_hard_boards
from .shot import Flaw, take_shot

__all__ = ['DEFECTS', 'DESIGNS', 'SPLITS', 'Flaw', 'contact_sheet', 'generate_hard_boards', 'take_shot']
