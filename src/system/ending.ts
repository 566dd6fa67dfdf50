/** How a process ends: with what its program returned, and also when its program will never return. */
import { writeError } from './output.ts';

const INTERNAL = 1;

/**
 * Not awaited at the top of a module: with nothing left that could settle it, Bun 1.4.5 turns such a wait
 * into an endless loop that no signal handler and no timer ends (seen with `ipc serve`).
 */
export function endWith(program: Promise<number>, exit: (code: number) => void): void {
  process.once('beforeExit', () => {
    writeError('ipc: internal: ended with something to wait for, and nothing that could bring it\n');
    exit(INTERNAL);
  });
  void program.then(exit);
}
