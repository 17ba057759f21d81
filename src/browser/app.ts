import { unpackDataBlocks } from './dom.ts';
import { createPage } from './page.ts';
import { SeatMap } from './seat-map.ts';

unpackDataBlocks();
createPage({ createMap: (options) => new SeatMap(options) }).start();
