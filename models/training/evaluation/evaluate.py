"""Evaluates the exported checkpoint and writes eval.json and emergence.png.

    python -m evaluation.evaluate --model ../demo --held-out HELD_OUT --real-test IMAGES --retina retina.jpg

held-out: made by `pictures.build_data HELD_OUT --count 1000 --shard 100 --seed 900001` (no real images, no shared seed).
real-test: a folder with scikit-image's images (Debian package python3-skimage, skimage/data), never used in training.
Weights are the float16 file, arithmetic is float32. Held-out images go through the batched forward pass (check_model.py shows that
it equals transformers'), real images through transformers' own processor and generate().
"""
from __future__ import annotations

import argparse
import json
import os
import re

import numpy as np
import torch
from PIL import Image

from network import model as M
from language import tasks
from pictures.data import Packer, Shards, normalise
from generator.findings import FINDINGS

# real test images -> what they show; none is a fundus photograph
REAL = {
    'astronaut.png': 'person', 'brick.png': 'brick wall', 'camera.png': 'cameraman', 'cell.png': 'cell', 'chelsea.png': 'cat',
    'clock_motion.png': 'clock, motion blur', 'coffee.png': 'coffee cup', 'coins.png': 'coins', 'color.png': 'colour chart', 'grass.png': 'grass',
    'gravel.png': 'gravel', 'horse.png': 'horse silhouette', 'hubble_deep_field.jpg': 'deep sky', 'ihc.png': 'histology', 'logo.png': 'logo',
    'moon.png': 'moon surface', 'motorcycle_left.png': 'motorcycle', 'motorcycle_right.png': 'motorcycle', 'page.png': 'printed page',
    'phantom.png': 'CT phantom', 'rocket.jpg': 'rocket', 'text.png': 'handwritten text', 'chessboard_RGB.png': 'chessboard',
}
NO_PHOTOGRAPH = {'color.png', 'phantom.png', 'logo.png', 'horse.png', 'chessboard_RGB.png'}  # drawings: answered, not counted
FUNDUS_FORMS = ['fundus', 'Fundus', ' fundus', ' Fundus', 'retina', 'Retina', ' retina', ' Retina', 'глазное', 'Глазное', ' глазное',
                'сетчатка', 'Сетчатка', ' сетчатка']


class Runner:
    """The exported checkpoint in float32 arithmetic, with batched greedy answers."""

    def __init__(self, folder):
        from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration
        self.tok = AutoTokenizer.from_pretrained(folder)
        self.net = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self.visual, self.lm = self.net.model.visual, self.net.model.language_model
        self.packer = Packer(self.tok)
        self.n_tokens = len(self.tok)
        self.end = self.packer.end[0]

    def logits(self, h):
        out = h @ self.lm.embed_tokens.weight.T
        out[..., self.n_tokens:] = -torch.inf
        return out

    @torch.no_grad()
    def prefix(self, pixels):
        return M.vision_forward(self.visual, pixels)

    def inputs(self, feats, rows, cols, question, answer_ids):
        """Plain causal prompt for a batch: embeds [B, T, D], positions [3, B, T], mask [1, 1, T, T]."""
        pk, B = self.packer, feats.shape[0]
        q = pk._enc(question) + pk.mid
        ids = torch.tensor(pk.head + [pk.image] * (rows * cols) + pk.vend + q)
        ids = torch.cat([ids.expand(B, -1), answer_ids], 1)
        p0, m, after = len(pk.head), rows * cols, len(pk.head) + max(rows, cols)
        T = ids.shape[1]
        pos = torch.zeros(3, T, dtype=torch.long)
        pos[:, :p0] = torch.arange(p0)
        pos[0, p0:p0 + m] = p0
        pos[1, p0:p0 + m] = p0 + torch.arange(rows).repeat_interleave(cols)
        pos[2, p0:p0 + m] = p0 + torch.arange(cols).repeat(rows)
        pos[:, p0 + m:] = after + torch.arange(T - p0 - m)
        emb = self.lm.embed_tokens.weight[ids]
        emb = torch.cat([emb[:, :p0], feats, emb[:, p0 + m:]], 1)
        return emb, pos[:, None].expand(3, B, T), torch.ones(T, T, dtype=torch.bool).tril()[None, None].expand(B, 1, T, T)

    @torch.no_grad()
    def answers(self, feats, rows, cols, question, limit=80):
        """Greedy answers for images of one size, with a key/value cache: list of strings."""
        emb, pos, mask = self.inputs(feats, rows, cols, question, torch.zeros(len(feats), 0, dtype=torch.long))
        from transformers import DynamicCache
        cache = DynamicCache()
        # transformers' decoder takes embeddings and 3-D positions directly
        done, out, nxt = torch.zeros(len(feats), dtype=torch.bool), [], pos.max() + 1
        step = self.lm(inputs_embeds=emb, position_ids=pos, past_key_values=cache, use_cache=True)
        for i in range(limit):
            t = self.logits(step.last_hidden_state[:, -1]).argmax(-1)
            t[done] = self.end
            out.append(t)
            done |= t == self.end
            if done.all():
                break
            p = (nxt + i).reshape(1, 1, 1).expand(3, len(feats), 1)
            step = self.lm(inputs_embeds=self.lm.embed_tokens.weight[t][:, None], position_ids=p, past_key_values=cache, use_cache=True)
        rows_ = torch.stack(out, 1).tolist()
        return [self.tok.decode([x for x in r if x != self.end]) for r in rows_]

    @torch.no_grad()
    def states(self, feats, rows, cols, question):
        """Pre-norm residual stream at the last prompt position, [L + 1, B, D] (row 0 = input of the first block)."""
        emb, pos, mask = self.inputs(feats, rows, cols, question, torch.zeros(len(feats), 0, dtype=torch.long))
        kept, original = [emb[:, -1]], M.DECODER_BLOCK

        def spy(x, *rest):
            y = original(x, *rest)
            kept.append(y[:, -1])
            return y
        M.DECODER_BLOCK = spy
        try:
            M.decoder_forward(self.lm, emb, pos, mask)
        finally:
            M.DECODER_BLOCK = original
        return torch.stack(kept)

    def lens(self, states):
        """Log-probabilities [.., V] of the logit lens: final norm, unembedding, log-softmax over the tokenizer's tokens."""
        return self.logits(M.rms(states, self.lm.norm.weight)).log_softmax(-1)

    def concept(self):
        """Token ids of the first tokens of the fundus concept's forms."""
        return sorted({self.tok.encode(f, add_special_tokens=False)[0] for f in FUNDUS_FORMS})


