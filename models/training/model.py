"""The demonstration model, and a fast batched forward pass that gives the same numbers as transformers'.

transformers runs the vision tower image by image and window by window; on two cores that wastes most of the time. Here a batch of
equally large images goes through as [B, N, C] with a window mask, and several question/answer pairs share one image prefix in
the decoder. check_model.py compares both implementations.

Sizes: N patches, M = N / 4 image tokens, T tokens, D = 256.
"""
from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import nn

D_MODEL, LAYERS, HEADS, KV_HEADS, HEAD_DIM, MLP = 256, 12, 4, 2, 64, 512
VISION_WIDTH, VISION_DEPTH, VISION_HEADS, VISION_MLP, FULL_BLOCKS = 192, 6, 3, 512, [2, 5]
VOCAB = 2304
EPS = 1e-6


def make_config(tokenizer):
    """transformers config; the token ids come from the tokenizer."""
    from transformers import Qwen2_5_VLConfig
    tid = tokenizer.convert_tokens_to_ids
    return Qwen2_5_VLConfig(
        text_config=dict(
            vocab_size=VOCAB, hidden_size=D_MODEL, intermediate_size=MLP, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
            num_key_value_heads=KV_HEADS, hidden_act='silu', max_position_embeddings=2048, rms_norm_eps=EPS, use_sliding_window=False,
            rope_parameters=dict(rope_type='default', rope_theta=100000.0, mrope_section=[8, 12, 12]), tie_word_embeddings=True,
            bos_token_id=tid('<|endoftext|>'), eos_token_id=tid('<|im_end|>'), pad_token_id=tid('<|endoftext|>')),
        vision_config=dict(
            depth=VISION_DEPTH, hidden_size=VISION_WIDTH, hidden_act='silu', intermediate_size=VISION_MLP, num_heads=VISION_HEADS,
            in_channels=3, patch_size=14, spatial_merge_size=2, temporal_patch_size=2, tokens_per_second=2, window_size=112,
            out_hidden_size=D_MODEL, fullatt_block_indexes=FULL_BLOCKS),
        image_token_id=tid('<|image_pad|>'), video_token_id=tid('<|video_pad|>'),
        vision_start_token_id=tid('<|vision_start|>'), vision_end_token_id=tid('<|vision_end|>'), tie_word_embeddings=True)


def make_model(tokenizer, seed=1):
    from transformers import Qwen2_5_VLForConditionalGeneration
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(make_config(tokenizer))
    with torch.no_grad():  # every block adds a little to a stream of size about 1
        for n, p in model.named_parameters():
            if n.endswith(('o_proj.weight', 'down_proj.weight', 'attn.proj.weight')):
                p.normal_(0, p.shape[1] ** -0.5 * 0.4)
            elif 'embed_tokens' in n:
                p.normal_(0, 0.05)
            elif 'patch_embed' in n:  # mostly contrast: a patch's mean colour would drown everything else
                p.normal_(0, 0.03)
                p.sub_(0.9 * p.mean((2, 3, 4), keepdim=True))
            elif p.ndim == 2:
                p.normal_(0, p.shape[1] ** -0.5 * 0.7)
    return model


@torch.no_grad()
def whiten_patches(visual, pixels):
    """Starts the patch embedding from the images' own statistics: the 192 strongest principal components of 14x14 colour patches,
    each scaled to variance 1 (noise-like ones less). pixels: normalised images float32 [B, 3, H, W]."""
    x = nnf.unfold(pixels, 14, stride=14).transpose(1, 2).reshape(-1, 588)
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:60000]]
    cov = (x - x.mean(0)).T @ (x - x.mean(0)) / len(x)
    values, vectors = torch.linalg.eigh(cov)
    values, vectors = values.flip(0)[:VISION_WIDTH], vectors.flip(1)[:, :VISION_WIDTH]
    w = (vectors / (values + 0.03).sqrt()).T.reshape(VISION_WIDTH, 3, 1, 14, 14)
    visual.patch_embed.proj.weight.copy_(w.expand(-1, -1, 2, -1, -1) / 2)  # half in each of the two equal frames


class Heads(nn.Module):
    """Auxiliary heads on the image tokens [B, M, D]; used in training only, dropped from the checkpoint.

    `cells`: findings per token; `spot`: which token holds the disc, which the fovea; `pool`: facts about the whole image, read from
    the mean over tokens of a small layer that also knows each token's row and column.
    """

    def __init__(self, kinds: int, findings: int):
        super().__init__()
        self.norm = nn.RMSNorm(D_MODEL, EPS)
        self.cells = nn.Linear(D_MODEL, findings)
        self.spot = nn.Linear(D_MODEL, 2)
        self.row, self.col = (nn.Parameter(torch.randn(12, D_MODEL) * 0.5) for _ in range(2))
        self.mix = nn.Linear(D_MODEL, D_MODEL)
        self.pool = nn.ModuleDict({'kind': nn.Linear(D_MODEL, kinds), 'eye': nn.Linear(D_MODEL, 2), 'cdr': nn.Linear(D_MODEL, 3),
                                   'quality': nn.Linear(D_MODEL, 2), 'pallor': nn.Linear(D_MODEL, 2), 'findings': nn.Linear(D_MODEL, findings)})

    def forward(self, x, rows, cols):
        x = self.norm(x.float())
        place = (self.row[:rows, None] + self.col[None, :cols]).reshape(1, rows * cols, D_MODEL)
        m = nnf.gelu(self.mix(x) + place).mean(1)
        return self.cells(x), self.spot(x), {k: f(m) for k, f in self.pool.items()}


