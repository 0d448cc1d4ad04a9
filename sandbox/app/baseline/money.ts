/** Money is counted in whole cents and travels as a decimal text: never as a floating-point number. */
export type Cents = bigint;

/** `"12.5"` → 1250n. */
export function toCents(decimal: string): Cents {
  const match = /^(\d+)(?:\.(\d{1,2}))?$/.exec(decimal);
  if (!match) throw new Error(`money: expected a decimal with at most two places, got ${decimal}`);
  return BigInt(match[1] ?? "0") * 100n + BigInt((match[2] ?? "").padEnd(2, "0"));
}

/** 1250n → `"12.50"`. */
export function toDecimal(cents: Cents): string {
  const digits = cents.toString().padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** A share in basis points (1200n = 12 %), rounded half up to the cent. */
export function share(cents: Cents, basisPoints: bigint): Cents {
  return (cents * basisPoints + 5_000n) / 10_000n;
}

export function sum(amounts: Cents[]): Cents {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
