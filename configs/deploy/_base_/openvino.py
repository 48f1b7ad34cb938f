"""OpenVINO, fp32."""

backend_config = dict(type='openvino')
