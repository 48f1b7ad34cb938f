"""Demo data: a generated board with golden and compare shots under four lights, good and defective."""

from mmchangenet.boards.lighting import LIGHTS

from .atomic import ensure_demo, generate_demo
from .contact_sheet import contact_sheet
from .defects import DEFECTS
from .shot import take_shot

__all__ = ['DEFECTS', 'LIGHTS', 'contact_sheet', 'ensure_demo', 'generate_demo', 'take_shot']
