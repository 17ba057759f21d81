/** The most seats of one command. A file of its own: the page needs the number without the schemas. */
export const maxGroupSize = 20;
