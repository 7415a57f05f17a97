import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** One start for each word of the generator's state, so that all 128 bits depend on all of the key. */
const starts = [0x9e3779b9, 0x7f4a7c15, 0x94d049bb, 0xbf58476d];

/**
 * Random numbers that depend on a key and on nothing else: equal keys give equal numbers in any process, keys that
 * differ in a single bit give unrelated ones. xoroshiro128+ (Blackman and Vigna, 2018), whose state is the key mixed by
 * MurmurHash3's finaliser.
 */
export class RandomStream {
  private readonly generator;
  private spare: number | undefined;

  /** @param key whole numbers, each within ±2^53 */
  constructor(...key: readonly number[]) {
    this.generator = xoroshiro128plusFromState(starts.map((start) => mix(start, key)));
  }

  /** A number in [0, 1). */
  uniform(): number {
    return uniformFloat64(this.generator);
  }

  /** 32 random bits, as an unsigned number. */
  bits(): number {
    return this.generator.next() >>> 0;
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.min(count - 1, Math.floor(this.uniform() * count));
  }

  /** A draw from the standard normal distribution (Marsaglia's polar method). */
  normal(): number {
    if (this.spare !== undefined) {
      const value = this.spare;
      this.spare = undefined;
      return value;
    }
    for (;;) {
      const x = 2 * this.uniform() - 1;
      const y = 2 * this.uniform() - 1;
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      this.spare = y * scale;
      return x * scale;
    }
  }

  /** Puts the items into a random order, in place (Fisher and Yates). */
  shuffle(items: unknown[]): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
  }
}

function mix(start: number, key: readonly number[]): number {
  let hash = start;
  for (const part of key) {
    hash = finalise(hash ^ part) + 0x9e3779b9;
    hash = finalise(hash ^ Math.floor(part / 2 ** 32)) + start;
  }
  return finalise(hash);
}

function finalise(bits: number): number {
  let h = bits | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
