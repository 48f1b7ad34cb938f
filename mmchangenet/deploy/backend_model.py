"""A converted network behind the interface of the trained one: same batches in, same samples out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmdeploy.codebase.base import BaseBackendModel
from mmdeploy.utils import get_backend, get_ir_config
from torch import Tensor

from mmchangenet.export.decision import read_decision
from mmchangenet.registry import MODELS

from .partition import PartsWrapper, part_of, partition_of


class ChangeBackendModel(BaseBackendModel):
    """Scores batches with a converted network.

    Args:
        backend_files: the graph, or the parts of a partition in its order; what ``decision.write_decision``
            wrote beside the first is read too.
        model_cfg: the config that the network was trained with.
        deploy_cfg: the deploy config that it was converted with.
        device: where the backend works.
        output: what the graph gives, ``tensor`` or ``score``.
        normalise: whether the graph normalises.
    """

    def __init__(self, backend_files: Sequence[str], model_cfg: Any, deploy_cfg: Any, device: str,
                 output: str = 'tensor', normalise: bool = False) -> None:
        super().__init__(deploy_cfg=deploy_cfg)
        network = MODELS.build(model_cfg.model)
        self.data_preprocessor, self.head = network.data_preprocessor, network.head
        read_decision(self.head, backend_files[0])
        self.device_name, self.output, self.normalise = device, output, normalise
        self.input_names = list(get_ir_config(deploy_cfg)['input_names'])
        self.wrapper = self._wrapper(backend_files, deploy_cfg, device)

    def _wrapper(self, files: Any, deploy_cfg: Any, device: Any) -> Any:
        parts = partition_of(deploy_cfg)
        if parts is None:
            return self._build_wrapper(get_backend(deploy_cfg), files, device, self.input_names,
                                       self.output_names, deploy_cfg)
        names = [part_of(part['start'], part['end']) for part in parts]
        return PartsWrapper(
            **{
                name: self._build_wrapper(get_backend(deploy_cfg), [file], device, deploy_cfg=deploy_cfg)
                for name, file in zip(names, files, strict=True)
            })

    def test_step(self, data: Any) -> Any:
        """A collated batch of uint8 images → samples with their scores."""
        inputs, samples = data['inputs'], data['data_samples']
        if self.normalise:
            inputs = {side: torch.stack(list(inputs[side])) for side in ('compare', 'golden')}
        else:
            inputs = self.data_preprocessor(data)['inputs']
        return self(inputs, samples)

    def forward(self, inputs: dict[str, torch.Tensor], data_samples: Any, mode: str = 'predict') -> Tensor:
        """
        Args:
            inputs: ``compare`` and ``golden`` as the graph takes them, (N, 3, H, W).
            data_samples: N samples.
            mode: ``predict``; or ``tensor`` for what the graph gives, with ``data_samples`` not used.
        """
        sides = (inputs[side].to(self.device_name) for side in ('compare', 'golden'))
        output = self.wrapper(dict(zip(self.input_names, sides, strict=True)))[self.output_names[0]]
        if mode == 'tensor':
            return output
        if self.output == 'score':
            return self.head.set_scores(output.float(), data_samples)
        return self.head.predict_from(output.float(), data_samples)