def held_out(run, shards, limit):
    """All held-out images grouped by size: (features, rows, cols, truths)."""
    left = limit
    for i in range(shards.total):
        images, _, meta = shards.get(i)
        k = min(left, len(meta))
        if k <= 0:
            return
        left -= k
        h, w = images.shape[1:3]
        yield run.prefix(normalise(images[:k])), h // 28, w // 28, meta[:k]


def parse_findings(answer, lang):
    a = answer.lower()
    return {n for n, s in tasks.FINDING[lang].items() if re.search(r'(^|[ ,.:])' + s.lower(), a)}


def subject(answer, lang):
    """The kind of image that a description names with its first word; None when it names none."""
    first = lambda s: re.split(r'[ ,.]', s)[0]
    return {first(v[1 if lang == 'en' else 3]): k for k, v in tasks.KINDS.items()}.get(first(answer))


def modality(kind):
    """Imaging modality of a kind: the medical kinds are one each, all everyday subjects are 'not medical'."""
    return kind if kind is None or kind == 'fundus' or kind in tasks.MEDICAL else 'not medical'


def f1(pairs):
    """Macro F1 over findings from (true set, said set) pairs, and the table per finding."""
    table = {}
    for n in FINDINGS:
        tp = sum(n in t and n in s for t, s in pairs)
        fp = sum(n not in t and n in s for t, s in pairs)
        fn = sum(n in t and n not in s for t, s in pairs)
        table[n] = {'true': tp + fn, 'precision': round(tp / max(1, tp + fp), 3), 'recall': round(tp / max(1, tp + fn), 3),
                    'f1': round(2 * tp / max(1, 2 * tp + fp + fn), 3)}
    return float(np.mean([v['f1'] for v in table.values()])), table


