import { escapeHtml } from '../browser/show-html.ts';
import type { Show } from '../shows/show.ts';

/** The page for a wrong link: lists the existing shows. `path`: of the requested page. */
export function unknownShowPage(path: string, showId: string, shows: readonly Pick<Show, 'id' | 'name'>[]): string {
  const links = shows.map(({ id, name }) => `<li><a href="${path}?show=${id}">${escapeHtml(name)}</a> (${id})</li>`);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Unknown show</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/inspect/assets/inspect.css">
  </head>
  <body class="plain">
    <h1>There is no show ${escapeHtml(showId)}</h1>
    <p>These shows are on sale here:</p>
    <ul>${links.join('')}</ul>
  </body>
</html>
`;
}
