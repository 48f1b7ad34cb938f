"""Parts of mmpretrain that do not fit samples of pairs, and what does the same here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

INSTEAD = {
    'Accuracy': 'InspectionMetric gives accuracy, recall, false alarms and AUROC',
    'SingleLabelMetric': 'InspectionMetric gives precision and recall',
    'ConfusionMatrix': 'InspectionMetric counts escapes and false alarms',
    'VisualizationHook': 'ValidationPicturesHook shows pairs at validation, GalleryHook after a test',
    'ClassNumCheckHook': 'the number of classes is checked without a hook',
}


def check_parts(config: Mapping[str, Any]) -> None:
    """Refuse parts of mmpretrain that would end in a stack trace at the first batch.

    Raises:
        ValueError: names each with what to write instead.
    """
    found = [f'{where}: {name} of mmpretrain takes samples of single images. Leave it out: {INSTEAD[name]}.'
             for where, part in _parts(config) if (name := _name(part)) in INSTEAD]
    if found:
        raise ValueError('\n'.join(found))


def _parts(config: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    hooks = config.get('default_hooks') or {}
    yield from ((f'default_hooks.{key}', hook) for key, hook in hooks.items())
    for key in ('custom_hooks', 'val_evaluator', 'test_evaluator'):
        parts = config.get(key) or ()
        yield from ((key, part) for part in (parts if isinstance(parts, (list, tuple)) else [parts]))


def _name(part: Any) -> str:
    """The part's name without scope; empty when it is another package's own."""
    kind = part.get('type') if isinstance(part, Mapping) else None
    scope, _, name = str(kind).rpartition('.')
    return name if scope in ('', 'mmpretrain', 'mmcls') else ''
