/** A hook's input: JSON on stdin, read in place, since a stream of it costs more than all the rest of a hook. */
import { readSync } from 'node:fs';
import { Failure } from '../../protocol/failures.ts';
import { errorCode } from '../../system/files.ts';

const CHUNK = 65_536;
/** A tool's whole answer comes along; beyond this nobody meant it. */
const MOST_BYTES = 67_108_864;
/** A pipe that stays silent for so long has no event for us. */
const PATIENCE_MS = 5_000;

/** Throws `invalid` when there is nothing, or no end of it. */
export function readHookInput(): string {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let silentSince = performance.now();
  for (;;) {
    const chunk = new Uint8Array(CHUNK);
    const count = readSome(chunk);
    if (count === undefined) {
      if (performance.now() - silentSince > PATIENCE_MS) throw noInput('nothing more for 5 s');
      Bun.sleepSync(1);
      continue;
    }
    if (count === 0) break;
    silentSince = performance.now();
    chunks.push(chunk.subarray(0, count));
    size += count;
    if (size > MOST_BYTES) throw noInput(`more than ${MOST_BYTES} bytes`);
  }
  if (size === 0) throw noInput('nothing');
  const [only] = chunks;
  return new TextDecoder().decode(chunks.length === 1 ? only : Buffer.concat(chunks));
}

/** Undefined: nothing yet, in a pipe somebody made non-blocking. */
function readSome(chunk: Uint8Array): number | undefined {
  try {
    return readSync(0, chunk);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EAGAIN' || code === 'EINTR') return undefined;
    if (code === 'EOF') return 0;
    throw noInput(code ?? 'an error');
  }
}

function noInput(found: string): Failure {
  return new Failure('invalid', `wanted a hook's JSON on stdin, found ${found}`, { hint: 'ipc help hook' });
}
