import pg from 'pg';

/** The rows of one statement over a connection of its own. */
export async function queried<Row extends pg.QueryResultRow = Record<string, unknown>>(
  url: string,
  statement: string,
): Promise<Row[]> {
  const client = new pg.Client(url);
  client.on('error', () => {}); // the call fails as well
  try {
    await client.connect();
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end().catch(() => {}); // the server has ended
  }
}
