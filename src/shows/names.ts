import { Type } from 'typebox';

/** `errorMessage` is what an error says about a value that the pattern refuses; editors that know JSON Schema show it too. */
const nameText = (maxLength: number) => ({
  pattern: `^[^\\s\\u0000-\\u001f\\u007f](?:[^\\u0000-\\u001f\\u007f]{0,${maxLength - 2}}[^\\s\\u0000-\\u001f\\u007f])?$`,
  errorMessage: `must be a text of 1 to ${maxLength} characters without spaces at its ends`,
});

/** Of a show, a section, a category or a ticket type: for people to read, so almost every character is allowed. */
export const Name = Type.String({ ...nameText(64), examples: ['Stalls'] });

/** Of a row or a seat, as printed on the ticket. */
export const Label = Type.String({ ...nameText(16), examples: ['A'] });
