import type { Plot } from '../scenarios/scenario.ts';
import { formatNumber } from './format.ts';
import { linearScale, logScale, percentileScale, type Scale } from './scale.ts';

const size = { width: 560, height: 300 };
const margin = { top: 62, right: 18, bottom: 42, left: 56 };
const inner = { width: size.width - margin.left - margin.right, height: size.height - margin.top - margin.bottom };
/** Told apart by those who see colours differently as well (Okabe and Ito), on light and on dark. */
const seriesColours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b58900', '#56b4e9', '#8c6bb1', '#7f7f7f'];
/** Beyond so many, points are not marked one by one. */
const markedPoints = 40;
const legendRowPx = 16;
const legendWidthPx = 520;

const styleAlone =
  '<style>svg{color:#1b2330;background:#fff}@media(prefers-color-scheme:dark){svg{color:#e6eaf0;background:#1b212a}}</style>';

/** A line chart as SVG. Its text has the colour of the text around it; `isAlone`: there is none, in a file of its own. */
export function renderPlot(plot: Plot, { isAlone = false } = {}): string {
  const series = plot.series.filter(({ points }) => points.length > 0);
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
  const x = xScale(plot, xs);
  const y = plot.isLogY
    ? logScale(Math.min(...ys.filter((value) => value > 0)), Math.max(...ys))
    : linearScale(0, Math.max(0, ...ys));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${escapeXml(plot.title)}" font-family="system-ui, sans-serif" font-size="11" fill="currentColor">`,
    isAlone ? styleAlone : '',
    `<text x="${margin.left}" y="18" font-size="14" font-weight="600">${escapeXml(plot.title)}</text>`,
    legend(series.map(({ name }) => name)),
    `<g transform="translate(${margin.left} ${margin.top})">`,
    axes(x, y),
    ...series.map(({ name, points }, index) => curve(name, points, x, y, colourOf(index), plot)),
    '</g>',
    `<text x="${margin.left + inner.width / 2}" y="${size.height - 6}" text-anchor="middle" opacity=".75">${escapeXml(plot.xLabel)}</text>`,
    `<text transform="translate(12 ${margin.top + inner.height / 2}) rotate(-90)" text-anchor="middle" opacity=".75">${escapeXml(plot.yLabel)}</text>`,
    '</svg>',
  ].join('\n');
}

function xScale({ xScale: kind }: Plot, xs: number[]): Scale {
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  if (kind === 'percentile') return percentileScale(most);
  return kind === 'log' ? logScale(least, most) : linearScale(Math.min(0, least), most, 6);
}

const colourOf = (index: number): string => seriesColours[index % seriesColours.length] as string;

function legend(names: string[]): string {
  let [left, row] = [0, 0];
  return names
    .map((name, index) => {
      const width = 24 + name.length * 6.2;
      if (left + width > legendWidthPx && left > 0) [left, row] = [0, row + 1];
      const at = `translate(${margin.left + left} ${34 + row * legendRowPx})`;
      left += width;
      return `<g transform="${at}"><rect y="-6" width="12" height="4" rx="2" fill="${colourOf(index)}"/><text x="16">${escapeXml(name)}</text></g>`;
    })
    .join('');
}

function axes(x: Scale, y: Scale): string {
  const horizontal = y.ticks.map(({ value, label }) => {
    const at = round(inner.height * (1 - y.place(value)));
    return `<path d="M0 ${at}H${inner.width}" stroke="currentColor" opacity=".15"/><text x="-6" y="${at + 4}" text-anchor="end" opacity=".75">${label}</text>`;
  });
  const vertical = x.ticks.map(({ value, label }) => {
    const at = round(inner.width * x.place(value));
    return `<path d="M${at} ${inner.height}v4" stroke="currentColor" opacity=".5"/><text x="${at}" y="${inner.height + 16}" text-anchor="middle" opacity=".75">${label}</text>`;
  });
  return [...horizontal, ...vertical].join('');
}

function curve(name: string, points: [number, number][], x: Scale, y: Scale, colour: string, plot: Plot): string {
  const placed = points.map(
    ([px, py]) => [round(inner.width * x.place(px)), round(inner.height * (1 - y.place(py)))] as const,
  );
  const line = placed.map(([left, top], index) => `${index === 0 ? 'M' : 'L'}${left} ${top}`).join('');
  const isMarked = points.length <= markedPoints;
  const marks = placed.map(([left, top], index) => {
    const [px, py] = points[index] as [number, number];
    const says = `${name}: ${formatNumber(py)} ${plot.yLabel} at ${formatNumber(px)} ${plot.xLabel}`;
    return `<circle cx="${left}" cy="${top}" r="${isMarked ? 2.5 : 5}" fill="${colour}"${isMarked ? '' : ' fill-opacity="0"'}><title>${escapeXml(says)}</title></circle>`;
  });
  return `<path d="${line}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>${marks.join('')}`;
}

const round = (value: number): number => Math.round(value * 10) / 10;

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
