import type { ServerMessage } from '../protocol/messages.ts';
import { element, setText } from './dom.ts';
import type { Trouble } from './load-show.ts';

/** Shows why a show is not loaded yet, while the page retries. */
export class ShowTrouble {
  readonly #root = element('show-trouble', HTMLElement);

  readonly report = (trouble: Trouble | undefined): void => {
    this.#root.hidden = trouble === undefined;
    setText(this.#root, trouble ? troubleText(trouble) : '');
  };

  /** True if the message is the refusal of a page that has no seats yet. */
  receive(message: ServerMessage, isKnown: boolean): boolean {
    if (message.type === 'SEATS') this.report(undefined);
    if (message.type !== 'ERROR' || isKnown) return false;
    this.report({ message: message.data.message });
    return true;
  }
}

function troubleText({ status, message }: Trouble): string {
  if (message !== undefined) return `This show cannot be opened now. ${message.replace(/\.$/, '')}. Trying again…`;
  if (status !== undefined) return `This show cannot be opened now: the server replied ${status}. Trying again…`;
  return 'This show cannot be opened now: the server cannot be reached. Trying again…';
}
