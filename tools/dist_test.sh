#!/usr/bin/env bash
# Test in several processes: one per GPU, or on the CPU where there is none.
#   tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of test.py]
# On several nodes, on each of them: NNODES=2 NODE_RANK=0 MASTER_ADDR=first-node PORT=29500 tools/dist_test.sh ...
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: $0 CONFIG CHECKPOINT PROCESSES [options of test.py]" >&2; exit 2; }
export PYTHONPATH="$(dirname "$0")/..:${PYTHONPATH:-}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec "${PYTHON:-python}" -m mmchangenet.apis.processes --nproc_per_node "$3" --nnodes "${NNODES:-1}" \
    --node_rank "${NODE_RANK:-0}" --master_addr "${MASTER_ADDR:-127.0.0.1}" --master_port "${PORT:-29500}" \
    "$(dirname "$0")/test.py" "$1" "$2" --launcher pytorch "${@:4}"
