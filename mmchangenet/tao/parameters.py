"""Every parameter of a Visual ChangeNet classification spec: type, range, default and what it becomes here.

This table is what specs are checked against, where defaults come from, and what the page of the documentation is made of.
"""

from dataclasses import dataclass, field
from typing import Any

from .kinds import Kind, anything, choice, flag, integer, items, mapping, number, text

ACTIONS = ('train', 'evaluate', 'inference', 'export')
FAN_TYPES = {f'fan_{arch}_{blocks}_p4_hybrid': arch for arch, blocks in (('tiny', 8), ('small', 12), ('base', 16), ('large', 16))}
VIT = 'vit_large_nvdinov2'
SAME = object()
LEARNABLE = ('model.classify.difference_module', 'learnable')
EUCLIDEAN = ('model.classify.difference_module', 'euclidean')
AUGMENT = ('dataset.classify.augmentation_config.augment', True)
FIGURES = ('val_loss', 'auroc', 'average_precision', 'total_accuracy', 'false_alarm', 'false_negative', 'defect_accuracy',
           'false_alarm_rate', 'false_alarm_rate_at_100_recall', 'false_alarm_rate_at_99_recall',
           'false_alarm_rate_at_95_recall')
ENGINE = 'engines are built by `tools/deploy.py`, not by this command'


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        key (str): its dotted name.
        kind (Kind): what its value may be. None is always taken as not given.
        default: the default of current releases.
        becomes (str): what it becomes here, for the documentation.
        page: the published page's default, where it is another one.
        aliases (tuple[str]): other dotted names of it.
        only_if (tuple, optional): (key, value): without this value of that key it has no effect.
        ignored (str): why it has no effect here; logged when a spec gives it.
        refused (dict): value → why it is an error.
        structural (str): name of the part of a network that it fixes; a checkpoint knows it, too.
    """

    key: str
    kind: Kind
    default: Any = None
    becomes: str = ''
    page: Any = SAME
    aliases: tuple = ()
    only_if: tuple | None = None
    ignored: str = ''
    refused: dict = field(default_factory=dict)
    structural: str = ''


def _in_section(section, *parameters):
    return [Parameter(f'{section}.{key}', *rest, **more) for key, rest, more in parameters]


def _p(key, *rest, **more):
    return key, rest, more


GENERAL = [
    Parameter('task', choice('classify', 'segment'), 'classify', 'has to be `classify`',
              refused={'segment': 'classification is what this tool does; segmentation is not'}),
    Parameter('encryption_key', text(), None, 'passphrase of an export to a name ending in `.etlt`'),
    Parameter('results_dir', text(), '/results', 'the folder of the folders below'),
]

TRAIN = _in_section(
    'train',
    _p('num_gpus', integer(1), 1, 'processes of a node, started through torchrun; the larger of this and `gpu_ids`'),
    _p('gpu_ids', items(integer(0)), [0], '`CUDA_VISIBLE_DEVICES`; without a GPU only their number counts'),
    _p('num_nodes', integer(1), 1, 'nodes for torchrun, which takes `NODE_RANK`, `MASTER_ADDR` and `MASTER_PORT` from the '
       'environment'),
    _p('seed', integer(-1), 1234, '`randomness.seed`; −1: none'),
    _p('num_epochs', integer(1), 10, '`train_cfg.max_epochs`'),
    _p('checkpoint_interval', integer(1), 1, 'epochs between `model_epoch_*.pth`; at most `num_epochs`'),
    _p('validation_interval', integer(1), 1, '`train_cfg.val_interval`; at most `num_epochs`', aliases=('train.val_interval', )),
    _p('resume_training_checkpoint_path', text(), None, 'the checkpoint to go on from, before '
       '`changenet_model_classify_latest.pth`'),
    _p('results_dir', text(), None, '`work_dir`; by default `train` in `results_dir`'),
    _p('pretrained_model_path', text(), None, '`load_from`: takes what fits of a whole network and lists the rest'),
    _p('classify.loss', choice('ce', 'contrastive'), 'ce', '`ChangeClsHead` with `WeightedCrossEntropy`, or `ContrastiveHead` '
       'with `ContrastiveLoss`; has to go with `difference_module`'),
    _p('classify.cls_weight', items(number(least=0)), [1.0, 10.0], '`model.head.loss.class_weight`, one a class',
       only_if=('train.classify.loss', 'ce')),
    _p('optim.optim', choice('adamw', 'adam', 'sgd'), 'adamw', 'the optimizer: `AdamW`, `Adam`, `SGD`'),
    _p('optim.lr', number(least=0), 1e-4, 'its `lr`', page=5e-4),
    _p('optim.momentum', number(least=0, most=1), 0.9, 'its `momentum`', only_if=('train.optim.optim', 'sgd')),
    _p('optim.weight_decay', number(least=0), 0.01, 'its `weight_decay`', page=0.1),
    _p('optim.policy', choice('linear', 'step'), 'linear', '`LinearLR`: lr · (1 − epoch / (num_epochs + 1)); `StepLR`: × 0.1 '
       'every num_epochs // 3 epochs'),
    _p('optim.monitor_name', choice(*FIGURES), 'val_loss', '`save_best` of the checkpoint hook: a figure of the validation'),
    _p('tensorboard.enabled', flag(), False, '`TensorboardVisBackend` and `TensorBoardHook`'),
    _p('tensorboard.infrequent_logging_frequency', integer(0), 1, 'epochs between images and weight histograms; 0: none',
       only_if=('train.tensorboard.enabled', True)),
    _p('precision', choice('fp32', 'fp16', 'bf16', 16, 32), 'fp32', '`AmpOptimWrapper` for `fp16` and `bf16`; the CPU knows '
       '`bf16` only'),
    _p('use_distributed_sampler', flag(), False, 'no effect',
       ignored='the sampler deals its weighted draws out to all processes by itself'),
    _p('sync_batchnorm', flag(), False, "`sync_bn='torch'`"),
    _p('cudnn.benchmark', flag(), False, '`env_cfg.cudnn_benchmark`'),
    _p('cudnn.deterministic', flag(), True, '`CudnnHook`'),
)  # yapf: disable

MODEL = _in_section(
    'model',
    _p('backbone.type', choice(*FAN_TYPES, VIT), 'fan_small_12_p4_hybrid', '`model.backbone`: `FAN` of that `arch`; `DINOv2` '
       '(Euclidean) or `ViTAdapter` (learnable)', structural='backbone'),
    _p('backbone.pretrained_backbone_path', text(), None, "`model.backbone.init_cfg=dict(type='Pretrained', ...)`"),
    _p('backbone.freeze_backbone', flag(), False, 'all of the backbone keeps its weights; needs pretrained ones'),
    _p('backbone.feat_downsample', flag(), False, 'only `false`',
       refused={True: 'the name of its convolution in checkpoints is not known, so no such network could be exchanged; leave it '
                      'out: the difference modules take levels of any stride'}),
    _p('decode_head.feature_strides', items(integer(1), 4), None, 'has to be the backbone\'s: [4, 8, 16, 16] of FAN, '
       '[4, 8, 16, 32] of the ViT', only_if=LEARNABLE),
    _p('decode_head.align_corners', flag(), False, 'only `false`', aliases=('model.decode_head.align_corner', ),
       refused={True: 'this network resizes feature maps with corners not aligned, and its weights are trained for that'}),
    _p('decode_head.decoder_params.embed_dim', integer(1), 256, '`model.neck.embed_dim`', only_if=LEARNABLE,
       structural='embed_dim'),
    _p('decode_head.in_channels', items(integer(1), 4), None, 'has to be the backbone\'s', only_if=LEARNABLE),
    _p('decode_head.in_index', items(integer(0), 4), None, 'has to be [0, 1, 2, 3]', only_if=LEARNABLE),
    _p('decode_head.use_summary_token', flag(), True, 'the class token in the levels of the learnable ViT; only `true` there',
       only_if=LEARNABLE),
    _p('classify.train_margin_euclid', number(least=1), 2.0, '`model.head.loss.margin`', only_if=EUCLIDEAN),
    _p('classify.eval_margin', number(least=0), 2.0, '`model.head.margin`; when the spec gives it, also before a threshold that '
       'is stored in the checkpoint', page=0.005),
    _p('classify.embedding_vectors', integer(1), 5, '`model.neck.embedding_vectors`', only_if=EUCLIDEAN,
       structural='embedding_vectors'),
    _p('classify.embed_dec', integer(1), 5, '`model.head.embed_dec`', page=30, only_if=LEARNABLE, structural='embed_dec'),
    _p('classify.difference_module', choice('learnable', 'euclidean'), 'learnable', '`model.neck`: `LearnableDifference` or '
       '`EuclideanDifference`', structural='difference'),
    _p('classify.learnable_difference_modules', choice(1, 2, 3, 4), 4, '`model.neck.num_modules`', only_if=LEARNABLE,
       structural='num_modules'),
)  # yapf: disable

DATASET = [
    Parameter('dataset.segment', anything(), None, 'no effect', ignored='it is for segmentation'),
    *(parameter for name, loader, of in (
        ('train', 'train_dataloader', ''), ('validation', 'val_dataloader', ''), ('test', 'test_dataloader', ''),
        ('infer', 'test_dataloader', ' of inference'))
      for parameter in _in_section(
          f'dataset.classify.{name}_dataset',
          _p('csv_path', text(), None, f'`{loader}.dataset.ann_file`{of}'),
          _p('images_dir', text(), None, f'`{loader}.dataset.data_prefix.img_path`{of}'))),
    *_in_section(
        'dataset.classify',
        _p('image_ext', text(), '.jpg', '`dataset.image_ext`'),
        _p('batch_size', integer(1), 32, '`batch_size` of the dataloaders, a process; training needs at least 2'),
        _p('workers', integer(0), 8, '`num_workers` of the dataloaders'),
        _p('fpratio_sampling', number(above=0), 0.1, '`DefectWeightedSampler.fail_ratio`'),
        _p('num_input', integer(1), 4, 'has to be the number of lightings in `input_map`'),
        _p('input_map', mapping(integer(0)), None, '`dataset.input_map`; without it one image and no suffix'),
        _p('concat_type', choice('linear', 'grid'), 'linear', '`LayOutLightings.layout`'),
        _p('grid_map.x', integer(1), 2, 'columns of `LayOutLightings.grid`', only_if=('dataset.classify.concat_type', 'grid')),
        _p('grid_map.y', integer(1), 2, 'rows of `LayOutLightings.grid`', only_if=('dataset.classify.concat_type', 'grid')),
        _p('image_width', integer(1), 128, '`PairedResize.size`, and `model.input_size` with the layout', page=100,
           aliases=('dataset.classify.input_width', )),
        _p('image_height', integer(1), 128, '`PairedResize.size`, and `model.input_size` with the layout', page=100,
           aliases=('dataset.classify.input_height', )),
        _p('output_shape', items(integer(1), 2), None, 'height and width, as `image_height` and `image_width`'),
        _p('num_classes', integer(2), 2, '`model.head.num_classes`; more than two learn the names of the training CSV',
           structural='num_classes'),
        _p('num_golden', integer(1), 1, '`dataset.num_golden`: goldens that a part is compared with; the closest counts, with '
           'any network')),
    *_in_section(
        'dataset.classify.augmentation_config',
        _p('augment', flag(), False, 'the transforms below; without it only resize and normalise'),
        _p('rgb_input_mean', items(number(least=0, most=1), 3), [0.485, 0.456, 0.406], '`data_preprocessor.mean`, × 255'),
        _p('rgb_input_std', items(number(above=0), 3), [0.229, 0.224, 0.225], '`data_preprocessor.std`, × 255'),
        _p('random_flip.enable', flag(), True, '`PairedRandomFlip`', only_if=AUGMENT),
        _p('random_flip.vflip_probability', number(least=0, most=1), 0.5, 'its `vertical`', only_if=AUGMENT),
        _p('random_flip.hflip_probability', number(least=0, most=1), 0.5, 'its `horizontal`', only_if=AUGMENT),
        _p('random_rotate.enable', flag(), True, '`PairedRandomRotate`', only_if=AUGMENT),
        _p('random_rotate.rotate_probability', number(least=0, most=1), 0.5, 'its `prob`', only_if=AUGMENT),
        _p('random_rotate.angle_list', items(number()), [90.0, 180.0, 270.0], 'its `angles`', only_if=AUGMENT),
        _p('random_color.enable', flag(), True, '`PairedColorJitter`', only_if=AUGMENT),
        _p('random_color.brightness', number(least=0), 0.3, 'its `brightness`', only_if=AUGMENT),
        _p('random_color.contrast', number(least=0), 0.3, 'its `contrast`', only_if=AUGMENT),
        _p('random_color.saturation', number(least=0), 0.3, 'its `saturation`', only_if=AUGMENT),
        _p('random_color.hue', number(least=0, most=0.5), 0.3, 'its `hue`', only_if=AUGMENT),
        _p('random_color.color_probability', number(least=0, most=1), 0.5, 'its `prob`', only_if=AUGMENT),
        _p('with_scale_random_crop.enable', flag(), True, 'no effect', ignored='classification does not use it'),
        _p('with_scale_random_crop.scale_range', items(number(above=0), 2), [1.0, 1.2], 'no effect',
           ignored='classification does not use it'),
        _p('with_random_crop', flag(), True, '`PairedRandomResizedCrop` with scale 0.8 to 1.2', only_if=AUGMENT),
        _p('with_random_blur', flag(), True, '`PairedGaussianBlur`', only_if=AUGMENT)),
]  # yapf: disable

RUNS = [parameter for section, what in (('evaluate', 'evaluate'), ('inference', 'inference')) for parameter in _in_section(
    section,
    _p('checkpoint', text(), None, '`load_from`: ours, converted, or the toolkit\'s; all weights have to fit'),
    _p('trt_engine', text(), None, 'a TensorRT engine to run in the place of `checkpoint`, where TensorRT is installed'),
    _p('num_gpus', integer(1), 1, 'processes, started through torchrun; the figures are those of one'),
    _p('gpu_ids', items(integer(0)), [0], '`CUDA_VISIBLE_DEVICES`; without a GPU only their number counts'),
    _p('results_dir', text(), None, f'`work_dir`; by default `{what}` in `results_dir`'),
    _p('vis_after_n_batches', integer(1), 1, '`BatchPictureHook`: a picture of each pair of every n-th batch'),
    _p('batch_size', integer(-1), -1, '`test_dataloader.batch_size`; −1: that of `dataset.classify`'))]  # yapf: disable

EXPORT = _in_section(
    'export',
    _p('checkpoint', text(), None, 'the network to export'),
    _p('onnx_file', text(), None, 'the file to write; encrypted when its name ends in `.etlt`'),
    _p('opset_version', integer(1), 17, 'the ONNX opset', page=12),
    _p('input_channel', choice(3), 3, 'has to be 3'),
    _p('input_width', integer(1), 128, 'width of the laid-out image; has to be what the network is built for'),
    _p('input_height', integer(1), 512, 'height of the laid-out image; has to be what the network is built for'),
    _p('batch_size', integer(-1), -1, 'fixed batch size; −1: dynamic'),
    _p('gpu_id', integer(0), 0, 'no effect', ignored='the network is traced on the CPU, which gives the same file'),
    _p('on_cpu', flag(), False, 'no effect', ignored='the network is traced on the CPU in any case'),
    _p('verbose', flag(), False, 'prints the nodes of the graph'),
)

ENGINES = _in_section(
    'gen_trt_engine',
    *(_p(key, kind, default, 'no effect', ignored=ENGINE) for key, kind, default in (
        ('onnx_file', text(), None), ('trt_engine', text(), None), ('batch_size', integer(-1), -1), ('gpu_id', integer(0), 0),
        ('verbose', flag(), False), ('results_dir', text(), None),
        ('tensorrt.data_type', text(), 'fp32'), ('tensorrt.workspace_size', integer(0), 1024),
        ('tensorrt.min_batch_size', integer(1), 1), ('tensorrt.opt_batch_size', integer(1), 1),
        ('tensorrt.max_batch_size', integer(1), 1), ('tensorrt.calibration', anything(), None))))

PARAMETERS = {parameter.key: parameter for parameter in (*GENERAL, *TRAIN, *MODEL, *DATASET, *RUNS, *EXPORT, *ENGINES)}
ALIASES = {alias: parameter.key for parameter in PARAMETERS.values() for alias in parameter.aliases}
