"""Specs written down: the one of a run, and one to begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mmchangenet.files import write_text

from .parameters import PARAMETERS, Parameter
from .spec import MISSING, Spec

EXPERIMENT = 'experiment.yaml'
SECRETS = ('encryption_key', )
HEADER = '''# A spec of visual_changenet with the defaults of release 6.25. Fill in what is ???, then:
#   visual_changenet train -e {file} results_dir=out
#   visual_changenet evaluate -e {file} results_dir=out evaluate.checkpoint=out/train/changenet_classify.pth
# Every parameter: docs/visual_changenet_specs.md
'''
NEEDED = ('train', 'validation', 'test', 'infer')
LEFT_OUT = ('num_gpus', 'gpu_ids', 'release', 'dataset.classify.num_input', 'export.input_width',
            'export.input_height')
SHOWN = ('task', 'results_dir', 'train', 'model', 'dataset', 'evaluate', 'inference', 'export')


def write_experiment(spec: Spec, folder: str | Path) -> Path:
    """Write the resolved spec of a run: run again, it is the same run. Passphrases stay out."""
    given = {key: value for key, value in spec.tree.items() if key not in SECRETS}
    if spec.release_is_chosen:
        given['release'] = spec.release
    file = Path(folder, EXPERIMENT)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(yaml.safe_dump(_nested(_escaped(given)), sort_keys=False, allow_unicode=True), file)
    return file


def default_spec(file: str | Path) -> str:
    """A commented spec with the defaults; what has to be given is ``???``."""
    lines = [HEADER.format(file=file)]
    sections: list[str] = []
    for parameter in _chosen():
        *parents, name = parameter.key.split('.')
        for depth, parent in enumerate(parents):
            if sections[depth:depth + 1] != [parent]:
                sections = sections[:depth] + [parent]
                lines.append(f'{"  " * depth}{parent}:')
        sections = sections[:len(parents)]
        value = yaml.safe_dump(_default(parameter), default_flow_style=True).removesuffix('...\n').strip()
        comment = re.sub('`', '', parameter.becomes)
        idle = '# ' if parameter.only_if and parameter.only_if[1] != PARAMETERS[
            parameter.only_if[0]].default else ''
        lines.append(f'{"  " * len(parents)}{idle}{name}: {value}  # {comment}')
    return '\n'.join(lines) + '\n'


def _chosen() -> list[Parameter]:
    """Those that have an effect and a value, section by section."""
    useful = [
        parameter for parameter in PARAMETERS.values()
        if not parameter.ignored and parameter.key not in LEFT_OUT and (
            parameter.default is not None or _needed(parameter))
    ]
    return [
        parameter for section in SHOWN for parameter in useful if parameter.key.partition('.')[0] == section
    ]


def _needed(parameter: Parameter) -> bool:
    return any(parameter.key.startswith(f'dataset.classify.{name}_dataset.')
               for name in NEEDED) or parameter.key in ('evaluate.checkpoint', 'inference.checkpoint',
                                                        'export.checkpoint', 'export.onnx_file')


def _default(parameter: Parameter) -> Any:
    return MISSING if parameter.default is None else parameter.default


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *parents, name = key.split('.')
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = value
    return tree


def _escaped(value: Any) -> Any:
    """Text that looks like an interpolation, written so that none is made of it."""
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return re.sub(r'(\\*)\$\{', r'\1\1\\${', value) if isinstance(value, str) else value
