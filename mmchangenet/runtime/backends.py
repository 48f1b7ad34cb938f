"""Graphs on ONNX Runtime or OpenVINO: arrays in, arrays out, from any number of threads."""

import threading

import numpy as np


class OnnxRuntimeGraph:
    """An ONNX file on ONNX Runtime's CPU provider.

    Args:
        file (Path): the graph.
        threads (int, optional): None: as many as there are cores.
    """

    def __init__(self, file, threads=None):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(file), options, providers=['CPUExecutionProvider'])
        self._inputs = [value.name for value in self._session.get_inputs()]

    def __call__(self, *arrays):
        """Arrays in the order of the graph's inputs → list of arrays."""
        return self._session.run(None, dict(zip(self._inputs, arrays, strict=True)))


class OpenVinoGraph:
    """An ONNX file on OpenVINO's CPU plugin, in float32.

    Args: as :class:`OnnxRuntimeGraph` has them.
    """

    def __init__(self, file, threads=None):
        import openvino
        settings = {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_PRECISION_HINT': 'f32'}
        if threads:
            settings['INFERENCE_NUM_THREADS'] = threads
        self._compiled = openvino.Core().compile_model(str(file), 'CPU', settings)
        self._local = threading.local()

    def __call__(self, *arrays):
        """Arrays in the order of the graph's inputs → list of arrays."""
        if not hasattr(self._local, 'request'):  # one a thread: a request is not to be shared
            self._local.request = self._compiled.create_infer_request()
        results = self._local.request.infer(list(arrays))
        return [np.array(results[output]) for output in self._compiled.outputs]


BACKENDS = dict(onnxruntime=OnnxRuntimeGraph, openvino=OpenVinoGraph)
