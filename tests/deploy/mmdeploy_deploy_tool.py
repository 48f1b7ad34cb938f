"""The calls of mmdeploy 1.3.1's own tools/deploy.py, in its order and with its spawned processes; its wheel
has no tools.

Usage: mmdeploy_deploy_tool.py DEPLOY_CONFIG CONFIG CHECKPOINT IMG WORK_DIR DEVICE
"""

import logging
import os
import sys
from functools import partial

import torch.multiprocessing as mp
from mmdeploy.apis import (
    create_calib_input_data,
    extract_model,
    torch2onnx,
    torch2torchscript,
    visualize_model,
)
from mmdeploy.apis.core import PIPELINE_MANAGER
from mmdeploy.apis.utils import get_predefined_partition_cfg, to_backend
from mmdeploy.utils import Backend, get_backend, get_ir_config, get_partition_config, load_config
from mmdeploy.utils.utils import target_wrapper


def run_process(name, target, args, kwargs, ret_value):
    process = mp.Process(target=partial(target_wrapper, target, logging.INFO, ret_value),
                         args=args,
                         kwargs=kwargs)
    process.start()
    process.join()
    if ret_value.value != 0:
        sys.exit(f'{name} failed')


def partitioned(deploy_cfg, whole, work_dir):
    partition_cfgs = get_partition_config(deploy_cfg)
    if partition_cfgs is None:
        return [whole]
    if 'partition_cfg' in partition_cfgs:
        partition_cfgs = partition_cfgs.get('partition_cfg', None)
    else:
        partition_cfgs = get_predefined_partition_cfg(deploy_cfg, partition_cfgs['type'])
    files = []
    for partition_cfg in partition_cfgs:
        save_path = os.path.join(work_dir, partition_cfg['save_file'])
        extract_model(whole, partition_cfg['start'], partition_cfg['end'],
                      dynamic_axes=partition_cfg.get('dynamic_axes', None), save_file=save_path)
        files.append(save_path)
    return files


def main(deploy_file, model_file, checkpoint, img, work_dir, device):
    mp.set_start_method('spawn', force=True)
    PIPELINE_MANAGER.enable_multiprocess(
        True, [torch2onnx, torch2torchscript, extract_model, create_calib_input_data])
    deploy_cfg, _ = load_config(deploy_file, model_file)
    os.makedirs(work_dir, exist_ok=True)
    ret_value = mp.Value('d', 0, lock=False)
    save_file = get_ir_config(deploy_cfg)['save_file']
    torch2onnx(img, work_dir, save_file, deploy_file, model_file, checkpoint, device=device)
    ir_files = partitioned(deploy_cfg, os.path.join(work_dir, save_file), work_dir)
    backend = get_backend(deploy_cfg)
    PIPELINE_MANAGER.set_log_level(logging.INFO, [to_backend])
    if backend == Backend.TENSORRT:
        PIPELINE_MANAGER.enable_multiprocess(True, [to_backend])
    backend_files = to_backend(backend,
                               ir_files,
                               work_dir=work_dir,
                               deploy_cfg=deploy_cfg,
                               log_level=logging.INFO,
                               device=device,
                               uri=None)
    for name, files in ((backend, backend_files), (Backend.PYTORCH, [checkpoint])):
        run_process(
            f'visualize {name.value} model', visualize_model, (model_file, deploy_file, files, img, device),
            dict(backend=name,
                 output_file=os.path.join(work_dir, f'output_{name.value}.jpg'),
                 show_result=False), ret_value)
    print('All process success.')


if __name__ == '__main__':
    main(*sys.argv[1:])
