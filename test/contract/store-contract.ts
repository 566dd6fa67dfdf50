/**
 * What an engine is: whatever passes this behind the port `Store`. Every case begins with an empty
 * store and ends with the store's own verification.
 */
import { describe } from 'bun:test';
import { historiesContract } from './histories.ts';
import { holdingContract } from './holding.ts';
import { importingContract } from './importing.ts';
import { namesContract } from './names.ts';
import { pastContract } from './past.ts';
import { provingContract } from './proving.ts';
import { readingContract } from './reading.ts';
import { renamingContract } from './renaming.ts';
import { sendingContract } from './sending.ts';
import type { OpenEngine } from './town.ts';
import { upkeepContract } from './upkeep.ts';

export function storeContract(name: string, open: OpenEngine): void {
  describe(name, () => {
    namesContract(open);
    renamingContract(open);
    sendingContract(open);
    importingContract(open);
    readingContract(open);
    provingContract(open);
    holdingContract(open);
    pastContract(open);
    upkeepContract(open);
    historiesContract(open);
  });
}
