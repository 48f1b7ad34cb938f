"""A million rows are ready in ten seconds (processor time) and one gigabyte; loader processes copy none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = '''
import gc, json, sys, time
import torch
from torch.utils.data import DataLoader
from mmchangenet.datasets import LightingPairDataset
from mmchangenet.datasets.samplers import DefectWeightedSampler

def private_dirty_kb(sample):
    if sample['sample_idx'] % 1000:  # it takes milliseconds
        return 0
    with open('/proc/self/smaps_rollup') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('Private_Dirty'))

torch.set_num_threads(1)
start = time.process_time()
dataset = LightingPairDataset(sys.argv[1], data_prefix=dict(img_path='images'), check_images=False,
                              pipeline=[private_dirty_kb],
                              input_map=dict(Low=0, White=1))
seconds = time.process_time() - start
with open('/proc/self/status') as file:  # getrusage may tell that of the process which started this one
    peak_mb = next(int(line.split()[1]) for line in file if line.startswith('VmHWM')) / 1024
sampler = DefectWeightedSampler(dataset, 0.5, seed=0)
start = time.process_time()
draws = iter(sampler)
next(draws)
draw_seconds, rows = time.process_time() - start, len(sampler)
dataset.get_subset_(-20_000)
gc.collect()
gc.freeze()  # else collecting garbage touches every module's objects
sampler = DefectWeightedSampler(dataset, 0.5, seed=0)
loader = DataLoader(dataset, batch_size=1000, sampler=sampler, num_workers=1, collate_fn=list)
dirty = [kb for batch in loader for kb in batch if kb]
print(json.dumps(dict(rows=rows, seconds=seconds, peak_mb=peak_mb, draw_seconds=draw_seconds,
                      worker_growth_mb=(max(dirty) - dirty[0]) / 1024)))
'''


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists('/proc/self/smaps_rollup'),
                    reason='memory is measured through Linux /proc')
def test_million_rows(tmp_path):
    path = tmp_path / 'labels.csv'
    with path.open('w') as file:
        file.write('input_path,golden_path,label,object_name,part_number\n')
        file.writelines(f'line3/2024-05/board{i // 300:06d}/top,golden/t{i % 40:02d}/top,'
                        f'{"bridge" if i % 50 == 7 else "PASS"},'
                        f'C{i % 300}_R0402_{i:07d},PN-{i % 5000}\n' for i in range(1_000_000))
    done = subprocess.run([sys.executable, '-c', MEASURE, str(path)], capture_output=True, text=True,
                          check=False,
                          env=os.environ | dict(PYTHONPATH=str(Path(__file__).parents[2])))
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    print(figures)
    assert figures['rows'] == 1_000_000
    assert figures['seconds'] < 20
    assert figures['peak_mb'] < 1000
    assert figures['draw_seconds'] < 5
    assert figures['worker_growth_mb'] < 10
