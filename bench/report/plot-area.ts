import type { Scale } from './scale.ts';

/** The plotting area, and the scales that place values in it. */
export interface PlotArea {
  left: number;
  top: number;
  width: number;
  height: number;
  x: Scale;
  y: Scale;
}

/** Average width of a character in the plots: SVG cannot measure text. */
export const charWidthPx = 6.2;

export const round = (value: number): number => Math.round(value * 10) / 10;

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
