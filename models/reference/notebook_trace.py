"""The trace the way a notebook does it: transformers in float32, output_hidden_states, then layer by layer the final
norm, the unembedding, a softmax and the top k. Prints times and peak memory as JSON.

    python notebook_trace.py CHECKPOINT IMAGE [--prompt TEXT] [--positions last|all] [--top-k 10] [--json FILE]
                             [--dtype float32|bfloat16|float16] [--device cpu|auto]

trace_s is the median of --repeat runs after one warm-up; a run reads and prepares the image, does the forward pass, and
looks through the lens. The last of transformers' hidden states is already normed and is not normed again.
"""

import argparse
import json
import platform
import resource
import statistics
import sys
import time
from pathlib import Path

import torch
import transformers

from reference import Reference, open_image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--prompt", default="Describe this image. Answer with one word.")
    parser.add_argument("--positions", choices=["last", "all"], default="last")
    parser.add_argument("--top-k", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--device", choices=["cpu", "auto"], default="cpu", help="auto: a CUDA device if there is one")
    parser.add_argument("--threads", type=int, help="threads of torch; its own choice when left out")
    parser.add_argument("--json", type=Path, help="also write the JSON to this file")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    transformers.utils.logging.disable_progress_bar()

    started = time.perf_counter()
    device = "cuda" if options.device == "auto" and torch.cuda.is_available() else "cpu"
    reference = Reference(options.checkpoint, attention=None, dtype=getattr(torch, options.dtype), device=device)
    load_s = time.perf_counter() - started

    runs = [trace(reference, options) for _ in range(options.repeat + 1)]
    runs = runs[1:] or runs  # without repetitions the first one counts
    last = runs[-1]
    names = ("prepare_s", "forward_s", "lens_s", "trace_s")
    report = {
        "positions": options.positions,
        "top_k": options.top_k,
        "repeat": options.repeat,
        "load_s": load_s,
        **{name: statistics.median(run[name] for run in runs) for name in names},
        "trace_s_runs": [run["trace_s"] for run in runs],
        "peak_rss_bytes": peak_rss_bytes(),
        "peak_gpu_bytes": torch.cuda.max_memory_reserved() if device == "cuda" else None,
        "dtype": options.dtype,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "sequence_length": last["sequence_length"],
        "image_tokens": last["image_tokens"],
        "layers": len(last["top_ids"]) - 1,
        "last_position": {"top_ids": last["top_ids"], "top_probs": last["top_probs"]},
        "threads": torch.get_num_threads(),
        "attention": reference.model.config._attn_implementation,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }
    text = json.dumps(report, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


@torch.no_grad()
def trace(reference: Reference, options: argparse.Namespace) -> dict:
    start = time.perf_counter()
    prompt = reference.prepare(open_image(options.image), options.prompt)
    ids = prompt.input_ids[None].to(reference.device)
    prepared = time.perf_counter()
    output = reference.model(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        mm_token_type_ids=(ids == reference.image_token).int(),
        pixel_values=prompt.pixel_values.to(reference.device),
        image_grid_thw=prompt.grid.to(reference.device),
        output_hidden_states=True,
    )
    wait(reference)
    forwarded = time.perf_counter()
    states = output.hidden_states
    top_ids, top_probs = [], []
    for layer, state in enumerate(states):
        rows = state[0] if options.positions == "all" else state[0, -1:]
        normed = rows if layer == len(states) - 1 else reference.text.norm(rows)
        top = torch.softmax(reference.model.lm_head(normed), dim=-1).topk(options.top_k, dim=-1)
        top_ids.append(top.indices[-1].tolist())
        top_probs.append(top.values[-1].tolist())
    done = time.perf_counter()
    return {
        "prepare_s": prepared - start,
        "forward_s": forwarded - prepared,
        "lens_s": done - forwarded,
        "trace_s": done - start,
        "sequence_length": ids.shape[1],
        "image_tokens": prompt.image_span[1] - prompt.image_span[0],
        "top_ids": top_ids,
        "top_probs": top_probs,
    }


def wait(reference: Reference) -> None:
    """A GPU works on after its call has returned."""
    if reference.device == "cuda":
        torch.cuda.synchronize()


def peak_rss_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
