"""mmdeploy's view of the task: how networks are built, samples prepared and results shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdeploy.codebase.base import BaseTask
from mmdeploy.utils import get_codebase_config, get_root_logger
from mmengine.dataset import pseudo_collate
from mmengine.model import revert_sync_batchnorm
from PIL import Image

from mmchangenet.checkpoint import load_for_scoring
from mmchangenet.export.samples import read_sample
from mmchangenet.imaging import decode_image, read_bytes
from mmchangenet.registry import MODELS
from mmchangenet.visualization.pair_picture import draw_pair

from .backend_model import ChangeBackendModel
from .names import TASK, TASKS
from .partition import partition_cfg


@TASKS.register_module(TASK)
class ChangeClassification(BaseTask):
    """Golden against compare.

    Args:
        model_cfg: the network's config.
        deploy_cfg: the deploy config.
        device: where PyTorch works, such as 'cpu' or 'cuda:0'.
    """

    def __init__(self, model_cfg: Any, deploy_cfg: Any, device: str) -> None:
        super().__init__(model_cfg, deploy_cfg, device, experiment_name=TASK)

    @property
    def graph_options(self) -> Any:
        """dict: what of the way from images to scores is part of the graph; arguments of ``WholeNetwork``."""
        return dict(get_codebase_config(self.deploy_cfg).get('graph') or {})

    def build_pytorch_model(self, model_checkpoint: Any = None, cfg_options: Any = None,
                            **kwargs: Any) -> Any:
        """The trained network in evaluation mode, its weights loaded strictly."""
        model = MODELS.build(self.model_cfg.model)
        if model_checkpoint is not None:
            load_for_scoring(model, model_checkpoint, self.model_cfg)
        model = revert_sync_batchnorm(model)
        for part in (model.backbone, model):
            if callable(getattr(part, 'switch_to_deploy', None)):
                part.switch_to_deploy()
        return model.to(self.device).eval()

    def build_backend_model(self, model_files: Any = None, data_preprocessor_updater: Any = None,
                            **kwargs: Any) -> Any:
        """The converted network behind the interface of the trained one."""
        model = ChangeBackendModel(model_files, self.model_cfg, self.deploy_cfg, self.device,
                                   **self.graph_options)
        return model.to(self.device).eval()

    def build_test_runner(self, model: Any, work_dir: Any, log_file: Any = None, show: bool = False,
                          show_dir: Any = None, dataloader: Any = None, **kwargs: Any) -> Any:
        """mmdeploy's runner; with ``show_dir`` it writes pictures of escapes and false alarms there."""
        if show:
            raise ValueError(
                '--show: pairs are not shown in windows; give --show-dir DIR and open DIR/index.html')
        runner = super().build_test_runner(model, work_dir, log_file=log_file, dataloader=dataloader)
        hooks = list(self.model_cfg.get('custom_hooks') or [])
        if show_dir is not None:
            hooks.append(dict(type='mmchangenet.GalleryHook', out_dir=str(show_dir)))
        runner.register_custom_hooks(hooks)
        return runner

    def create_input(self, imgs: str | Sequence[Any], input_shape: Sequence[int] | None = None,
                     data_preprocessor: Any = None, **kwargs: Any) -> Any:
        """
        Args:
            imgs: a label CSV or a pair of images, see ``read_sample``.
            input_shape: refused when it is not the network's size.
            data_preprocessor: the network's.

        Returns:
            the collated batch of one pair, and its compare and golden images as the
            graph takes them.
        """
        size = tuple(self.model_cfg.model.input_size)
        if input_shape is not None and tuple(input_shape) != size[::-1]:
            raise ValueError(
                f'input_shape {list(input_shape)} (width, height): this network takes {list(size[::-1])}. '
                'Its layers depend on it; set input_shape to None')
        data = pseudo_collate([read_sample(imgs, self.model_cfg)])
        ready = data if data_preprocessor is None or self.graph_options.get(
            'normalise') else data_preprocessor(data)
        sides = [ready['inputs'][side] for side in ('compare', 'golden')]
        if isinstance(sides[0], list):
            sides = [side[0][None].to(self.device) for side in sides]
        return data, tuple(sides)

    def visualize(self, image: Any, result: Any, output_file: Any, window_name: str = '',
                  show_result: bool = False, **kwargs: Any) -> None:
        """Say what a network made of the sample, and draw the pair; mmdeploy calls this for backend and
        PyTorch.
        """
        called = 'FAIL' if result.pred_fail else 'PASS'
        verdict = f'{window_name}: score {result.score:.6f}, {called} at margin {result.margin:g}'
        get_root_logger().info(verdict)
        compare, golden = ([decode_image(read_bytes(file), file) for file in files]
                           for files in (result.compare_files, result.golden_files))
        if not compare or not golden:  # the sample was given as arrays
            return
        picture = Image.fromarray(
            draw_pair(compare, golden, [Path(file).stem for file in result.compare_files], verdict))
        picture.save(output_file)
        if show_result:
            picture.show()

    def get_model_name(self, *args: Any, **kwargs: Any) -> Any:
        """The backbone's name."""
        return self.model_cfg.model.backbone.type.lower()

    @staticmethod
    def get_partition_cfg(partition_type: Any, **kwargs: Any) -> Any:
        """See ``partition.partition_cfg``."""
        return partition_cfg(partition_type)

    def get_preprocess(self, *args: Any, **kwargs: Any) -> None:
        """Refused: part of ``--dump-info``."""
        raise NotImplementedError(NO_SDK)

    def get_postprocess(self, *args: Any, **kwargs: Any) -> None:
        """Refused: part of ``--dump-info``."""
        raise NotImplementedError(NO_SDK)


NO_SDK = (
    '--dump-info is for mmdeploy\'s SDK, whose pipelines take one image; a pair of sides under several '
    'lightings cannot '
    'be described to it. Leave --dump-info out, and use mmchangenet.runtime on the line')
