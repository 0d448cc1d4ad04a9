const UNITS = [
  ["day", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;

/** `24 h`, `1 h 30 min`, `3 s`, `0.4 s`: the two largest units. */
export function showDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole === 0) return seconds < 0.05 ? "0 s" : `${Math.min(seconds, 0.9).toFixed(1)} s`;
  // Up to two days are said in hours: that is how soaks are spoken of.
  const units = whole > 2 * 86_400 ? UNITS : UNITS.slice(1);
  let rest = whole;
  const parts = units.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return { count, text: `${count} ${unit}${unit === "day" && count > 1 ? "s" : ""}` };
  });
  const from = parts.findIndex(({ count }) => count > 0);
  const shown = parts.slice(from, from + 2).filter(({ count }) => count > 0);
  return shown.map(({ text }) => text).join(" ");
}
