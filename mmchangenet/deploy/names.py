"""What this project is called in mmdeploy's configs."""

from __future__ import annotations

from mmengine.registry import Registry

NAME = 'mmchangenet'
TASK = 'ChangeClassification'
TASKS = Registry('change_classification_tasks')
