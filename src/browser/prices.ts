/** Formats amounts in minor units: 7500 is "€75.00", or "€75" if it has to be short. */
export function priceFormat(
  currency: string,
  { locale, isShort = false }: { locale?: string; isShort?: boolean } = {},
): (amount: number) => string {
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    ...(isShort && { trailingZeroDisplay: 'stripIfInteger' }),
  });
  const minorUnits = 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2);
  return (amount) => format.format(amount / minorUnits);
}
