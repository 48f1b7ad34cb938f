"""TensorRT, fp32."""

backend_config = dict(
    type='tensorrt',
    common_config=dict(
        fp16_mode=False,
        int8_mode=False,
        batch_sizes=(1, 4, 16),  # smallest, usual and largest batch of a graph that leaves it free
        max_workspace_size=1 << 30))
