"""Threshold and class names, which come with a checkpoint, kept beside the graph that was made of it."""

from __future__ import annotations

import json
from pathlib import Path

from mmchangenet.files import write_text
from mmchangenet.models.heads.base_change_head import BaseChangeHead
from mmchangenet.verdict import checked_threshold


def decision_file(graph: str | Path) -> Path:
    """Where what decides about scores lies: beside the graph, under its name."""
    return Path(graph).with_suffix('.json')


def write_decision(head: BaseChangeHead, graph: str | Path) -> None:
    """Note threshold and class names, which came with the checkpoint, beside a graph."""
    names = list(head.class_names) if head.class_names else None
    write_text(json.dumps(dict(margin=head.margin, class_names=names), indent=1), decision_file(graph))


def read_decision(head: BaseChangeHead, graph: str | Path) -> None:
    """Give a head what ``write_decision`` noted beside a graph.

    Raises:
        FileNotFoundError: when there is nothing.
        ValueError: when it is no such note, or its threshold is no finite number.
    """
    file = decision_file(graph)
    if not file.exists():
        raise FileNotFoundError(
            f'{file} is missing: it holds the threshold, was written with the graph and has to stay '
            'beside it')
    try:
        decision = json.loads(file.read_text(encoding='utf-8'))
        margin, names = decision['margin'], decision['class_names']
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f'{file} is not what was written beside the graph ({error}): convert again') from error
    head.margin = checked_threshold(margin, str(file))
    if head.num_classes > 2 and names:
        head.set_class_names(names)