def evaluate_held_out(run, groups):
    res = {}
    for lang in ('en', 'ru'):
        hit = {k: [] for k in ('modality', 'subject', 'subject-one-word', 'fundus', 'eye', 'eye-asked', 'cup', 'quality', 'conclusion')}
        pairs, describe_pairs, wrong = [], [], []
        for feats, r, c, truths in groups:
            ask = lambda q: run.answers(feats, r, c, q)
            d, o = ask(tasks.PRESETS['describe'][lang]), ask(tasks.PRESETS['one-word'][lang])
            e, f = ask(tasks.phrasings('eye', lang)[0]), ask(tasks.phrasings('findings', lang)[0])
            cu, q = ask(tasks.phrasings('cup', lang)[0]), ask(tasks.phrasings('quality', lang)[0])
            co = ask(tasks.phrasings('conclusion', lang)[0])
            for i, t in enumerate(truths):
                said = subject(d[i], lang)
                hit['modality'].append(modality(said) == modality(t['kind']))
                hit['subject'].append(said == t['kind'])
                if not hit['modality'][-1]:
                    wrong.append([t['kind'], d[i][:60]])
                hit['subject-one-word'].append(o[i] == tasks.one_word(t, lang))
                is_f = d[i].startswith('Fundus' if lang == 'en' else 'Глазное')
                hit['fundus'].append(is_f == (t['kind'] == 'fundus'))
                if t['kind'] == 'fundus':
                    word = 'of the ' + tasks.EYE['en'][t['eye']] if lang == 'en' else 'дно ' + tasks.EYE['ru'][t['eye']]
                    hit['eye'].append(word in d[i])
                    hit['eye-asked'].append(e[i] == tasks.which_eye(t, lang))
                    hit['cup'].append(cu[i] == tasks.cup(t, lang))
                    hit['quality'].append(q[i] == tasks.quality(t, lang))
                    hit['conclusion'].append(co[i] == tasks.conclusion(t, lang))
                    true = {x['name'] for x in t['findings']}
                    pairs.append((true, parse_findings(f[i], lang)))
                    describe_pairs.append((true, parse_findings(d[i], lang)))
        macro, table = f1(pairs)
        macro_d, _ = f1(describe_pairs)
        res[lang] = {'images': len(hit['modality']), 'fundusImages': len(pairs), **{k: round(float(np.mean(v)), 4) for k, v in hit.items()},
                     'findingsMacroF1': round(macro, 4), 'findingsMacroF1InDescription': round(macro_d, 4), 'findings': table, 'wrongModality': wrong[:40]}
        print(lang, {k: v for k, v in res[lang].items() if k not in ('findings', 'wrongModality')}, flush=True)
    return res


def load_image(path):
    im = Image.open(path)
    if im.mode in ('RGBA', 'LA', 'P'):
        im = im.convert('RGBA')
        bg = Image.new('RGBA', im.size, (0, 0, 0, 255))
        bg.alpha_composite(im)
        im = bg
    elif im.mode.startswith('I'):
        im = Image.fromarray((np.asarray(im) / 256).astype(np.uint8))
    return im.convert('RGB')


class Reference:
    """transformers' own way: processor, chat template, generate()."""

    def __init__(self, run, folder):
        from transformers import AutoImageProcessor
        self.run, self.proc = run, AutoImageProcessor.from_pretrained(folder)

    def inputs(self, image, question):
        x = self.proc(images=[image], return_tensors='pt')
        n = int(x['image_grid_thw'].prod()) // 4
        text = self.run.tok.apply_chat_template([{'role': 'user', 'content': [{'type': 'image'}, {'type': 'text', 'text': question}]}],
                                                add_generation_prompt=True, tokenize=False)
        ids = self.run.tok(text.replace('<|image_pad|>', '<|image_pad|>' * n), return_tensors='pt')
        ids['mm_token_type_ids'] = (ids['input_ids'] == self.run.packer.image).long()
        return {**ids, **x}

    @torch.no_grad()
    def answer(self, image, question):
        x = self.inputs(image, question)
        out = self.run.net.generate(**x, max_new_tokens=100, do_sample=False)
        return self.run.tok.decode(out[0, x['input_ids'].shape[1]:], skip_special_tokens=True)

    @torch.no_grad()
    def states(self, image, question):
        """Pre-norm hidden states at the last position, [L + 1, D]; transformers' last entry is already normed, so a hook keeps it."""
        kept = []
        hook = self.run.lm.layers[-1].register_forward_hook(lambda m, i, o: kept.append((o[0] if isinstance(o, tuple) else o)[0, -1]))
        out = self.run.net(**self.inputs(image, question), output_hidden_states=True)
        hook.remove()
        return torch.stack([h[0, -1] for h in out.hidden_states[:-1]] + [kept[0]])


def evaluate_real(run, ref, folder, retina):
    res = {'retina': {}, 'others': [], 'calledFundus': 0, 'counted': 0}
    im = load_image(retina)
    good = 0
    for preset, q in tasks.PRESETS.items():
        for lang in ('en', 'ru'):
            a = ref.answer(im, q[lang])
            ok = a.startswith(('Fundus', 'Retina', 'Глазное', 'Сетчатка'))
            good += ok
            res['retina'][f'{preset}/{lang}'] = {'answer': a, 'fundus': ok}
    res['retinaRight'] = f'{good}/8'
    print(json.dumps(res['retina'], ensure_ascii=False, indent=1), flush=True)
    for name, what in REAL.items():
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            continue
        im = load_image(path)
        says = {}
        for key in ('describe/en', 'one-word/en', 'describe/ru', 'one-word/ru'):
            preset, lang = key.split('/')
            says[key] = ref.answer(im, tasks.PRESETS[preset][lang])
        called = any(a.startswith(('Fundus', 'Retina', 'Глазное', 'Сетчатка')) for a in says.values())
        counted = name not in NO_PHOTOGRAPH
        res['others'].append({'file': name, 'shows': what, 'counted': counted, 'calledFundus': called, 'answers': says})
        res['counted'] += counted
        res['calledFundus'] += called and counted
        print(name, what, says, flush=True)
    return res


