/**
 * What hosts share of files: photographs, concept sets, lenses and traces, each by the SHA-256 of its bytes. An object is
 * there whole or not at all, and is never changed.
 */
export interface ObjectStorage {
  has(sha256: string): Promise<boolean>;
  /** Keeps bytes. @returns their SHA-256 */
  write(bytes: Uint8Array): Promise<string>;
  /**
   * Keeps a file of this computer.
   *
   * @returns its SHA-256
   */
  writeFile(file: string): Promise<string>;
  /** @throws FundusLensError `cluster.storage` when it is not there, or is not what its hash says */
  read(sha256: string): Promise<Buffer<ArrayBuffer>>;
  /**
   * A file of this computer with those bytes.
   *
   * @throws FundusLensError `cluster.storage`, as {@link read}
   */
  fetch(sha256: string): Promise<string>;
}
