/** The operations of a session as its token may use them: a tool can do no more than a request can. */
import { operations as table, type OperationName, type Operations } from '../../protocol/operations.ts';
import type { Token } from '../../system/tokens.ts';
import { outOfScope } from '../problem.ts';

export function mayUse({ scopes }: Pick<Token, 'scopes'>, name: OperationName): boolean {
  return scopes.includes(table[name].scope);
}

export function scoped(operations: Operations, token: Token): Operations {
  const served = Object.entries(table).filter(([, row]) => row.home !== 'local');
  const rows = served.map(([name, row]) => {
    const operation = operations[name as keyof Operations];
    if (token.scopes.includes(row.scope)) return [name, operation];
    const refusing = async (): Promise<never> => {
      throw outOfScope(token, row.scope);
    };
    return [
      name,
      'stream' in row ? () => ({ [Symbol.asyncIterator]: () => ({ next: refusing }) }) : refusing,
    ];
  });
  // Each under its own name with its own shape; only the record forgets it.
  return Object.fromEntries(rows) as Operations;
}