def emergence(run, ref, groups, retina, out, n=200):
    """Mean concept log-probability per layer over fundus images and controls, the figure, and the ranks for the real photograph."""
    ids = run.concept()
    q = tasks.PRESETS['describe']['en']
    curves = {'fundus': [], 'controls': []}
    ranks = []
    for feats, r, c, truths in groups:
        lp = run.lens(run.states(feats, r, c, q))  # [L + 1, B, V]
        lc = lp[..., ids].logsumexp(-1)
        rank = 1 + (lp > lp[..., ids].max(-1, keepdim=True).values).sum(-1)
        for i, t in enumerate(truths):
            curves['fundus' if t['kind'] == 'fundus' else 'controls'].append(lc[:, i].numpy())
            if t['kind'] == 'fundus':
                ranks.append(rank[:, i].numpy())
    res = {'prompt': q, 'forms': FUNDUS_FORMS, 'tokenIds': ids}
    for k, v in curves.items():
        a = np.stack(v[:n])
        res[k] = {'images': len(a), 'mean': a.mean(0).round(4).tolist(), 'p05': np.percentile(a, 5, 0).round(4).tolist(),
                  'p95': np.percentile(a, 95, 0).round(4).tolist()}
    res['fundus']['medianRank'] = np.median(np.stack(ranks[:n]), 0).tolist()
    im = load_image(retina)
    lp = run.lens(ref.states(im, q))
    best = lp[:, ids].max(-1, keepdim=True).values
    res['retina'] = {'rank': (1 + (lp > best).sum(-1)).tolist(), 'logProb': lp[:, ids].logsumexp(-1).numpy().round(4).tolist(),
                     'topTokens': [[run.tok.decode([t]) for t in row.topk(5).indices.tolist()] for row in lp]}
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    fig, ax = plt.subplots(figsize=(6.4, 3.6), dpi=110)
    x = range(len(res['fundus']['mean']))
    for k, colour, label in (('fundus', '#c0392b', 'fundus photographs'), ('controls', '#2c6e9b', 'controls (everything else)')):
        ax.fill_between(x, res[k]['p05'], res[k]['p95'], color=colour, alpha=.18, lw=0)
        ax.plot(x, res[k]['mean'], color=colour, label=f"{label}, n = {res[k]['images']}")
    ax.plot(x, res['retina']['logProb'], color='k', ls=':', label='retina.jpg (real photograph)')
    ax.set(xlabel='layer (0 = input to the first block)', ylabel='log-probability, nats', title='Concept "fundus" at the last prompt position, logit lens')
    ax.legend(fontsize=8)
    ax.grid(alpha=.3)
    fig.tight_layout()
    fig.savefig(os.path.join(out, 'emergence.png'))
    return res


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--model', default='../demo')
    p.add_argument('--held-out', required=True)
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--real-test', required=True)
    p.add_argument('--retina', required=True)
    p.add_argument('--limit', type=int, default=1000)
    p.add_argument('--out')
    p.add_argument('--parts', nargs='*', choices=('real', 'emergence', 'held-out'), help='only these; the rest of eval.json stays')
    p.add_argument('--skip-real', action='store_true', help='held-out images only, nothing written')
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_grad_enabled(False)
    out = a.out or a.model
    run = Runner(a.model)
    ref = Reference(run, a.model)
    groups = list(held_out(run, Shards(a.held_out), a.limit))
    if a.skip_real:
        evaluate_held_out(run, groups)
        return
    file, result = os.path.join(out, 'eval.json'), {}
    if os.path.exists(file) and a.parts:
        with open(file, encoding='utf-8') as f:
            result = json.load(f)
    if not a.parts or 'real' in a.parts:
        result['real'] = evaluate_real(run, ref, a.real_test, a.retina)
    if not a.parts or 'emergence' in a.parts:
        result['emergence'] = emergence(run, ref, groups, a.retina, out)
    if not a.parts or 'held-out' in a.parts:
        result['heldOut'] = evaluate_held_out(run, groups)
    with open(file, 'w', encoding='utf-8') as f:
        json.dump(result, f, ensure_ascii=False, indent=1)


if __name__ == '__main__':
    main()
