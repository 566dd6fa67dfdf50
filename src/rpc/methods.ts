/**
 * What a client must know of each operation, as plain data taken from the table when the program is
 * bundled (a Bun macro): loading the table with its zod schemas would cost every command 4 ms.
 * Import it `with { type: 'macro' }`.
 */
import { operations } from '../protocol/operations.ts';

export interface MethodFacts {
  readonly name: string;
  readonly stream: boolean;
  /** It may be sent again after a broken connection. */
  readonly safe: boolean;
  /** Repeats are told by an id that the client makes when the caller gave none. */
  readonly makesId: boolean;
}

export function methodFacts(): MethodFacts[] {
  const served = Object.entries(operations).filter(([, row]) => row.home !== 'local');
  return served.map(([name, row]) => ({
    name,
    stream: 'stream' in row,
    safe: row.repeat === 'safe',
    makesId: 'id' in row.input.shape && 'body' in row.input.shape,
  }));
}
