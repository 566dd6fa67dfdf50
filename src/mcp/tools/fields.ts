/** Input fields that several tools share, taken from the table of operations and renamed for a model. */
import { z } from 'zod';
import { operations } from '../../protocol/operations.ts';

const { body, data, expiresIn, priority, to } = operations.send.input.shape;

/** Far above what a message needs; what is longer is a file. */
const LONGEST_TEXT = 4_194_304;

/** "bob", "bob, #reviews" or a list: models write all three. */
export const recipients = z
  .preprocess(
    (value) => (typeof value === 'string' ? value.split(/[,\s]+/).filter((word) => word !== '') : value),
    to,
  )
  .describe('names, #topics or @all');

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
