/** The lines a text loses and gains, as `diff -u` shows them. */

const AROUND = 2;
/** Beyond so many lines between the first change and the last, the table would cost more than it tells. */
const MAX_CELLS = 4_000_000;

interface Line {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

export function diffOf(before: string, after: string): readonly string[] {
  const lines = compare(before === '' ? [] : linesOf(before), after === '' ? [] : linesOf(after));
  const near = lines.map((_, at) =>
    lines.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(({ sign }) => sign !== ' '),
  );
  const shown: string[] = [];
  for (const [at, { sign, text }] of lines.entries()) {
    if (near[at] === true) shown.push(`${sign} ${text}`);
    else if (near[at - 1] === true) shown.push('  …');
  }
  return shown.at(-1) === '  …' ? shown.slice(0, -1) : shown;
}

function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function compare(before: readonly string[], after: readonly string[]): readonly Line[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const same = (lines: readonly string[]): Line[] => lines.map((text) => ({ sign: ' ', text }));
  const lost = before.slice(head, before.length - tail);
  const gained = after.slice(head, after.length - tail);
  return [
    ...same(before.slice(0, head)),
    ...between(lost, gained),
    ...same(before.slice(before.length - tail)),
  ];
}

/** By the longest common subsequence. */
function between(lost: readonly string[], gained: readonly string[]): readonly Line[] {
  const width = gained.length + 1;
  if ((lost.length + 1) * width > MAX_CELLS) {
    return [
      ...lost.map((text) => ({ sign: '-', text }) as const),
      ...gained.map((text) => ({ sign: '+', text }) as const),
    ];
  }
  const common = new Uint32Array((lost.length + 1) * width);
  const at = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = lost.length - 1; row >= 0; row -= 1) {
    for (let column = gained.length - 1; column >= 0; column -= 1) {
      common[row * width + column] =
        lost[row] === gained[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: Line[] = [];
  let row = 0;
  let column = 0;
  while (row < lost.length || column < gained.length) {
    const old = lost[row];
    const fresh = gained[column];
    if (old !== undefined && old === fresh) {
      lines.push({ sign: ' ', text: old });
      row += 1;
      column += 1;
    } else if (old !== undefined && (fresh === undefined || at(row + 1, column) >= at(row, column + 1))) {
      lines.push({ sign: '-', text: old });
      row += 1;
    } else if (fresh !== undefined) {
      lines.push({ sign: '+', text: fresh });
      column += 1;
    }
  }
  return lines;
}
