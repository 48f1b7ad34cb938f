"""mmdeploy's own scripts convert our networks, in their own order of calls and processes; ours take their arguments."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MMDEPLOYS_TOOL = Path(__file__).with_name('mmdeploy_deploy_tool.py')


def run(script, backend, line, work_dir, *options):
    """Run a script from another folder; returns the exit code and all output."""
    deploy = ROOT / f'configs/deploy/change-classification_{backend}.py'
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run([sys.executable, script, deploy, line.config, line.checkpoint, line.csv, *options], cwd=line.root,
                          env=environment, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_mmdeploys_tool_converts_with_the_config_alone(line, tmp_path):
    code, output = run(MMDEPLOYS_TOOL, 'openvino_static', line, tmp_path, tmp_path, 'cpu')
    assert code == 0 and 'All process success.' in output, output[-3000:]
    scores = [text.split(': score ')[1].split(',')[0] for text in output.splitlines() if ': score ' in text]
    assert len(scores) == 2 and abs(float(scores[0]) - float(scores[1])) < 1e-4
    assert (tmp_path / 'end2end.xml').exists()


@pytest.mark.slow
def test_mmdeploys_tool_reaches_our_tensorrt_in_its_own_process(line, tmp_path):
    code, output = run(MMDEPLOYS_TOOL, 'tensorrt-fp16_static', line, tmp_path, tmp_path, 'cpu')
    assert code != 0 and 'TensorRT was not run' in output, output[-3000:]
    assert (tmp_path / 'end2end.onnx').exists()


@pytest.mark.slow
def test_our_tool_takes_mmdeploys_arguments(line, tmp_path):
    code, output = run(ROOT / 'tools/deploy.py', 'onnxruntime_static', line, tmp_path, '--work-dir', tmp_path, '--dump-info')
    assert code == 2 and 'SDK' in output and not list(tmp_path.iterdir())
    code, output = run(ROOT / 'tools/deploy.py', 'onnxruntime_static', line, tmp_path, '--work-dir', tmp_path, '--device', 'cpu',
                       '--log-level', 'WARNING')
    assert code == 0 and 'written and checked' in output, output[-3000:]