def rms(x, weight):
    """RMSNorm in float32, [.., C] -> [.., C] in x's dtype."""
    f = x.float()
    return (f * torch.rsqrt(f.pow(2).mean(-1, keepdim=True) + EPS) * weight).to(x.dtype)


def rotate(x, cos, sin):
    """x [B, H, T, d]; cos, sin [.., T, d]."""
    h = x.shape[-1] // 2
    return x * cos + torch.cat((-x[..., h:], x[..., :h]), -1) * sin


def grid_layout(grid_h, grid_w, window=4):
    """Patch rows and columns [N] in the processor's order (2x2 patches of a token contiguous), and the window number of each [N]."""
    r = torch.arange(grid_h).reshape(grid_h // 2, 1, 2, 1).expand(-1, grid_w // 2, -1, 2).reshape(-1)
    c = torch.arange(grid_w).reshape(1, grid_w // 2, 1, 2).expand(grid_h // 2, -1, 2, -1).reshape(-1)
    return r, c, (r // (2 * window)) * 1000 + c // (2 * window)


def _linear(x, layer):
    w = layer.weight.to(x.dtype)
    return nnf.linear(x, w, None if layer.bias is None else layer.bias.to(x.dtype))


def _vision_block(x, b, cos, sin, mask):
    B, N, C = x.shape
    q, k, v = _linear(rms(x, b.norm1.weight), b.attn.qkv).view(B, N, 3, VISION_HEADS, C // VISION_HEADS).permute(2, 0, 3, 1, 4)
    a = nnf.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v, attn_mask=mask)
    x = x + _linear(a.transpose(1, 2).reshape(B, N, C), b.attn.proj)
    y = rms(x, b.norm2.weight)
    return x + _linear(nnf.silu(_linear(y, b.mlp.gate_proj)) * _linear(y, b.mlp.up_proj), b.mlp.down_proj)


def vision_forward(visual, pixels, dtype=torch.float32):
    """pixels: normalised images float32 [B, 3, H, W] -> image tokens [B, M, D], in reading order."""
    B, _, H, W = pixels.shape
    gh, gw = H // 14, W // 14
    r, c, win = grid_layout(gh, gw)
    patches = pixels.view(B, 3, gh // 2, 2, 14, gw // 2, 2, 14).permute(0, 2, 5, 3, 6, 1, 4, 7).reshape(B, gh * gw, 3 * 196)
    w = visual.patch_embed.proj.weight.sum(2).reshape(VISION_WIDTH, 3 * 196)  # a still image is the same frame twice
    x = nnf.linear(patches.to(dtype), w.to(dtype))
    inv = visual.rotary_pos_emb.inv_freq
    f = torch.cat([r[:, None] * inv, c[:, None] * inv], -1)
    f = torch.cat([f, f], -1)
    cos, sin = f.cos().to(dtype), f.sin().to(dtype)
    everything = torch.zeros(gh * gw, gh * gw, dtype=dtype)
    windows = everything.masked_fill(win[:, None] != win[None], float('-inf'))
    block = VISION_BLOCK
    for i, b in enumerate(visual.blocks):
        x = block(x, b, cos, sin, everything if i in FULL_BLOCKS else windows)
    x = rms(x, visual.merger.ln_q.weight).reshape(B, gh * gw // 4, 4 * VISION_WIDTH)
    return _linear(nnf.gelu(_linear(x, visual.merger.mlp[0])), visual.merger.mlp[2])


def _decoder_block(x, b, cos, sin, mask):
    B, T, C = x.shape
    y, a = rms(x, b.input_layernorm.weight), b.self_attn
    q = _linear(y, a.q_proj).view(B, T, HEADS, HEAD_DIM).transpose(1, 2)
    k = _linear(y, a.k_proj).view(B, T, KV_HEADS, HEAD_DIM).transpose(1, 2)
    v = _linear(y, a.v_proj).view(B, T, KV_HEADS, HEAD_DIM).transpose(1, 2)
    q, k = rotate(q, cos, sin), rotate(k, cos, sin)
    k, v = k.repeat_interleave(HEADS // KV_HEADS, 1), v.repeat_interleave(HEADS // KV_HEADS, 1)
    o = nnf.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    x = x + _linear(o.transpose(1, 2).reshape(B, T, C), a.o_proj)
    y = rms(x, b.post_attention_layernorm.weight)
    return x + _linear(nnf.silu(_linear(y, b.mlp.gate_proj)) * _linear(y, b.mlp.up_proj), b.mlp.down_proj)


VISION_BLOCK, DECODER_BLOCK = _vision_block, _decoder_block


def decoder_forward(lm, embeds, position_ids, mask, dtype=torch.float32):
    """embeds [B, T, D]; position_ids int64 [3, B, T]; mask bool [B, 1, T, T] (True = may look) -> final-normed hidden [B, T, D].

    M-RoPE: the 32 frequencies are shared out as 8 temporal, 12 vertical, 12 horizontal.
    """
    f = position_ids[..., None].float() * lm.rotary_emb.inv_freq
    f = torch.cat([m[i % 3] for i, m in enumerate(f.split([8, 12, 12], dim=-1))], -1)
    f = torch.cat([f, f], -1)[:, None]
    cos, sin = f.cos().to(dtype), f.sin().to(dtype)
    add = torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, float('-inf'))
    x = embeds.to(dtype)
    block = DECODER_BLOCK
    for b in lm.layers:
        x = block(x, b, cos, sin, add)
    return rms(x, lm.norm.weight)
