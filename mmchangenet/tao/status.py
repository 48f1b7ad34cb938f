"""``status.json``, which scripts around the toolkit read: one JSON object per line, appended as a run goes
on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

STATUS_FILE = 'status.json'
STARTED, RUNNING, FAILURE = 'STARTED', 'RUNNING', 'FAILURE'
VERBOSITY = {STARTED: 'INFO', RUNNING: 'INFO', FAILURE: 'FAILURE'}


def write_status(folder: str | Path, status: str, message: str, **more: Any) -> None:
    """Append a line.

    Args:
        folder: of a run's results; made when it is not there.
        status: ``STARTED``, ``RUNNING`` or ``FAILURE``.
        message: what there is to say.
        more: further entries, such as ``epoch`` and ``kpi``; the last ``kpi`` of the run is repeated without
            one.
    """
    file = Path(folder, STATUS_FILE)
    file.parent.mkdir(parents=True, exist_ok=True)
    kpi = more.pop('kpi', None) or (None if status == STARTED else _last_kpi(file))
    now = datetime.now()
    line = dict(date=f'{now.month}/{now.day}/{now.year}',
                time=f'{now.hour}:{now.minute}:{now.second}',
                status=status,
                verbosity=VERBOSITY[status],
                message=message,
                **more,
                **(dict(kpi=kpi) if kpi else {}))
    with open(file, 'a', encoding='utf-8') as stream:
        stream.write(json.dumps(line, ensure_ascii=False) + '\n')


def write_start(folder: str | Path, action: str) -> None:
    """Write that an action starts."""
    write_status(folder, STARTED, f'Starting {_title(action)}.')


def write_success(folder: str | Path, action: str) -> None:
    """Write that an action is done."""
    write_status(folder, RUNNING, f'{_title(action)} finished successfully.')


@contextmanager
def failure_written(folder: str | Path) -> Iterator[None]:
    """Write why a part of a run fails, when it does."""
    try:
        yield
    except BaseException as error:
        write_status(folder, FAILURE, str(error) or type(error).__name__)
        raise


def _title(action: str) -> str:
    return action.replace('_', ' ').capitalize()


def _last_kpi(file: Path) -> Any:
    if not file.is_file():
        return None
    try:
        lines = file.read_text(encoding='utf-8').splitlines()
        last = json.loads(lines[-1]) if lines else {}
    except ValueError:  # of another writer, or cut off
        return None
    return last.get('kpi') if isinstance(last, dict) else None
