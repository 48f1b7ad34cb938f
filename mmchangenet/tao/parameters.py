"""Every parameter of a Visual ChangeNet classification spec: type, range, default and what it becomes here.

This table is what specs are checked against, where defaults come from, and what the page of the documentation
is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .backbones import BACKBONES, REFUSED_BACKBONES
from .figures import FIGURES, VALIDATED
from .kinds import Kind, anything, choice, flag, integer, items, mapping, number, release, text
from .releases import PAGE, SEVEN

ACTIONS = ('train', 'evaluate', 'inference', 'export', 'gen_trt_engine', 'quantize')
SAME = object()
LEARNABLE = ('model.classify.difference_module', 'learnable')
EUCLIDEAN = ('model.classify.difference_module', 'euclidean')
AUGMENT = ('dataset.classify.augmentation_config.augment', True)
TOPK = ('train.checkpointer.enable_topk', True)
MIXED = {
    'fp16': 'float16', '16': 'float16', '16-mixed': 'float16', '16-true': 'float16', 'bf16': 'bfloat16',
    'bf16-mixed': 'bfloat16', 'bf16-true': 'bfloat16', 'fp32': None, '32': None, '32-true': None, '64': None,
    '64-true': None
}
OTHER_PRECISION = ('16-true', 'bf16-true', '64', '64-true')  # trained with weights in float32 here
SEGMENTATION = 'it is for segmentation'
TRACKING = 'no experiment tracker is called: `train.tensorboard` writes to files'
OF_FILE = 'engines are built in the precision of the ONNX file'
INT8 = 'int8 is made in one way here, with ONNX Runtime, calibrated on the training data'
OWN_WAY = 'GPUs and processes share the work in one way here, through DistributedDataParallel'


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        key: its dotted name.
        kind: what its value may be. None and an empty string are always taken as not given.
        default: the default of 6.25, and of the other releases where nothing else is said.
        becomes: what it becomes here, for the documentation.
        page: the default of the published page and of releases before 6.25, where it is another one.
        seven: the default of 7.x, where it is another one.
        aliases: other dotted names of it.
        only_if: (key, value): without this value of that key it has no effect.
        ignored: why it has no effect here; said in one line when a spec gives it.
        refused: value → why it is an error.
        passed_over: value → why it has no effect.
        structural: name of the part of a network that it fixes; a checkpoint knows it, too.
    """

    key: str
    kind: Kind
    default: Any = None
    becomes: str = ''
    page: Any = SAME
    seven: Any = SAME
    aliases: tuple[str, ...] = ()
    only_if: tuple[str, Any] | None = None
    ignored: str = ''
    refused: Mapping[Any, str] = field(default_factory=dict)
    passed_over: Mapping[Any, str] = field(default_factory=dict)
    structural: str = ''

    def default_of(self, defaults: str) -> Any:
        """The default in one of the three sets of defaults."""
        other = {PAGE: self.page, SEVEN: self.seven}.get(defaults, SAME)
        return self.default if other is SAME else other


def _in_section(section: str, *parameters: tuple[str, tuple[Any, ...], dict[str, Any]]) -> list[Parameter]:
    return [Parameter(f'{section}.{key}', *rest, **more) for key, rest, more in parameters]


