"""Every parameter of a spec does what the table says, or says why not."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from mmchangenet.tao import SpecError, spec_to_config
from mmchangenet.tao.config import build_config
from mmchangenet.tao.devices import devices_of
from mmchangenet.tao.parameters import ALIASES, PARAMETERS
from mmchangenet.tao.spec import note_effects, read_spec

LIST = Path(__file__).parents[3] / 'shared/reference/spec-parameters.md'
LIGHTS = dict(Low=0, Solder=1, Uniform=2, White=3)
GRID = ['dataset.classify.concat_type=grid']
EUCLIDEAN = ['model.classify.difference_module=euclidean', 'train.classify.loss=contrastive']
VIT = [
    'model.backbone.type=vit_large_nvdinov2', 'dataset.classify.image_height=64',
    'dataset.classify.image_width=64', *GRID
]
AUGMENT = ['dataset.classify.augmentation_config.augment=true']
SGD = ['train.optim.optim=sgd']
BOARD = ['train.tensorboard.enabled=true']
TOPK = ['train.checkpointer.enable_topk=true']
ABSENT = object()


def spec(**sections):
    """A spec that can be trained, evaluated and exported."""
    data = dict(csv_path='labels.csv', images_dir='images')
    classify = {f'{name}_dataset': data for name in ('train', 'validation', 'test', 'infer')} | dict(
        input_map=LIGHTS, image_height=32, image_width=32)
    return dict(dataset=dict(classify=classify),
                evaluate=dict(checkpoint='absent.pth'),
                inference=dict(checkpoint='absent.pth'),
                export=dict(checkpoint='absent.pth', onnx_file='absent.onnx'),
                **sections)


def hook(kind):
    return lambda config: next((hook for hook in config.custom_hooks if hook.type == kind), ABSENT)


def step(kind, loader='train_dataloader'):
    return lambda config: next(
        (step for step in config[loader].dataset.pipeline if step.type == kind), ABSENT)


def at(path, get=None):
    """The value at a dotted path of the config, or of what ``get`` finds in it."""

    def find(config):
        value = config if get is None else get(config)
        for name in path.split('.') if path else ():
            value = value.get(name, ABSENT) if hasattr(value, 'get') else value
        return value

    return find


def data(loader, path):
    return at(f'{loader}.dataset.{path}')


# key, value, where in the config, what is there; then overrides that it takes and the action
BECOMES = [
    ('task', 'classify', at('model.type'), 'SiameseClassifier'),
    ('results_dir', 'out', at('work_dir'), 'out/train'),
    ('train.seed', 7, at('randomness.seed'), 7),
    ('train.seed', -1, at('randomness.seed'), None),
    ('train.num_epochs', 4, at('train_cfg.max_epochs'), 4),
    ('train.num_epochs', 4, at('param_scheduler.end_factor'), 2 / 5),
    ('train.checkpoint_interval', 3, at('default_hooks.checkpoint.interval'), 3),
    ('train.validation_interval', 3, at('train_cfg.val_interval'), 3),
    ('train.resume_training_checkpoint_path', 'absent.pth', at('load_from'), 'absent.pth'),
    ('train.resume_training_checkpoint_path', 'absent.pth', at('resume'), True),
    ('train.results_dir', 'mine', at('work_dir'), 'mine'),
    ('train.pretrained_model_path', 'absent.pth', at('load_from'), 'absent.pth'),
    ('train.pretrained_model_path', 'absent.pth', at('resume'), 'auto'),
    ('train.classify.loss', 'contrastive', at('model.head.type'), 'ContrastiveHead', EUCLIDEAN),
    ('train.classify.loss', 'ce', at('model.head.loss.type'), 'WeightedCrossEntropy'),
    ('train.classify.cls_weight', [1, 3], at('model.head.loss.class_weight'), [1.0, 3.0]),
    ('train.optim.optim', 'adam', at('optim_wrapper.optimizer.type'), 'Adam'),
    ('train.optim.optim', 'adamw', at('optim_wrapper.optimizer.type'), 'AdamW'),
    ('train.optim.lr', 0.25, at('optim_wrapper.optimizer.lr'), 0.25),
    ('train.optim.momentum', 0.5, at('optim_wrapper.optimizer.momentum'), 0.5, SGD),
    ('train.optim.weight_decay', 0.5, at('optim_wrapper.optimizer.weight_decay'), 0.5),
    ('train.optim.policy', 'step', at('param_scheduler'), dict(type='StepLR', step_size=3, gamma=0.1,
     by_epoch=True)),
    ('train.optim.policy', 'linear', at('param_scheduler.end_factor'), 2 / 11),
    ('train.optim.monitor_name', 'auroc', at('default_hooks.checkpoint.save_best'), 'auroc'),
    ('train.optim.monitor_name', 'auroc', at('default_hooks.checkpoint.rule'), 'greater'),
    ('train.tensorboard.enabled', True, lambda config: config.visualizer.vis_backends[-1].type,
     'TensorboardVisBackend'),
    ('train.tensorboard.infrequent_logging_frequency', 3, at('interval', hook('TensorBoardHook')), 3, BOARD),
    ('train.tensorboard.infrequent_logging_frequency', 0, hook('TensorBoardHook'), ABSENT, BOARD),
    ('train.precision', 'bf16', at('optim_wrapper.dtype'), 'bfloat16'),
    ('train.precision', 'fp16', at('optim_wrapper.type'), 'AmpOptimWrapper'),
    ('train.sync_batchnorm', True, at('sync_bn'), 'torch'),
    ('train.cudnn.benchmark', True, at('env_cfg.cudnn_benchmark'), True),
    ('train.cudnn.deterministic', False, at('deterministic', hook('CudnnHook')), False),
    ('model.backbone.type', 'fan_base_16_p4_hybrid', at('model.backbone.arch'), 'base'),
    ('model.backbone.type', 'vit_large_nvdinov2', at('model.backbone.type'), 'ViTAdapter', VIT),
    ('model.backbone.type', 'vit_large_nvdinov2', at('model.backbone.type'), 'DINOv2', [
        *VIT, *EUCLIDEAN, 'dataset.classify.image_height=112', 'dataset.classify.image_width=112']),
    ('model.backbone.pretrained_backbone_path', 'absent.pth', at('model.backbone.init_cfg.checkpoint'),
     'absent.pth'),
    ('model.backbone.freeze_backbone', True, at('model.backbone.frozen_stages'), 4,
     ['train.pretrained_model_path=absent.pth']),
    ('model.backbone.freeze_backbone', True, at('model.backbone.frozen_stages'), 24, [
        *VIT, 'model.backbone.pretrained_backbone_path=absent.pth']),
    ('model.backbone.feat_downsample', False, at('model.backbone.type'), 'FAN'),
    ('model.decode_head.feature_strides', [4, 8, 16, 16], at('model.neck.type'), 'LearnableDifference'),
    ('model.decode_head.feature_strides', [4, 8, 16, 32], at('model.neck.type'), 'LearnableDifference', VIT),
    ('model.decode_head.align_corners', False, at('model.neck.type'), 'LearnableDifference'),
    ('model.decode_head.decoder_params.embed_dim', 64, at('model.neck.embed_dim'), 64),
    ('model.decode_head.in_channels', [128, 256, 384, 384], at('model.backbone.arch'), 'small'),
    ('model.decode_head.in_index', [0, 1, 2, 3], at('model.backbone.arch'), 'small'),
    ('model.decode_head.use_summary_token', True, at('model.backbone.type'), 'ViTAdapter', VIT),
    ('model.classify.train_margin_euclid', 3.0, at('model.head.loss.margin'), 3.0, EUCLIDEAN),
    ('model.classify.eval_margin', 0.25, at('model.head.margin'), 0.25),
    ('model.classify.eval_margin', 0.25, at('margin', hook('EvalMarginHook')), 0.25, [], 'evaluate'),
    ('model.classify.embedding_vectors', 9, at('model.neck.embedding_vectors'), 9, EUCLIDEAN),
    ('model.classify.embed_dec', 9, at('model.head.embed_dec'), 9),
    ('model.classify.difference_module', 'euclidean', at('model.neck.type'), 'EuclideanDifference',
     EUCLIDEAN),
    ('model.classify.learnable_difference_modules', 2, at('model.neck.num_modules'), 2),
    *((f'dataset.classify.{name}_dataset.csv_path', 'x.csv', data(loader, 'ann_file'), 'x.csv', [], action)
      for name, loader, action in (('train', 'train_dataloader', 'train'), ('validation', 'val_dataloader',
      'train'),
                                   ('test', 'test_dataloader', 'evaluate'), ('infer', 'test_dataloader',
                                    'inference'))),
    *((f'dataset.classify.{name}_dataset.images_dir', 'x', data(loader, 'data_prefix.img_path'), 'x', [],
      action)
      for name, loader, action in (('train', 'train_dataloader', 'train'), ('validation', 'val_dataloader',
      'train'),
                                   ('test', 'test_dataloader', 'evaluate'), ('infer', 'test_dataloader',
                                    'inference'))),
    ('dataset.classify.image_ext', '.png', data('train_dataloader', 'image_ext'), '.png'),
    ('dataset.classify.batch_size', 6, at('train_dataloader.batch_size'), 6),
    ('dataset.classify.workers', 0, at('train_dataloader.num_workers'), 0),
    ('dataset.classify.fpratio_sampling', 0.5, at('train_dataloader.sampler.fail_ratio'), 0.5),
    ('dataset.classify.num_input', 4, data('train_dataloader', 'input_map'), LIGHTS),
    ('dataset.classify.input_map', dict(Low=1, Solder=0, Uniform=2, White=3), data('train_dataloader',
     'input_map.Low'), 1),
    ('dataset.classify.pass_labels', ['OK'], data('train_dataloader', 'pass_labels'), ['OK']),
    ('dataset.classify.concat_type', 'grid', at('layout', step('LayOutLightings')), 'grid'),
    ('dataset.classify.concat_type', 'linear', at('model.input_size'), (128, 32)),
    ('dataset.classify.grid_map.x', 4, at('model.input_size'), (32, 128), [*GRID,
     'dataset.classify.grid_map.y=1']),
    ('dataset.classify.grid_map.y', 4, at('grid', step('LayOutLightings')), (4, 1), [*GRID,
     'dataset.classify.grid_map.x=1']),
    ('dataset.classify.image_width', 48, at('model.input_size'), (128, 48)),
    ('dataset.classify.image_height', 48, at('size', step('PairedResize')), (48, 32)),
    ('dataset.classify.output_shape', [32, 32], at('size', step('PairedResize')), (32, 32)),
    ('dataset.classify.num_classes', 3, at('model.head.num_classes'), 3),
    ('dataset.classify.num_golden', 3, data('train_dataloader', 'num_golden'), 3, VIT),
    ('dataset.classify.augmentation_config.augment', True, at('filter', step('PairedResize')),
     'pillow-bicubic'),
    ('dataset.classify.augmentation_config.augment', True, at('filter', step('PairedResize',
     'val_dataloader')),
     'pillow-bilinear'),
    ('dataset.classify.augmentation_config.augment', False, step('PairedRandomFlip'), ABSENT),
    ('dataset.classify.augmentation_config.rgb_input_mean', [0, 0.5, 1], at('model.data_preprocessor.mean'),
     [0, 127.5, 255]),
    ('dataset.classify.augmentation_config.rgb_input_std', [0.1, 0.5, 1], at('model.data_preprocessor.std'),
     [25.5, 127.5, 255]),
    *((f'dataset.classify.augmentation_config.{key}', value, at(path, step(kind)), expected, AUGMENT)
      for key, value, kind, path, expected in (
          ('random_flip.enable', False, 'PairedRandomFlip', '', ABSENT),
          ('random_flip.vflip_probability', 0.25, 'PairedRandomFlip', 'vertical', 0.25),
          ('random_flip.hflip_probability', 0.25, 'PairedRandomFlip', 'horizontal', 0.25),
          ('random_rotate.enable', False, 'PairedRandomRotate', '', ABSENT),
          ('random_rotate.rotate_probability', 0.25, 'PairedRandomRotate', 'prob', 0.25),
          ('random_rotate.angle_list', [45], 'PairedRandomRotate', 'angles', [45.0]),
          ('random_color.enable', False, 'PairedColorJitter', '', ABSENT),
          *((f'random_color.{name}', 0.1, 'PairedColorJitter', name, 0.1)
            for name in ('brightness', 'contrast', 'saturation', 'hue')),
          ('random_color.color_probability', 0.25, 'PairedColorJitter', 'prob', 0.25),
          ('with_random_crop', True, 'PairedRandomResizedCrop', 'scale', (0.8, 1.2)),
          ('with_random_crop', False, 'PairedRandomResizedCrop', '', ABSENT),
          ('with_random_blur', True, 'PairedGaussianBlur', 'max_radius', 1.0),
          ('with_random_blur', False, 'PairedGaussianBlur', '', ABSENT))),
    *((f'{action}.{key}', value, where, expected, [], action) for action in ('evaluate', 'inference')
      for key, value, where, expected in (
          ('checkpoint', 'x.pth', at('load_from'), 'x.pth'),
          ('results_dir', 'x', at('work_dir'), 'x'),
          ('vis_after_n_batches', 3, at('interval', hook('BatchPictureHook')), 3),
          ('batch_size', 5, at('test_dataloader.batch_size'), 5),
          ('batch_size', -1, at('test_dataloader.batch_size'), 32))),
    *((f'{action}.trt_engine', 'net.engine', at('model.engine'), 'net.engine', [f'{action}.checkpoint=null'],
      action)
      for action in ('evaluate', 'inference')),
    *((f'{action}.trt_engine', 'net.engine', at('load_from'), 'absent.pth', [], action)
      for action in ('evaluate', 'inference')),
    ('export.results_dir', 'mine', at('work_dir'), 'mine', [], 'export'),
    ('quantize.model_path', 'x.pth', at('load_from'), 'x.pth', [], 'quantize'),
    ('quantize.results_dir', 'mine', at('work_dir'), 'mine', ['quantize.model_path=x.pth'], 'quantize'),
    ('release', 5.5, at('optim_wrapper.optimizer.lr'), 5e-4),
    ('release', '7', at('model.neck.type'), 'EuclideanDifference'),
    ('train.clip_grad_norm', 0.5, at('optim_wrapper.clip_grad.max_norm'), 0.5),
    ('train.clip_grad_norm', 0, at('optim_wrapper.clip_grad'), ABSENT),
    *(('train.precision', name, at('optim_wrapper.type'), 'OptimWrapper')
      for name in ('fp32', '32-true', 32, '64-true', '32')),
    *(('train.precision', name, at('optim_wrapper.dtype'), 'float16') for name in (16, '16', '16-mixed',
      '16-true')),
    *(('train.precision', name, at('optim_wrapper.dtype'), 'bfloat16') for name in ('bf16-mixed',
      'bf16-true')),
    ('train.checkpoint_interval', 200, at('default_hooks.checkpoint.interval'), 200),
    ('train.validation_interval', 50, at('train_cfg.val_interval'), 50),
    ('train.checkpointer.enable_topk', True, at('count', hook('BestCheckpointsHook')), 1),
    ('train.checkpointer.enable_topk', True, at('default_hooks.checkpoint.save_best'), ABSENT),
    ('train.checkpointer.monitor', 'val_far', at('monitor', hook('BestCheckpointsHook')),
     'false_alarm_rate_at_100_recall', TOPK),
    ('train.checkpointer.mode', 'max', at('mode', hook('BestCheckpointsHook')), 'max', TOPK),
    ('train.checkpointer.save_top_k', 3, at('count', hook('BestCheckpointsHook')), 3, TOPK),
    ('train.checkpointer.filename', 'a_{epoch}', at('filename', hook('BestCheckpointsHook')), 'a_{epoch}',
     TOPK),
    ('train.checkpointer.dirpath', 'best', at('out_dir', hook('BestCheckpointsHook')), 'best', TOPK),
    ('train.checkpointer.dirpath', '', at('out_dir', hook('BestCheckpointsHook')), '/results/train', TOPK),
    ('train.checkpointer.replace_periodic', True, at('default_hooks.checkpoint.interval'), -1, TOPK),
    ('train.checkpointer.auto_insert_metric_name', True, at('insert_names', hook('BestCheckpointsHook')),
     True, TOPK),
    ('export.checkpoint', 'x.pth', at('load_from'), 'x.pth', [], 'export'),
    ('export.input_width', 32, at('model.input_size'), (128, 32), ['export.input_height=128'], 'export'),
    ('export.input_height', 128, at('model.input_size'), (128, 32), ['export.input_width=32'], 'export'),
]

# key, value, overrides that it takes, the action, a part of the note
NOTED = [
    ('encryption_key', 'secret', [], 'train', 'only an export to a name ending in .etlt is encrypted'),
    ('train.use_distributed_sampler', True, [], 'train', 'by itself'),
    ('train.optim.momentum', 0.5, [], 'train', 'train.optim.optim: sgd, and that is adamw'),
    ('train.classify.cls_weight', [1, 2], EUCLIDEAN, 'train',
        'train.classify.loss: ce, and that is contrastive'),
    ('model.classify.embedding_vectors', 3, [], 'train', 'difference_module: euclidean'),
    ('model.decode_head.use_summary_token', True, [], 'train', 'FAN has no summary token'),
    ('dataset.segment', dict(root_dir='x'), [], 'train', 'segmentation'),
    ('dataset.classify.grid_map.x', 2, [], 'train', 'concat_type: grid, and that is linear'),
    ('dataset.classify.augmentation_config.random_flip.enable', True, [], 'train',
     'augment: True, and that is False'),
    ('dataset.classify.augmentation_config.with_scale_random_crop.enable', True, [], 'train',
     'does not use it'),
    ('dataset.classify.augmentation_config.with_scale_random_crop.scale_range', [1, 1.2], [], 'train',
     'does not use it'),
    ('export.gpu_id', 0, [], 'export', 'on the CPU'),
    ('export.on_cpu', True, [], 'export', 'on the CPU'),
    ('export.serialize_nvdsinfer', True, [], 'export', 'no DeepStream'),
    ('model_name', 'mine', [], 'train', 'names of the toolkit'),
    ('wandb', dict(enable=True, tags=['a']), [], 'train', 'tracker'),
    ('train.segment', dict(loss='ce', weights=[1, 2]), [], 'train', 'segmentation'),
    ('train.distributed_strategy', 'ddp', [], 'train', 'in one way'),
    ('train.activation_checkpoint', True, [], 'train', 'changes no result'),
    ('train.checkpoint_interval_unit', 'step', [], 'train', 'after epochs'),
    ('train.checkpointer.save_top_k', 3, [], 'train', 'enable_topk: True, and that is False'),
    ('model.precise_msda', True, [], 'train', 'deterministic'),
    ('model.decode_head.align_corners', True, [], 'train', 'never aligned'),
    ('model.decode_head.feature_strides', [4, 8, 16, 32], [], 'train', "the backbone's"),
    ('model.decode_head.in_channels', [1, 2, 3, 4], [], 'train', "the backbone's"),
    ('model.decode_head.in_index', [3, 2, 1, 0], [], 'train', "the backbone's"),
    ('model.decode_head.use_summary_token', False, VIT, 'train', 'always has'),
    ('dataset.classify.quant_calibration_dataset', dict(images_dir=''), [], 'train', 'training data'),
    *((f'gen_trt_engine.{key}', value, [], 'gen_trt_engine', 'ONNX file says')
      for key, value in dict(batch_size=1, input_channel=3, input_width=128, input_height=512,
      opset_version=12).items()),
    ('gen_trt_engine.verbose', True, [], 'gen_trt_engine', 'builder'),
    ('gen_trt_engine.tensorrt.data_type', 'FP16', [], 'gen_trt_engine', 'precision of the ONNX file'),
    ('gen_trt_engine.tensorrt.calibration', dict(cal_batches=3), [], 'gen_trt_engine',
     'precision of the ONNX file'),
    *((f'quantize.{key}', value, ['quantize.model_path=x.pth'], 'quantize', 'in one way')
      for key, value in dict(backend='modelopt.onnx', mode='static_ptq', algorithm='minmax', layers=['a'],
      skip_names=['b'],
                             backend_kwargs=dict(a=1), device='cuda').items()),
]
ELSEWHERE = {  # what a run of the command shows, in test_command.py and below
    *(f'{action}.{key}' for action in ('train', 'evaluate', 'inference')
      for key in ('num_gpus', 'gpu_ids')), 'train.num_nodes', 'num_gpus', 'gpu_ids', 'evaluate.gpu_id',
    'inference.gpu_id', 'export.format', 'export.onnx_file',
    *(f'gen_trt_engine.{key}' for key in ('onnx_file', 'trt_engine', 'results_dir', 'gpu_id')),
    *(f'gen_trt_engine.tensorrt.{key}'
      for key in ('workspace_size', *(f'{n}_batch_size' for n in ('min', 'opt', 'max')))),
    'export.opset_version', 'export.input_channel', 'export.batch_size', 'export.verbose'
}
# key, value, overrides that it takes, a part of the message
REFUSED = [
    ('task', 'segment', [], 'classification is what this tool does'),
    ('model.backbone.feat_downsample', True, [], 'not known'),
    ('model.backbone.freeze_backbone', True, [], 'give pretrained ones'),
    ('train.classify.loss', 'contrastive', [], 'is trained with ce'),
    ('train.classify.cls_weight', [1, 2, 3], [], 'there are 2 classes'),
    ('dataset.classify.batch_size', 1, [], 'at least 2'),
    ('dataset.classify.num_input', 3, [], 'input_map has 4 lightings'),
    ('dataset.classify.input_map', dict(Solder=1), [], 'Probably meant: {Solder: 0}'),
    ('dataset.classify.num_input', 1, [], 'for 1 of them give input_map={Low: 0}'),
    ('dataset.classify.image_width', 100, ['dataset.classify.image_height=100'],
     'a width of 96 or 112 (100×100 is a default'),
    ('export.format', 'xdl', [], 'written as ONNX'),
    ('dataset.classify.input_map', dict(Low=0, Solder=0, Uniform=2, White=3), [],
     'position 0 is given 2 times'),
    ('dataset.classify.grid_map.x', 3, GRID, '6 places'),
    ('dataset.classify.image_width', 40, [], 'multiples of 16'),
    ('dataset.classify.image_width', 48, VIT, 'squares'),
    ('dataset.classify.output_shape', [64, 32], [], 'they are the same'),
    ('dataset.classify.input_width', 64, [], 'they are one parameter'),
    ('dataset.classify.num_classes', 3, EUCLIDEAN, 'PASS from FAIL only'),
]


def with_value(key, value, overrides=()):
    """The spec with a value, put there as the file would have it."""
    tree = OmegaConf.create(spec())
    if isinstance(value, dict):
        OmegaConf.update(tree, key, value, merge=False, force_add=True)
    changed = OmegaConf.merge(tree, OmegaConf.from_dotlist(list(overrides)))
    OmegaConf.update(changed, key, value, merge=False, force_add=True)
    return changed


@pytest.mark.parametrize('case', BECOMES, ids=lambda case: f'{case[0]}={case[1]}')
def test_it_becomes_what_the_table_says(case):
    key, value, where, expected, overrides, action = (*case, [],
                                                      'train')[:6] if len(case) == 4 else (*case, 'train')[:6]
    assert where(spec_to_config(with_value(key, value, overrides), action=action)) == expected


@pytest.mark.parametrize('case', NOTED, ids=lambda case: case[0])
def test_what_has_no_effect_is_noted(case):
    key, value, overrides, action, reason = case
    read = read_spec(with_value(key, value, overrides))
    if action == 'gen_trt_engine':
        note_effects(read, action, {})
    else:
        build_config(read, action)
    assert reason in read.without_effect[key]
    assert sum(key in line for line in read.report()) == 1
    assert f'{key} has no effect: {read.without_effect[key]}' in read.report(explain=True)


@pytest.mark.parametrize('case', REFUSED, ids=lambda case: f'{case[0]}={case[1]}')
def test_what_cannot_be_is_refused(case):
    key, value, overrides, reason = case
    with pytest.raises(SpecError) as caught:
        spec_to_config(with_value(key, value, overrides))
    assert key.removesuffix('_width').removesuffix('_height') in str(caught.value).replace(
        'validation_interval', 'val_interval') and reason in str(caught.value)


@pytest.mark.parametrize('key', PARAMETERS)
def test_a_value_of_another_kind_is_an_error_that_names_it(key):
    parameter = PARAMETERS[key]
    if parameter.kind.text == 'any':
        return
    wrong = {'bool': 'yes', 'str': ['x'], PARAMETERS['release'].kind.text: [7]}.get(
                 parameter.kind.text, {'x': 'y'})
    for name in (key, *parameter.aliases):
        read = read_spec(with_value(name, wrong))
        assert any(
            problem.startswith(f'{name} (') or problem.startswith(f'{name}.')
            for problem in read.problems), read.problems


def test_every_parameter_is_in_a_test():
    assert {case[0] for case in (*BECOMES, *NOTED)} | ELSEWHERE == set(PARAMETERS)


@pytest.mark.skipif(not LIST.is_file(), reason=f'needs the list of parameters in {LIST}')
def test_every_parameter_of_the_list_is_in_the_table():
    known = {part for key in (*PARAMETERS, *ALIASES) for part in key.split('.')}
    rows = [line.split('|')[1] for line in LIST.read_text().splitlines() if line.startswith('| ')][1:]
    listed = {name for row in rows for name in re.findall(r'[a-z]\w+', row)}
    of_notes = {'old', 'page', 'also', 'some', 'specs'}
    halves = {'validation', 'test', 'infer', 'min', 'opt'}  # of validation_dataset, min_batch_size and so on
    assert listed - of_notes - halves <= known


@pytest.mark.parametrize('num_gpus, gpu_ids, ids', [
    (1, [0], (0, )), (2, [0], (0, 1)), (1, [0, 1], (0, 1)), (1, [2], (2, )), (3, [1, 2], (0, 1, 2))])
def test_the_larger_set_of_devices_wins(num_gpus, gpu_ids, ids, monkeypatch):
    monkeypatch.setattr('torch.cuda.device_count', lambda: 0)
    for action in ('train', 'evaluate', 'inference'):
        read = read_spec(
            spec(), [f'{action}.num_gpus={num_gpus}', f'{action}.gpu_ids={gpu_ids}', 'train.num_nodes=2'])
        devices = devices_of(read, action)
        assert devices.ids == ids and devices.nodes == (2 if action == 'train' else 1)
        assert sum('no GPU here' in note for note in read.notes) == 1


def test_more_gpus_than_there_are(monkeypatch):
    monkeypatch.setattr('torch.cuda.device_count', lambda: 1)
    with pytest.raises(SpecError, match='GPU 1, but there are 1'):
        devices_of(read_spec(spec(), ['train.num_gpus=2']), 'train')
