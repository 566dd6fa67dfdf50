/**
 * Text of others, made harmless to look at. `present/` is how a message looks: to a person, to a model,
 * as JSON. It knows the words of protocol/ and nothing else: no terminal, no clock, no process; colour
 * and time come with the call.
 *
 * Escape sequences can rewrite a terminal's screen, title and clipboard, bidi controls reorder what
 * is read, and invisible characters smuggle text past a person to a model. All are shown as visible
 * escapes (`\x1b`, `\u{202e}`); the message itself is never changed.
 */

/** C0 (but tab and newline), DEL, C1, bidi controls, invisible and tag characters, lone surrogates. */
const CONTROLS = '\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f';
const BIDI = '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069';
const INVISIBLE =
  '\\xad\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b\\u2028\\u2029\\u2060-\\u2065\\u206a-\\u206f\\u3164' +
  '\\ufeff\\uffa0\\ufff0-\\ufffb\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}';
/** Joiners and variation selectors belong to emoji and to several scripts; elsewhere they hide things. */
const JOINERS = '\\u200c\\u200d\\ufe00-\\ufe0f';
/** What they may follow: only what is itself seen. */
const SEEN =
  '\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\p{M}\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Mongolian}0-9#*';
const BASE = `[[${SEEN}]--[\\ufe00-\\ufe0f${BIDI}${INVISIBLE}]]`;

let unsafe: RegExp | undefined;

/** Made when it is first needed: its classes take 0.1 ms to read, and most texts are plain. */
function unsafeCharacters(): RegExp {
  unsafe ??= new RegExp(
    `[${CONTROLS}${BIDI}${INVISIBLE}\\p{Surrogate}]` +
      `|(?<!${BASE}[\\ufe00-\\ufe0f]?)[${JOINERS}]|(?<=[\\ufe00-\\ufe0f])[\\ufe00-\\ufe0f]`,
    'gv',
  );
  return unsafe;
}

/** Printable ASCII, tab and newline alone: nearly every body, and a hundred times quicker to see. */
const PLAIN = /^[\t\n\x20-\x7e]*$/;

/** Many lines: newline and tab stay, the newline of Windows becomes a plain one. */
export function visible(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replaceAll('\r\n', '\n').replace(unsafeCharacters(), named);
}

/** One line: a name, a path, a title. Newlines and tabs are shown too. */
export function visibleLine(text: string): string {
  return visible(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

/** Text as XML shows it: what Claude Code does to a monitor's line, what a notification daemon wants. */
export function asMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function named(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x0d) return '\\r';
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return `\\u{${code.toString(16)}}`;
}

/** JSON whose text is harmless to show: the same value when parsed, every doubtful character as `\uXXXX`. */
export function visibleJson(json: string): string {
  if (PLAIN.test(json)) return json;
  return json.replace(unsafeCharacters(), (character) => {
    let escaped = '';
    for (let unit = 0; unit < character.length; unit += 1)
      escaped += `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`;
    return escaped;
  });
}
