/** The file or folder that stands for an agent's name. */
import { nameKey } from '../protocol/names.ts';

/**
 * What Windows makes of a file's name: devices, whatever their ending (`nul.txt` is nothing, `con` the
 * console), and dots at the end, which it drops, so that `bob.` would open the key of `bob`.
 */
const NOT_FOR_WINDOWS = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)|\.$/;

/** Another name stands for each of those there; none of them is a name an agent can have. */
export function nameFile(name: string, platform: NodeJS.Platform = process.platform): string {
  const key = nameKey(name);
  return platform === 'win32' && NOT_FOR_WINDOWS.test(key) ? `~${key}~` : key;
}
