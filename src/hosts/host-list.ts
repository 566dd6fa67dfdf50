/** Every host by name, and which of them are on this machine. */
import { existsSync } from 'node:fs';
import { Failure } from '../protocol/failures.ts';
import { nearest } from '../system/nearest.ts';
import { programsOnPath } from '../system/programs.ts';
import { claudeCode } from './claude-code.ts';
import { claudeDesktop } from './claude-desktop.ts';
import { codex } from './codex.ts';
import { cursor } from './cursor.ts';
import { opencode, windsurf, zed } from './editors.ts';
import { gemini } from './gemini.ts';
import { type Host, type HostName, hostNames, type Place } from './host.ts';
import { vscode } from './vscode.ts';

export const hosts: Readonly<Record<HostName, Host>> = {
  'claude-code': claudeCode,
  'claude-desktop': claudeDesktop,
  codex,
  cursor,
  gemini,
  opencode,
  vscode,
  windsurf,
  zed,
};

/** What people call them. */
const alsoCalled: Readonly<Record<string, HostName>> = {
  claude: 'claude-code',
  code: 'vscode',
  copilot: 'vscode',
  desktop: 'claude-desktop',
  'gemini-cli': 'gemini',
  'vs-code': 'vscode',
};

/** Throws `invalid` for a name that is none. */
export function hostNamed(word: string): Host {
  const asked = word.toLowerCase();
  const name = Object.hasOwn(alsoCalled, asked)
    ? alsoCalled[asked]
    : hostNames.find((each) => each === asked);
  if (name !== undefined) return hosts[name];
  const near = nearest(asked, hostNames);
  const mean = near === undefined ? '' : `; did you mean ${near}?`;
  throw new Failure(
    'invalid',
    `no client program ${JSON.stringify(word)}${mean} Known: ${hostNames.join(', ')}`,
    {
      hint: 'ipc help setup',
    },
  );
}

/** A program on the PATH, or its folder. */
export function isInstalled(host: Host, place: Place): boolean {
  const { programs, folders } = host.signs(place);
  return (
    programs.some((program) => programsOnPath(place.environment, program).length > 0) ||
    folders.some((folder) => existsSync(folder))
  );
}

export function installedHosts(place: Place): readonly Host[] {
  return hostNames.map((name) => hosts[name]).filter((host) => isInstalled(host, place));
}
