/** Formats amounts in minor units: 7500 is "€75.00". */
export function priceFormat(currency: string, locale?: string): (amount: number) => string {
  const format = new Intl.NumberFormat(locale, { style: 'currency', currency });
  const minorUnits = 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2);
  return (amount) => format.format(amount / minorUnits);
}
