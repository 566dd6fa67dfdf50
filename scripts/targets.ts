/**
 * What is built for others than this machine: Bun's name of each target, and the file a downloader looks
 * for (scripts/install, scripts/install.ps1). Bun fetches a target's runtime from npm once.
 *
 * None is called baseline: Bun 1.4.5 has the same runtime under both names (the same SHA-256), and what is
 * built runs on a processor without AVX (seen under qemu as Nehalem).
 */
export interface Target {
  readonly target: string;
  readonly file: string;
}

export const targets: readonly Target[] = [
  { target: 'bun-linux-x64', file: 'ipc-linux-x64' },
  { target: 'bun-linux-arm64', file: 'ipc-linux-arm64' },
  { target: 'bun-linux-x64-musl', file: 'ipc-linux-x64-musl' },
  { target: 'bun-linux-arm64-musl', file: 'ipc-linux-arm64-musl' },
  { target: 'bun-darwin-x64', file: 'ipc-darwin-x64' },
  { target: 'bun-darwin-arm64', file: 'ipc-darwin-arm64' },
  { target: 'bun-windows-x64', file: 'ipc-windows-x64.exe' },
];

export const SUMS = 'SHA256SUMS';

/** As `sha256sum` writes it, and `sha256sum -c` and `shasum -c` read it. */
export async function sumLine(folder: string, file: string): Promise<string> {
  const hasher = new Bun.CryptoHasher('sha256');
  for await (const chunk of Bun.file(`${folder}/${file}`).stream()) hasher.update(chunk);
  return `${hasher.digest('hex')}  ${file}\n`;
}
