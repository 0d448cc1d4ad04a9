/** Exact versions of the servers that tests may ask for, by major version. */
export const TEST_SERVERS: Readonly<Record<number, string>>;

/** Folder of a server, fetched once into the user's cache, or why there is none. */
export function testServer(major: number): Promise<{ folder: string } | { missing: string }>;
