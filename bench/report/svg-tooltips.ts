import type { Plot, Series } from '../scenarios/scenario.ts';
import { formatNumber } from './format.ts';
import { charWidthPx, escapeXml, type PlotArea, round } from './plot-area.ts';

/** Narrower bands cannot be hit with a finger or a mouse. */
const leastBandPx = 3;
const linePx = 15;

/** The points of all series that share one band of the x axis. */
interface Band {
  atPx: number;
  x: number;
  values: { series: Series; y: number }[];
}

/**
 * Tooltips without a script: an invisible band for each x, and a box with the values of all series there. The style of
 * the page shows the box while the pointer is over the band, or after a tap (which gives the band the focus).
 */
export function tooltips(plot: Plot, series: Series[], area: PlotArea, colourOf: (series: Series) => string): string {
  const bands = bandsOf(series, area);
  return bands
    .map((band, index) => {
      const [before, next] = [bands[index - 1], bands[index + 1]];
      const fromPx = before ? (band.atPx + before.atPx) / 2 : 0;
      const toPx = next ? (band.atPx + next.atPx) / 2 : area.width;
      const target = `<rect x="${round(fromPx)}" width="${round(toPx - fromPx)}" height="${area.height}" fill-opacity="0"/>`;
      return `<g class="band" tabindex="-1">${target}${box(plot, band, area, colourOf)}</g>`;
    })
    .join('');
}

function bandsOf(series: Series[], { x, width }: PlotArea): Band[] {
  const points = series
    .flatMap((each) => each.points.map(([px, py]) => ({ series: each, atPx: width * x.place(px), x: px, y: py })))
    .sort((a, b) => a.atPx - b.atPx);
  const bands: Band[] = [];
  for (const { series: each, atPx, x: px, y } of points) {
    const band = bands.at(-1);
    if (!band || atPx - band.atPx >= leastBandPx) bands.push({ atPx, x: px, values: [{ series: each, y }] });
    else if (!band.values.some((value) => value.series === each)) band.values.push({ series: each, y });
  }
  return bands;
}

function box(
  plot: Plot,
  { atPx, x, values }: Band,
  { width, height }: PlotArea,
  colourOf: (series: Series) => string,
): string {
  const lines = values.map(({ series, y }) => ({
    text: `${series.name}: ${formatNumber(y)} ${plot.yLabel}`,
    colour: colourOf(series),
  }));
  const head = `${formatNumber(x)} ${plot.xLabel}`;
  const widthPx = 22 + charWidthPx * Math.max(head.length, ...lines.map(({ text }) => text.length + 2));
  const leftPx = Math.max(0, Math.min(width - widthPx, atPx < width / 2 ? atPx + 8 : atPx - 8 - widthPx));
  const rows = lines.map(
    ({ text, colour }, index) =>
      `<path d="M8 ${linePx * (index + 2) - 4}h8" stroke="${colour}" stroke-width="3"/><text x="20" y="${linePx * (index + 2)}">${escapeXml(text)}</text>`,
  );
  return [
    `<g class="tip"><path d="M${round(atPx)} 0V${height}" stroke="currentColor" opacity=".4"/>`,
    `<g transform="translate(${round(leftPx)} 0)"><rect class="tip-box" width="${round(widthPx)}" height="${linePx * (lines.length + 1) + 8}" rx="5"/>`,
    `<text x="8" y="${linePx}" font-weight="600">${escapeXml(head)}</text>${rows.join('')}</g></g>`,
  ].join('');
}
