/**
 * Every limit that keeps one file, page or process from taking the machine down. Bytes, milliseconds or counts; what goes
 * beyond is refused with a message of its own, and the rest goes on.
 *
 * | limit | what happens beyond it |
 * | --- | --- |
 * | import.fileBytes | `file.too-large`, `archive.entry-too-large` |
 * | import.pixels | `image.too-many-pixels`, `dicom.too-many-pixels` |
 * | import.archiveEntries, archiveBytes, archiveRatio | `archive.entry-count`, `archive.total-size`, `archive.ratio` |
 * | uploads.fileBytes | 413 |
 * | uploads.drops | the drop unused for longest goes after `uploads.idle`; 429 before |
 * | server.callBytes | the connection is closed (1009) |
 * | server.headers, server.idle | the connection is closed |
 * | server.connections | further ones are closed |
 * | server.tokenLife | another address is printed, and the one before lets nobody in |
 * | server.sessionIdle, sessions | a browser that is silent for so long, or the longest silent of so many, brings the address again |
 * | server.heartbeat | a WebSocket that misses one is closed |
 * | engine.cancel | the engine is killed; `engine.cancelled` |
 * | models.configBytes, indexBytes, tokenizerBytes, templateBytes | `model.config-invalid`, `weights-invalid`, `tokenizer-invalid`, `chat-template` |
 * | models.pixels, smallestPixels, patch, merge | `model.config-invalid` |
 * | models.growth | `model.tokenizer-invalid` |
 * | models.loading, tokenizing, templating, templateRange | the work is interrupted; `model.tokenizer-invalid`, `model.chat-template` |
 * | engine.silence | the engine is killed; `engine.killed`, and the job is tried again |
 * | closing | what still hangs is left behind, and the library is closed |
 */
export const limits = {
  import: {
    /** Of one file. */
    fileBytes: 512 * 1024 * 1024,
    /** Of one image or frame. */
    pixels: 200_000_000,
    archiveEntries: 200_000,
    /** Unpacked. */
    archiveBytes: 256 * 1024 ** 3,
    /** Unpacked to packed bytes of one entry. */
    archiveRatio: 250,
  },
  uploads: {
    /** The largest DICOM series and archives stay well below. */
    fileBytes: 8 * 1024 ** 3,
    /** Drops that wait at a time; a page that forgets its drops cannot fill the disk with folders. */
    drops: 64,
    /** A drop that nobody has touched for so long may make room for another. */
    idle: 3_600_000,
  },
  server: {
    /** Large imports come by upload; a handful of photographs may come as a call. */
    callBytes: 256 * 1024 * 1024,
    /** For the head of a request. */
    headers: 20_000,
    /** Between two bytes of a request or an answer. */
    idle: 120_000,
    connections: 512,
    heartbeat: 30_000,
    /** Of the token in the printed address. */
    tokenLife: 24 * 3_600_000,
    /** Of a browser that was let in. */
    sessionIdle: 72 * 3_600_000,
    /** Browsers that are let in at a time. */
    sessions: 200,
  },
  /** Of a checkpoint's small files; released ones stay well below. */
  models: {
    /** config.json, preprocessor_config.json and their like. */
    configBytes: 4 * 1024 ** 2,
    /** The list of shards. */
    indexBytes: 64 * 1024 ** 2,
    /** tokenizer.json, and tokenizer_config.json, which may hold the vocabulary's additions and the template. */
    tokenizerBytes: 128 * 1024 ** 2,
    templateBytes: 1024 ** 2,
    /** To which an image processor may bring an image down; 2.6 times what released models say. */
    pixels: 2 ** 25,
    /** To which it may enlarge a small image; 20 times what released models say. */
    smallestPixels: 2 ** 22,
    /** Side of a patch, pixels. */
    patch: 64,
    /** Patches along a merged token, and frames in a patch. */
    merge: 4,
    /** Times its length that a text may have after the normaliser. */
    growth: 100,
    /** For the tokenizer to be built. */
    loading: 60_000,
    /** For one text to become tokens or the other way round. */
    tokenizing: 5000,
    /** For the template to be rendered once. */
    templating: 2000,
    /** Numbers that a template may count in one loop. */
    templateRange: 10_000,
  },
  engine: {
    /** Longer than a chunk of work takes on an ordinary computer; what is killed too early is only loaded again. */
    cancel: 10_000,
    /** Longer than the longest chunk on a slow disk: nobody has asked for the end of the work. */
    silence: 600_000,
  },
  /** For work to end in good order. */
  closing: 8000,
} as const;
