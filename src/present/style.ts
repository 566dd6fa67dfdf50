/** Colour as something passed in: who renders does not know whether anybody sees it. */

export interface Style {
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly name: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
}

const same = (text: string): string => text;
export const plain: Style = { strong: same, faint: same, name: same, good: same, warn: same, bad: same };

const sgr = (on: number, off: number) => (text: string) => `\x1b[${on}m${text}\x1b[${off}m`;
export const coloured: Style = {
  strong: sgr(1, 22),
  faint: sgr(2, 22),
  name: sgr(36, 39),
  good: sgr(32, 39),
  warn: sgr(33, 39),
  bad: sgr(31, 39),
};
