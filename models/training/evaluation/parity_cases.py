"""transformers' numbers on the checkpoint, for bench/checkpoints/compare-checkpoint.ts to compare the engine with.

    python -m evaluation.parity_cases OUT --model ../demo --held-out HELD_OUT [--image retina.jpg ...]
    node ../../bench/checkpoints/compare-checkpoint.ts --model ../demo --reference OUT --json parity.json

Twenty held-out images of all sizes, written as PNG at the size that the model sees (nothing is resized), times four prompts; for images
given with --image transformers' own resizing is kept out of the comparison's pixel tolerance. Arithmetic and format are those of
models/reference.
"""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'reference'))
from lens import log_probs, summarise  # noqa: E402
from reference import Reference, open_image  # noqa: E402

from language import tasks  # noqa: E402
from pictures.data import Shards  # noqa: E402

PROMPTS = {'describe-en': tasks.PRESETS['describe']['en'], 'describe-ru': tasks.PRESETS['describe']['ru'],
           'one-word-ru': tasks.PRESETS['one-word']['ru'], 'protocol-en': tasks.PRESETS['protocol']['en']}
GENERATED_TOKENS = 8


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('out', type=Path)
    p.add_argument('--model', default='../demo', type=Path)
    p.add_argument('--held-out', required=True)
    p.add_argument('--image', action='append', default=[], type=Path)
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    (a.out / 'images').mkdir(parents=True, exist_ok=True)
    images = []
    shards = Shards(a.held_out)
    for i in range(min(10, shards.total)):
        for j in range(2):
            file = a.out / 'images' / f'{i}-{j}.png'
            Image.fromarray(shards.get(i)[0][j]).save(file)
            images.append((file, False))
    images += [(f.resolve(), True) for f in a.image]
    reference, cases = Reference(a.model), []
    for file, resized in images:
        for name, text in PROMPTS.items():
            prompt = reference.prepare(open_image(file), text)
            forward = reference.run(prompt)
            lens = log_probs(reference.logits(forward.residual), reference.num_tokens)
            ids, stopped, margin, _, _ = reference.generate(forward, GENERATED_TOKENS)
            case = f'{file.stem}-{name}'
            tensors = {'input_ids': prompt.input_ids, 'position_ids': forward.position_ids, 'pixel_values': prompt.pixel_values,
                       'image_embeds': forward.image_embeds, 'residual_stream': forward.residual, 'logits': forward.logits,
                       **summarise(lens, lens[-1])}
            save_file({k: v.contiguous() for k, v in tensors.items()}, a.out / f'{case}.safetensors')
            cases.append({'id': case, 'file': f'{case}.safetensors', 'image': str(file.resolve() if resized else file.relative_to(a.out)),
                          'imageIsResized': resized, 'prompt': text, 'generatedText': reference.tokenizer.decode(ids, skip_special_tokens=True),
                          'stoppedByEos': stopped, 'smallestGreedyGap': margin})
            print(case, cases[-1]['generatedText'], flush=True)
    (a.out / 'cases.json').write_text(json.dumps({'generatedTokens': GENERATED_TOKENS, 'cases': cases}, ensure_ascii=False, indent=1), encoding='utf-8')


if __name__ == '__main__':
    main()
