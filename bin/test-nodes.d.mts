/** Exact versions of Node that tests may ask for, by major version. */
export const TEST_NODES: Readonly<Record<number, string>>;

/** Path of a Node, fetched once into the user's cache, or why there is none. */
export function testNode(major: number): Promise<{ path: string } | { missing: string }>;
