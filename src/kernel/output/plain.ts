/** Terminal sequences out of a kernel's text: every CSI and OSC, not only colours (octave writes `ESC[?2004l`). */

/** ESC, DCS, CSI, OSC: in 7 and in 8 bits. */
export const INTRODUCERS = '\\u001B\\u0090\\u009B\\u009D';
const BEGINS = new RegExp(`[${INTRODUCERS}]`);
/** One that begins within ends it: else each of many beginnings would be read to the end of the text. */
const STRING = '(?:\\u001B[\\]PX^_]|[\\u009D\\u0090])[^\\u0007\\u001B\\u0090\\u009C\\u009D]*';
/** What begins a sequence and does not yet end it. */
const OPEN = new RegExp(`(?:\\u001B[ -/]*|(?:\\u001B\\[|\\u009B)[0-?]*[ -/]*|${STRING}\\u001B?)$`);
const SEQUENCE = new RegExp(
  `(?:\\u001B\\[|\\u009B)[0-?]*[ -/]*[@-~]|${STRING}(?:\\u0007|\\u001B\\\\|\\u009C)|\\u001B[ -/]*[0-~]`,
  'g',
);
/** All but tab, newline, return and backspace, whose meaning a screen knows. */
const CONTROLS = '\\0-\\u0007\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F';
const CONTROL = new RegExp(`[${CONTROLS}]`, 'g');
const PLAIN = /^[\t\n\u0020-\u007E\u00A0-\uFFFD]*$/;

/** A sequence longer than this is not one: it is shown without its escape rather than waited for. */
const LONGEST_SEQUENCE = 4_096;

export function plainText(text: string): string {
  return PLAIN.test(text) ? text : text.replaceAll(SEQUENCE, '').replaceAll(CONTROL, '');
}

/** How many characters at the end belong to a sequence whose rest has not come. */
export function openSequence(text: string): number {
  const tail = text.slice(-LONGEST_SEQUENCE);
  return BEGINS.test(tail) ? (OPEN.exec(tail)?.[0].length ?? 0) : 0;
}
