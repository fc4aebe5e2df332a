"""The demonstration model, and a fast batched forward pass that gives the same numbers as transformers'.

transformers runs the vision tower image by image and window by window; on two cores that wastes most of the time. Here a batch of
equally large images goes through as [B, N, C], and several question/answer pairs share one image prefix in the decoder.
check_model.py compares both implementations.

The vision tower is trained in another form (`Tower`) than it is used in. A 14x14 patch that goes straight into a matrix must learn a
small lesion anew for each of its places in the patch; a convolution learns it once. So the MLP of the first block is trained as a
bank of small gated kernels that all its places share, and is written out as the ordinary MLP weights that it is equal to:

    patch 14x14x3 --whitening, 192--> token --49 places x 32 kernels of 7x7x3, gate and up--> 1568 --4 quarters--> token

Sizes: N patches, M = N / 4 image tokens, T tokens, D = 256.
"""
from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import nn

D_MODEL, LAYERS, HEADS, KV_HEADS, HEAD_DIM, MLP = 256, 12, 4, 2, 64, 384
VISION_WIDTH, VISION_DEPTH, VISION_HEADS, FULL_BLOCKS = 192, 4, 3, [3]
KERNELS, KERNEL, PLACES = 32, 7, [(y, x) for y in range(1, 14, 2) for x in range(1, 14, 2)]
VISION_MLP = KERNELS * len(PLACES)
PLAIN_MLP = 512  # rows that the other blocks' MLPs use; their remaining rows are zero
VOCAB = 2304
EPS = 1e-6
DTYPE = torch.bfloat16  # arithmetic of the training forms; float32 where the processor has no bfloat16


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
            elif p.ndim == 2:
                p.normal_(0, p.shape[1] ** -0.5 * 0.7)
    return model


def principal(x, count, least):
    """Whitening of samples [n, k]: the `count` strongest principal directions [count, k], each scaled to variance 1 (noise-like ones less)."""
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:60000]]
    x = x - x.mean(0)
    values, vectors = torch.linalg.eigh(x.T @ x / len(x))
    return (vectors.flip(1) / (values.flip(0) + least).sqrt()).T[:count].contiguous()


