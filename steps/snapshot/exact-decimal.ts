/** A decimal number without loss: `digits` × 10^-`scale`. */
export interface ExactDecimal {
  digits: bigint;
  scale: number;
}

const SHAPE = /^(-?)(\d{1,400})(?:\.(\d{1,400}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Reads `543500.00` or `1.5e3`; undefined for what is no decimal of sensible size. Pure. */
export function readDecimal(text: string): ExactDecimal | undefined {
  const [, sign, whole, part = "", exponent = "0"] = SHAPE.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const digits = BigInt(`${sign}${whole}${part}`);
  const scale = part.length - Number(exponent);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

export function multiply(a: ExactDecimal, b: ExactDecimal): ExactDecimal {
  return { digits: a.digits * b.digits, scale: a.scale + b.scale };
}

export function subtract(a: ExactDecimal, b: ExactDecimal): ExactDecimal {
  const scale = Math.max(a.scale, b.scale);
  const widen = ({ digits, scale: own }: ExactDecimal) => digits * 10n ** BigInt(scale - own);
  return { digits: widen(a) - widen(b), scale };
}

export const absolute = ({ digits, scale }: ExactDecimal): ExactDecimal => ({
  digits: digits < 0n ? -digits : digits,
  scale,
});

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareDecimals(a: ExactDecimal, b: ExactDecimal): number {
  const { digits } = subtract(a, b);
  return digits < 0n ? -1 : digits > 0n ? 1 : 0;
}

/** `a / b` with four decimals, cut off: for messages. */
export function showQuotient(a: ExactDecimal, b: ExactDecimal): string {
  const scaled = (a.digits * 10n ** BigInt(b.scale) * 10_000n) / (b.digits * 10n ** BigInt(a.scale));
  const text = String(scaled < 0n ? -scaled : scaled).padStart(5, "0");
  const shown = `${text.slice(0, -4)}.${text.slice(-4)}`.replace(/\.?0+$/, "");
  return scaled < 0n ? `-${shown}` : shown;
}
