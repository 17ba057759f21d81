import { ShowFile } from './show-file.ts';

/** The JSON Schema of a show file, as text: shows/show.schema.json. */
export function showSchemaText(): string {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Show',
    ...ShowFile,
    oneOf: [{ required: ['plan'] }, { required: ['layout'] }],
    dependencies: {
      currency: ['prices'],
      ticket_types: ['prices'],
      prices: ['currency', 'ticket_types'],
    },
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
