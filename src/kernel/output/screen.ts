/**
 * A stream as a terminal would show it: `\r` writes over the line, `\b` steps back, erase and cursor-up
 * (nested progress bars) do what they say, all other sequences vanish. Lines the cursor can no longer
 * reach are final and leave.
 */
import { INTRODUCERS, openSequence, plainText } from './plain.ts';

/** How far up a cursor may go. */
const LIVE_ROWS = 64;
/** A line may be this long before its beginning is final. */
const LIVE_COLUMNS = 65_536;
/** A step this far up is an attack or a fault, not a progress bar. */
const MANY = 1_000;

const SPECIAL = new RegExp(`[\\r\\b${INTRODUCERS}]`);
const MOVE = '(?:\\u001B\\[|\\u009B)(?<count>\\d*)(?<what>[AKBCDG])';
const TOKENS = new RegExp(`\\n|\\r|\\u0008|${MOVE}|[^\\n\\r\\u0008\\u001B\\u009B]+|[^]`, 'g');
const CURSOR = new RegExp(MOVE, 'g');

export class Screen {
  readonly #final: (text: string) => void;
  #rows: string[] = [''];
  #row = 0;
  #column = 0;
  /** A sequence whose rest has not come. */
  #open = '';

  constructor(final: (text: string) => void) {
    this.#final = final;
  }

  /** What may still change. */
  get live(): string {
    return this.#rows.join('\n');
  }

  get openLine(): boolean {
    return this.#rows.at(-1) !== '' || this.#row < this.#rows.length - 1;
  }

  write(piece: string): void {
    const text = this.#open + piece;
    const open = openSequence(text);
    this.#open = open === 0 ? '' : text.slice(-open);
    const whole = open === 0 ? text : text.slice(0, -open);
    if (!SPECIAL.test(whole) && this.#atEnd()) this.#append(plainText(whole));
    else this.#draw(withCursorOnly(whole));
    this.#release(LIVE_ROWS);
  }

  /** All that is there is final now, but for a line that may go on. */
  settle(): void {
    if (this.#row === this.#rows.length - 1) this.#release(1);
  }

  /** All that is there is final. */
  end(): void {
    const { live } = this;
    this.#rows = [''];
    this.#row = 0;
    this.#column = 0;
    if (live !== '') this.#final(live);
  }

  #atEnd(): boolean {
    return this.#row === this.#rows.length - 1 && this.#column === (this.#rows.at(-1)?.length ?? 0);
  }

  #append(text: string): void {
    if (text === '') return;
    const whole = (this.#rows.pop() ?? '') + text;
    let cut = whole.length;
    for (let rows = 0; rows < LIVE_ROWS && cut > 0; rows += 1) cut = whole.lastIndexOf('\n', cut - 1);
    if (cut > 0) {
      this.#final([...this.#rows, whole.slice(0, cut + 1)].join('\n'));
      this.#rows = whole.slice(cut + 1).split('\n');
    } else this.#rows.push(...whole.split('\n'));
    this.#row = this.#rows.length - 1;
    this.#column = this.#rows.at(-1)?.length ?? 0;
  }

  #draw(text: string): void {
    for (const { 0: token, groups } of text.matchAll(TOKENS)) {
      const what = groups?.['what'];
      if (what !== undefined) this.#move(what, Number(groups?.['count'] ?? '') || 0);
      else if (token === '\n') this.#newLine();
      else if (token === '\r') this.#column = 0;
      else if (token === '\b') this.#column = Math.max(0, this.#column - 1);
      else this.#put(token);
    }
  }

  #newLine(): void {
    this.#row += 1;
    this.#column = 0;
    if (this.#row < this.#rows.length) return;
    this.#rows.push('');
    this.#release(LIVE_ROWS);
  }

  #put(text: string): void {
    const row = this.#rows[this.#row] ?? '';
    const before = row.slice(0, this.#column).padEnd(this.#column);
    this.#rows[this.#row] = before + text + row.slice(this.#column + text.length);
    this.#column += text.length;
  }

  #move(what: string, count: number): void {
    const step = Math.min(Math.max(1, count), MANY);
    const row = this.#rows[this.#row] ?? '';
    switch (what) {
      case 'A':
        this.#row = Math.max(0, this.#row - step);
        return;
      case 'B':
        this.#row = Math.min(this.#rows.length - 1, this.#row + step);
        return;
      case 'C':
        // Else a few megabytes of steps would make a line of gigabytes.
        this.#column = Math.max(this.#column, Math.min(this.#column + step, LIVE_COLUMNS));
        return;
      case 'D':
        this.#column = Math.max(0, this.#column - step);
        return;
      case 'G':
        this.#column = step - 1;
        return;
      case 'K':
        if (count === 0) this.#rows[this.#row] = row.slice(0, this.#column);
        else if (count === 1)
          this.#rows[this.#row] = ' '.repeat(Math.min(this.#column, row.length)) + row.slice(this.#column);
        else this.#rows[this.#row] = '';
        return;
      default:
    }
  }

  #release(rows: number): void {
    const over = Math.min(this.#rows.length - rows, this.#row);
    if (over > 0) {
      this.#final(`${this.#rows.splice(0, over).join('\n')}\n`);
      this.#row -= over;
    }
    const last = this.#rows.at(-1) ?? '';
    if (this.#rows.length === 1 && last.length > LIVE_COLUMNS && this.#atEnd()) {
      this.#final(last);
      this.#rows = [''];
      this.#column = 0;
    }
  }
}

/** Drops every sequence but those that move the cursor. */
function withCursorOnly(text: string): string {
  let kept = '';
  let at = 0;
  for (const found of text.matchAll(CURSOR)) {
    kept += plainText(text.slice(at, found.index)) + found[0];
    at = found.index + found[0].length;
  }
  return kept + plainText(text.slice(at));
}
