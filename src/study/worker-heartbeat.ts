/** How often a worker tells Temporal that it is alive (milliseconds). */
export const heartbeatIntervalMs = 10_000;
