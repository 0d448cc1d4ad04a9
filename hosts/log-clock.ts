import { Temporal } from "temporal-polyfill";
import { instantAt, type LineTime, type WallTime } from "./log-time.ts";

/** The two instants that a line's time may mean, milliseconds since 1970: one but for an hour that comes twice or never. */
export interface Span {
  earliest: number;
  latest: number;
}

const DAY_MS = 86_400_000;

/**
 * Places times that name no zone, by the rules of the host's zone on the line's own day: summer's lines are read right
 * in winter.
 */
export class LogClock {
  readonly #zone: string;
  /** The host's own clock, milliseconds since 1970. */
  readonly #now: number;
  /** Offsets of a minute, in minutes: a zone's rules change at full minutes, and lines come many to each. */
  readonly #offsets = new Map<string, [number, number]>();

  /** @throws {RangeError} for a zone that is not known here. */
  constructor(zone: string, now: number) {
    this.#zone = Temporal.Now.zonedDateTimeISO(zone).timeZoneId;
    this.#now = now;
  }

  place(time: LineTime): Span {
    if ("at" in time) return { earliest: time.at, latest: time.at };
    const { wall } = time;
    return wall.year === undefined ? this.#placeYearless(wall) : this.#placeDated(wall);
  }

  /** The last such day that is not in the future; a host's clock may be a little behind its writer's. */
  #placeYearless(wall: WallTime): Span {
    const year = new Date(this.#now).getUTCFullYear() + 1;
    const spans = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((ago) => ({ ...wall, year: year - ago }));
    const there = spans.filter(
      ({ day, month, year: of }) => new Date(Date.UTC(of, month - 1, day)).getUTCDate() === day,
    );
    const placed = there.map((dated) => this.#placeDated(dated));
    return placed.find(({ earliest }) => earliest <= this.#now + DAY_MS) ?? (placed.at(-1) as Span);
  }

  #placeDated(wall: WallTime): Span {
    const [first, second] = this.#offsetsAt(wall);
    const instants = [instantAt(wall, first), instantAt(wall, second)];
    return { earliest: Math.min(...instants), latest: Math.max(...instants) };
  }

  #offsetsAt({ year = 1970, month, day, hour, minute }: WallTime): [number, number] {
    const key = `${year} ${month} ${day} ${hour} ${minute}`;
    const known = this.#offsets.get(key);
    if (known) return known;
    const local = Temporal.PlainDateTime.from({ year, month, day, hour, minute });
    // A time that the clock skipped was never shown: it may be meant either way, as one that it showed twice.
    const offsets = (["earlier", "later"] as const).map(
      (disambiguation) => local.toZonedDateTime(this.#zone, { disambiguation }).offsetNanoseconds / 6e10,
    ) as [number, number];
    this.#offsets.set(key, offsets);
    return offsets;
  }
}
