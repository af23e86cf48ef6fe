#!/usr/bin/env bash
# Prints TF_CONFIG of one of several workers: PORT INDEX HOST... (HOST of each, in order).
set -euo pipefail
port=$1 index=$2
shift 2
workers=$(printf '"%s",' "${@/%/:$port}")
printf '{"cluster": {"worker": [%s]}, "task": {"type": "worker", "index": %d}}\n' \
    "${workers%,}" "$index"
