"""mmdeploy's own scripts convert our networks, in their own order of calls and processes; ours take their
arguments."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmchangenet.deploy.convert import convert
from mmchangenet.runtime import ChangeRuntime

ROOT = Path(__file__).parents[2]
MMDEPLOYS_TOOL = Path(__file__).with_name('mmdeploy_deploy_tool.py')


def run_mmdeploys_tool(deploy, line, folder):
    """Convert in a process of its own; the two scores that it shows, of the backend and of PyTorch."""
    done = subprocess.run([
        sys.executable, MMDEPLOYS_TOOL, ROOT / 'configs/deploy' / deploy, line.config, line.checkpoint,
        line.csv, folder, 'cpu'
    ],
                          cwd=line.root,
                          env=dict(os.environ, PYTHONPATH=str(ROOT)),
                          capture_output=True,
                          text=True,
                          timeout=600,
                          check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0 and 'All process success.' in output, output[-3000:]
    return [
        float(text.split(': score ')[1].split(',')[0]) for text in output.splitlines() if ': score ' in text
    ]


@pytest.mark.slow
def test_mmdeploys_tool_converts_with_the_config_alone(line, tmp_path):
    of_backend, of_pytorch = run_mmdeploys_tool('change-classification_openvino_static.py', line, tmp_path)
    assert of_backend == pytest.approx(of_pytorch, abs=1e-4)
    assert (tmp_path / 'end2end.xml').exists()


@pytest.mark.slow
def test_mmdeploys_tool_parts_a_network(line, tmp_path):
    of_parts, of_pytorch = run_mmdeploys_tool(
        'change-classification_onnxruntime-partition-learnable_dynamic.py', line, tmp_path)
    assert of_parts == pytest.approx(of_pytorch, abs=1e-4)
    assert {file.name
            for file in tmp_path.glob('*.onnx')} == {'encoder.onnx', 'golden.onnx', 'comparator.onnx'}
    runtime = ChangeRuntime(tmp_path, threads=1)
    assert runtime.score_csv(line.csv, line.root)[0].score == pytest.approx(of_pytorch, abs=1e-4)


@pytest.mark.slow
def test_mmdeploys_process_for_tensorrt_knows_our_backend(tmp_path):
    script = f"""
if __name__ == '__main__':
    import torch.multiprocessing as mp
    from mmdeploy.apis.core import PIPELINE_MANAGER
    from mmdeploy.apis.utils import to_backend
    from mmdeploy.utils import load_config
    mp.set_start_method('spawn', force=True)
    deploy_cfg, = load_config('{ROOT}/configs/deploy/change-classification_tensorrt_static.py')
    PIPELINE_MANAGER.enable_multiprocess(True, [to_backend])
    to_backend('tensorrt', ['ready.onnx'], work_dir='.', deploy_cfg=deploy_cfg, log_level=20, device='cuda:0')
"""
    (tmp_path / 'script.py').write_text(script)
    done = subprocess.run([sys.executable, 'script.py'],
                          cwd=tmp_path,
                          env=dict(os.environ, PYTHONPATH=str(ROOT)),
                          capture_output=True,
                          text=True,
                          timeout=600,
                          check=False)
    assert done.returncode == 1 and 'TensorRT was not run' in done.stderr + done.stdout, (done.stdout +
                                                                                          done.stderr)[-3000:]


def test_our_tool_refuses_to_write_what_mmdeploys_sdk_needs(line, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv',
                        ['deploy.py', 'deploy.py', line.config, line.checkpoint, line.csv, '--dump-info'])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(ROOT / 'tools/deploy.py'), run_name='__main__')
    assert left.value.code == 2 and 'SDK' in capsys.readouterr().err


def test_our_tool_takes_mmdeploys_arguments(line, tmp_path, capsys, monkeypatch):
    deploy = str(ROOT / 'configs/deploy/change-classification_tensorrt_static.py')
    monkeypatch.setattr(sys, 'argv', [
        'deploy.py', deploy, line.config, line.checkpoint, line.csv, '--test-img', line.csv, '--work-dir',
        str(tmp_path), '--device', 'cpu', '--log-level', 'WARNING'
    ])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(ROOT / 'tools/deploy.py'), run_name='__main__')
    assert left.value.code == 0 and 'TensorRT was not run' in capsys.readouterr().out
    assert (tmp_path / 'end2end.onnx').exists()


def run_test_backend(monkeypatch, *arguments):
    """The exit code of our tool that tests a converted network."""
    monkeypatch.setattr(sys, 'argv', ['test_backend.py', *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(ROOT / 'tools/test_backend.py'), run_name='__main__')
    return left.value.code


def test_our_test_of_a_backend_ends_with_a_code_and_a_message(line, tmp_path, capsys, monkeypatch):
    deploy = ROOT / 'configs/deploy/change-classification_onnxruntime_dynamic.py'
    convert(str(deploy), line.config, line.checkpoint, line.csv, work_dir=tmp_path)
    rest = [
        '--model', tmp_path / 'end2end.onnx', '--work-dir', tmp_path / 'logs', '--out',
        tmp_path / 'scores.csv'
    ]
    assert run_test_backend(monkeypatch, deploy, line.config, *rest) == 0
    rows = (line.root / 'labels.csv').read_text().splitlines()
    shutil.copytree(line.root / 'board', tmp_path / 'board')
    shutil.copytree(line.root / 'golden', tmp_path / 'golden')
    (tmp_path / 'board/R3_Top.png').write_bytes(b'cut')
    (tmp_path / 'some.csv').write_text('\n'.join(rows[:6]))
    data = [
        '--cfg-options', f'test_dataloader.dataset.data_root={tmp_path}',
        'test_dataloader.dataset.ann_file=some.csv'
    ]
    assert run_test_backend(monkeypatch, deploy, line.config, *rest, *data) == 1
    assert 'rows have no score' in capsys.readouterr().err
    assert (tmp_path / 'scores.csv').read_text().splitlines()[4].endswith(',')
    assert run_test_backend(monkeypatch, tmp_path / 'none.py', line.config, *rest) == 2
    assert 'none.py' in capsys.readouterr().err
    assert run_test_backend(monkeypatch, deploy, line.config, *rest, '--cfg-options',
                            'test_dataloader.dataset.ann_file=no') == 2
    assert 'error: ' in capsys.readouterr().err
