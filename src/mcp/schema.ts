/**
 * A schema of the table as JSON Schema, without what a model has no use for: every byte of the list of
 * tools stands in every conversation. What is left out here is still checked when a call comes.
 */
import { z } from 'zod';

export function compactSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // A format says what its pattern spells out in 200 characters.
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
      // The bounds of what a double can count are no bounds of ours.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.exclusiveMinimum === 0) {
        delete jsonSchema.exclusiveMinimum;
        jsonSchema.minimum = 1;
      }
      // What a schema says of fields it does not name: nothing, and so it need not be said.
      if (io === 'output') delete jsonSchema.additionalProperties;
      delete jsonSchema.minLength;
      delete jsonSchema.maxLength;
      delete jsonSchema.minItems;
      delete jsonSchema.maxItems;
    },
  });
  return json;
}
