import Big from "big.js";

/** A decimal whose text is of a sensible size: a number with an exponent of millions would fill the memory. */
const SHAPE = /^-?\d{1,400}(?:\.\d{1,400})?(?:[eE][+-]?\d{1,3})?$/;

/** Reads `543500.00` or `1.5e3` without loss; undefined for what is no decimal of sensible size. */
export const readDecimal = (text: string): Big | undefined => (SHAPE.test(text) ? new Big(text) : undefined);

/** How many times `measure` a value may be, both ends included. Any form that big.js reads. */
export interface TimesRange {
  min: string | Big;
  max: string | Big;
}

/** Compares by multiplication: nothing is divided, so nothing is rounded, and zero stays zero. */
export function isTimes(value: Big, measure: Big, { min, max }: TimesRange): boolean {
  const [low, high] = [measure.times(min), measure.times(max)];
  return measure.lt(0) ? value.lte(low) && value.gte(high) : value.gte(low) && value.lte(high);
}

const Quotient = Big();
Quotient.DP = 4;
Quotient.RM = Big.roundDown;

/** `value / measure` with at most four decimals, cut off: for messages. */
export const showTimes = (value: Big, measure: Big): string => new Quotient(value).div(measure).toFixed();
