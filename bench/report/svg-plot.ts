import { present } from '../../src/process/present.ts';
import type { Marker, Plot, Series } from '../scenarios/scenario.ts';
import { charWidthPx, escapeXml, type PlotArea, round } from './plot-area.ts';
import { linearScale, logScale, percentileScale, type Scale } from './scale.ts';
import { tooltips } from './svg-tooltips.ts';

/** On a page: about the width of a phone, so that the text keeps its size there. In a file: the width of a document. */
const pageSize = { width: 360, height: 250 };
const fileSize = { width: 560, height: 300 };
const margin = { side: 14, left: 50, axis: 42 };
const titlePx = 26;
const legendRowPx = 16;
/** Okabe and Ito: distinguishable with colour blindness, on light and on dark. */
const seriesColours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b58900', '#56b4e9', '#8c6bb1', '#7f7f7f'];
/** Longer curves have no point markers. */
const markedPoints = 40;

const fileStyle =
  '<style>svg{color:#1b2330;background:#fff}@media(prefers-color-scheme:dark){svg{color:#e6eaf0;background:#1b212a}}</style>';

/** A line chart as SVG. Its text has the colour of the surrounding text; `isAlone`: for a file of its own, with its title. */
export function renderPlot(plot: Plot, { isAlone = false } = {}): string {
  const { width, height } = isAlone ? fileSize : pageSize;
  const series = plot.series
    .map((each, index) => ({ colour: index, ...each }))
    .filter(({ points }) => points.length > 0);
  const legendTop = isAlone ? titlePx : 0;
  const legend = legendOf(series, width - 2 * margin.side, legendTop);
  const top = legendTop + legend.heightPx + 10;
  const area: PlotArea = {
    left: margin.left,
    top,
    width: width - margin.left - margin.side,
    height: height - top - margin.axis,
    ...scalesOf(plot, series),
  };
  const { left } = area;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(plot.title)}" font-family="system-ui, sans-serif" font-size="11" fill="currentColor">`,
    isAlone
      ? `${fileStyle}<text x="${margin.side}" y="16" font-size="13" font-weight="600">${escapeXml(plot.title)}</text>`
      : '',
    legend.svg,
    `<g transform="translate(${left} ${top})">`,
    axes(area),
    ...series.map((each) => curve(each, area)),
    ...(plot.markers ?? []).map((marker) => markerLine(marker, area)),
    isAlone ? '' : tooltips(plot, series, area, colourOf),
    '</g>',
    `<text x="${left + area.width / 2}" y="${height - 6}" text-anchor="middle" opacity=".75">${escapeXml(plot.xLabel)}</text>`,
    `<text transform="translate(11 ${top + area.height / 2}) rotate(-90)" text-anchor="middle" opacity=".75">${escapeXml(plot.yLabel)}</text>`,
    '</svg>',
  ].join('\n');
}

/** Markers are inside the area, too. */
function scalesOf(plot: Plot, series: Series[]): { x: Scale; y: Scale } {
  const marked = (axis: Marker['axis']) =>
    (plot.markers ?? []).filter((marker) => marker.axis === axis).map(({ value }) => value);
  const xs = [...series.flatMap(({ points }) => points.map(([x]) => x)), ...marked('x')];
  const ys = [...series.flatMap(({ points }) => points.map(([, y]) => y)), ...marked('y')];
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  const y = plot.isLogY
    ? logScale(Math.min(...ys.filter((value) => value > 0)), Math.max(...ys))
    : linearScale(0, Math.max(0, ...ys));
  if (plot.xScale === 'percentile') return { x: percentileScale(most), y };
  return { x: plot.xScale === 'log' ? logScale(least, most) : linearScale(Math.min(0, least), most, 6), y };
}

const colourOf = ({ colour = 0 }: Series): string => present(seriesColours[colour % seriesColours.length], 'a colour');

/** Beyond the number of colours, a dash pattern distinguishes two series of one colour. */
function dashOf({ colour = 0, isDashed }: Series): string {
  if (isDashed) return ' stroke-dasharray="5 4"';
  return colour >= seriesColours.length ? ' stroke-dasharray="2 3"' : '';
}

function legendOf(series: Series[], widthPx: number, topPx: number): { svg: string; heightPx: number } {
  let [left, row] = [0, 0];
  const items = series.map((each) => {
    const itemWidthPx = 30 + each.name.length * charWidthPx;
    if (left + itemWidthPx > widthPx && left > 0) [left, row] = [0, row + 1];
    const at = `translate(${margin.side + left} ${topPx + 12 + row * legendRowPx})`;
    left += itemWidthPx;
    return `<g transform="${at}"><path d="M0 -4h14" stroke="${colourOf(each)}" stroke-width="3"${dashOf(each)}/><text x="18">${escapeXml(each.name)}</text></g>`;
  });
  return { svg: items.join(''), heightPx: (row + 1) * legendRowPx };
}

function axes({ x, y, width, height }: PlotArea): string {
  const horizontal = y.ticks.map(({ value, label }) => {
    const at = round(height * (1 - y.place(value)));
    return `<path d="M0 ${at}H${width}" stroke="currentColor" opacity=".15"/><text x="-6" y="${at + 4}" text-anchor="end" opacity=".75">${label}</text>`;
  });
  let freeFromPx = Number.NEGATIVE_INFINITY;
  const vertical = x.ticks.map(({ value, label }) => {
    const at = round(width * x.place(value));
    const halfPx = (label.length * charWidthPx) / 2;
    const isFree = at - halfPx >= freeFromPx;
    if (isFree) freeFromPx = at + halfPx + 4;
    const text = `<text x="${at}" y="${height + 16}" text-anchor="middle" opacity=".75">${label}</text>`;
    return `<path d="M${at} ${height}v4" stroke="currentColor" opacity=".5"/>${isFree ? text : ''}`;
  });
  return [...horizontal, ...vertical].join('');
}

function curve(series: Series, { x, y, width, height }: PlotArea): string {
  const placed = series.points.map(([px, py]) => [round(width * x.place(px)), round(height * (1 - y.place(py)))]);
  const line = placed.map(([left, top], index) => `${index === 0 ? 'M' : 'L'}${left} ${top}`).join('');
  const colour = colourOf(series);
  const marks =
    placed.length > markedPoints
      ? ''
      : placed.map(([left, top]) => `<circle cx="${left}" cy="${top}" r="2.5" fill="${colour}"/>`).join('');
  return `<path d="${line}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"${dashOf(series)}/>${marks}`;
}

function markerLine({ axis, value, label }: Marker, { x, y, width, height }: PlotArea): string {
  const style = 'stroke="currentColor" stroke-dasharray="6 3" opacity=".7"';
  if (axis === 'y') {
    const at = round(height * (1 - y.place(value)));
    return `<path class="marker" d="M0 ${at}H${width}" ${style}/><text x="4" y="${at - 4}">${escapeXml(label)}</text>`;
  }
  const at = round(width * x.place(value));
  const [textX, anchor] = at > width / 2 ? [at - 4, 'end'] : [at + 4, 'start'];
  return `<path class="marker" d="M${at} 0V${height}" ${style}/><text x="${textX}" y="${height - 6}" text-anchor="${anchor}">${escapeXml(label)}</text>`;
}
