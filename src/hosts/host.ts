/**
 * `hosts/` are the programs that run agents: where each keeps its settings, what has to stand in them so
 * that its sessions have a mailbox, and how that comes in and goes out again. One file a program says what
 * and where; the others say how. It stands on `protocol/` and `system/`: it knows no daemon, no message
 * and no MCP SDK.
 *
 * This file says what a host is.
 */
import type { Environment } from '../system/environment.ts';
import type { Paths } from '../system/paths.ts';
import type { JsonEntry } from './json-edit.ts';

export const hostNames = [
  'claude-code',
  'claude-desktop',
  'codex',
  'cursor',
  'gemini',
  'opencode',
  'vscode',
  'windsurf',
  'zed',
] as const;
export type HostName = (typeof hostNames)[number];

export type Scope = 'user' | 'project';

/** A command line that starts this executable. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** The machine as a host sees it. */
export interface Place {
  readonly environment: Environment;
  readonly paths: Paths;
}

export interface Wish extends Place {
  readonly program: Program;
  readonly as: string | undefined;
  /** More words for `ipc mcp`. */
  readonly server: readonly string[];
  readonly scope: Scope;
}

/** What has to stand in one file. */
export type Target =
  | {
      readonly format: 'json';
      readonly file: string;
      readonly entries: readonly JsonEntry[];
      /** What its program reads; a file that goes beyond it is ignored whole. Absent: comments and trailing commas too. */
      readonly reads?: 'json' | 'json with comments';
    }
  | {
      readonly format: 'toml';
      readonly file: string;
      readonly path: readonly string[];
      readonly block: string;
    }
  /** A whole file that is ours, in a folder that is ours. */
  | { readonly format: 'own'; readonly file: string; readonly text: string };

export interface Plan {
  readonly targets: readonly Target[];
  /** What the person has to do or know besides. */
  readonly notes: readonly string[];
  /** Is it certain enough to be written, or only to be shown. */
  readonly shown?: true;
}

export interface Host {
  readonly name: HostName;
  readonly title: string;
  /** Programs on the PATH and folders by which it is seen to be here. */
  readonly signs: (place: Place) => {
    readonly programs: readonly string[];
    readonly folders: readonly string[];
  };
  readonly plan: (wish: Wish) => Plan;
  /** What is left, after undoing, that the program wrote about us itself. */
  readonly leftOver?: (place: Place) => readonly string[];
}
