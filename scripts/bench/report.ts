/** What one row of the table says, and how the table and the JSON line are written. */

export interface Row {
  readonly measure: string;
  /** What was found, in words. */
  readonly found: string;
  /** What it stands against, measured in the same run; empty when the aim is absolute. */
  readonly against: string;
  /** The figure the aim speaks of: a ratio, or milliseconds, megabytes … */
  readonly figure: number;
  readonly aim: string;
  /** Null: no aim was set, the figure is for information. */
  readonly met: boolean | null;
  readonly numbers: Readonly<Record<string, number>>;
}

export function milliseconds(value: number): string {
  if (value < 1) return `${Math.round(value * 1000)} µs`;
  return value < 100 ? `${value.toFixed(2)} ms` : `${Math.round(value)} ms`;
}

export function table(rows: readonly Row[]): string {
  const heads = ['measure', 'found', 'against', 'figure', 'aim', ''];
  const lines = rows.map((row) => [
    row.measure,
    row.found,
    row.against,
    round(row.figure).toString(),
    row.aim,
    row.met === null ? '' : row.met ? 'met' : 'MISSED',
  ]);
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const drawn = [heads, widths.map((width) => '-'.repeat(width)), ...lines].map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${drawn.join('\n')}\n`;
}

export function jsonLine(facts: Readonly<Record<string, unknown>>, rows: readonly Row[]): string {
  const measured = rows.map(({ measure, figure, aim, met, numbers }) => ({
    measure,
    figure: round(figure),
    aim,
    met,
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, round(value)])),
  }));
  return `${JSON.stringify({ ...facts, rows: measured })}\n`;
}

function round(value: number): number {
  return Number.parseFloat(value.toPrecision(4));
}
