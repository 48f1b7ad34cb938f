"""A whole network as ONNX, one pair at a time."""

custom_imports = dict(imports=['mmchangenet.deploy.codebase'])
onnx_config = dict(
    type='onnx',
    export_params=True,
    keep_initializers_as_inputs=False,
    opset_version=17,
    save_file='end2end.onnx',
    input_names=['compare', 'golden'],
    output_names=['output'],
    input_shape=None,  # the network's own
    optimize=False)
codebase_config = dict(
    type='mmchangenet',
    task='ChangeClassification',
    module=['mmchangenet.deploy.codebase'],
    graph=dict(
        output='tensor',  # distances or logits; 'score' for scores
        normalise=False))  # True: the graph takes uint8 images
