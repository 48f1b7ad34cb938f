"""Demo data: a generated board with golden and compare shots under four lights, good and defective."""

from .defects import DEFECTS
from .ensure import ensure_demo
from .generate import generate_demo
from .lighting import LIGHTS
from .shot import take_shot

__all__ = ['DEFECTS', 'LIGHTS', 'ensure_demo', 'generate_demo', 'take_shot']
