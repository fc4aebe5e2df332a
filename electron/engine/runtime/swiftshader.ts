import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

/** For tests: the software Vulkan driver that the npm package @sparticuz/chromium carries. */
export interface SwiftShader {
  /** Temporary folder with the driver; the caller removes it. */
  readonly folder: string;
  /** Environment in which a child process finds the driver. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Unpacks the driver; null where the package brings none for this platform. */
export function unpackSwiftShader(): SwiftShader | null {
  const archive = path.resolve(
    import.meta.dirname,
    '../../../node_modules/@sparticuz/chromium/bin/swiftshader.tar.br',
  );
  if (process.platform !== 'linux' || process.arch !== 'x64' || !existsSync(archive)) return null;
  const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-swiftshader-'));
  const tarball = path.join(folder, 'swiftshader.tar');
  writeFileSync(tarball, brotliDecompressSync(readFileSync(archive)));
  execFileSync('tar', ['-xf', tarball, '-C', folder]);
  return {
    folder,
    environment: {
      ...process.env,
      LD_LIBRARY_PATH: folder,
      VK_ICD_FILENAMES: path.join(folder, 'vk_swiftshader_icd.json'),
    },
  };
}
