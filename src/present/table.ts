/** Columns for a terminal, as wide as their widest cell. Cells are given harmless; colour comes after. */

export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

const GAP = '  ';

export function table(rows: readonly (readonly Cell[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, Bun.stringWidth(cell.text));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => padded(cell, widths[column] ?? 0))
          .join(GAP)
          .trimEnd()}\n`,
    )
    .join('');
}

function padded({ text, paint }: Cell, width: number): string {
  const space = ' '.repeat(Math.max(0, width - Bun.stringWidth(text)));
  return (paint === undefined ? text : paint(text)) + space;
}
