/** What of this home goes on under an agent's new name: done after a rename, wherever that was asked for. */
import { isName } from '../protocol/names.ts';
import type { Output } from '../protocol/operations.ts';
import { moveAutoCheck } from './auto-check.ts';
import { copyKey } from './keys.ts';
import type { Paths } from './paths.ts';
import { renameInTokens } from './tokens.ts';

/** The old name's key stays: while it forwards, both open the same mailbox. */
export async function followRename(paths: Paths, { from, to }: Output<'rename'>): Promise<void> {
  if (!isName(from) || !isName(to)) return;
  copyKey(paths, from, to);
  await renameInTokens(paths, from, to);
  moveAutoCheck(paths, { from, to });
}
