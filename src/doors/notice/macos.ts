/** macOS: a fixed script; the text is in its arguments, never in its source. */
import type { NoticePlatform } from './platform.ts';

const SILENT = 'display notification (item 1 of argv) with title (item 2 of argv)';
const script = (line: string): readonly string[] => ['-e', 'on run argv', '-e', line, '-e', 'end run', '--'];

export const macos: NoticePlatform = {
  show: ({ title, body, sound }) => ({
    argv:
      sound === 'off'
        ? ['osascript', ...script(SILENT), body, title]
        : [
            'osascript',
            ...script(`${SILENT} sound name (item 3 of argv)`),
            body,
            title,
            sound === 'default' ? 'blow' : sound,
          ],
  }),
  play: () => [],
};
