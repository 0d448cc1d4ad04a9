const UNITS = [
  ["day", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;

/** `24 h`, `1 h 30 min`, `3 s`: the two largest units. Pure. */
export function showDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  // Up to two days are said in hours: that is how soaks are spoken of.
  const units = whole > 2 * 86_400 ? UNITS : UNITS.slice(1);
  let rest = whole;
  const parts = units.flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count > 0 ? [`${count} ${unit}${unit === "day" && count > 1 ? "s" : ""}`] : [];
  });
  return parts.slice(0, 2).join(" ") || "0 s";
}
