"""mmdeploy's partition config: parts that score as the whole does, on any backend, and in a ChangeRuntime."""

import numpy as np
import pandas as pd
import pytest
from mmengine.config import Config

from mmchangenet.apis import ChangeInferencer
from mmchangenet.checkpoint import write_checkpoint
from mmchangenet.deploy.convert import convert
from mmchangenet.deploy.evaluate import prepare_backend_test
from mmchangenet.deploy.partition import part_of, partition_cfg
from mmchangenet.registry import MODELS
from mmchangenet.runtime import ChangeRuntime

BASE = 'change-classification_onnxruntime-partition-{}_dynamic.py'


def deploy_config(deploy_configs, folder, kind, **changes):
    config = Config.fromfile(deploy_configs / BASE.format(kind))
    config.merge_from_dict(changes)
    config.dump(folder / 'deploy.py')
    return str(folder / 'deploy.py')


@pytest.fixture
def deploy_configs(request):
    return request.config.rootpath / 'configs/deploy'


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_parts_score_a_csv_as_pytorch_does(backend, deploy_configs, line, tmp_path):
    pytest.importorskip(backend)
    deploy = deploy_config(deploy_configs, tmp_path, 'learnable', backend_config=dict(type=backend))
    files = convert(deploy, line.config, line.checkpoint, line.csv, work_dir=tmp_path / 'out')
    assert [file.rsplit('/')[-1].split('.')[0] for file in files] == ['encoder', 'golden', 'comparator']
    expected = ChangeInferencer(line.config, line.checkpoint, device='cpu').score_csv(line.csv,
                                                                                      line.root).siamese_score
    prepare_backend_test(deploy,
                         line.config,
                         files,
                         work_dir=str(tmp_path / 'logs'),
                         out=str(tmp_path / 'scores.csv'),
                         batch_size=5).test()
    np.testing.assert_allclose(pd.read_csv(tmp_path / 'scores.csv').siamese_score, expected, atol=1e-4)
    runtime = ChangeRuntime(tmp_path / 'out', threads=1)
    results = runtime.score_csv(line.csv, line.root)
    np.testing.assert_allclose([result.score for result in results], expected, atol=1e-4)
    assert runtime.threshold == 0.25


def test_a_network_without_a_golden_half(deploy_configs, line, tmp_path):
    model = dict(neck=dict(_delete_=True, type='EuclideanDifference', hidden_dim=32),
                 head=dict(_delete_=True, type='ContrastiveHead'))
    config = Config.fromfile(line.config)
    config.merge_from_dict(dict(model=model))
    config.dump(tmp_path / 'config.py')
    write_checkpoint(dict(state_dict=MODELS.build(config.model).state_dict(), meta={}), tmp_path / 'new.pth')
    arguments = str(tmp_path / 'config.py'), str(tmp_path / 'new.pth'), line.csv
    convert(deploy_config(deploy_configs, tmp_path, 'euclidean'), *arguments, work_dir=tmp_path / 'out')
    assert {file.name for file in (tmp_path / 'out').glob('*.onnx')} == {'encoder.onnx', 'comparator.onnx'}
    with pytest.raises(ValueError, match="encoder, comparator.*'euclidean'"):
        convert(deploy_config(deploy_configs, tmp_path, 'learnable'), *arguments, work_dir=tmp_path / 'other')


@pytest.mark.parametrize('changes', [{'codebase_config.graph.output': 'tensor'}, {'backend_config.precision': 'int8'},
                                     {'onnx_config.dynamic_axes': None}])
def test_what_parts_cannot_be_is_refused(changes, deploy_configs, line, tmp_path):
    with pytest.raises(ValueError, match='partition_config: parts take'):
        convert(deploy_config(deploy_configs, tmp_path, 'learnable', **changes),
                line.config,
                line.checkpoint,
                line.csv,
                work_dir=tmp_path / 'out')


def test_marks():
    assert [part_of(part['start'], part['end'])
            for part in partition_cfg('learnable')] == ['encoder', 'golden', 'comparator']
    assert part_of('detector_forward:input', ['multiclass_nms:input']) is None
    with pytest.raises(ValueError, match="'single_stage'.*learnable"):
        partition_cfg('single_stage')
