/** What the probes saw, as a table of folders, as a list of lines nobody ran, and as lcov. */

export interface Probe {
  readonly line: number;
  readonly passed: boolean;
}

export interface FileLines {
  readonly file: string;
  readonly probes: readonly Probe[];
}

/** A line has run when all that begins on it has: an `if (…) throw …` that never threw has not. */
function linesOf({ probes }: FileLines): ReadonlyMap<number, boolean> {
  const lines = new Map<number, boolean>();
  for (const { line, passed } of probes) lines.set(line, passed && lines.get(line) !== false);
  return lines;
}

export function table(files: readonly FileLines[]): string {
  const folders = new Map<string, { lines: number; run: number }>();
  for (const file of files) {
    const lines = linesOf(file);
    const run = [...lines.values()].filter(Boolean).length;
    const [, folder = '', rest] = file.file.split('/');
    for (const name of [rest === undefined ? file.file : `src/${folder}/`, 'src/']) {
      const sum = folders.get(name) ?? { lines: 0, run: 0 };
      folders.set(name, { lines: sum.lines + lines.size, run: sum.run + run });
    }
  }
  const rows = [...folders].toSorted(([one], [other]) => Number(one === 'src/') - Number(other === 'src/'));
  return `${rows.map(([name, { lines, run }]) => rowOf(name, lines, run)).join('\n')}\n`;
}

function rowOf(name: string, lines: number, run: number): string {
  const share = lines === 0 ? 100 : (run / lines) * 100;
  return `${name.padEnd(16)} ${String(run).padStart(6)} of ${String(lines).padStart(6)} lines ${share.toFixed(1).padStart(6)} %`;
}

/** `src/a.ts: 3-5, 9 (12 of 80)`, the files with the most of them first. */
export function notCovered(files: readonly FileLines[]): string {
  return files
    .map((file) => {
      const lines = [...linesOf(file)].toSorted(([one], [other]) => one - other);
      const missing = lines.filter(([, run]) => !run).map(([line]) => line);
      const all = lines.map(([line]) => line);
      return { file: file.file, missing, text: spans(missing, all), of: lines.length };
    })
    .filter(({ missing }) => missing.length > 0)
    .toSorted((one, other) => other.missing.length - one.missing.length)
    .map(({ file, missing, text, of }) => `${file}: ${text} (${missing.length} of ${of})\n`)
    .join('');
}

/** Neighbours among the lines that could run are one span. */
function spans(missing: readonly number[], all: readonly number[]): string {
  const places = new Map(all.map((line, index) => [line, index]));
  const found: { from: number; to: number }[] = [];
  for (const line of missing) {
    const last = found.at(-1);
    const follows = last !== undefined && (places.get(line) ?? 0) === (places.get(last.to) ?? 0) + 1;
    if (follows) last.to = line;
    else found.push({ from: line, to: line });
  }
  return found.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}

export function lcov(files: readonly FileLines[]): string {
  return files
    .map((file) => {
      const lines = [...linesOf(file)].toSorted(([one], [other]) => one - other);
      const rows = lines.map(([line, run]) => `DA:${line},${run ? 1 : 0}`);
      const run = lines.filter(([, passed]) => passed).length;
      return ['TN:', `SF:${file.file}`, ...rows, `LF:${lines.length}`, `LH:${run}`, 'end_of_record', ''].join(
        '\n',
      );
    })
    .join('');
}
