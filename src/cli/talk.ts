/**
 * Warnings, through consola on stderr: its own default would put them on stdout (consola 3.4.2).
 * The basic build, because the other decides on colour by stdout alone. Loading it costs about as much
 * as a whole cold command: it comes with the first warning.
 */
import { createConsola } from 'consola/basic';

export interface Talk {
  warn(text: string): void;
}

export function openTalk(): Talk {
  const consola = createConsola({ stdout: process.stderr, stderr: process.stderr });
  return { warn: (text) => consola.warn(text) };
}
