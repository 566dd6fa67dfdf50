/** The hooks' entries in the shape that Claude Code began and Codex, Gemini CLI and VS Code took over. */
import type { JsonEntry, Json } from './json-edit.ts';

/** One more group for each event, behind the person's own: programs know those by their position. */
export function hookItems(events: Readonly<Record<string, readonly Json[]>>): readonly JsonEntry[] {
  return Object.entries(events).map(([event, handlers]) => ({
    kind: 'item',
    at: ['hooks', event],
    value: { hooks: handlers },
  }));
}