def _p(key: str, *rest: Any, **more: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    return key, rest, more


GENERAL = [
    Parameter('task', choice('classify', 'segment'), 'classify', 'has to be `classify`',
              refused={'segment': 'classification is what this tool does; segmentation is not'}),
    Parameter('release', release(), None,
              'whose defaults are used, as `--release`; not a key of the toolkit'),
    Parameter('encryption_key', text(), None, 'passphrase of an export to a name ending in `.etlt`'),
    Parameter('results_dir', text(), '/results', 'the folder of the folders below'),
    Parameter('num_gpus', integer(1), None, 'of every action that names none of its own'),
    Parameter('gpu_ids', items(integer(0)), None, 'of every action that names none of its own'),
    Parameter('model_name', text(), None, 'no effect',
              ignored='the files of a run have the names of the toolkit'),
    Parameter('wandb', anything(), None, 'no effect', ignored=TRACKING),
]

TRAIN = _in_section(
    'train',
    _p('num_gpus', integer(1), 1,
       'processes of a node, started through torchrun; the larger of this and `gpu_ids`'),
    _p('gpu_ids', items(integer(0)), [0], '`CUDA_VISIBLE_DEVICES`; without a GPU only their number counts'),
    _p('num_nodes', integer(1), 1,
       'nodes for torchrun, which takes `NODE_RANK`, `MASTER_ADDR` and `MASTER_PORT` from the environment'),
    _p('seed', integer(-1), 1234, '`randomness.seed`; −1: none'),
    _p('num_epochs', integer(1), 10, '`train_cfg.max_epochs`'),
    _p('checkpoint_interval', integer(1), 1,
       'epochs between `model_epoch_*.pth`; the last epoch is always kept'),
    _p('validation_interval', integer(1), 1, '`train_cfg.val_interval`; the last epoch is always validated',
       aliases=('train.val_interval', )),
    _p('checkpoint_interval_unit', choice('epoch', 'step'), 'epoch', 'only `epoch` has an effect',
       passed_over={'step': 'checkpoints are written after epochs'}),
    _p('resume_training_checkpoint_path', text(), None,
       'the checkpoint to go on from, before `changenet_model_classify_latest.pth`'),
    _p('results_dir', text(), None, '`work_dir`; by default `train` in `results_dir`'),
    _p('pretrained_model_path', text(), None,
       '`load_from`: takes what fits of a whole network and lists the rest'),
    _p('segment', anything(), None, 'no effect', ignored=SEGMENTATION),
    _p('classify.loss', choice('ce', 'contrastive'), 'ce',
       '`ChangeClsHead` with `WeightedCrossEntropy`, or `ContrastiveHead` with `ContrastiveLoss`; has to go '
       'with `difference_module`', seven='contrastive'),
    _p('classify.cls_weight', items(number(least=0)), [1.0, 10.0],
       '`model.head.loss.class_weight`, one a class',
       only_if=('train.classify.loss', 'ce')),
    _p('optim.optim', choice('adamw', 'adam', 'sgd'), 'adamw', 'the optimizer: `AdamW`, `Adam`, `SGD`'),
    _p('optim.lr', number(least=0), 1e-4, 'its `lr`', page=5e-4),
    _p('optim.momentum', number(least=0, most=1), 0.9, 'its `momentum`', only_if=('train.optim.optim',
       'sgd')),
    _p('optim.weight_decay', number(least=0), 0.01, 'its `weight_decay`', page=0.1),
    _p('optim.policy', choice('linear', 'step'), 'linear',
       '`LinearLR`: lr · (1 − epoch / (num_epochs + 1)); `StepLR`: × 0.1 every num_epochs // 3 epochs'),
    _p('optim.monitor_name', choice(*{**VALIDATED, **dict.fromkeys(FIGURES)}), 'val_loss',
       '`save_best` of the checkpoint hook: a figure of the validation'),
    _p('tensorboard.enabled', flag(), False, '`TensorboardVisBackend` and `TensorBoardHook`'),
    _p('tensorboard.infrequent_logging_frequency', integer(0), 1,
       'epochs between images and weight histograms; 0: none',
       seven=2, only_if=('train.tensorboard.enabled', True)),
    _p('precision', choice(*MIXED, 16, 32, 64), 'fp32',
       '`AmpOptimWrapper` for the spellings of 16 bits; the CPU knows `bf16` only; weights are float32 in '
       'any case'),
    _p('clip_grad_norm', number(least=0), 0.0,
       '`optim_wrapper.clip_grad`: the largest norm of the gradients; 0: none'),
    _p('distributed_strategy', text(), 'auto', 'no effect', ignored=OWN_WAY),
    _p('activation_checkpoint', flag(), False, 'no effect',
       ignored='it trades time for memory and changes no result'),
    _p('checkpointer.enable_topk', flag(), False, '`BestCheckpointsHook`'),
    _p('checkpointer.monitor', choice(*VALIDATED, *FIGURES[1:]), 'val_loss',
       'its figure; `val_far` is the percentage of PASS rows that score no lower than the lowest defect',
       only_if=TOPK),
    _p('checkpointer.mode', choice('min', 'max'), 'min', 'whether less or more is better', only_if=TOPK),
    _p('checkpointer.save_top_k', integer(1), 1, 'how many are kept', only_if=TOPK),
    _p('checkpointer.filename', text(), 'model_best_{epoch:03d}',
       'their name; `epoch`, `step` and the figure may stand in braces', only_if=TOPK),
    _p('checkpointer.dirpath', text(), None, 'their folder; by default `train.results_dir`', only_if=TOPK),
    _p('checkpointer.replace_periodic', flag(), False, 'no `model_epoch_*.pth`: the best is what is left',
       only_if=TOPK),
    _p('checkpointer.auto_insert_metric_name', flag(), False,
       '`epoch=003` in the place of `003` in their names',
       only_if=TOPK),
    _p('use_distributed_sampler', flag(), False, 'no effect',
       ignored='the sampler deals its weighted draws out to all processes by itself'),
    _p('sync_batchnorm', flag(), False, "`sync_bn='torch'`"),
    _p('cudnn.benchmark', flag(), False, '`env_cfg.cudnn_benchmark`'),
    _p('cudnn.deterministic', flag(), True, '`CudnnHook`'),
)

MODEL = _in_section(
    'model',
    _p('backbone.type', choice(*BACKBONES), 'fan_small_12_p4_hybrid',
       '`model.backbone`: `FAN` of that `arch`; Euclidean `DINOv2`, `CRADIO`, `DINOv3`, learnable '
       '`ViTAdapter`, `CRADIOAdapter`, `DINOv3Adapter`',
       refused=REFUSED_BACKBONES, structural='backbone'),
    _p('backbone.pretrained_backbone_path', text(), None,
       "`model.backbone.init_cfg=dict(type='Pretrained', ...)`"),
    _p('backbone.freeze_backbone', flag(), False,
       'all of the backbone keeps its weights; needs pretrained ones'),
    _p('backbone.feat_downsample', flag(), False, 'only `false`',
       refused={True: 'the name of its convolution in checkpoints is not known, so no such network could be '
                      'exchanged; leave it out: the difference modules take levels of any stride'}),
    _p('decode_head.feature_strides', items(integer(1), 4), None,
       'no effect: levels are resized to the first, whatever their strides', only_if=LEARNABLE),
    _p('decode_head.align_corners', flag(), False, 'no effect: corners are never aligned, as in the toolkit',
       aliases=('model.decode_head.align_corner', ),
       passed_over={True: 'corners are never aligned, as in the toolkit'}),
    _p('decode_head.decoder_params.embed_dim', integer(1), 256, '`model.neck.embed_dim`', only_if=LEARNABLE,
       structural='embed_dim'),
    _p('decode_head.in_channels', items(integer(1), 4), None, 'no effect: they follow the backbone',
       only_if=LEARNABLE),
    _p('decode_head.in_index', items(integer(0), 4), None, 'no effect: they follow the backbone',
       only_if=LEARNABLE),
    _p('decode_head.use_summary_token', flag(), False,
       '`model.backbone.use_summary` of C-RADIO and DINOv3; `vit_large_nvdinov2` always has its summary, '
       'FAN has none', only_if=LEARNABLE, structural='use_summary'),
    _p('precise_msda', flag(), False, 'no effect',
       ignored='deformable attention is deterministic on the CPU in any case'),
    _p('classify.train_margin_euclid', number(least=1), 2.0, '`model.head.loss.margin`', only_if=EUCLIDEAN),
    _p('classify.eval_margin', number(least=0), 2.0,
       '`model.head.margin`; when the spec gives it, also before a threshold that is stored in the '
       'checkpoint', page=0.005),
    _p('classify.embedding_vectors', integer(1), 5, '`model.neck.embedding_vectors`', only_if=EUCLIDEAN,
       structural='embedding_vectors'),
    _p('classify.embed_dec', integer(1), 5, '`model.head.embed_dec`', page=30, only_if=LEARNABLE,
       structural='embed_dec'),
    _p('classify.difference_module', choice('learnable', 'euclidean'), 'learnable',
       '`model.neck`: `LearnableDifference` or `EuclideanDifference`', seven='euclidean',
       structural='difference'),
    _p('classify.learnable_difference_modules', choice(1, 2, 3, 4), 4, '`model.neck.num_modules`',
       only_if=LEARNABLE,
       structural='num_modules'),
)

DATASET = [
    Parameter('dataset.segment', anything(), None, 'no effect', ignored=SEGMENTATION),
    Parameter('dataset.classify.quant_calibration_dataset', anything(), None, 'no effect',
              ignored='`quantize` calibrates on the training data'),
    *(parameter for name, loader, of in (
        ('train', 'train_dataloader', ''), ('validation', 'val_dataloader', ''),
        ('test', 'test_dataloader', ''), ('infer', 'test_dataloader', ' of inference'))
      for parameter in _in_section(
          f'dataset.classify.{name}_dataset',
          _p('csv_path', text(), None, f'`{loader}.dataset.ann_file`{of}'),
          _p('images_dir', text(), None, f'`{loader}.dataset.data_prefix.img_path`{of}'))),
    *_in_section(
        'dataset.classify',
        _p('image_ext', text(), '.jpg', '`dataset.image_ext`'),
        _p('batch_size', integer(1), 32,
           '`batch_size` of the dataloaders, per process; training needs at least 2', seven=8),
        _p('workers', integer(0), 8, '`num_workers` of the dataloaders'),
        _p('fpratio_sampling', number(above=0), 0.1, '`DefectWeightedSampler.fail_ratio`'),
        _p('num_input', integer(1), 4, 'has to be the number of lightings in `input_map`', seven=8),
        _p('input_map', mapping(integer(0)), None, '`dataset.input_map`; without it one image and no suffix'),
        _p('pass_labels', items(text()), None,
           '`dataset.pass_labels`: labels that mean PASS beside `PASS`; not a key of the toolkit'),
        _p('concat_type', choice('linear', 'grid'), 'linear', '`LayOutLightings.layout`'),
        _p('grid_map.x', integer(1), 2, 'columns of `LayOutLightings.grid`',
           only_if=('dataset.classify.concat_type', 'grid')),
        _p('grid_map.y', integer(1), 2, 'rows of `LayOutLightings.grid`',
           only_if=('dataset.classify.concat_type', 'grid')),
        _p('image_width', integer(1), 128, '`PairedResize.size`, and `model.input_size` with the layout',
           page=100, seven=224,
           aliases=('dataset.classify.input_width', )),
        _p('image_height', integer(1), 128, '`PairedResize.size`, and `model.input_size` with the layout',
           page=100, seven=224,
           aliases=('dataset.classify.input_height', )),
        _p('output_shape', items(integer(1), 2), None,
           'height and width, as `image_height` and `image_width`'),
        _p('num_classes', integer(2), 2,
           '`model.head.num_classes`; more than two learn the names of the training CSV',
           structural='num_classes'),
        _p('num_golden', integer(1), 1,
           '`dataset.num_golden`: goldens that a part is compared with; the closest counts')),
    *_in_section(
        'dataset.classify.augmentation_config',
        _p('augment', flag(), False, 'the transforms below; without it only resize and normalise'),
        _p('rgb_input_mean', items(number(least=0, most=1), 3), [0.485, 0.456, 0.406],
           '`data_preprocessor.mean`, × 255; ImageNet\'s become CLIP\'s with C-RADIO, as in 7.x'),
        _p('rgb_input_std', items(number(above=0), 3), [0.229, 0.224, 0.225],
           '`data_preprocessor.std`, × 255; so do these'),
        _p('random_flip.enable', flag(), True, '`PairedRandomFlip`', only_if=AUGMENT),
        _p('random_flip.vflip_probability', number(least=0, most=1), 0.5, 'its `vertical`', only_if=AUGMENT),
        _p('random_flip.hflip_probability', number(least=0, most=1), 0.5, 'its `horizontal`',
           only_if=AUGMENT),
        _p('random_rotate.enable', flag(), True, '`PairedRandomRotate`', only_if=AUGMENT),
        _p('random_rotate.rotate_probability', number(least=0, most=1), 0.5, 'its `prob`', only_if=AUGMENT),
        _p('random_rotate.angle_list', items(number()), [90.0, 180.0, 270.0], 'its `angles`',
           only_if=AUGMENT),
        _p('random_color.enable', flag(), True, '`PairedColorJitter`', only_if=AUGMENT),
        _p('random_color.brightness', number(least=0), 0.3, 'its `brightness`', only_if=AUGMENT),
        _p('random_color.contrast', number(least=0), 0.3, 'its `contrast`', only_if=AUGMENT),
        _p('random_color.saturation', number(least=0), 0.3, 'its `saturation`', only_if=AUGMENT),
        _p('random_color.hue', number(least=0, most=0.5), 0.3, 'its `hue`', only_if=AUGMENT),
        _p('random_color.color_probability', number(least=0, most=1), 0.5, 'its `prob`', only_if=AUGMENT),
        _p('with_scale_random_crop.enable', flag(), True, 'no effect',
           ignored='classification does not use it'),
        _p('with_scale_random_crop.scale_range', items(number(above=0), 2), [1.0, 1.2], 'no effect',
           ignored='classification does not use it'),
        _p('with_random_crop', flag(), True, '`PairedRandomResizedCrop` with scale 0.8 to 1.2',
           only_if=AUGMENT),
        _p('with_random_blur', flag(), True, '`PairedGaussianBlur`', only_if=AUGMENT)),
]

RUNS = [parameter for section in ('evaluate', 'inference') for parameter in _in_section(
    section,
    _p('checkpoint', text(), None,
       '`load_from`: ours, converted, or the toolkit\'s; all weights have to fit'),
    _p('trt_engine', text(), None, 'a TensorRT engine to run where no `checkpoint` is given; needs TensorRT'),
    _p('num_gpus', integer(1), 1, 'processes, started through torchrun; the figures are those of one'),
    _p('gpu_ids', items(integer(0)), [0], '`CUDA_VISIBLE_DEVICES`; without a GPU only their number counts'),
    _p('gpu_id', integer(0), None, 'the one of `gpu_ids`'),
    _p('results_dir', text(), None, f'`work_dir`; by default `{section}` in `results_dir`'),
    _p('vis_after_n_batches', integer(1), 1,
       '`BatchPictureHook`: a picture of each pair of every n-th batch'),
    _p('batch_size', integer(-1), -1,
       '`test_dataloader.batch_size`; −1: that of `dataset.classify`'))]

EXPORT = _in_section(
    'export',
    _p('checkpoint', text(), None, 'the network to export'),
    _p('onnx_file', text(), None, 'the file to write; encrypted when its name ends in `.etlt`'),
    _p('results_dir', text(), None, 'for the config of the run; by default `export` in `results_dir`'),
    _p('opset_version', integer(1), 17, 'the ONNX opset', page=12),
    _p('input_channel', choice(3), 3, 'has to be 3'),
    _p('input_width', integer(1), 128, 'width of the laid-out image, where neither checkpoint nor data tell'),
    _p('input_height', integer(1), 512,
       'height of the laid-out image, where neither checkpoint nor data tell'),
    _p('batch_size', integer(-1), -1, 'fixed batch size; −1: dynamic'),
    _p('gpu_id',
       integer(0),
       0,
       'no effect',
       ignored='the network is traced on the CPU, which gives the same file'),
    _p('on_cpu', flag(), False, 'no effect', ignored='the network is traced on the CPU in any case'),
    _p('verbose', flag(), False, 'prints the nodes of the graph'),
    _p('format',
       choice('onnx', 'xdl'),
       'onnx',
       'only `onnx`',
       refused={'xdl': 'networks are written as ONNX'}),
    _p('serialize_nvdsinfer', flag(), False, 'no effect', ignored='no DeepStream settings are written'),
)

ENGINES = _in_section(
    'gen_trt_engine',
    _p('onnx_file', text(), None, 'the ONNX file to build an engine of'),
    _p('trt_engine', text(), None, 'the engine to write'),
    _p('results_dir', text(), None, 'for `status.json`; by default `gen_trt_engine` in `results_dir`'),
    _p('gpu_id', integer(0), 0, 'the GPU to build it on'),
    _p('tensorrt.min_batch_size', integer(1), 1, 'the fewest pairs of a batch'),
    _p('tensorrt.opt_batch_size', integer(1), 1, 'the pairs that the engine is tuned for'),
    _p('tensorrt.max_batch_size', integer(1), 1, 'the most pairs of a batch'),
    _p('tensorrt.workspace_size', integer(0), 1024, 'MB of working memory while it is built'),
    _p('tensorrt.data_type', choice('fp32', 'fp16', 'int8', 'FP32', 'FP16', 'INT8'), 'fp32', 'only `fp32`',
       passed_over=dict.fromkeys(('fp16', 'int8', 'FP16', 'INT8'), OF_FILE)),
    *(_p(key, kind, default, 'no effect', ignored='the ONNX file says it') for key, kind, default in (
        ('batch_size', integer(-1), -1), ('input_channel', integer(1), 3), ('input_width', integer(1), 128),
        ('input_height', integer(1), 512), ('opset_version', integer(1), 17))),
    _p('verbose', flag(), False, 'no effect', ignored='the builder shows what it warns of'),
    _p('tensorrt.calibration', anything(), None, 'no effect', ignored=OF_FILE))

QUANTIZE = _in_section(
    'quantize',
    _p('model_path', text(), None, 'the checkpoint'),
    _p('results_dir', text(), None, 'the folder of graphs in int8; by default `quantize` in `results_dir`'),
    *(_p(key, kind, default, 'no effect', ignored=INT8) for key, kind, default in (
        ('backend', text(), 'torchao'), ('mode', text(), 'weight_only_ptq'), ('algorithm', text(), 'minmax'),
        ('layers', anything(), None), ('skip_names', anything(), None), ('backend_kwargs', anything(), None),
        ('device', text(), 'cuda'))))

PARAMETERS = {
    parameter.key: parameter
    for parameter in (*GENERAL, *TRAIN, *MODEL, *DATASET, *RUNS, *EXPORT, *ENGINES, *QUANTIZE)
}
ALIASES = {alias: parameter.key for parameter in PARAMETERS.values() for alias in parameter.aliases}
