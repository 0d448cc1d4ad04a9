const AMOUNT = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const COUNT = new Intl.NumberFormat("en-US");

/** `1234567.5` → `1,234,567.50`. From text, not a number: twelve digits and cents stay exact. */
export function amountText(decimal: string): string {
  return AMOUNT.format(decimal as `${number}`);
}

export function moneyText(currency: string, decimal: string): string {
  return `${currency} ${amountText(decimal)}`;
}

export function countText(count: number): string {
  return COUNT.format(count);
}
