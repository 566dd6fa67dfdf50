/** A person who imports, and what is in mailboxes afterwards. */
import { join } from 'node:path';
import type { Machine } from './machine.ts';

export interface Report {
  readonly sources: readonly {
    readonly file: string;
    readonly system: string;
    readonly messages: number;
    readonly added: number;
    readonly known: number;
    readonly left: number;
    readonly unread: readonly { name: string; count: number }[];
    readonly names: readonly { from: string; to: string }[];
    readonly remarks: readonly { remark: string; count: number }[];
    readonly refused: readonly string[];
  }[];
  readonly failed: readonly { file: string; failure: { code: string } }[];
}

export interface Page {
  readonly messages: readonly {
    readonly body: string;
    readonly sentAt: string;
    readonly from: { name: string; kind: string; verified: boolean; client?: string };
    readonly to: readonly string[];
    readonly data?: unknown;
    readonly bodyBlob?: { size: number; path: string };
    readonly attachments?: readonly { name: string; size: number; path: string }[];
    readonly receipts: readonly { to: string; state: string; reason?: string; handedAt?: string }[];
  }[];
}

export const command = (args: readonly string[]): string[] => ['import', '--json', '--quiet', ...args];

/** At a terminal: nobody but a person may say who wrote what. */
export async function imported(machine: Machine, args: readonly string[] = []): Promise<Report> {
  const { code, stdout } = await machine.terminal(command(args));
  if (code !== 0) throw new Error(`ipc import exited ${code}\n${stdout}`);
  return JSON.parse(stdout) as Report;
}

export const waiting = (machine: Machine, name = 'nessa'): Promise<Page> =>
  machine.json<Page>(['check', '--all', '--as', name]);

export const oldBroker = (machine: Machine): string => join(machine.userHome, '.claude-ipc-data/messages.db');
