/**
 * Which files a model may attach: those below the client's roots, or below its directory when it has
 * none to tell. Where a path really leads decides, so that no symlink leads out (design §5).
 */
import { realpathSync } from 'node:fs';
import { basename, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { McpError, RootsListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Failure } from '../protocol/failures.ts';
import type { Serving, ServingParts } from './parts.ts';

export interface Places {
  /** The real path of a file that may be opened. Throws `not_allowed`, `no_such_file`. */
  file(path: string): Promise<{ path: string; name: string }>;
}

const ROOTS_MS = 5_000;

export function openPlaces(
  server: Serving['server'],
  { directory, home, allowFiles }: Pick<ServingParts, 'directory' | 'home' | 'allowFiles'>,
): Places {
  let known: Promise<readonly string[]> | undefined;
  server.setNotificationHandler(RootsListChangedNotificationSchema, () => {
    known = undefined;
  });

  const roots = async (): Promise<readonly string[]> => {
    if (server.getClientCapabilities()?.roots === undefined) return [directory];
    const { roots: listed } = await server
      .listRoots(undefined, { timeout: ROOTS_MS })
      .catch((error: unknown) => {
        const why = error instanceof McpError ? error.message : 'a list that is none of file URIs';
        throw new Failure('not_allowed', `wanted the client's folders (roots/list), found ${why}`, {
          hint: 'put what it says into text, or ask the user to send it with ipc send <name> --file <file>',
        });
      });
    return listed.map(({ uri }) => pathOf(uri)).filter((path) => path !== undefined);
  };

  return {
    file: async (path) => {
      // What a client elsewhere calls its folders says nothing about this machine's.
      if (!allowFiles)
        throw new Failure(
          'not_allowed',
          'wanted to attach a file; over HTTP no file of this machine is opened',
          {
            hint: 'put the text itself into the message, or ask the user to send it with ipc send <name> --file <file>',
          },
        );
      known ??= roots();
      // A client that did not answer is asked again next time.
      known.catch(() => (known = undefined));
      const allowed = (await known).map(real).filter((root) => root !== undefined && root !== sep);
      const wanted = resolve(directory, path);
      const found = real(wanted);
      const inside = (target: string): boolean =>
        allowed.some((root) => root !== undefined && below(target, root));
      // What lies outside is refused whether it is there or not: the answer must not tell.
      if (!inside(found ?? wanted) || (found !== undefined && below(found, real(home) ?? home)))
        throw outside(path, allowed);
      if (found === undefined) throw new Failure('no_such_file', `wanted to read ${path}; there is none`);
      return { path: found, name: basename(wanted) };
    },
  };
}

function outside(path: string, allowed: readonly (string | undefined)[]): Failure {
  const places =
    allowed.length === 0 ? 'nowhere: the client names none but /, or none at all' : allowed.join(', ');
  return new Failure('not_allowed', `wanted a file below the client's folders (${places}), found ${path}`, {
    hint: 'ask the user to open that folder in the client, or to send it with ipc send <name> --file <file>',
  });
}

function below(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function pathOf(uri: string): string | undefined {
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
