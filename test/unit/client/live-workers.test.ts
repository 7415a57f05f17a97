import { liveWorkers, type WorkerContact } from '../../../src/client/queue-state';

const now = 1_000_000_000;
const poll = (identity: string, secondsAgo: number): WorkerContact => ({
  identity,
  at: now - secondsAgo * 1000,
  kind: 'poll',
  ended: false,
});
const heartbeat = (identity: string, secondsAgo: number, ended = false): WorkerContact => ({
  identity,
  at: now - secondsAgo * 1000,
  kind: 'heartbeat',
  ended,
});

test.each<{
  readonly name: string;
  readonly signs: readonly WorkerContact[];
  readonly alive: readonly string[];
}>([
  { name: 'a worker that polled within its long poll', signs: [poll('a', 60)], alive: ['a'] },
  { name: 'one that polled four minutes ago is dead', signs: [poll('a', 240)], alive: [] },
  {
    name: 'one whose slots are all taken sends heartbeats and does not poll',
    signs: [poll('a', 240), heartbeat('a', 9)],
    alive: ['a'],
  },
  { name: 'one that missed three heartbeats is dead', signs: [heartbeat('a', 40)], alive: [] },
  {
    name: 'a stopped one is dead, though the server still has its poll open',
    signs: [heartbeat('a', 60), poll('a', 16)],
    alive: [],
  },
  {
    name: 'one that has said that it ends is dead, though it polled a moment ago',
    signs: [poll('a', 5), heartbeat('a', 2, true)],
    alive: [],
  },
  {
    name: 'a container that was started again with the same identity is alive',
    signs: [heartbeat('1@pod', 30, true), poll('1@pod', 3), heartbeat('1@pod', 3)],
    alive: ['1@pod'],
  },
  { name: 'a process counts once', signs: [poll('a', 1), poll('a', 2), poll('b', 1)], alive: ['a', 'b'] },
])('$name', ({ signs, alive }) => {
  expect([...liveWorkers(signs, now)]).toEqual(alive);
});
