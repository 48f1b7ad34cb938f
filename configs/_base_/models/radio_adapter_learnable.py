"""Architecture 2 on the ViT-Adapter over C-RADIO v2, as the toolkit's c_radio_v2_vit_base_patch16_224."""

_base_ = 'fan_learnable.py'

model = dict(
    input_size=(224, 224),  # multiples of 32
    data_preprocessor=dict(  # CLIP's, which C-RADIO is trained with
        mean=[122.7709383, 116.7460125, 104.09373615], std=[68.5005327, 66.6322579, 70.32316305]),
    backbone=dict(_delete_=True, type='CRADIOAdapter', arch='base', with_cp=True))
