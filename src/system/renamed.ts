/** What of this home goes on under an agent's new name, wherever the rename was asked for. */
import { Failure } from '../protocol/failures.ts';
import { isName } from '../protocol/names.ts';
import type { Output } from '../protocol/operations.ts';
import { moveAutoCheck } from './auto-check.ts';
import { copyKey, readKey, removeKey, storeNewKey } from './keys.ts';
import type { Paths } from './paths.ts';
import { renameInTokens } from './tokens.ts';

/**
 * The old name's key stays: while it forwards, both open the same mailbox. The new name has it before the
 * daemon is asked: who was killed between its answer and the writing down would be left, once the old name
 * forwards no more, with a mailbox that no key opens.
 */
export async function renaming(
  paths: Paths,
  { from, to }: { readonly from: string | undefined; readonly to: string },
  rename: () => Promise<Output<'rename'>>,
): Promise<Output<'rename'>> {
  const takeBack = keyAhead(paths, from ?? '', to);
  const renamed = await rename().catch((error: unknown) => {
    if (isRefused(error)) takeBack();
    throw error;
  });
  await followRename(paths, renamed);
  return renamed;
}

async function followRename(paths: Paths, { from, to }: Output<'rename'>): Promise<void> {
  if (!isName(from) || !isName(to)) return;
  copyKey(paths, from, to);
  await renameInTokens(paths, from, to);
  moveAutoCheck(paths, { from, to });
}

function keyAhead(paths: Paths, from: string, to: string): () => void {
  const key = isName(from) && isName(to) ? readKey(paths, from) : undefined;
  if (key === undefined || !isName(to) || !storeNewKey(paths, to, key)) return () => undefined;
  return () => void removeKey(paths, to, key);
}

/** Nothing was renamed. A name that is taken may have been taken this moment, with the key that lay there. */
function isRefused(error: unknown): boolean {
  return (
    error instanceof Failure && /^(?:invalid|invalid_name|name_forwarding|not_allowed)$/.test(error.code)
  );
}
