"""The message hub (histories of figures, best score and the like) as a checkpoint keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.logging import HistoryBuffer, MessageHub

from mmchangenet.checkpoint import Placeholder

HISTORY_BUFFER = f'{HistoryBuffer.__module__}.{HistoryBuffer.__name__}'


def hub_state(hub: MessageHub) -> dict[str, Any]:
    """A message hub as plain containers and arrays.

    Args:
        hub: the runner's.

    Returns:
        MMEngine's state with arrays in place of HistoryBuffers.
    """
    state = hub.state_dict()
    scalars = {
        name: dict(zip(('log_history', 'count_history'), history.data, strict=True),
                   max_length=history.max_length)
        for name, history in state['log_scalars'].items()
    }
    kept = {*scalars, *state['runtime_info']}
    return dict(log_scalars=scalars, runtime_info=dict(state['runtime_info']),
                resumed_keys={name: True for name in state['resumed_keys'] if name in kept})


def restore_hub(hub: MessageHub, state: Mapping[str, Any]) -> None:
    """Put the state of a checkpoint into a message hub. What this run has put there already stays.

    Args:
        hub: the runner's.
        state: what ``hub_state`` made, or that of a plain MMEngine file as ``read_checkpoint`` gave it.
    """
    scalars = {name: _history(value) for name, value in state.get('log_scalars', {}).items()}
    scalars = {name: history for name, history in scalars.items() if history is not None}
    info = {name: value for name, value in state.get('runtime_info', {}).items()
            if name not in hub.runtime_info and not isinstance(value, Placeholder)}
    kept = {name: True for name in state.get('resumed_keys', {}) if name in scalars or name in info}
    hub.load_state_dict(dict(log_scalars=scalars, runtime_info=info, resumed_keys=kept))


def _history(value: Any) -> HistoryBuffer | None:
    if isinstance(value, Placeholder) and value.qualified_name == HISTORY_BUFFER and isinstance(
            value.state, dict):
        value = {name.lstrip('_'): part for name, part in value.state.items()}
    if not (isinstance(value, dict) and {'log_history', 'count_history'} <= value.keys()):
        return None
    history = HistoryBuffer(max_length=value.get('max_length', 1000000))
    # arrays as they were: values that are whole numbers stay what they are
    history._log_history, history._count_history = (_array(value[name])
                                                    for name in ('log_history', 'count_history'))
    return history


def _array(values: Any) -> Any:
    return values.numpy() if hasattr(values, 'numpy') else values
