"""The loading benchmark."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_it_reports_both_loaders_with_and_without_augmentation():
    command = [sys.executable, str(ROOT / 'tools/analysis_tools/benchmark_loading.py'), '--repeats', '1']
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert done.returncode == 0, done.stderr
    assert re.search(r'without augmentation.*\n.*pillow-bilinear +\d+\.\d +\d+\.\d times', done.stdout)
    assert re.search(r'with augmentation.*\n.*pillow-bicubic +\d+\.\d +\d+\.\d times', done.stdout)
