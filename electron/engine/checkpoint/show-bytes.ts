const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Decodes the longest valid stretches and shows what remains of split characters as ⟨hex⟩. */
export function showBytes(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length;) {
    const end = longestCharacter(bytes, start);
    if (end > start) {
      text += strictUtf8.decode(bytes.subarray(start, end));
      start = end;
    } else {
      text += `⟨${bytes[start]!.toString(16).padStart(2, '0')}⟩`;
      start += 1;
    }
  }
  return text;
}

function longestCharacter(bytes: Uint8Array, start: number): number {
  for (let length = 1; length <= 4 && start + length <= bytes.length; length++) {
    if (decodeUtf8(bytes.subarray(start, start + length)) !== null) return start + length;
  }
  return start;
}

/** null where the bytes are not whole characters. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return null;
  }
}
