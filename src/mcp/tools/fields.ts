/** Input fields that several tools share, taken from the table of operations and renamed for a model. */
import { z } from 'zod';
import { operations } from '../../protocol/operations.ts';

const { body, data, expiresIn, priority, to } = operations.send.input.shape;

/** Far above what a message needs; what is longer is a file. */
const LONGEST_TEXT = 4_194_304;

/**
 * Models and the Inspector write "bob", "bob, alice" or a list: all three are taken, and the one that
 * every client can show is declared. A space divides nothing: "the frontend team" is no name, and must
 * not become three mailboxes of names that nobody has.
 */
export const recipients = z
  .unknown()
  .meta({ type: 'string', description: 'names, #topics or @all; several with commas' })
  .transform((value) => (typeof value === 'string' ? [value] : value))
  .transform((value) => (Array.isArray(value) ? value.flatMap(eachName) : value))
  .pipe(to);

function eachName(given: unknown): readonly unknown[] {
  if (typeof given !== 'string') return [given];
  // A list written as text is meant as a list.
  const words = given.replace(/^\s*\[(.*)\]\s*$/s, '$1').split(',');
  return words.map((word) => word.trim().replace(/^(["'])(.*)\1$/s, '$2')).filter((word) => word !== '');
}

/** What a message carries. */
export const content = {
  text: z.string().max(LONGEST_TEXT).optional().describe(`${body.description}, unchanged`),
  // Any JSON is taken; what is declared is what programs exchange, and clients want a type to be named.
  data: data.meta({ description: data.description, type: 'object' }),
  files: z.array(z.string()).max(32).optional().describe('paths to attach'),
  priority,
  expiresIn,
};

/** Only with --allow-run. */
export const run = z.string().max(32_768).optional().describe('command to run here; its output is attached');

export const request = z.boolean().optional().describe('an answer is wanted');
