/** Formats amounts in minor units: 7500 is "€75.00", "€75" if it has to be short, "EUR 75.00" with the code. */
export function priceFormat(
  currency: string,
  { locale, isShort = false, hasCode = false }: { locale?: string; isShort?: boolean; hasCode?: boolean } = {},
): (amount: number) => string {
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    ...(isShort && { trailingZeroDisplay: 'stripIfInteger' }),
    ...(hasCode && { currencyDisplay: 'code' }),
  });
  const minorUnits = 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2);
  return (amount) => format.format(amount / minorUnits);
}

/** "€39.00 – €55.00", or one price. */
export const priceRangeText = (lowest: number, highest: number, format: (amount: number) => string): string =>
  lowest === highest ? format(lowest) : `${format(lowest)} – ${format(highest)}`;
