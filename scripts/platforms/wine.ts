/**
 * Windows, as far as Wine is: a prefix of its own, gone afterwards with all that ran in it. Debian's Wine 8
 * lacks one library of Windows that Bun asks for randomness; a small one passes the question on (design §3.2).
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lacks, type Missing, must, type Place } from './place.ts';

const WINE = '/usr/lib/wine/wine64';
const COMPILER = 'x86_64-w64-mingw32-gcc';

const RANDOMNESS = `
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) {
  return SystemFunction036(data, (ULONG)size) ? TRUE : FALSE;
}
`;

export async function wine(folder: string): Promise<Place | Missing> {
  if (!existsSync(WINE)) return { missing: 'no Wine (Debian: wine64)' };
  if (lacks(COMPILER) !== undefined) return { missing: `no ${COMPILER} (Debian: gcc-mingw-w64-x86-64)` };
  const prefix = join(folder, 'prefix');
  // No questions about add-ons, no menus of a desktop, no talk.
  const variables = {
    WINEPREFIX: prefix,
    WINEDEBUG: '-all',
    WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe=',
  };
  const env = { ...process.env, ...variables };
  await Bun.write(join(folder, 'randomness.c'), RANDOMNESS);
  const library = join(folder, 'bcryptprimitives.dll');
  await must([COMPILER, '-shared', '-O2', '-o', library, join(folder, 'randomness.c'), '-ladvapi32']);
  await must([WINE, 'wineboot', '--init'], { env });
  return {
    folder,
    variables,
    command: (program, args) => [WINE, program, ...args],
    inside: (file) => `Z:${join(folder, file).replaceAll('/', '\\')}`,
    [Symbol.asyncDispose]: async () => {
      await must(['/usr/lib/wine/wineserver', '--kill'], { env }).catch(() => undefined);
      await must(['/usr/lib/wine/wineserver', '--wait'], { env }).catch(() => undefined);
      await rm(prefix, { recursive: true, force: true });
    },
  };
}
