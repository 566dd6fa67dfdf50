/** A client of this home's daemon: found where the home has it, started when that is wanted, and shown the home's secret. */
import type { Environment } from '../system/environment.ts';
import type { Paths } from '../system/paths.ts';
import { sessionSecret } from '../system/secret.ts';
import { Client, type ClientParts } from './client.ts';
import { reach } from './ensure.ts';

interface Around {
  readonly environment: Environment;
  readonly paths: Paths;
  /** `existing`: a daemon that is not running is reported, not started. */
  readonly start?: 'absent' | 'existing' | undefined;
}

export function clientOf(
  { environment, paths, start = 'absent' }: Around,
  parts: Omit<ClientParts, 'connect' | 'secret'>,
): Client {
  return new Client({
    ...parts,
    connect: (receive) => reach({ paths, environment, start }, receive),
    secret: () => sessionSecret(paths, environment),
  });
}
