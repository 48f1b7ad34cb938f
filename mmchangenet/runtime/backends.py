"""Graphs on ONNX Runtime or OpenVINO: arrays in, arrays out, from any number of threads."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .signal_stack import signal_stack_kept


class OnnxRuntimeGraph:
    """An ONNX file on ONNX Runtime's CPU provider.

    A batch of as many items as there are threads or more is parted: every thread runs the whole graph on a
    part. They wait for each other once a batch instead of once an operator. A smaller batch runs with all
    threads in every operator. Each way has a session of its own, made when it is needed first.

    Args:
        file: the graph; the first dimension of all inputs and outputs is the batch.
        threads: None: as many as this process may use cores.
        at_once: most items of a part.
    """

    def __init__(self, file: Any, threads: int | None = None, at_once: int = 4) -> None:
        import onnxruntime
        self._onnxruntime = onnxruntime
        self._file, self._threads, self._at_once = str(file), threads or cores(), at_once
        self._lock = threading.Lock()
        self._sessions: dict[int, Any] = {}
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None

    def __call__(self, *arrays: Any) -> Any:
        """Arrays in the order of the graph's inputs → list of arrays."""
        count = len(arrays[0])
        threads = 1 if count >= self._threads else self._threads
        size = min(self._at_once, -(-count // self._threads)) if threads == 1 else self._at_once
        parts = [tuple(array[start:start + size] for array in arrays) for start in range(0, count, size)]
        session = self._session(threads)
        names = [value.name for value in session.get_inputs()]

        def run(part: Any) -> Any:
            return session.run(None, dict(zip(names, part, strict=True)))

        if len(parts) == 1:
            return run(parts[0])
        results = self._pool.map(run, parts) if threads == 1 and self._pool else map(run, parts)
        return [np.concatenate(outputs) for outputs in zip(*results, strict=True)]

    def _session(self, threads: Any) -> Any:
        with self._lock:
            if threads not in self._sessions:
                options = self._onnxruntime.SessionOptions()
                options.intra_op_num_threads = threads
                options.log_severity_level = 3
                # threads that wait for more work would take it from those of the graph that comes next
                options.add_session_config_entry('session.force_spinning_stop', '1')
                # a product that is fused with a bias loses its int8 kernel: its weights would become floats
                # in every run
                self._sessions[threads] = self._onnxruntime.InferenceSession(
                    self._file,
                    options,
                    providers=['CPUExecutionProvider'],
                    disabled_optimizers=['MatMulAddFusion'])
            return self._sessions[threads]


class OpenVinoGraph:
    """An ONNX file on OpenVINO's CPU plugin, in float32.

    Args: as :class:`OnnxRuntimeGraph` has them.
    """

    def __init__(self, file: Any, threads: Any = None, at_once: int = 4) -> None:
        import openvino
        settings = dict(PERFORMANCE_HINT='LATENCY',
                        INFERENCE_PRECISION_HINT='f32',
                        INFERENCE_NUM_THREADS=threads or cores())
        with signal_stack_kept():
            self._compiled = openvino.Core().compile_model(str(file), 'CPU', settings)
        self._at_once, self._local = at_once, threading.local()

    def __call__(self, *arrays: Any) -> Any:
        """Arrays in the order of the graph's inputs → list of arrays."""
        if not hasattr(self._local, 'request'):  # one a thread: a request is not to be shared
            self._local.request = self._compiled.create_infer_request()
        results = [self._infer([array[start:start + self._at_once] for array in arrays])
                   for start in range(0, len(arrays[0]), self._at_once)]
        return results[0] if len(results) == 1 else [
            np.concatenate(outputs) for outputs in zip(*results, strict=True)
        ]

    def _infer(self, arrays: Any) -> Any:
        results = self._local.request.infer(arrays)
        return [np.array(results[output])
                for output in self._compiled.outputs]  # copies: the next call overwrites them


def cores() -> Any:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


BACKENDS = dict(onnxruntime=OnnxRuntimeGraph, openvino=OpenVinoGraph)
