"""``python -m mmchangenet.tao`` is the command ``visual_changenet``."""

import sys

from .command import main

if __name__ == '__main__':
    sys.exit(main())
