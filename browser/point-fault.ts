/** What was expected of the application and what was seen instead: the words of a failed point. */
export interface PointFault {
  expected: string;
  seen: string;
}

/** An action that could not be done, or something expected that was not seen. */
export class NotAsExpected extends Error implements PointFault {
  override name = "NotAsExpected";
  readonly expected: string;
  readonly seen: string;

  constructor({ expected, seen }: PointFault) {
    super(`expected ${expected}, got ${seen}`);
    this.expected = expected;
    this.seen = seen;
  }
}
