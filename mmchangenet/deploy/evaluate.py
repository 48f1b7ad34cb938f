"""Testing a converted network with the config's own test data and figures."""

import copy
from contextlib import nullcontext

from mmdeploy.apis.utils import build_task_processor
from mmdeploy.utils import load_config
from mmdeploy.utils.timer import TimeCounter


def prepare_backend_test(deploy_cfg, model_cfg, files, device='cpu', work_dir='./work_dir', out=None, show_dir=None,
                         batch_size=1, cfg_options=None, log_file=None):
    """The runner that tests a converted network; call its ``test()``.

    Args:
        deploy_cfg, model_cfg (str): config files.
        files (Sequence[str]): the backend's.
        device (str): where the backend works.
        work_dir (str): folder for logs.
        out (str, optional): CSV to write: the data's own rows in order with ``siamese_score``.
        show_dir (str, optional): folder for pictures.
        batch_size (int): pairs at a time.
        cfg_options (dict, optional): replaces values of the network's config.
        log_file (str, optional): for the log.

    Returns:
        Runner: mmdeploy's.
    """
    deploy, model = load_config(str(deploy_cfg), str(model_cfg))
    model.merge_from_dict(cfg_options or {})
    task = build_task_processor(model, deploy, device)
    loader = copy.deepcopy(model.test_dataloader)
    loader.batch_size = batch_size
    loader.dataset = task.build_dataset(loader.dataset)
    runner = task.build_test_runner(task.build_backend_model(files), work_dir, log_file=log_file, show_dir=show_dir,
                                    dataloader=task.build_dataloader(loader))
    runner.register_custom_hooks([dict(type='mmchangenet.BrokenImageHook')])
    if out is not None:
        runner.register_custom_hooks([dict(type='mmchangenet.ScoreFileHook', out_file=str(out))])
    return runner


def timing(wanted, warmup, log_interval, file, batch_size, device):
    """mmdeploy's clock around the backend, as a context; nothing when not wanted."""
    if not wanted:
        return nullcontext()
    return TimeCounter.activate(warmup=warmup, log_interval=log_interval, with_sync=device != 'cpu', file=file,
                                batch_size=batch_size)
