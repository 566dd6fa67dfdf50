/** A machine with `ipc serve` running, and senders that sign as services do. */
import { createHmac, randomUUID } from 'node:crypto';
import { openDoor, type HttpDoor } from './http-door.ts';
import { openMachine, type Machine } from './machine.ts';

export interface Site extends AsyncDisposable {
  readonly machine: Machine;
  readonly url: string;
  readonly door: HttpDoor;
  /** Adds a webhook and returns its secret. */
  add(name: string, ...flags: string[]): Promise<string>;
  post(path: string, init: RequestInit): Promise<Response>;
  /** What an agent is handed now. */
  check(agent: string): Promise<readonly Mail[]>;
}

export interface Mail {
  readonly id: string;
  readonly from: { readonly name: string; readonly kind: string; readonly verified: boolean };
  readonly to: readonly string[];
  readonly body: string;
  readonly data?: unknown;
  readonly bodyBlob?: { readonly path: string; readonly size: number };
  readonly attachments?: readonly { readonly name: string; readonly path: string; readonly size: number }[];
}

export async function openSite(): Promise<Site> {
  const machine = await openMachine();
  // Wrong secrets on purpose, more of them than an address may try.
  const door = await openDoor(machine, [], { env: { IPC_HTTP_ADDRESS_PER_MINUTE: '60000' } });
  const { url } = door;
  return {
    machine,
    url,
    door,
    add: async (name, ...flags) => {
      const { secret } = await machine.json<{ secret: string }>(['webhook', 'add', name, ...flags]);
      return secret;
    },
    post: (path, init) => fetch(`${url}${path}`, { method: 'POST', ...init }),
    check: async (agent) =>
      (await machine.json<{ messages: Mail[] }>(['--as', agent, 'check', '--all'])).messages,
    [Symbol.asyncDispose]: async () => {
      await door.stop();
      await machine[Symbol.asyncDispose]();
    },
  };
}

/** A post that no scheme signs. */
export function json(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  };
}

export interface GithubPost {
  readonly event?: string;
  readonly delivery?: string;
  readonly type?: string;
}

/** A delivery as GitHub makes it. */
export function fromGithub(secret: string, body: string | Uint8Array, post: GithubPost = {}): RequestInit {
  return {
    body: body as string,
    headers: {
      'content-type': post.type ?? 'application/json',
      'user-agent': 'GitHub-Hookshot/044aadd',
      'x-github-event': post.event ?? 'push',
      'x-github-delivery': post.delivery ?? randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
  };
}

export const push = (message = 'Fix the build'): string =>
  JSON.stringify({
    ref: 'refs/heads/main',
    compare: 'https://github.com/acme/app/compare/a...b',
    commits: [{ id: '1a2b3c4d5e6f', message, author: { name: 'Ann' } }],
    repository: { full_name: 'acme/app' },
    sender: { login: 'ann' },
  });
