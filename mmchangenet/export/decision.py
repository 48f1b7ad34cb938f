"""Margin and class names, which come with a checkpoint, kept beside the graph that was made of it."""

import json
from pathlib import Path

from mmchangenet.files import write_text


def decision_file(graph):
    """Where what decides about scores lies: beside the graph, under its name."""
    return Path(graph).with_suffix('.json')


def write_decision(head, graph):
    """Note margin and class names, which came with the checkpoint, beside a graph."""
    names = list(head.class_names) if head.class_names else None
    write_text(json.dumps(dict(margin=head.margin, class_names=names), indent=1), decision_file(graph))


def read_decision(head, graph):
    """Give a head what ``write_decision`` noted beside a graph.

    Raises:
        FileNotFoundError: when there is nothing.
    """
    file = decision_file(graph)
    if not file.exists():
        raise FileNotFoundError(f'{file} is missing: it holds the margin, was written with the graph and has to stay beside it')
    decision = json.loads(file.read_text())
    head.margin = decision['margin']
    if head.num_classes > 2 and decision['class_names']:
        head.set_class_names(decision['class_names'])
