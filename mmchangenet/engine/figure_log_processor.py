"""Figures in the log as the validation gave them."""

from __future__ import annotations

from typing import Any

from mmengine.runner import LogProcessor, Runner

from mmchangenet.registry import LOG_PROCESSORS

TIMES = ('time', 'data_time')


@LOG_PROCESSORS.register_module()
class FigureLogProcessor(LogProcessor):
    """MMEngine's, which smooths every name with ``loss`` in it, those of validations, too: there it is the
    last value.

    The losses of training are smoothed over ``window_size`` iterations, and times over the epoch, as in
    MMEngine.
    """

    def _collect_scalars(self, custom_cfg: list[dict[str, Any]], runner: Runner, mode: str,
                         reserve_prefix: bool = False) -> dict[str, Any]:
        tag: dict[str, Any] = super()._collect_scalars(custom_cfg, runner, mode, reserve_prefix)
        asked_for = {entry.get('log_name', entry['data_src']) for entry in custom_cfg}
        for key, history in runner.message_hub.log_scalars.items():
            name = key.removeprefix(f'{mode}/')
            if mode != 'train' and name != key and name not in TIMES and name not in asked_for:
                tag[key if reserve_prefix else name] = history.current()
        return tag
