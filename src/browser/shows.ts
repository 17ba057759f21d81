import type { ShowList } from '../protocol/show.ts';
import { element, unpackDataBlocks } from './dom.ts';
import { localiseTimes } from './local-times.ts';
import { showListHtml } from './show-html.ts';

const retryMs = 3_000;

unpackDataBlocks();
const list = element('shows', HTMLElement);

/** The server has rendered the list, unless no booking process replied. */
async function fill(): Promise<void> {
  try {
    const reply = await fetch('/api/shows', { cache: 'no-store' });
    if (!reply.ok) throw new Error(`The server replied ${reply.status}`);
    const { shows } = (await reply.json()) as ShowList;
    list.innerHTML = showListHtml(shows);
    element('shows-missing', HTMLElement).hidden = true;
    localiseTimes(document);
  } catch {
    setTimeout(() => void fill(), retryMs);
  }
}

if (list.childElementCount === 0) {
  element('shows-missing', HTMLElement).hidden = false;
  void fill();
}
localiseTimes(document);
