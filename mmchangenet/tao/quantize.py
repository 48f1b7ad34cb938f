"""``visual_changenet quantize``: a network in int8 for the runtime, with what that costs."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmchangenet.checkpoint import load_for_scoring
from mmchangenet.registry import MODELS


def quantize(config: Config) -> None:
    """Write the network of ``quantize.model_path`` in int8 and print its figures before and after.

    Args:
        config: what ``build_config`` made of a spec for ``quantize``.

    Raises:
        FileExistsError: when the folder is there and not empty.
        CheckpointError: when the checkpoint does not fit.
    """
    from mmchangenet.export.int8_cost import export_int8_and_compare
    folder = Path(config.work_dir, 'int8')
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f'{folder} exists: remove it or choose another quantize.results_dir')
    with DefaultScope.overwrite_default_scope('mmchangenet'):
        model = MODELS.build(config.model)
        load_for_scoring(model, config.load_from, config)
        export_int8_and_compare(model.eval(), config, folder)
    print(f'{folder} is ready. Score with: python -m mmchangenet.runtime {folder} LABELS.csv --out '
          'scores.csv', flush=True)