class Bank(nn.Module):
    """Gated kernels shared by all places of a patch. Kernels are kept in whitened coordinates of 7x7x3 patches, `basis` takes them to
    coordinates of the patch embedding, per place; `quarter` says how much each place belongs to each quarter of the patch, and every
    quarter has its own output matrix."""

    def __init__(self, embedding, pixels):
        super().__init__()
        n, h, places = 3 * KERNEL * KERNEL, KERNEL // 2, len(PLACES)
        white = principal(nnf.unfold(pixels, KERNEL, stride=5).transpose(1, 2).reshape(-1, n), n, 0.02)
        put = torch.zeros(places, n, 588)
        quarter = torch.zeros(places, 4)
        for i, (y, x) in enumerate(PLACES):
            for c in range(3):
                for dy in range(KERNEL):
                    for dx in range(KERNEL):
                        yy, xx = y + dy - h, x + dx - h
                        if 0 <= yy < 14 and 0 <= xx < 14:
                            put[i, (c * KERNEL + dy) * KERNEL + dx, (c * 14 + yy) * 14 + xx] = 1
            fy, fx = min(1, max(0, (y - 3) / 7)), min(1, max(0, (x - 3) / 7))
            quarter[i] = torch.tensor([(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx])
        self.register_buffer('basis', torch.einsum('jk,pkm,mc->pjc', white, put, torch.linalg.pinv(embedding)))
        self.register_buffer('quarter', quarter)
        self.gate = nn.Parameter(torch.randn(KERNELS, n) * n ** -0.5 * 1.5)
        self.up = nn.Parameter(torch.randn(KERNELS, n) * n ** -0.5 * 0.7)
        self.gate_bias, self.up_bias = nn.Parameter(torch.zeros(KERNELS)), nn.Parameter(torch.full((KERNELS,), 0.7))
        self.down = nn.Parameter(torch.randn(4, VISION_WIDTH, KERNELS) * (KERNELS * 12) ** -0.5)
        self.norm = nn.Parameter(torch.ones(VISION_WIDTH))

    def weights(self):
        """The equal MLP: gate [H, C], its bias [H], up [H, C], its bias [H], down [C, H]."""
        n = len(PLACES)
        gate, up = (torch.einsum('hj,pjc->phc', w, self.basis).reshape(-1, VISION_WIDTH) for w in (self.gate, self.up))
        down = torch.einsum('pq,qch->cph', self.quarter, self.down).reshape(VISION_WIDTH, -1)
        return gate, self.gate_bias.repeat(n), up, self.up_bias.repeat(n), down

    def forward(self, x):
        gate, gate_bias, up, up_bias, down = (w.to(x.dtype) for w in self.weights())
        y = rms(x, self.norm)
        return x + nnf.linear(GATED(nnf.linear(y, gate, gate_bias), nnf.linear(y, up, up_bias)), down)


class Block(nn.Module):
    """Parameters of an ordinary vision block."""

    def __init__(self):
        super().__init__()
        c = VISION_WIDTH
        self.norm1, self.norm2 = nn.Parameter(torch.ones(c)), nn.Parameter(torch.ones(c))
        self.qkv, self.proj = nn.Linear(c, 3 * c), nn.Linear(c, c)
        self.gate, self.up, self.down = nn.Linear(c, PLAIN_MLP), nn.Linear(c, PLAIN_MLP), nn.Linear(PLAIN_MLP, c)
        for layer in (self.qkv, self.proj, self.gate, self.up, self.down):
            writes = layer in (self.proj, self.down)  # every block adds a little to a stream of size about 1
            nn.init.normal_(layer.weight, 0, (0.4 if writes else 0.7) * layer.weight.shape[1] ** -0.5)
            nn.init.zeros_(layer.bias)


class Tower(nn.Module):
    """The vision tower as it is trained. The first block has no attention (in the checkpoint: an output matrix of zeros)."""

    def __init__(self, pixels):
        """pixels: normalised images float32 [B, 3, H, W] whose statistics start the patch embedding and the kernels."""
        super().__init__()
        flat = nnf.unfold(pixels, 14, stride=14).transpose(1, 2).reshape(-1, 588)
        self.register_buffer('embedding', principal(flat, VISION_WIDTH, 0.03))
        self.bank = Bank(self.embedding, pixels)
        self.blocks = nn.ModuleList(Block() for _ in range(VISION_DEPTH - 1))
        merged = 4 * VISION_WIDTH
        self.merger_norm = nn.Parameter(torch.ones(VISION_WIDTH))
        self.merge1, self.merge2 = nn.Linear(merged, merged), nn.Linear(merged, D_MODEL)
        for layer in (self.merge1, self.merge2):
            nn.init.normal_(layer.weight, 0, 0.7 * merged ** -0.5)
            nn.init.zeros_(layer.bias)

    def forward(self, pixels, frozen=-1):
        """normalised images float32 [B, 3, H, W] -> image tokens [B, M, D], in reading order; frozen: the first block and so many after it get no gradient. Where the windows tile the
        image, patches are put window by window, so that windows are rows of a batch and need no mask."""
        gh, gw = pixels.shape[2] // 14, pixels.shape[3] // 14
        if frozen < 0:
            return self.upper(self.lower(pixels, 0), gh, gw, 0)
        with torch.no_grad():
            x = self.lower(pixels, frozen)
        return self.upper(x, gh, gw, frozen)

    def lower(self, pixels, count):
        """The first block and `count` after it: normalised images -> [B, N, C], patches window by window where windows tile the image."""
        B, _, H, W = pixels.shape
        gh, gw = H // 14, W // 14
        order, tiles, *_ = self.layout(gh, gw, pixels.device)
        patches = pixels.view(B, 3, gh // 2, 2, 14, gw // 2, 2, 14).permute(0, 2, 5, 3, 6, 1, 4, 7).reshape(B, gh * gw, 588)
        x = nnf.linear(patches.to(DTYPE), self.embedding.to(DTYPE))
        x = self.bank(x[:, order] if tiles else x)
        return self.through(x, gh, gw, 0, count)

    def upper(self, x, gh, gw, count):
        """What `lower` leaves, up to the image tokens [B, M, D] in reading order."""
        x = self.through(x, gh, gw, count, len(self.blocks))
        order, tiles, *_ = self.layout(gh, gw, x.device)
        x = rms(x, self.merger_norm).reshape(len(x), -1, 4 * VISION_WIDTH)
        x = _linear(nnf.gelu(_linear(x, self.merge1)), self.merge2)
        return x[:, torch.argsort(order[::4])] if tiles else x

    def layout(self, gh, gw, device):
        """(order of the patches window by window, whether windows tile the image, rows, columns and windows in the order used)."""
        r, c, win = (t.to(device) for t in grid_layout(gh, gw))
        order = torch.argsort(win, stable=True)
        tiles = gh % 8 == 0 and gw % 8 == 0
        return (order, tiles, r[order], c[order], win[order]) if tiles else (order, tiles, r, c, win)

    def through(self, x, gh, gw, first, last):
        _, tiles, r, c, win = self.layout(gh, gw, x.device)
        frequencies = FREQUENCIES.to(x.device)
        f = torch.cat([r[:, None] * frequencies, c[:, None] * frequencies], -1)
        f = torch.cat([f, f], -1)
        cos, sin = f.cos().to(x.dtype), f.sin().to(x.dtype)
        mask = None if tiles else torch.zeros(len(r), len(r), dtype=x.dtype, device=x.device).masked_fill(win[:, None] != win[None], float('-inf'))
        for i in range(first, last):
            full = i + 1 in FULL_BLOCKS
            x = TOWER_BLOCK(x, self.blocks[i], cos, sin, None if full else mask, len(r) if full or not tiles else 64)
        return x

    @torch.no_grad()
    def write_into(self, visual):
        """Writes the equal weights into transformers' vision tower."""
        for p in visual.parameters():
            p.zero_()
        visual.patch_embed.proj.weight.copy_(self.embedding.view(VISION_WIDTH, 3, 1, 14, 14).expand(-1, -1, 2, -1, -1) / 2)  # two equal frames
        first = visual.blocks[0]
        for p, w in zip((first.mlp.gate_proj.weight, first.mlp.gate_proj.bias, first.mlp.up_proj.weight, first.mlp.up_proj.bias,
                         first.mlp.down_proj.weight), self.bank.weights()):
            p.copy_(w)
        first.norm1.weight.fill_(1), first.norm2.weight.copy_(self.bank.norm)
        for b, v in zip(self.blocks, visual.blocks[1:]):
            v.norm1.weight.copy_(b.norm1), v.norm2.weight.copy_(b.norm2)
            for here, there in ((b.qkv, v.attn.qkv), (b.proj, v.attn.proj)):
                there.weight.copy_(here.weight), there.bias.copy_(here.bias)
            for here, there in ((b.gate, v.mlp.gate_proj), (b.up, v.mlp.up_proj)):
                there.weight[:PLAIN_MLP].copy_(here.weight), there.bias[:PLAIN_MLP].copy_(here.bias)
            v.mlp.down_proj.weight[:, :PLAIN_MLP].copy_(b.down.weight), v.mlp.down_proj.bias.copy_(b.down.bias)
        visual.merger.ln_q.weight.copy_(self.merger_norm)
        for here, there in ((self.merge1, visual.merger.mlp[0]), (self.merge2, visual.merger.mlp[2])):
            there.weight.copy_(here.weight), there.bias.copy_(here.bias)


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


def _gated(gate, up):
    return nnf.silu(gate) * up


def _tower_block(x, b, cos, sin, mask, window):
    """A block of `Tower` on [B, N, C] with N a multiple of `window`, the number of patches that see each other."""
    B, N, C = x.shape
    q, k, v = _linear(rms(x, b.norm1), b.qkv).view(B, N, 3, VISION_HEADS, C // VISION_HEADS).permute(2, 0, 3, 1, 4)
    q, k = rotate(q, cos, sin), rotate(k, cos, sin)
    q, k, v = (t.reshape(B, VISION_HEADS * N // window, window, C // VISION_HEADS) for t in (q, k, v))
    a = nnf.scaled_dot_product_attention(q, k, v, attn_mask=mask).reshape(B, VISION_HEADS, N, C // VISION_HEADS)
    x = x + _linear(a.transpose(1, 2).reshape(B, N, C), b.proj)
    y = rms(x, b.norm2)
    return x + _linear(_gated(_linear(y, b.gate), _linear(y, b.up)), b.down)


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


VISION_BLOCK, DECODER_BLOCK, TOWER_BLOCK, GATED = _vision_block, _decoder_block, _tower_block, _gated
FREQUENCIES = 1 / 10000 ** (torch.arange(0, 32, 2) / 32)  # of the rotary embedding, heads of 64: half for rows, half for columns


def decoder_forward(lm, embeds, position_ids, mask, dtype=torch.float32):
    """embeds [B, T, D]; position_ids int64 [3, B, T]; mask bool [B, 1, T, T] (True = may look) -> final-normed hidden [B, T, D].

    M-RoPE: the 32 frequencies are shared out as 8 temporal, 12 vertical, 12 horizontal.
    """
    f = position_ids[..., None].float() * lm.rotary_emb.inv_freq
    f = torch.cat([m[i % 3] for i, m in enumerate(f.split([8, 12, 12], dim=-1))], -1)
    f = torch.cat([f, f], -1)[:, None]
    cos, sin = f.cos().to(dtype), f.sin().to(dtype)
    add = torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, float('-inf'))
    x = embeds.to(dtype)
    block = DECODER_BLOCK
    for b in lm.layers:
        x = block(x, b, cos, sin, add)
    return rms(x, lm.norm.weight)
