#!/bin/sh
# Measures the engine on this machine's GPU; unpacked from the kit that scripts/gpu-kit.ts builds, it needs a driver and
# nothing else. Usage: bench/gpu.sh --out FOLDER [--work FOLDER] [--python PYTHON] [--shapes 2B,7B] … (see bench/gpu/main.ts)
set -u
app=$(cd "$(dirname "$0")/.." && pwd)
kit=$(dirname "$app")
node=node
if [ -x "$kit/node" ]; then node=$kit/node; fi

# The loader comes with the kit. The driver's libraries lie where its container runtime put them.
path=${LD_LIBRARY_PATH:-}
for folder in "$kit/lib" /usr/local/nvidia/lib64 /usr/local/nvidia/lib; do
  if [ -d "$folder" ]; then path=$path${path:+:}$folder; fi
done
export LD_LIBRARY_PATH="$path"

# The loader looks into /etc and /usr/share by itself. Elsewhere, or when a driver came without its manifest, it must be told.
if [ -z "${VK_DRIVER_FILES:-}" ]; then
  for file in /usr/share/vulkan/icd.d/nvidia_icd.json /etc/vulkan/icd.d/nvidia_icd.json \
    /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json; do
    if [ -f "$file" ]; then VK_DRIVER_FILES=$file; break; fi
  done
  if [ -z "${VK_DRIVER_FILES:-}" ] && command -v nvidia-smi >/dev/null; then
    VK_DRIVER_FILES=${TMPDIR:-/tmp}/fundus-lens-nvidia-icd.json
    printf '%s\n' '{"file_format_version": "1.0.1", "ICD": {"library_path": "libEGL_nvidia.so.0", "api_version": "1.3"}}' \
      >"$VK_DRIVER_FILES"
  fi
  if [ -n "${VK_DRIVER_FILES:-}" ]; then export VK_DRIVER_FILES; fi
fi
exec "$node" "$app/bench/gpu/main.ts" "$@"
